/** Counts observations by size. As many numbers as bounds, whatever is observed: nothing is allocated. */
export class Histogram {
  /** Upper bounds, ascending; what is above the last is only in `count` and `sum`. */
  readonly bounds: readonly number[];
  readonly #counts: Float64Array;
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#counts = new Float64Array(bounds.length);
  }

  observe(value: number): void {
    this.count++;
    this.sum += value;
    const { bounds } = this;
    for (let index = 0; index < bounds.length; index++) {
      if (value > (bounds[index] as number)) continue;
      this.#counts[index] = (this.#counts[index] as number) + 1;
      return;
    }
  }

  /** Observations up to each bound, those below included. */
  cumulativeCounts(): number[] {
    let sum = 0;
    return Array.from(this.#counts, (count) => sum += count);
  }
}
