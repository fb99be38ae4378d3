import { decodeUtf8 } from "../../mqtt/mod.ts";

/** What was read from a store cannot have been written by it: it is damaged, or of a newer broker. */
export class StoredDataError extends Error {
  override readonly name = "StoredDataError";
}

/** A cursor over the body of one row; throws `StoredDataError` rather than read beyond its end. */
export class ByteSource {
  readonly bytes: Uint8Array;
  position: number;

  constructor(bytes: Uint8Array, position: number) {
    this.bytes = bytes;
    this.position = position;
  }

  byte(): number {
    const value = this.bytes[this.position];
    if (value === undefined) throw new StoredDataError("Cannot read stored data: it ends early");
    this.position++;
    return value;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; scale < 2 ** 53; scale *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
    throw new StoredDataError("Cannot read stored data: a number has too many bytes");
  }

  float(): number {
    const start = this.#skip(8);
    const { buffer, byteOffset } = this.bytes;
    return new DataView(buffer, byteOffset).getFloat64(start, true);
  }

  /** A view of `length` bytes. */
  raw(length: number): Uint8Array {
    const start = this.#skip(length);
    return this.bytes.subarray(start, start + length);
  }

  /** A view of bytes behind their length. */
  block(): Uint8Array {
    return this.raw(this.varint());
  }

  /** A view of all that is left. */
  rest(): Uint8Array {
    return this.raw(this.bytes.length - this.position);
  }

  text(): string {
    const length = this.varint();
    const start = this.#skip(length);
    return readUtf8(this.bytes, start, start + length);
  }

  #skip(count: number): number {
    const start = this.position;
    if (count > this.bytes.length - start) {
      throw new StoredDataError(
        `Cannot read stored data: it ends early, ${count} bytes are missing`,
      );
    }
    this.position = start + count;
    return start;
  }
}

export function readUtf8(bytes: Uint8Array, start: number, end: number): string {
  try {
    return decodeUtf8(bytes, start, end);
  } catch (cause) {
    throw new StoredDataError("Cannot read stored data: a text is not UTF-8", { cause });
  }
}
