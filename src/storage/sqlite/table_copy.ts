import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { InflightState } from "../../session/mod.ts";
import { BodyKind, openBody } from "../codec/body.ts";
import { StoredDataError } from "../codec/byte_source.ts";
import { checksumSeed } from "../codec/checksum.ts";
import { readDelayed } from "../codec/delayed_body.ts";
import { readExchange } from "../codec/exchange_body.ts";
import { readGrant, readMessage } from "../codec/message_body.ts";
import { readRecord } from "../codec/record_body.ts";
import { readSession, readSubscription } from "../codec/session_body.ts";
import { PACKET_ID_BITS, SEQ_BITS, SEQ_MAX } from "./batch_format.ts";
import { numberOf } from "./database.ts";
import { type NumberedRow, readableRows } from "./readable_rows.ts";
import { queuedSeed } from "./row_seeds.ts";
import { storedFilter } from "./state_loader.ts";
import type { KnownSessions } from "./writer_protocol.ts";

/** What there is, or what is lost: of what cannot be read at all, each piece counts as one. */
export interface StoredCounts {
  sessions: number;
  subscriptions: number;
  /** Messages that waited or were in flight. */
  queued: number;
  retained: number;
  delayed: number;
  /** Packet identifiers in use. */
  packetIds: number;
  /** Accounts, bans, settings and the like. */
  records: number;
}

export interface CopyResult {
  readonly kept: StoredCounts;
  readonly lost: StoredCounts;
}

/**
 * Copies every row that can be read and is as it was written into an empty database, inside transactions that the
 * caller began. What belongs to something that is lost is lost, too.
 */
export function copyTables(source: DatabaseSync, target: DatabaseSync): CopyResult {
  const copy = new TableCopy(source, target);
  copy.sessions();
  copy.subscriptions();
  copy.messages();
  copy.queued();
  copy.inflight();
  copy.exchanges();
  copy.received();
  copy.retained();
  copy.delayed();
  copy.records();
  copy.countRefs();
  return { kept: copy.kept, lost: copy.lost };
}

/**
 * The same for queued messages and what they share, of sessions that are known; of others nothing is wanted. How many
 * rows name each message is left to be counted.
 */
export function copyQueues(
  source: DatabaseSync,
  target: DatabaseSync,
  known: KnownSessions,
): void {
  const copy = new TableCopy(source, target);
  copy.know(known);
  copy.messages();
  copy.queued();
}

export function zeroCounts(): StoredCounts {
  return {
    sessions: 0,
    subscriptions: 0,
    queued: 0,
    retained: 0,
    delayed: 0,
    packetIds: 0,
    records: 0,
  };
}

class TableCopy {
  readonly kept: StoredCounts = zeroCounts();
  readonly lost: StoredCounts = zeroCounts();
  readonly #source: DatabaseSync;
  readonly #target: DatabaseSync;
  readonly #sessions = new Set<number>();
  /** Rows of `queued` that name each message. */
  readonly #refs = new Map<number, number>();

  constructor(source: DatabaseSync, target: DatabaseSync) {
    this.#source = source;
    this.#target = target;
  }

  know({ keys, reused }: KnownSessions): void {
    for (const key of keys) this.#sessions.add(key);
    const statement = this.#source.prepare("SELECT body FROM session WHERE id = ?");
    for (const { key, clientId, createdAtMs } of reused) {
      this.#tryRead(undefined, () => {
        const row = statement.get(key) as { readonly body: unknown } | undefined;
        if (row === undefined) return;
        const record = readSession(openBody(row.body, checksumSeed(BodyKind.session, 0, key)));
        const isSame = record.clientId === clientId && record.createdAtMs === createdAtMs;
        if (isSame) this.#sessions.add(key);
      });
    }
  }

  sessions(): void {
    const clientIds = new Set<string>();
    const insert = this.#insertion("session (id, client_id, body)", 3);
    this.#copy("session", "sessions", insert, ({ id, body }) => {
      const key = Number(id);
      const { clientId } = readSession(openBody(body, checksumSeed(BodyKind.session, 0, key)));
      if (clientIds.has(clientId)) throw new StoredDataError(`Cannot keep two of "${clientId}"`);
      clientIds.add(clientId);
      this.#sessions.add(key);
      return [key, clientId, body as Uint8Array];
    });
  }

  /** This table has no row numbers; it is read session by session. */
  subscriptions(): void {
    const insert = this.#insertion("subscription (session, filter, body)", 3);
    const statement = this.#source.prepare("SELECT body FROM subscription WHERE session = ?");
    for (const key of this.#sessions) {
      const seed = checksumSeed(BodyKind.subscription, 0, key);
      const rows = this.#tryRead("subscriptions", () => statement.all(key)) ?? [];
      for (const { body } of rows as { readonly body: unknown }[]) {
        this.#write("subscriptions", insert, () => {
          const subscription = readSubscription(openBody(body, seed));
          return [key, storedFilter(subscription), body as Uint8Array];
        });
      }
    }
  }

  /** Before `queued`, where the loss of one counts for every session that waits for it. */
  messages(): void {
    const insert = this.#insertion("message (id, refs, body)", 3);
    this.#copy("message", undefined, insert, ({ id, body }) => {
      const number = Number(id);
      readMessage(openBody(body, checksumSeed(BodyKind.message, 0, number)));
      this.#refs.set(number, 0);
      return [number, 0, body as Uint8Array];
    });
  }

  queued(): void {
    const insert = this.#insertion("queued (id, bytes, message, body)", 4);
    this.#copy("queued", "queued", insert, ({ id, bytes, message, body }) => {
      this.#ownerOf(id, SEQ_BITS);
      const source = openBody(
        body,
        queuedSeed(Number(id >> BigInt(SEQ_BITS)), Number(id & BigInt(SEQ_MAX))),
      );
      readGrant(source);
      if (message === null) readMessage(source);
      else {
        const refs = this.#refs.get(Number(message));
        if (refs === undefined) throw new StoredDataError(`Cannot find message ${message}`);
        this.#refs.set(Number(message), refs + 1);
      }
      return [id, bytes as bigint, message as bigint | null, body as Uint8Array];
    });
  }

  inflight(): void {
    const insert = this.#insertion("inflight (id, packet_id, state)", 3);
    this.#copy("inflight", "packetIds", insert, ({ id, packet_id: packetId, state }) => {
      this.#ownerOf(id, SEQ_BITS);
      const isState = Number(state) >= InflightState.awaitsPuback &&
        Number(state) <= InflightState.awaitsPubcomp;
      if (!isState || Number(packetId) < 1 || Number(packetId) > 65535) {
        throw new StoredDataError(`Cannot keep packet identifier ${packetId} in state ${state}`);
      }
      return [id, packetId as bigint, state as bigint];
    });
  }

  /** A database of version 1 or 2 has no such table. */
  exchanges(): void {
    if (!this.#hasTable("exchange")) return;
    const insert = this.#insertion("exchange (id, body)", 2);
    this.#copy("exchange", "packetIds", insert, ({ id, body }) => {
      const key = Number(id);
      if (!this.#sessions.has(key)) throw new StoredDataError(`Cannot find session ${key}`);
      readExchange(openBody(body, checksumSeed(BodyKind.exchange, 0, key)));
      return [id, body as Uint8Array];
    });
  }

  received(): void {
    const insert = this.#insertion("received (id)", 1);
    this.#copy("received", "packetIds", insert, ({ id }) => {
      this.#ownerOf(id, PACKET_ID_BITS);
      return [id];
    });
  }

  retained(): void {
    const seed = checksumSeed(BodyKind.retained, 0, 0);
    const insert = this.#insertion("retained (topic, body)", 2);
    this.#copy("retained", "retained", insert, ({ body }) => {
      return [readMessage(openBody(body, seed)).topic, body as Uint8Array];
    });
  }

  /** A database of before version 4 has no such table. */
  delayed(): void {
    if (!this.#hasTable("delayed")) return;
    const insert = this.#insertion("delayed (id, body)", 2);
    this.#copy("delayed", "delayed", insert, ({ id, body }) => {
      readDelayed(openBody(body, checksumSeed(BodyKind.delayed, 0, Number(id))));
      return [id, body as Uint8Array];
    });
  }

  /** A database of version 1 has no such table. */
  records(): void {
    if (!this.#hasTable("record")) return;
    const insert = this.#insertion("record (kind, key, body)", 3);
    this.#copy("record", "records", insert, ({ body }) => {
      const { kind, key } = readRecord(body);
      return [kind, key, body as Uint8Array];
    });
  }

  /** Messages know how many rows name them, which may be fewer than before. */
  countRefs(): void {
    const update = this.#target.prepare("UPDATE message SET refs = ? WHERE id = ?");
    for (const [id, refs] of this.#refs) if (refs > 0) update.run(refs, id);
    this.#target.exec("DELETE FROM message WHERE refs = 0");
  }

  #hasTable(name: string): boolean {
    const sql = `SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '${name}')`;
    return numberOf(this.#source, sql) === 1;
  }

  #insertion(columns: string, count: number): StatementSync {
    const values = new Array<string>(count).fill("?").join(", ");
    return this.#target.prepare(`INSERT OR IGNORE INTO ${columns} VALUES (${values})`);
  }

  #copy(
    table: string,
    kind: keyof StoredCounts | undefined,
    insert: StatementSync,
    read: (row: NumberedRow) => SQLInputValue[],
  ): void {
    const onGap = (): void => {
      if (kind !== undefined) this.lost[kind]++;
    };
    for (const row of readableRows(this.#source, table, onGap)) {
      this.#write(kind, insert, () => read(row));
    }
  }

  /** What the source does not give is lost; what the target does not take is an error. */
  #write(
    kind: keyof StoredCounts | undefined,
    insert: StatementSync,
    read: () => SQLInputValue[],
  ): void {
    const values = this.#tryRead(kind, read);
    if (values === undefined) return;
    insert.run(...values);
    if (kind !== undefined) this.kept[kind]++;
  }

  #tryRead<T>(kind: keyof StoredCounts | undefined, read: () => T): T | undefined {
    try {
      return read();
    } catch {
      if (kind !== undefined) this.lost[kind]++;
      return undefined;
    }
  }

  #ownerOf(id: bigint, bits: number): void {
    const key = Number(id >> BigInt(bits));
    if (!this.#sessions.has(key)) throw new StoredDataError(`Cannot find session ${key}`);
  }
}
