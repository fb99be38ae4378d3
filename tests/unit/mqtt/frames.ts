/** Small builders of MQTT bytes for the tests of the codec: written apart from what they test. */
import process from "node:process";

export type Part = number | Uint8Array | readonly Part[];

/** Everything in a row; a number is one byte. */
export function bytesOf(...parts: readonly Part[]): Uint8Array {
  const flat: number[] = [];
  const add = (part: Part): void => {
    if (typeof part === "number") flat.push(part);
    else for (const inner of part) add(inner);
  };
  parts.forEach(add);
  return Uint8Array.from(flat);
}

/** A packet: first byte, remaining length, body. */
export function packet(first: number, ...body: readonly Part[]): Uint8Array {
  const bytes = bytesOf(...body);
  return bytesOf(first, varint(bytes.length), bytes);
}

/** A property block with its length. */
export function props(...block: readonly Part[]): Uint8Array {
  const bytes = bytesOf(...block);
  return bytesOf(varint(bytes.length), bytes);
}

/** Bytes behind their two byte length. */
export function bin(...parts: readonly Part[]): Uint8Array {
  const bytes = bytesOf(...parts);
  return bytesOf(u16(bytes.length), bytes);
}

export function str(text: string): Uint8Array {
  return bin(new TextEncoder().encode(text));
}

export function u16(value: number): number[] {
  return [value >> 8 & 255, value & 255];
}

export function u32(value: number): number[] {
  return [...u16(Math.floor(value / 65536)), ...u16(value % 65536)];
}

export function varint(value: number): number[] {
  return value < 128 ? [value] : [value % 128 + 128, ...varint(Math.floor(value / 128))];
}

/** Where the body of the frame at offset 0 begins. */
export function bodyOf(frame: Uint8Array): number {
  let at = 1;
  while (frame[at]! >= 128) at++;
  return at + 1;
}

export function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
}

/** `frame` somewhere inside a larger buffer, as it lies in a chunk: offsets must not be mixed up. */
export function embedded(frame: Uint8Array): { bytes: Uint8Array; start: number; end: number } {
  const start = 7;
  const bytes = new Uint8Array(start + frame.length + 5).fill(0xee);
  bytes.set(frame, start);
  return { bytes, start, end: start + frame.length };
}

/** The seed of this run: `$SEED` or a new one. It is printed, so that a failure can be repeated. */
export function seedOfRun(name: string): number {
  const seed = Number(process.env["SEED"] || Math.floor(Math.random() * 2 ** 31));
  process.stderr.write(`${name}: SEED=${seed}\n`);
  return seed;
}
