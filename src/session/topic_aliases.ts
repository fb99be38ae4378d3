/** Topic aliases that we gave out on one connection. */
export class OutboundTopicAliases {
  readonly #maximum: number;
  readonly #aliases = new Map<string, number>();

  /** `maximum`: the client's Topic Alias Maximum. */
  constructor(maximum: number) {
    this.#maximum = maximum;
  }

  /** The alias that the client knows `topic` by already; 0: none. */
  known(topic: string): number {
    return this.#aliases.get(topic) ?? 0;
  }

  /** The alias that `assign` would give; 0: all are given out. */
  get next(): number {
    return this.#aliases.size < this.#maximum ? this.#aliases.size + 1 : 0;
  }

  /** Gives `topic` the next alias; the client has been told. */
  assign(topic: string): void {
    const alias = this.next;
    if (alias > 0) this.#aliases.set(topic, alias);
  }
}
