const WINDOW_MS = 60_000;

/** By how much the event loop was late in the last minute, from calls that should come at an interval. */
export class LagMeter {
  readonly #intervalMs: number;
  readonly #lags: Float64Array;
  #count = 0;
  #lastMs: number;

  constructor(intervalMs: number, nowMs: number) {
    this.#intervalMs = intervalMs;
    this.#lags = new Float64Array(WINDOW_MS / intervalMs);
    this.#lastMs = nowMs;
  }

  tick(nowMs: number): void {
    const late = nowMs - this.#lastMs - this.#intervalMs;
    this.#lastMs = nowMs;
    this.#add(Math.max(0, late));
    // Calls that did not come while the loop stood still would have been late, too.
    const missed = Math.min(this.#lags.length, Math.floor(late / this.#intervalMs));
    for (let index = 1; index <= missed; index++) this.#add(late - index * this.#intervalMs);
  }

  /** In milliseconds; 0 before the first call. */
  percentile(percent: number): number {
    const size = Math.min(this.#count, this.#lags.length);
    const sorted = this.#lags.slice(0, size).sort();
    return sorted[Math.max(0, Math.ceil(size * percent / 100) - 1)] ?? 0;
  }

  #add(lagMs: number): void {
    this.#lags[this.#count++ % this.#lags.length] = lagMs;
  }
}
