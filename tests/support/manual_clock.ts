import type { Clock } from "../../src/base/mod.ts";

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #wallMs: number;
  #monotonicMs: number;

  constructor(options: { readonly nowMs?: number; readonly monotonicMs?: number } = {}) {
    this.#wallMs = options.nowMs ?? 1_700_000_000_000;
    this.#monotonicMs = options.monotonicMs ?? 0;
  }

  nowMs(): number {
    return this.#wallMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  /** Lets time pass on both clocks. */
  advance(ms: number): void {
    this.#wallMs += ms;
    this.#monotonicMs += ms;
  }

  /** Somebody sets the wall clock; the monotonic one does not notice. */
  setWallClock(nowMs: number): void {
    this.#wallMs = nowMs;
  }
}
