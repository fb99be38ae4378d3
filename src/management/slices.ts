import type { Clock } from "../base/mod.ts";

/** What giving way to the traffic needs. */
export interface Turns {
  readonly clock: Clock;
  /** Calls back after the sockets had their turn. */
  readonly yieldTurn: (fn: () => void) => void;
}

/** Time in a row that long work may take from the traffic, in milliseconds. */
const SLICE_MS = 0.1;

/** Cuts long work into slices: whoever works asks between small steps whether to give way. */
export class Slices {
  readonly #turns: Turns;
  #sinceMs: number;

  constructor(turns: Turns) {
    this.#turns = turns;
    this.#sinceMs = turns.clock.monotonicMs();
  }

  /** Undefined: go on at once. */
  giveWay(): Promise<void> | undefined {
    const { clock, yieldTurn } = this.#turns;
    if (clock.monotonicMs() - this.#sinceMs < SLICE_MS) return undefined;
    return new Promise((resolve) =>
      yieldTurn(() => {
        this.#sinceMs = clock.monotonicMs();
        resolve();
      })
    );
  }
}
