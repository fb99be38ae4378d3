import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { assert, never } from "../../base/mod.ts";
import { InflightState } from "../../session/mod.ts";
import { BodyKind } from "../codec/body.ts";
import { checksumSeed, checksumWords } from "../codec/checksum.ts";
import { readUtf8 } from "../codec/byte_source.ts";
import { BatchViews, NO_VIEWS } from "./batch_views.ts";
import { Operation, PACKET_ID_BITS, SEQ_BITS, SEQ_MAX } from "./batch_format.ts";
import { numberOf, rollBack } from "./database.ts";
import { QUEUED_BODY_LENGTH_AT } from "./operation_body.ts";
import { PUT_RECORD, REMOVE_RECORD } from "./record_rows.ts";
import { queuedSeed } from "./row_seeds.ts";
import type { RecordChange } from "./writer_protocol.ts";

/** Rows of an ended session that one transaction removes at most, so that others do not wait for it. */
export const PURGE_ROWS_MAX = 2000;

// Parameters have no numbers: not every version of the runtimes can bind those by their order.
/** Key, first seq, key, last seq. */
const QUEUED_RANGE = `id BETWEEN (? << ${SEQ_BITS}) | ? AND (? << ${SEQ_BITS}) | ?`;
/** Key, key. */
const OF_SESSION = `id BETWEEN ? << ${SEQ_BITS} AND (? << ${SEQ_BITS}) | ${SEQ_MAX}`;
/** Key, key. */
const RECEIVED_OF_SESSION =
  `id BETWEEN ? << ${PACKET_ID_BITS} AND (? << ${PACKET_ID_BITS}) | 65535`;

// A row that is there already is replaced: a batch that fails must not fail for ever. Bodies of queued messages are cut
// out of a view that is a little larger (`BatchViews`): view, place in it, length.
const STATEMENTS = {
  begin: "BEGIN IMMEDIATE",
  commit: "COMMIT",
  putSession: `INSERT OR REPLACE INTO session (id, client_id, body) VALUES (?, ?, ?)`,
  removeSession: "DELETE FROM session WHERE id = ?",
  putSubscription: `INSERT INTO subscription (session, filter, body) VALUES (?, ?, ?)
    ON CONFLICT (session, filter) DO UPDATE SET body = excluded.body`,
  removeSubscription: "DELETE FROM subscription WHERE session = ? AND filter = ?",
  removeSubscriptions: "DELETE FROM subscription WHERE session = ?",
  addReceived: `INSERT OR IGNORE INTO received (id) VALUES ((? << ${PACKET_ID_BITS}) | ?)`,
  removeReceived: `DELETE FROM received WHERE id = (? << ${PACKET_ID_BITS}) | ?`,
  putExchange: "INSERT OR REPLACE INTO exchange (id, body) VALUES (?, ?)",
  removeExchange: "DELETE FROM exchange WHERE id = ?",
  removeAllReceived: `DELETE FROM received WHERE ${RECEIVED_OF_SESSION}`,
  pushQueued: `INSERT OR REPLACE INTO queued (id, bytes, message, body)
    VALUES ((? << ${SEQ_BITS}) | ?, ?, NULL, substr(?, ?, ?))`,
  pushSharedQueued: `INSERT OR REPLACE INTO queued (id, bytes, message, body)
    VALUES ((? << ${SEQ_BITS}) | ?, ?, ?, substr(?, ?, ?))`,
  removeQueued: `DELETE FROM queued WHERE ${QUEUED_RANGE}`,
  messagesOfQueued: `SELECT message, count(*) AS refs FROM queued
    WHERE ${QUEUED_RANGE} AND message IS NOT NULL GROUP BY message`,
  lastOfPurge: `SELECT id & ${SEQ_MAX} AS seq FROM queued WHERE ${OF_SESSION}
    ORDER BY id LIMIT 1 OFFSET ${PURGE_ROWS_MAX - 1}`,
  setInflight: `INSERT INTO inflight (id, packet_id, state) VALUES ((? << ${SEQ_BITS}) | ?, ?, ?)
    ON CONFLICT (id) DO UPDATE SET packet_id = excluded.packet_id, state = excluded.state`,
  removeInflight: `DELETE FROM inflight WHERE ${QUEUED_RANGE}`,
  putMessage: "INSERT OR REPLACE INTO message (id, refs, body) VALUES (?, ?, ?)",
  releaseMessage: "UPDATE message SET refs = refs - ? WHERE id = ?",
  removeMessage: "DELETE FROM message WHERE id = ? AND refs <= 0",
  putRetained: `INSERT INTO retained (topic, body) VALUES (?, ?)
    ON CONFLICT (topic) DO UPDATE SET body = excluded.body`,
  removeRetained: "DELETE FROM retained WHERE topic = ?",
  putDelayed: "INSERT OR REPLACE INTO delayed (id, body) VALUES (?, ?)",
  removeDelayed: "DELETE FROM delayed WHERE id = ?",
  putRecord: PUT_RECORD,
  removeRecord: REMOVE_RECORD,
} as const;

type StatementName = keyof typeof STATEMENTS;

/** A draft has all rows that could be read of the database before; those of queues never change. */
const DRAFT_STATEMENTS = {
  ...STATEMENTS,
  pushQueued: STATEMENTS.pushQueued.replace("REPLACE", "IGNORE"),
  pushSharedQueued: STATEMENTS.pushSharedQueued.replace("REPLACE", "IGNORE"),
} as const;

/** Writes batches into the database, each as one transaction. Knows nothing of threads. */
export class BatchWriter {
  readonly #database: DatabaseSync;
  readonly #isDraft: boolean;
  readonly #statements: Record<StatementName, StatementSync>;
  /** Batches take turns in them. */
  readonly #memories: (BatchViews | undefined)[] = [];
  #views = NO_VIEWS;
  #words = NO_VIEWS.words;
  /** In `#words`. */
  #at = 0;
  #rows = 0;
  #isInTransaction = false;
  /** False: no row of `queued` names one of `message`, so nobody need look. */
  #hasShared: boolean;
  /** How many rows stopped naming each message in this batch. */
  readonly #released = new Map<number, number>();
  /** Sessions that the batch ends. */
  readonly #ended: number[] = [];
  /** Ended sessions of which messages may be left. */
  readonly #purging = new Set<number>();

  /** `isDraft`: what is in the database is kept, and messages are counted when all is written. */
  constructor(database: DatabaseSync, isDraft = false) {
    this.#database = database;
    this.#isDraft = isDraft;
    const prepare = ([name, sql]: [string, string]): [string, StatementSync] => [
      name,
      database.prepare(sql),
    ];
    this.#statements = Object.fromEntries(
      Object.entries(isDraft ? DRAFT_STATEMENTS : STATEMENTS).map(prepare),
    ) as Record<
      StatementName,
      StatementSync
    >;
    this.#hasShared = !isDraft &&
      numberOf(database, "SELECT EXISTS (SELECT 1 FROM message)") === 1;
  }

  /** Ended sessions that are still to be purged. */
  get purging(): readonly number[] {
    return [...this.#purging];
  }

  get isPurging(): boolean {
    return this.#purging.size > 0;
  }

  /** The memory of that number, in which batches are; given again when it has been replaced. */
  setMemory(index: number, memory: ArrayBufferLike): void {
    this.#memories[index] = new BatchViews(memory);
  }

  /** The session is gone, messages of it may be left; `purge` removes them. */
  addPurge(key: number): void {
    this.#purging.add(key);
  }

  /** Commits the first `length` bytes of a memory, or throws and has changed nothing. Returns the rows written. */
  write(index: number, length: number): number {
    const views = this.#memories[index];
    assert(views !== undefined, "a memory is given before its first batch");
    this.#views = views;
    this.#words = views.words;
    return this.#inTransaction(() => {
      this.#at = 0;
      while (this.#at < length >> 2) this.#apply(this.#next() as Operation);
    });
  }

  /** Commits the changes, or throws and has changed nothing. Returns the rows written. */
  writeRecords(changes: readonly RecordChange[]): number {
    return this.#inTransaction(() => {
      for (const { kind, key, body } of changes) {
        if (body === undefined) this.#run("removeRecord", kind, key);
        else this.#run("putRecord", kind, key, body);
      }
    });
  }

  /** Removes a slice of what ended sessions left behind. Returns the keys of which nothing is left. */
  purge(): number[] {
    const done: number[] = [];
    const key = this.#purging.values().next().value;
    if (key === undefined) return done;
    this.#inTransaction(() => {
      if (this.#purgeSlice(key)) done.push(key);
    });
    for (const purged of done) this.#purging.delete(purged);
    return done;
  }

  #inTransaction(work: () => void): number {
    this.#rows = 0;
    this.#released.clear();
    this.#ended.length = 0;
    this.#endTransaction();
    this.#statements.begin.get();
    this.#isInTransaction = true;
    try {
      work();
      this.#releaseMessages();
      this.#statements.commit.get();
      this.#isInTransaction = false;
    } catch (error) {
      this.#endFailed();
      throw error;
    }
    for (const key of this.#ended) this.#purging.add(key);
    return this.#rows;
  }

  /** Nothing is left open of a change that failed. */
  end(): void {
    this.#endTransaction();
  }

  #endFailed(): void {
    try {
      this.#endTransaction();
    } catch {
      // The next batch begins with it; what matters now is why this one failed.
      this.#isInTransaction = true;
    }
  }

  #endTransaction(): void {
    if (!this.#isInTransaction) return;
    rollBack(this.#database);
    this.#isInTransaction = false;
  }

  #apply(operation: Operation): void {
    switch (operation) {
      case Operation.pushQueued:
        return this.#pushQueued();
      case Operation.forgotten:
        return this.#passForgotten();
      case Operation.removeQueued:
        return this.#removeQueued(this.#next(), this.#nextWide(), this.#nextWide());
      case Operation.setInflight:
        return this.#setInflight();
      case Operation.putMessage:
        return this.#putMessage();
      case Operation.addReceived:
        return this.#run("addReceived", this.#next(), this.#next());
      case Operation.removeReceived:
        return this.#run("removeReceived", this.#next(), this.#next());
      case Operation.putRetained:
        return this.#putRetained();
      case Operation.removeRetained:
        return this.#run("removeRetained", this.#nextText(this.#next()));
      case Operation.putDelayed:
        return this.#putDelayed();
      case Operation.removeDelayed:
        return this.#run("removeDelayed", this.#nextWide());
      case Operation.putExchange:
        return this.#putExchange();
      case Operation.putSession:
        return this.#putSession();
      case Operation.removeSession:
        return this.#removeSession(this.#next());
      case Operation.putSubscription:
        return this.#putSubscription();
      case Operation.removeSubscription:
        return this.#run("removeSubscription", this.#next(), this.#nextText(this.#next()));
      default:
        never(operation);
    }
  }

  #pushQueued(): void {
    const key = this.#next();
    const seq = this.#nextWide();
    const bytes = this.#next();
    const message = this.#nextWide();
    const length = this.#next();
    const start = this.#nextSealed(length, queuedSeed(key, seq));
    const window = this.#views.windowOf(start, length);
    const at = start - window.byteOffset + 1;
    const { pushQueued, pushSharedQueued } = this.#statements;
    if (message === 0) pushQueued.get(key, seq, bytes, window, at, length);
    else pushSharedQueued.get(key, seq, bytes, message, window, at, length);
    this.#rows++;
  }

  #passForgotten(): void {
    this.#at += QUEUED_BODY_LENGTH_AT / 4 - 1;
    this.#skip(this.#next());
  }

  #removeQueued(key: number, first: number, last: number): void {
    if (this.#hasShared) {
      const rows = this.#statements.messagesOfQueued.all(key, first, key, last) as {
        readonly message: number;
        readonly refs: number;
      }[];
      for (const { message, refs } of rows) {
        this.#released.set(message, (this.#released.get(message) ?? 0) + refs);
      }
    }
    this.#run("removeQueued", key, first, key, last);
    this.#run("removeInflight", key, first, key, last);
  }

  #setInflight(): void {
    const key = this.#next();
    const seq = this.#nextWide();
    const packed = this.#next();
    const state = packed >>> 16;
    if (state === InflightState.awaitsPubcomp) this.#removeQueued(key, seq, seq);
    this.#run("setInflight", key, seq, packed & 0xffff, state);
  }

  #putMessage(): void {
    const id = this.#nextWide();
    const refs = this.#next();
    const body = this.#nextBody(this.#next(), checksumSeed(BodyKind.message, 0, id));
    this.#hasShared = !this.#isDraft;
    this.#run("putMessage", id, refs, body);
  }

  #releaseMessages(): void {
    for (const [id, refs] of this.#released) {
      this.#run("releaseMessage", refs, id);
      this.#run("removeMessage", id);
    }
  }

  #putRetained(): void {
    const topicLength = this.#next();
    const length = this.#next();
    const topic = this.#nextText(topicLength);
    this.#run("putRetained", topic, this.#nextBody(length, checksumSeed(BodyKind.retained, 0, 0)));
  }

  #putDelayed(): void {
    const key = this.#nextWide();
    const body = this.#nextBody(this.#next(), checksumSeed(BodyKind.delayed, 0, key));
    this.#run("putDelayed", key, body);
  }

  #putSession(): void {
    const key = this.#next();
    const nameLength = this.#next();
    const length = this.#next();
    const clientId = this.#nextText(nameLength);
    const body = this.#nextBody(length, checksumSeed(BodyKind.session, 0, key));
    this.#run("putSession", key, clientId, body);
  }

  #putExchange(): void {
    const key = this.#next();
    const body = this.#nextBody(this.#next(), checksumSeed(BodyKind.exchange, 0, key));
    this.#run("putExchange", key, body);
  }

  #removeSession(key: number): void {
    this.#run("removeSession", key);
    this.#run("removeSubscriptions", key);
    this.#run("removeAllReceived", key, key);
    this.#run("removeExchange", key);
    this.#ended.push(key);
  }

  /** True: nothing is left. */
  #purgeSlice(key: number): boolean {
    const row = this.#statements.lastOfPurge.get(key, key) as { readonly seq: number } | undefined;
    this.#removeQueued(key, 0, row?.seq ?? SEQ_MAX);
    return row === undefined;
  }

  #putSubscription(): void {
    const key = this.#next();
    const filterLength = this.#next();
    const length = this.#next();
    const filter = this.#nextText(filterLength);
    const body = this.#nextBody(length, checksumSeed(BodyKind.subscription, 0, key));
    this.#run("putSubscription", key, filter, body);
  }

  /**
   * By `get`, which finds no row. `run` would make an object for each call, of which Deno has to be told when it is gone: half of the
   * time of a statement, and a collection of the whole heap every second.
   */
  #run(name: StatementName, ...parameters: SQLInputValue[]): void {
    this.#statements[name].get(...parameters);
    this.#rows++;
  }

  #next(): number {
    return this.#words[this.#at++] as number;
  }

  #nextWide(): number {
    const low = this.#next() >>> 0;
    return this.#next() * 2 ** 32 + low;
  }

  #nextText(length: number): string {
    const start = this.#skip(length);
    // Text decoders take no memory that another thread could write to.
    return readUtf8(this.#views.bytes.slice(start, start + length), 0, length);
  }

  #nextBody(length: number, seed: number): Uint8Array {
    const start = this.#nextSealed(length, seed);
    return this.#views.bytes.subarray(start, start + length);
  }

  /** Seals the body with its checksum; returns where it begins. */
  #nextSealed(length: number, seed: number): number {
    const start = this.#skip(length);
    this.#words[start >> 2] = checksumWords(this.#words, start + 4, length - 4, seed);
    return start;
  }

  /** Passes over `length` bytes and what fills up their last word; returns where they begin. */
  #skip(length: number): number {
    const start = this.#at * 4;
    this.#at += (length + 3) >> 2;
    return start;
  }
}
