import { malformed } from "./protocol_error.ts";

/** The largest value of a variable byte integer, and so the largest remaining length. */
export const VARIABLE_BYTE_INTEGER_MAX = 268_435_455;

/** Bytes that `value` (0 to 268,435,455) takes on the wire. */
export function variableByteIntegerSize(value: number): number {
  return value < 0x80 ? 1 : value < 0x4000 ? 2 : value < 0x20_0000 ? 3 : 4;
}

/** Writes `value` (0 to 268,435,455) in the fewest bytes [MQTT-1.5.5-1]; returns the new offset. */
export function writeVariableByteInteger(
  target: Uint8Array,
  offset: number,
  value: number,
): number {
  let at = offset;
  let rest = value;
  while (rest > 0x7f) {
    target[at++] = (rest & 0x7f) | 0x80;
    rest >>>= 7;
  }
  target[at++] = rest;
  return at;
}

/**
 * Reads the variable byte integer at `start`, which must end before `end` and must not be longer
 * than it need be [MQTT-1.5.5-1]. Its size is `variableByteIntegerSize` of the answer, as no other
 * encoding passes.
 */
export function readVariableByteInteger(bytes: Uint8Array, start: number, end: number): number {
  let value = 0;
  for (let count = 0; count < 4; count++) {
    if (start + count >= end) {
      throw malformed("Cannot read variable byte integer: the packet ends inside it");
    }
    const byte = bytes[start + count] as number;
    value |= (byte & 0x7f) << (7 * count);
    if (byte >= 0x80) continue;
    if (byte === 0 && count > 0) {
      throw malformed(`Cannot read variable byte integer: ${count + 1} bytes for ${value}`);
    }
    return value;
  }
  throw malformed("Cannot read variable byte integer: longer than 4 bytes");
}
