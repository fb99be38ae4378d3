import type { StoreCounters, StoreEvents } from "../ports/mod.ts";

/** Of a store whose owner has not said yet whom to tell. */
export const NO_EVENTS: StoreEvents = Object.freeze({
  onCommitted: ignore,
  onStateChange: ignore,
  onProblem: ignore,
});

export function createCounters(): StoreCounters {
  return {
    commits: 0,
    rows: 0,
    bytesWritten: 0,
    failures: 0,
    lastCommitMs: 0,
    longestCommitMs: 0,
    lastBatchRows: 0,
    lastBatchBytes: 0,
  };
}

function ignore(): void {}
