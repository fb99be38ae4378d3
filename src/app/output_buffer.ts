import { copyBytes } from "../runtime/mod.ts";

const FIRST_BYTES = 65_536;
/** From here on it is written without waiting for the end of the turn. */
const FULL_BYTES = 65_536;

/** What is to be printed in this turn: gathered as bytes, so that a message costs no call to the system. */
export class OutputBuffer {
  #bytes = new Uint8Array(FIRST_BYTES);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  get isFull(): boolean {
    return this.#length >= FULL_BYTES;
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  /** `count` times the same. */
  fill(value: number, count: number): void {
    if (count <= 0) return;
    this.#reserve(count);
    this.#bytes.fill(value, this.#length, this.#length + count);
    this.#length += count;
  }

  bytes(source: Uint8Array, start = 0, end: number = source.length): void {
    this.#reserve(end - start);
    copyBytes(this.#bytes, this.#length, source, start, end);
    this.#length += end - start;
  }

  text(value: string): void {
    const { length } = value;
    this.#reserve(length * 3);
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = 0; index < length; index++) {
      const unit = value.charCodeAt(index);
      if (unit >= 0x80) {
        this.#length += encoder.encodeInto(value, bytes.subarray(this.#length)).written;
        return;
      }
      bytes[at++] = unit;
    }
    this.#length = at;
  }

  /** Two digits for each byte; `digits` are the sixteen to use. */
  hex(source: Uint8Array, start: number, end: number, digits: Uint8Array): void {
    this.#reserve(2 * (end - start));
    const bytes = this.#bytes;
    let at = this.#length;
    for (let index = start; index < end; index++) {
      const byte = source[index] as number;
      bytes[at++] = digits[byte >>> 4] as number;
      bytes[at++] = digits[byte & 15] as number;
    }
    this.#length = at;
  }

  /** All that is here, valid until something is added; the buffer is empty then. */
  take(): Uint8Array {
    const taken = this.#bytes.subarray(0, this.#length);
    this.#length = 0;
    return taken;
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

const encoder = new TextEncoder();
