/** Lets a rate through, and bursts of one second's worth; who takes more goes into debt. */
export class TokenBucket {
  readonly #perSecond: number;
  #tokens: number;
  #filledMs: number;

  /** `perSecond` is above 0; `nowMs` is monotonic here and in `take`. */
  constructor(perSecond: number, nowMs: number) {
    this.#perSecond = perSecond;
    this.#tokens = perSecond;
    this.#filledMs = nowMs;
  }

  /** Takes `count` at once, whatever there is; returns how long to wait until the debt is paid, 0: none. */
  take(count: number, nowMs: number): number {
    const perMs = this.#perSecond / 1000;
    this.#tokens = Math.min(this.#perSecond, this.#tokens + (nowMs - this.#filledMs) * perMs);
    this.#filledMs = nowMs;
    this.#tokens -= count;
    return this.#tokens >= 0 ? 0 : -this.#tokens / perMs;
  }
}
