const DAY_MS = 24 * 3600 * 1000;
/** A disk that damages more databases than this in a day is no place for another one. */
export const REPAIRS_PER_DAY_MAX = 6;
/** Between the first and the second of a day; four times as long after each further one. */
const PAUSE_MS = 10_000;
const PAUSE_FACTOR = 4;
/** After an attempt of which nothing came; twice as long after each further one. */
const RETRY_MIN_MS = 1000;
const RETRY_MAX_MS = 60_000;

/** When a damaged database may be written anew: never in a loop, for each time costs a copy of it. */
export class RepairPace {
  /** Of the last day. */
  #repairs: number[] = [];
  #retryMs = RETRY_MIN_MS;

  /** How long to wait before the next one. */
  delayMs(nowMs: number): number {
    this.#repairs = this.#repairs.filter((atMs) => nowMs - atMs < DAY_MS);
    const { length } = this.#repairs;
    if (length === 0) return 0;
    const last = this.#repairs[length - 1] as number;
    const first = this.#repairs[0] as number;
    const dueMs = length >= REPAIRS_PER_DAY_MAX
      ? first + DAY_MS
      : last + PAUSE_MS * PAUSE_FACTOR ** (length - 1);
    return Math.max(0, dueMs - nowMs);
  }

  noteRepair(nowMs: number): void {
    this.#repairs.push(nowMs);
    this.#retryMs = RETRY_MIN_MS;
  }

  /** Nothing came of one; returns how long to wait before the next. */
  noteFailure(nowMs: number): number {
    const delayMs = Math.max(this.#retryMs, this.delayMs(nowMs));
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
    return delayMs;
  }
}
