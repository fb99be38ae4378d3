import type { Sequenced, SequenceList } from "../base/mod.ts";
import { isSysTopic } from "../mqtt/mod.ts";
import type { LiveSession, LiveState, LoadedDelayed } from "../ports/mod.ts";
import { InflightState, type Message } from "../session/mod.ts";
import type { BrokerCore } from "./broker_core.ts";
import type { ClientSession } from "./client_session.ts";

/** Rows that are looked up at once. */
const ROWS_OF_PIECE = 100;

/** What the broker holds of that which is stored: for a store whose database was damaged. */
export class CoreState implements LiveState {
  readonly #core: Pick<BrokerCore, "sessions" | "retained" | "delayed">;

  constructor(core: Pick<BrokerCore, "sessions" | "retained" | "delayed">) {
    this.#core = core;
  }

  *sessions(): IterableIterator<LiveSession> {
    for (const session of inPieces(this.#core.sessions.inOrder)) {
      const { journal, record, subscriptions } = session;
      if (journal === undefined) continue;
      yield { key: journal.key, record, subscriptions, ...session.journaled() };
    }
  }

  *retained(): IterableIterator<Message> {
    for (const message of this.#core.retained.messages()) {
      // `$SYS` is made anew at every start.
      if (!isSysTopic(message.topic)) yield message;
    }
  }

  delayed(): IterableIterator<LoadedDelayed> {
    return this.#core.delayed.values();
  }

  countQueued(): number {
    let count = 0;
    for (const session of this.#core.sessions.values()) {
      if (session.journal !== undefined) count += queuedIn(session);
    }
    return count;
  }
}

/** What waits, and what is in flight and not the client's yet. */
function queuedIn(session: ClientSession): number {
  if (session.inflightCount === 0) return session.queuedMessages;
  const { awaitsPubcomp } = InflightState;
  return session.queuedMessages +
    session.journaled().inflight.filter(({ state }) => state !== awaitsPubcomp).length;
}

/** All items; between two of them others may come and go. */
function* inPieces<T extends Sequenced>(list: SequenceList<T>): IterableIterator<T> {
  for (let last = 0;;) {
    const piece = list.after(last, ROWS_OF_PIECE);
    for (const item of piece) {
      if (item.sequence === 0) continue;
      last = item.sequence;
      yield item;
    }
    if (piece.length < ROWS_OF_PIECE) return;
  }
}
