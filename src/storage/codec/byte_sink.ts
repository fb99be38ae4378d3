import { encodeUtf8 } from "../../mqtt/mod.ts";
import { copyBytes } from "../../runtime/mod.ts";

const CAPACITY_MIN = 64 * 1024;
const VARINT_BYTES_MAX = 8;

/**
 * Bytes that grow at their end. Its memory is shared between threads where a store asks for that.
 *
 * Every method makes room for what it writes, but `byte`, which is for after `reserve`.
 */
export class ByteSink {
  readonly #allocate: (bytes: number) => ArrayBufferLike;
  #bytes: Uint8Array;
  /** The same memory, in the machine's order of bytes. */
  #words: Int32Array;
  length = 0;

  constructor(allocate: (bytes: number) => ArrayBufferLike) {
    this.#allocate = allocate;
    const memory = allocate(CAPACITY_MIN);
    this.#bytes = new Uint8Array(memory);
    this.#words = new Int32Array(memory);
  }

  /** Replaced when it grows. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** Begins anew; memory beyond `keptMax` is given back. */
  reset(keptMax: number): void {
    this.length = 0;
    if (this.#bytes.length > Math.max(keptMax, CAPACITY_MIN)) this.#replace(CAPACITY_MIN);
  }

  reserve(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    let capacity = this.#bytes.length * 2;
    while (capacity < needed) capacity *= 2;
    const old = this.#bytes;
    this.#replace(capacity);
    this.#bytes.set(old.subarray(0, this.length));
  }

  byte(value: number): void {
    this.#bytes[this.length++] = value;
  }

  /** A whole number of 32 bits at a multiple of 4, in the machine's order. */
  word(value: number): void {
    this.reserve(4);
    this.#words[this.length >> 2] = value;
    this.length += 4;
  }

  wordAt(at: number): number {
    return this.#words[at >> 2] as number;
  }

  setWord(at: number, value: number): void {
    this.#words[at >> 2] = value;
  }

  /** A whole number up to 2 ** 53 in two words. */
  wideWord(value: number): void {
    this.word(value | 0);
    this.word(Math.floor(value / 2 ** 32));
  }

  /** A whole number from 0 to 2 ** 53, in as few bytes of 7 bits as it needs. */
  varint(value: number): void {
    this.reserve(VARINT_BYTES_MAX);
    let rest = value;
    while (rest > 0x7fffffff) {
      this.byte((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    // From here on whole numbers of 32 bits do, which are much faster.
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  float(value: number): void {
    this.reserve(8);
    new DataView(this.#bytes.buffer).setFloat64(this.length, value, true);
    this.length += 8;
  }

  /** Bytes without their length. */
  raw(source: Uint8Array, start: number, end: number): void {
    this.reserve(end - start);
    copyBytes(this.#bytes, this.length, source, start, end);
    this.length += end - start;
  }

  /** Bytes behind their length. */
  block(source: Uint8Array): void {
    this.varint(source.length);
    this.raw(source, 0, source.length);
  }

  /** UTF-8 behind its length. */
  text(value: string): void {
    const { length } = value;
    if (length >= 0x80) {
      this.block(encodeUtf8(value));
      return;
    }
    this.reserve(length + 1);
    const start = this.length;
    this.#bytes[start] = length;
    for (let index = 0; index < length; index++) {
      const code = value.charCodeAt(index);
      if (code >= 0x80) {
        this.block(encodeUtf8(value));
        return;
      }
      this.#bytes[start + 1 + index] = code;
    }
    this.length = start + 1 + length;
  }

  /** Zeros up to the next multiple of 4. */
  align(): void {
    this.reserve(4);
    while ((this.length & 3) !== 0) this.byte(0);
  }

  #replace(capacity: number): void {
    const memory = this.#allocate(capacity);
    this.#bytes = new Uint8Array(memory);
    this.#words = new Int32Array(memory);
  }
}
