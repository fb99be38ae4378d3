import type { DatabaseSync } from "node:sqlite";
import type { SessionKey, StoredInflight, StoredQueue } from "../../ports/mod.ts";
import { InflightState, packetIdOfPlace } from "../../session/mod.ts";
import { BodyKind, openBody } from "../codec/body.ts";
import { StoredDataError } from "../codec/byte_source.ts";
import { checksumSeed } from "../codec/checksum.ts";
import { readExchange } from "../codec/exchange_body.ts";
import { SEQ_BITS, SEQ_MAX } from "./batch_format.ts";

/** What is loaded of a session here: its list of messages in flight, and what that says of its queue. */
export interface InflightParts {
  readonly inflight: StoredInflight[];
  queue: StoredQueue;
}

export type LoadedExchange = ReturnType<typeof readExchange>;

export interface LoadedExchanges {
  /** Of each session that has one, by key. */
  readonly exchanges: ReadonlyMap<SessionKey, LoadedExchange>;
  /** Messages of QoS 0 that may have been sent: they are over, for none is sent twice. */
  readonly lapsed: readonly { readonly key: SessionKey; readonly seq: number }[];
}

/** Where the byte with the QoS is in a body, for `substr`; see `writeGrant`. */
const GRANT_AT = 6;
const QOS_BITS = 0b11;
const PACKET_ID_MAX = 65535;

/** Every message in flight: those with a row of their own, and those that follow from the session's exchange. */
export function loadInflight(
  database: DatabaseSync,
  partsOf: (key: SessionKey) => InflightParts,
): LoadedExchanges {
  loadRows(database, partsOf);
  const exchanges = loadExchanges(database);
  const lapsed: { readonly key: SessionKey; readonly seq: number }[] = [];
  const reserved = database.prepare(
    `SELECT id & ${SEQ_MAX} AS seq, bytes, substr(body, ${GRANT_AT}, 1) AS grant FROM queued
    WHERE id BETWEEN ? << ${SEQ_BITS} AND (? << ${SEQ_BITS}) | ? ORDER BY id`,
  );
  for (const [key, exchange] of exchanges) {
    const parts = partsOf(key);
    const rows = reserved.all(key, key, exchange.reserved) as unknown as ReservedRow[];
    for (const { seq, bytes } of addReserved(parts.inflight, exchange, rows)) {
      lapsed.push({ key, seq });
      parts.queue = {
        ...parts.queue,
        count: parts.queue.count - 1,
        bytes: parts.queue.bytes - bytes,
      };
    }
  }
  return { exchanges, lapsed };
}

function loadRows(database: DatabaseSync, partsOf: (key: SessionKey) => InflightParts): void {
  const rows = database.prepare(
    `SELECT i.id >> ${SEQ_BITS} AS session, i.id & ${SEQ_MAX} AS seq, packet_id, state,
      coalesce(q.bytes, 0) AS bytes
    FROM inflight i LEFT JOIN queued q ON q.id = i.id ORDER BY i.id`,
  ).all() as unknown as {
    readonly session: number;
    readonly seq: number;
    readonly packet_id: number;
    readonly state: number;
    readonly bytes: number;
  }[];
  for (const { session, seq, packet_id: packetId, state, bytes } of rows) {
    if (state < InflightState.awaitsPuback || state > InflightState.awaitsPubcomp) {
      throw new StoredDataError(`Cannot read stored data: state ${state} of packet ${packetId}`);
    }
    partsOf(session).inflight.push({ seq, packetId, state: state as InflightState, bytes });
  }
}

function loadExchanges(database: DatabaseSync): Map<SessionKey, LoadedExchange> {
  const rows = database.prepare(
    `SELECT e.id AS key, e.body, s.id IS NULL AS isAlone
    FROM exchange e LEFT JOIN session s ON s.id = e.id ORDER BY e.id`,
  ).all() as unknown as {
    readonly key: number;
    readonly body: Uint8Array;
    readonly isAlone: number;
  }[];
  const exchanges = new Map<SessionKey, LoadedExchange>();
  for (const { key, body, isAlone } of rows) {
    if (isAlone === 1) throw new StoredDataError(`Cannot read stored data: no session ${key}`);
    exchanges.set(key, readExchange(openBody(body, checksumSeed(BodyKind.exchange, 0, key))));
  }
  return exchanges;
}

interface ReservedRow {
  readonly seq: number;
  readonly bytes: number;
  readonly grant: Uint8Array | null;
}

/** Returns the messages of QoS 0, which are not in flight. */
function addReserved(
  inflight: StoredInflight[],
  { released }: LoadedExchange,
  rows: readonly ReservedRow[],
): readonly ReservedRow[] {
  const known = new Set(inflight.map(({ seq }) => seq));
  const taken = new Set(inflight.map(({ packetId }) => packetId));
  const add = (seq: number, state: InflightState, bytes: number): void => {
    let packetId = packetIdOfPlace(seq);
    // Only where rows are lost: two messages never have the same.
    while (taken.has(packetId) && taken.size < PACKET_ID_MAX) {
      packetId = packetId % PACKET_ID_MAX + 1;
    }
    taken.add(packetId);
    inflight.push({ seq, packetId, state, bytes });
  };
  for (const seq of released) if (!known.has(seq)) add(seq, InflightState.awaitsPubcomp, 0);
  const lapsed: ReservedRow[] = [];
  for (const row of rows) {
    if (known.has(row.seq)) continue;
    const qos = (row.grant?.[0] ?? 0) & QOS_BITS;
    if (qos === 0) lapsed.push(row);
    else {add(
        row.seq,
        qos === 1 ? InflightState.awaitsPuback : InflightState.awaitsPubrec,
        row.bytes,
      );}
  }
  inflight.sort((a, b) => a.seq - b.seq);
  return lapsed;
}
