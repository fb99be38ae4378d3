/** How much may wait, in one buffer or in several together. */
export class SinkBudget {
  readonly #itemsMax: number;
  readonly #bytesMax: number;
  #items = 0;
  #bytes = 0;

  constructor(itemsMax: number, bytesMax: number) {
    this.#itemsMax = itemsMax;
    this.#bytesMax = bytesMax;
  }

  get items(): number {
    return this.#items;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Whether even the smallest item fits. */
  get isFull(): boolean {
    return this.#items >= this.#itemsMax || this.#bytes >= this.#bytesMax;
  }

  hasRoomFor(bytes: number): boolean {
    return this.#items < this.#itemsMax && this.#bytes + bytes <= this.#bytesMax;
  }

  /** Whether it would fit if nothing else were there. */
  canEverHold(bytes: number): boolean {
    return bytes <= this.#bytesMax;
  }

  take(bytes: number): void {
    this.#items++;
    this.#bytes += bytes;
  }

  giveBack(bytes: number): void {
    this.#items--;
    this.#bytes -= bytes;
  }
}
