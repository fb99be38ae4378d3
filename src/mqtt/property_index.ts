import { copyBinary, readText, readUint16, readUint32 } from "./wire.ts";

/** One more than the largest property identifier. */
export const IDENTIFIERS_END = 43;

/**
 * Where the properties of one checked block stand in their frame: what they say is read from there
 * without going through the block again. One instance is filled again for every block. It keeps
 * offsets only, nothing of a frame, so each reader takes the bytes.
 */
export class PropertyIndex {
  /** The block, behind its length. */
  start = 0;
  end = 0;
  /** Of the first value under each identifier, 0 for none: an identifier is always before it. */
  readonly #valueAt = new Int32Array(IDENTIFIERS_END);
  #isClean = true;

  /** Ready for the block `[start, end)`, none of whose properties is known yet. */
  reset(start: number, end: number): void {
    this.start = start;
    this.end = end;
    if (this.#isClean) return;
    this.#valueAt.fill(0);
    this.#isClean = true;
  }

  add(identifier: number, valueAt: number): void {
    this.#valueAt[identifier] = valueAt;
    this.#isClean = false;
  }

  has(identifier: number): boolean {
    return this.valueAt(identifier) > 0;
  }

  /** 0: the block has no such property. */
  valueAt(identifier: number): number {
    return this.#valueAt[identifier] as number;
  }

  /** The value of a property that is 0 or 1. */
  boolean(bytes: Uint8Array, identifier: number): boolean | undefined {
    const at = this.valueAt(identifier);
    return at === 0 ? undefined : bytes[at] === 1;
  }

  uint16(bytes: Uint8Array, identifier: number): number | undefined {
    const at = this.valueAt(identifier);
    return at === 0 ? undefined : readUint16(bytes, at);
  }

  uint32(bytes: Uint8Array, identifier: number): number | undefined {
    const at = this.valueAt(identifier);
    return at === 0 ? undefined : readUint32(bytes, at);
  }

  text(bytes: Uint8Array, identifier: number): string | undefined {
    const at = this.valueAt(identifier);
    return at === 0 ? undefined : readText(bytes, at);
  }

  /** A copy. */
  binary(bytes: Uint8Array, identifier: number): Uint8Array | undefined {
    const at = this.valueAt(identifier);
    return at === 0 ? undefined : copyBinary(bytes, at);
  }
}
