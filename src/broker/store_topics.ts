import { SlidingSum } from "../base/mod.ts";
import type { Store } from "../ports/mod.ts";

const HOUR_MS = 3_600_000;
const HOURS_OF_DAY = 24;

/** What `$SYS/broker/store/` says of the store, beside the messages in it. */
export class StoreTopics {
  readonly #store: Store;
  readonly #writtenOfDay: SlidingSum;

  constructor(store: Store, nowMs: number) {
    this.#store = store;
    this.#writtenOfDay = new SlidingSum(HOURS_OF_DAY, HOUR_MS, nowMs);
  }

  /** Names below `$SYS/broker/`, and values. `nowMs`: monotonic. */
  *values(nowMs: number): IterableIterator<[topic: string, value: string | number]> {
    const { counters, failure, unreadable, waitingChanges, waitingBytes } = this.#store;
    yield ["store/state", failure === undefined ? "ok" : "failing"];
    yield ["store/error", failure?.error ?? ""];
    yield ["store/failures", counters.failures];
    yield ["store/repairs", counters.repairs];
    yield ["store/lost", counters.lostMessages];
    yield ["store/commits", counters.commits];
    yield ["store/commit/last", counters.lastCommitMs.toFixed(1)];
    yield ["store/commit/longest", counters.longestCommitMs.toFixed(1)];
    yield ["store/rows", counters.rows];
    yield ["store/bytes/written", counters.bytesWritten];
    // What wears a flash memory; of a broker that is younger than a day, since its start.
    yield ["store/bytes/written/day", this.#writtenOfDay.update(counters.bytesWritten, nowMs)];
    yield ["store/waiting/changes", waitingChanges];
    yield ["store/waiting/bytes", waitingBytes];
    yield ["store/unreadable", unreadable];
  }
}
