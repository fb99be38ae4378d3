import type { ClientSession } from "./client_session.ts";

/** Messages that one turn drops at most: some milliseconds, for they are read back from the store. */
const DROPS_PER_TURN = 500;

export interface QueueCutterParts {
  readonly sessions: () => Iterable<ClientSession>;
  readonly yieldTurn: (fn: () => void) => void;
}

/** Brings queues that are longer than a new limit down to it, a slice at a time. */
export class QueueCutter {
  readonly #parts: QueueCutterParts;
  #rest: Iterator<ClientSession> | undefined;
  #current: ClientSession | undefined;
  #isScheduled = false;

  constructor(parts: QueueCutterParts) {
    this.#parts = parts;
  }

  /** Looks through all sessions, from the first on. */
  start(): void {
    this.#rest = this.#parts.sessions()[Symbol.iterator]();
    this.#current = undefined;
    this.#schedule();
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    this.#parts.yieldTurn(() => {
      this.#isScheduled = false;
      this.#cut();
    });
  }

  #cut(): void {
    let left = DROPS_PER_TURN;
    while (left > 0) {
      const session = this.#current ?? this.#next();
      if (session === undefined) return;
      // To look at a session costs about as much as to drop a message.
      left -= 1 + session.cutQueue(left);
      this.#current = left > 0 ? undefined : session;
    }
    this.#schedule();
  }

  #next(): ClientSession | undefined {
    const next = this.#rest?.next();
    if (next === undefined || next.done === true) {
      this.#rest = undefined;
      return undefined;
    }
    return next.value;
  }
}
