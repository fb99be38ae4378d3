/** Above it a bit for each identifier takes less room. */
const FEW_MAX = 512;
const WORDS = 65_536 / 32;

/** Packet identifiers, any number of them in 8 KiB at most: a client may leave all of them open. */
export class PacketIdSet {
  #few: Set<number> | undefined = new Set();
  #bits: Uint32Array | undefined;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  has(packetId: number): boolean {
    if (this.#few !== undefined) return this.#few.has(packetId);
    return ((this.#bits?.[packetId >>> 5] ?? 0) & (1 << (packetId & 31))) !== 0;
  }

  /** Does nothing where it is there already. */
  add(packetId: number): void {
    if (this.has(packetId)) return;
    this.#size++;
    if (this.#few !== undefined) {
      this.#few.add(packetId);
      if (this.#size > FEW_MAX) this.#spread(this.#few);
    } else this.#setBit(packetId);
  }

  /** False: it was not there. */
  delete(packetId: number): boolean {
    if (!this.has(packetId)) return false;
    this.#size--;
    if (this.#few !== undefined) this.#few.delete(packetId);
    else if (this.#size === 0) this.#beginAgain();
    else this.#clearBit(packetId);
    return true;
  }

  *values(): IterableIterator<number> {
    if (this.#few !== undefined) {
      yield* this.#few;
      return;
    }
    for (let packetId = 0; packetId < 65_536; packetId++) if (this.has(packetId)) yield packetId;
  }

  #setBit(packetId: number): void {
    const bits = this.#bits ??= new Uint32Array(WORDS);
    const word = packetId >>> 5;
    bits[word] = (bits[word] as number) | (1 << (packetId & 31));
  }

  #clearBit(packetId: number): void {
    const bits = this.#bits as Uint32Array;
    const word = packetId >>> 5;
    bits[word] = (bits[word] as number) & ~(1 << (packetId & 31));
  }

  #spread(few: Set<number>): void {
    for (const packetId of few) this.#setBit(packetId);
    this.#few = undefined;
  }

  #beginAgain(): void {
    this.#few = new Set();
    this.#bits = undefined;
  }
}
