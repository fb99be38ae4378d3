/** How much a figure that only grows has grown in the last while, by parts of it. */
export class SlidingSum {
  readonly #partMs: number;
  /** What was added in each part, the newest last. */
  readonly #parts: number[];
  #partStartMs: number;
  #last = 0;

  /** `parts` of `partMs` each; time is monotonic. */
  constructor(parts: number, partMs: number, nowMs: number) {
    this.#partMs = partMs;
    this.#parts = new Array<number>(parts).fill(0);
    this.#partStartMs = nowMs;
  }

  /** Takes note of the figure; returns its growth within the last `parts` parts, the present one included. */
  update(total: number, nowMs: number): number {
    const passed = Math.floor((nowMs - this.#partStartMs) / this.#partMs);
    if (passed > 0) {
      this.#partStartMs += passed * this.#partMs;
      const count = Math.min(passed, this.#parts.length);
      this.#parts.splice(0, count);
      for (let index = 0; index < count; index++) this.#parts.push(0);
    }
    const newest = this.#parts.length - 1;
    this.#parts[newest] = (this.#parts[newest] as number) + total - this.#last;
    this.#last = total;
    return this.#parts.reduce((sum, part) => sum + part, 0);
  }
}
