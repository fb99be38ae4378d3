import { Deque, type Logger } from "../base/mod.ts";
import type { Store, StoreEvents, StoreFailure, StoreRepair } from "../ports/mod.ts";

/** Somebody who may not go on before something is durable. */
export interface CommitWaiter {
  /** Everything up to `ticket` is durable. True: more is awaited. */
  onCommitted(ticket: number): boolean;
}

interface PendingPromise {
  readonly ticket: number;
  readonly resolve: () => void;
}

/** Above this much that is noted and not yet written, those who cause more of it are not read. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024;
const WAITING_CHANGES_MAX = 100_000;

/**
 * Between the broker and its store: which packet noted something that must be durable before it is answered, and
 * who waits for which commit.
 */
export class Durability implements StoreEvents {
  readonly store: Store;
  readonly #logger: Logger;
  readonly #waiters = new Set<CommitWaiter>();
  readonly #promises = new Deque<PendingPromise>();
  #isNoted = false;
  /** Told of it, too. */
  onFailure: StoreEvents["onStateChange"] | undefined;
  onRepair: StoreEvents["onRepaired"] | undefined;

  constructor(store: Store, logger: Logger) {
    this.store = store;
    this.#logger = logger;
    store.events = this;
  }

  get committedTicket(): number {
    return this.store.committedTicket;
  }

  /** Nothing more can be promised at the moment. */
  get isFailing(): boolean {
    return this.store.failure !== undefined;
  }

  /** More is noted than the disk takes. */
  get isBehind(): boolean {
    return this.store.waitingBytes > WAITING_BYTES_MAX ||
      this.store.waitingChanges > WAITING_CHANGES_MAX;
  }

  /** A packet begins. */
  begin(): void {
    this.#isNoted = false;
  }

  /** Something was noted that the packet's answer promises. */
  note(): void {
    this.#isNoted = true;
  }

  /** The ticket that the answer to the packet waits for; 0: for none. */
  end(): number {
    if (!this.#isNoted) return 0;
    this.#isNoted = false;
    return this.store.ticket();
  }

  /** Tells `waiter` of every commit from now on, until it waits for nothing more. */
  tell(waiter: CommitWaiter): void {
    this.#waiters.add(waiter);
  }

  /** Resolves when everything up to `ticket` is durable; undefined: it is. */
  committed(ticket: number): Promise<void> | undefined {
    if (ticket <= this.store.committedTicket) return undefined;
    return new Promise((resolve) => this.#promises.push({ ticket, resolve }));
  }

  onCommitted(ticket: number): void {
    for (const waiter of this.#waiters) {
      if (!waiter.onCommitted(ticket)) this.#waiters.delete(waiter);
    }
    while (this.#promises.length > 0) {
      const next = this.#promises.at(0) as PendingPromise;
      // Tickets are handed out in order.
      if (next.ticket > ticket) return;
      this.#promises.shift();
      next.resolve();
    }
  }

  onStateChange(failure: StoreFailure | undefined): void {
    this.onFailure?.(failure);
    if (failure === undefined) {
      this.#logger.warn("The store can be written again; what was promised meanwhile is durable");
      return;
    }
    const { error, isDamaged } = failure;
    this.#logger.error(
      isDamaged
        ? "The database is damaged; durable messages are refused until it has been written anew"
        : "Cannot write to the store; durable messages are refused until it can be",
      { error },
    );
  }

  onRepaired(repair: StoreRepair): void {
    const { setAside, reason, queued, lost } = repair;
    this.#logger.error("The database was damaged and has been written anew", {
      file: setAside,
      reason,
      queued,
      lost,
    });
    this.onRepair?.(repair);
  }

  onProblem(problem: string): void {
    this.#logger.warn("The store had a problem that lost nothing", { problem });
  }
}
