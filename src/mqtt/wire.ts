import { malformed } from "./protocol_error.ts";
import { decodeUtf8, isWellFormedUtf8 } from "./utf8.ts";

/** Nothing in it can change, so that one serves all. */
const NO_BYTES = new Uint8Array(0);

/** The 16 bits at `at`; the caller has checked that they are inside the frame. */
export function readUint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** The 32 bits at `at`, unsigned; the caller has checked that they are inside the frame. */
export function readUint32(bytes: Uint8Array, at: number): number {
  return ((readUint16(bytes, at) << 16) | readUint16(bytes, at + 2)) >>> 0;
}

/** The string whose length is at `at`; the caller has checked that it is inside the frame. */
export function readText(bytes: Uint8Array, at: number): string {
  return decodeUtf8(bytes, at + 2, at + 2 + readUint16(bytes, at));
}

/** A copy of the bytes whose length is at `at`; the caller has checked that they are inside. */
export function copyBinary(bytes: Uint8Array, at: number): Uint8Array {
  return copyBytes(bytes, at + 2, at + 2 + readUint16(bytes, at));
}

/** A copy, also of a part of a Buffer: its slice() would give a view. */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return start === end ? NO_BYTES : new Uint8Array(bytes.subarray(start, end));
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
