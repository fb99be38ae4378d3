import { Histogram } from "../base/mod.ts";
import type { StoreCounters, StoreEvents } from "../ports/mod.ts";

/** Of a store whose owner has not said yet whom to tell. */
export const NO_EVENTS: StoreEvents = Object.freeze({
  onCommitted: ignore,
  onStateChange: ignore,
  onProblem: ignore,
  onRepaired: ignore,
});

/** In seconds: from a disk that does not sync to one that is in trouble. */
const COMMIT_BOUNDS_S = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 5];

export function createCounters(): StoreCounters {
  return {
    commits: 0,
    rows: 0,
    bytesWritten: 0,
    failures: 0,
    repairs: 0,
    lostMessages: 0,
    lastCommitMs: 0,
    longestCommitMs: 0,
    commitSeconds: new Histogram(COMMIT_BOUNDS_S),
    lastBatchRows: 0,
    lastBatchBytes: 0,
  };
}

function ignore(): void {}
