/** How many lines somebody may cause in the log, so that it cannot be flooded. What is left out is counted. */
export class LineBudget {
  readonly #linesMax: number;
  readonly #periodMs: number;
  #sinceMs = -Infinity;
  #used = 0;
  #leftOut = 0;

  constructor(linesMax: number, periodMs: number) {
    this.#linesMax = linesMax;
    this.#periodMs = periodMs;
  }

  /** Whether one more line may be written now. `nowMs`: of a clock that never goes back. */
  take(nowMs: number): boolean {
    if (nowMs - this.#sinceMs >= this.#periodMs) {
      this.#sinceMs = nowMs;
      this.#used = 0;
    }
    if (this.#used >= this.#linesMax) {
      this.#leftOut++;
      return false;
    }
    this.#used++;
    return true;
  }

  /** Lines that were left out since the last call. */
  takeLeftOut(): number {
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
