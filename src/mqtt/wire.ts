import { malformed } from "./protocol_error.ts";
import { isWellFormedUtf8 } from "./utf8.ts";

/** The 16 bits at `at`; the caller has checked that they are inside the frame. */
export function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** The 32 bits at `at`, unsigned; the caller has checked that they are inside the frame. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((readUint16(bytes, at) << 16) | readUint16(bytes, at + 2)) >>> 0;
}

/** Writes 16 bits; returns the new offset. */
export function writeUint16(target: Uint8Array, offset: number, value: number): number {
  target[offset] = value >>> 8;
  target[offset + 1] = value;
  return offset + 2;
}

/** Writes 32 bits; returns the new offset. */
export function writeUint32(target: Uint8Array, offset: number, value: number): number {
  target[offset] = value >>> 24;
  target[offset + 1] = value >>> 16;
  target[offset + 2] = value >>> 8;
  target[offset + 3] = value;
  return offset + 4;
}

/** The offset behind `size` bytes at `at`, which must not be beyond `end`. */
export function skipBytes(at: number, size: number, end: number, what: string): number {
  if (size > end - at) {
    throw malformed(`Cannot read ${what}: ${end - at} bytes left, ${size} needed`);
  }
  return at + size;
}

/** The offset behind the length-prefixed value at `at`. */
export function skipBinary(bytes: Uint8Array, at: number, end: number, what: string): number {
  const start = skipBytes(at, 2, end, what);
  return skipBytes(start, readUint16(bytes, at), end, what);
}

/** Like `skipBinary`, and the value must be well-formed UTF-8 without U+0000. */
export function skipString(bytes: Uint8Array, at: number, end: number, what: string): number {
  const next = skipBinary(bytes, at, end, what);
  if (!isWellFormedUtf8(bytes, at + 2, next)) { // [MQTT-1.5.4-1] [MQTT-1.5.4-2]
    throw malformed(`Cannot read ${what}: ill-formed UTF-8 or null character`);
  }
  return next;
}
