import type { DatabaseSync } from "node:sqlite";
import type {
  DelayedKey,
  LoadedDelayed,
  LoadedSession,
  SessionRecord,
  StoredInflight,
  StoredQueue,
} from "../../ports/mod.ts";
import type { Subscription } from "../../routing/mod.ts";
import type { Message } from "../../session/mod.ts";
import { BodyKind, openBody } from "../codec/body.ts";
import { StoredDataError } from "../codec/byte_source.ts";
import { checksumSeed } from "../codec/checksum.ts";
import { readDelayed } from "../codec/delayed_body.ts";
import { readMessage } from "../codec/message_body.ts";
import { readSession, readSubscription } from "../codec/session_body.ts";
import { PACKET_ID_BITS, SEQ_BITS, SEQ_MAX } from "./batch_format.ts";
import { numberOf } from "./database.ts";
import { type LoadedExchanges, loadInflight } from "./inflight_loader.ts";
import { type PlacedRecord, readRecords } from "./record_rows.ts";

/** All that a database says but for the bodies of queued messages. */
export interface DatabaseState extends LoadedExchanges {
  readonly sessions: readonly LoadedSession[];
  readonly retained: readonly Message[];
  readonly delayed: readonly LoadedDelayed[];
  /** No row of `delayed` has it, or a larger one. */
  readonly nextDelayedKey: DelayedKey;
  /** Sessions that are gone and left messages behind, which are still to be removed. */
  readonly orphans: readonly number[];
  /** In order of insertion. */
  readonly records: readonly PlacedRecord[];
  /** The next number that no row of `message` has. */
  readonly nextMessageId: number;
}

const EMPTY_QUEUE: StoredQueue = Object.freeze({ count: 0, bytes: 0, lastSeq: 0 });

/** What is known of a session while its parts come together. */
class SessionParts {
  record: SessionRecord | undefined;
  readonly subscriptions = new Map<string, Subscription>();
  readonly received: number[] = [];
  readonly inflight: StoredInflight[] = [];
  queue: StoredQueue = EMPTY_QUEUE;
}

/** Reads every table; throws what SQLite throws, or `StoredDataError` for a row that is not as it was written. */
export function loadState(database: DatabaseSync): DatabaseState {
  const parts = new Map<number, SessionParts>();
  const partsOf = (key: number): SessionParts => {
    let found = parts.get(key);
    if (found === undefined) parts.set(key, found = new SessionParts());
    return found;
  };
  loadSessions(database, partsOf);
  loadSubscriptions(database, partsOf);
  loadReceived(database, partsOf);
  loadQueues(database, partsOf);
  const { exchanges, lapsed } = loadInflight(database, partsOf);
  const sessions: LoadedSession[] = [];
  const orphans: number[] = [];
  for (const [key, { record, subscriptions, received, inflight, queue }] of parts) {
    if (record === undefined) orphans.push(key);
    else sessions.push({ key, record, subscriptions, received, queue, inflight });
  }
  return {
    sessions,
    orphans,
    exchanges,
    lapsed,
    retained: loadRetained(database),
    delayed: loadDelayed(database),
    nextDelayedKey: numberOf(database, "SELECT coalesce(max(id), 0) + 1 FROM delayed"),
    records: [...readRecords(database)],
    nextMessageId: numberOf(database, "SELECT coalesce(max(id), 0) + 1 FROM message"),
  };
}

type PartsOf = (key: number) => SessionParts;

/** Rows are asked for in pieces, so that a large table is not held twice. */
const PIECE_ROWS = 1000;

function* piecesOf<T extends { readonly id: number }>(
  database: DatabaseSync,
  sql: string,
): Generator<T, void, undefined> {
  const statement = database.prepare(sql);
  let after = -1;
  while (true) {
    const rows = statement.all(after, PIECE_ROWS) as unknown as T[];
    yield* rows;
    const last = rows.at(-1);
    if (last === undefined || rows.length < PIECE_ROWS) return;
    after = last.id;
  }
}

function loadSessions(database: DatabaseSync, partsOf: PartsOf): void {
  const sql =
    "SELECT id, client_id AS clientId, body FROM session WHERE id > ? ORDER BY id LIMIT ?";
  type SessionRow = { readonly id: number; readonly clientId: string; readonly body: Uint8Array };
  for (const { id, clientId, body } of piecesOf<SessionRow>(database, sql)) {
    const record = readSession(openBody(body, checksumSeed(BodyKind.session, 0, id)));
    if (record.clientId !== clientId) {
      throw new StoredDataError(
        `Cannot read stored data: session ${id} has two client identifiers`,
      );
    }
    partsOf(id).record = record;
  }
}

function loadSubscriptions(database: DatabaseSync, partsOf: PartsOf): void {
  const statement = database.prepare("SELECT filter, body FROM subscription WHERE session = ?");
  const sessions = database.prepare("SELECT DISTINCT session FROM subscription").all();
  for (const { session } of sessions as unknown as { readonly session: number }[]) {
    const rows = statement.all(session) as unknown as {
      readonly filter: string;
      readonly body: Uint8Array;
    }[];
    const { subscriptions } = partsOf(session);
    const seed = checksumSeed(BodyKind.subscription, 0, session);
    for (const { filter, body } of rows) {
      const subscription = readSubscription(openBody(body, seed));
      if (filter !== storedFilter(subscription)) {
        throw new StoredDataError(
          `Cannot read stored data: a subscription to "${filter}" has two filters`,
        );
      }
      subscriptions.set(filter, subscription);
    }
  }
}

/** The topic filter as the client wrote it. */
export function storedFilter({ shareName, filter }: Subscription): string {
  return shareName === "" ? filter : `$share/${shareName}/${filter}`;
}

function loadReceived(database: DatabaseSync, partsOf: PartsOf): void {
  const rows = database.prepare(
    `SELECT id >> ${PACKET_ID_BITS} AS session, id & 65535 AS packet_id FROM received ORDER BY id`,
  ).all() as unknown as { readonly session: number; readonly packet_id: number }[];
  for (const row of rows) partsOf(row.session).received.push(row.packet_id);
}

function loadQueues(database: DatabaseSync, partsOf: PartsOf): void {
  const rows = database.prepare(
    `SELECT id >> ${SEQ_BITS} AS session, count(*) AS count, sum(bytes) AS bytes,
      max(id) & ${SEQ_MAX} AS lastSeq
    FROM queued GROUP BY 1`,
  ).all() as unknown as (StoredQueue & { readonly session: number })[];
  for (const { session, count, bytes, lastSeq } of rows) {
    partsOf(session).queue = { count, bytes, lastSeq };
  }
}

function loadRetained(database: DatabaseSync): Message[] {
  const sql = "SELECT id, topic, body FROM retained WHERE id > ? ORDER BY id LIMIT ?";
  type RetainedRow = { readonly id: number; readonly topic: string; readonly body: Uint8Array };
  const seed = checksumSeed(BodyKind.retained, 0, 0);
  const retained: Message[] = [];
  for (const { topic, body } of piecesOf<RetainedRow>(database, sql)) {
    const message = readMessage(openBody(body, seed));
    if (message.topic !== topic) {
      throw new StoredDataError(
        `Cannot read stored data: a message retained for "${topic}" has two topics`,
      );
    }
    retained.push(message);
  }
  return retained;
}

function loadDelayed(database: DatabaseSync): LoadedDelayed[] {
  const sql = "SELECT id, body FROM delayed WHERE id > ? ORDER BY id LIMIT ?";
  type DelayedRow = { readonly id: number; readonly body: Uint8Array };
  return [...piecesOf<DelayedRow>(database, sql)].map(({ id, body }) => ({
    key: id,
    delayed: readDelayed(openBody(body, checksumSeed(BodyKind.delayed, 0, id))),
  }));
}
