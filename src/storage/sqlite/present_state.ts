import type { LiveSession, LiveState } from "../../ports/mod.ts";
import {
  type Delivery,
  InflightState,
  type Message,
  messageBytes,
  packetIdOfPlace,
} from "../../session/mod.ts";
import type { StoredGroup } from "../../ports/mod.ts";
import { SEQ_MAX } from "./batch_format.ts";
import type { BatchMemory } from "./batch_memory.ts";
import { ChangeBatch, packInflight, SessionChanges } from "./change_batch.ts";
import type { SessionEntry, SessionTable } from "./session_table.ts";

/** Changes and bytes that one turn gathers at most, and what one session has more than that. */
const PIECE_CHANGES_MAX = 1000;
const PIECE_BYTES_MAX = 256 * 1024;
/** A gap between places that is not worth a part of its own. */
const GAP_MAX = 16;

/**
 * All that runs, as batches for a draft that holds nothing but queued messages of the sessions that there are. What is
 * noted in the open batch is left to that where it cannot be written twice: its messages, which may be gone again
 * before it is sealed. Each batch is to be committed before the next one is asked for: they have `memory` in turn.
 */
export function* presentState(
  live: LiveState,
  table: SessionTable,
  memory: BatchMemory,
): Generator<ChangeBatch, void, undefined> {
  const piece = new Piece(memory);
  for (const session of live.sessions()) {
    const entry = table.find(session.key);
    if (entry === undefined) continue;
    piece.addSession(session, entry);
    if (!piece.isFull) continue;
    yield piece.batch;
    piece.begin();
  }
  for (const message of live.retained()) {
    piece.addRetained(message);
    if (!piece.isFull) continue;
    yield piece.batch;
    piece.begin();
  }
  for (const { key, delayed } of live.delayed()) {
    piece.batch.setDelayed(key, delayed);
    if (!piece.isFull) continue;
    yield piece.batch;
    piece.begin();
  }
  yield piece.batch;
}

type Deliveries = Map<number, Delivery<StoredGroup>>;

/** What one turn gathers. */
class Piece {
  batch: ChangeBatch;
  readonly #memory: BatchMemory;
  readonly #seen = new Set<Message>();

  constructor(memory: BatchMemory) {
    this.#memory = memory;
    this.batch = new ChangeBatch(0, memory);
  }

  get isFull(): boolean {
    return this.batch.changes >= PIECE_CHANGES_MAX || this.batch.bytes >= PIECE_BYTES_MAX;
  }

  begin(): void {
    this.batch = new ChangeBatch(0, this.#memory);
    this.#seen.clear();
  }

  addRetained(message: Message): void {
    this.batch.retained.set(message.topic, message);
    this.batch.changes++;
    this.batch.bytes += messageBytes(message);
  }

  addSession(session: LiveSession, entry: SessionEntry): void {
    const { key } = session;
    // From now on there are rows of it: should it end, they have to be removed.
    entry.isStored = true;
    if (entry.open !== undefined) entry.open.isNew = false;
    const endSeq = entry.open?.firstSeq ?? entry.nextSeq;
    const changes = new SessionChanges(key, false, endSeq, this.#memory);
    changes.record = session.record;
    changes.subscriptions = new Map(session.subscriptions);
    changes.received = new Map(session.received.map((packetId) => [packetId, true]));
    changes.exchange = entry.exchange;
    changes.removed = staleRanges(session).concat(entry.writing?.removed ?? []);
    changes.olderInflight = inflightOf(session, entry, endSeq);
    this.batch.sessions.push(changes);
    this.batch.changes += 1 + changes.subscriptions.size + changes.received.size;
    this.#addMessages(key, messagesOf(session, entry, endSeq));
  }

  /** In parts, so that messages far from each other do not cost what is between them. */
  #addMessages(key: number, messages: Deliveries): void {
    let part: SessionChanges | undefined;
    for (const seq of [...messages.keys()].sort((a, b) => a - b)) {
      const delivery = messages.get(seq) as Delivery<StoredGroup>;
      const next: number = part === undefined ? 0 : part.firstSeq + part.pushed.length;
      if (part === undefined || seq - next > GAP_MAX) {
        part = new SessionChanges(key, false, seq, this.#memory);
        this.batch.sessions.push(part);
      } else for (let gap = next; gap < seq; gap++) part.pushed.push(undefined);
      part.pushed.push(delivery);
      const { message } = delivery;
      if (this.#seen.has(message)) (this.batch.shared ??= new Set<Message>()).add(message);
      this.#seen.add(message);
      this.batch.changes++;
      this.batch.bytes += messageBytes(message);
    }
  }
}

/** What the draft may have of the session's queue and the session has not: it was of an older state of the database. */
function staleRanges({ inflight, notedAfter }: LiveSession): number[] {
  const end = notedAfter ?? SEQ_MAX;
  const ranges: number[] = [];
  let first = 0;
  const wanted = inflight.filter(({ state }) => state !== InflightState.awaitsPubcomp)
    .map(({ seq }) => seq).sort((a, b) => a - b);
  for (const seq of wanted) {
    if (seq > end) break;
    if (seq > first) ranges.push(first, seq - 1);
    first = seq + 1;
  }
  if (first <= end) ranges.push(first, end);
  return ranges;
}

/** Those in flight that do not follow from the session's exchange. */
function inflightOf(
  { inflight }: LiveSession,
  { exchange }: SessionEntry,
  endSeq: number,
): Map<number, number> {
  const rows = new Map<number, number>();
  for (const { seq, packetId, state } of inflight) {
    if (seq >= endSeq) continue;
    const isPlaced = exchange !== undefined && packetId === packetIdOfPlace(seq) &&
      (exchange.released.has(seq) ||
        seq <= exchange.reserved && state !== InflightState.awaitsPubcomp);
    if (!isPlaced) rows.set(seq, packInflight(packetId, state));
  }
  return rows;
}

/** All that is in memory, be it held by the session or by the batch that could not be committed. */
function messagesOf(
  { inflight, held }: LiveSession,
  entry: SessionEntry,
  endSeq: number,
): Deliveries {
  const messages: Deliveries = new Map();
  const add = (seq: number, delivery: Delivery<StoredGroup> | undefined): void => {
    if (delivery !== undefined && seq > 0 && seq < endSeq) messages.set(seq, delivery);
  };
  const { open, writing } = entry;
  for (const { seq, delivery } of writing?.pushedAfter(0) ?? []) {
    if (writing?.hasLost(seq) !== true && open?.hasLost(seq) !== true) add(seq, delivery);
  }
  for (const { seq, delivery, state } of inflight) {
    if (state !== InflightState.awaitsPubcomp) add(seq, delivery);
  }
  for (const { seq, delivery } of held) add(seq, delivery);
  return messages;
}
