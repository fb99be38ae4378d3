import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { QueuedDelivery, StoredGroup } from "../../ports/mod.ts";
import { type Delivery, type Message, messageBytes } from "../../session/mod.ts";
import { BodyKind, openBody } from "../codec/body.ts";
import { StoredDataError } from "../codec/byte_source.ts";
import { checksumSeed } from "../codec/checksum.ts";
import { readGrant, readMessage } from "../codec/message_body.ts";
import { endOfGap } from "./readable_rows.ts";
import { SEQ_BITS, SEQ_MAX } from "./batch_format.ts";
import { queuedSeed } from "./row_seeds.ts";

/** Rows that are asked for at first; more when they turn out to be small. */
const FIRST_ROWS = 16;
const MORE_ROWS_MAX = 4096;

interface QueuedRow {
  readonly seq: number;
  readonly message: number | null;
  readonly body: Uint8Array;
}

/** Which part of a queue is wanted. */
export interface QueueRange {
  readonly key: number;
  /** The first wanted is after this. */
  readonly afterSeq: number;
  /** The last wanted is before this. */
  readonly beforeSeq: number;
  readonly limit: number;
  readonly bytesMax: number;
}

export interface QueueReaderEvents {
  /** The row is gone for the session, though not yet for the database. */
  isGone(seq: number): boolean;
  /** The row is there and cannot be read. */
  onUnreadable(seq: number): void;
  /** Some rows cannot be had from the database at all. */
  onGap(error: Error): void;
}

/** Reads queued messages that are committed. */
export class QueueReader {
  readonly #rows: StatementSync;
  readonly #message: StatementSync;
  /** Messages of several sessions that somebody holds: all get the same object. */
  readonly #shared = new Map<number, WeakRef<Message>>();
  #sharedMax = 1024;

  constructor(database: DatabaseSync) {
    this.#rows = database.prepare(
      `SELECT id & ${SEQ_MAX} AS seq, message, body FROM queued
      WHERE id > (? << ${SEQ_BITS}) | ? AND id < (? << ${SEQ_BITS}) | ? ORDER BY id LIMIT ?`,
    );
    this.#message = database.prepare("SELECT body FROM message WHERE id = ?");
  }

  read(range: QueueRange, events: QueueReaderEvents): QueuedDelivery[] {
    const { key, beforeSeq, limit, bytesMax } = range;
    const found: QueuedDelivery[] = [];
    let afterSeq = range.afterSeq;
    let bytes = 0;
    let count = FIRST_ROWS;
    while (found.length < limit && bytes < bytesMax && afterSeq + 1 < beforeSeq) {
      const wanted = Math.min(count, limit - found.length);
      const rows = this.#tryRows(key, afterSeq, beforeSeq, wanted);
      if (rows instanceof Error) {
        if (wanted === 1) {
          events.onGap(rows);
          afterSeq = this.#gapEnd(key, afterSeq, beforeSeq);
        }
        count = 1;
        continue;
      }
      for (const row of rows) {
        afterSeq = row.seq;
        if (events.isGone(row.seq)) continue;
        const delivery = this.#deliveryOf(key, row, events);
        if (delivery === undefined) continue;
        found.push({ seq: row.seq, delivery });
        bytes += messageBytes(delivery.message);
        if (bytes >= bytesMax) break;
      }
      if (rows.length < wanted) break;
      // As many as would come to what is left, were they of the size of those so far.
      const fitting = (bytesMax - bytes) * found.length / (bytes + 1);
      count = Math.floor(Math.max(FIRST_ROWS, Math.min(MORE_ROWS_MAX, fitting)));
    }
    return found;
  }

  #tryRows(
    key: number,
    afterSeq: number,
    beforeSeq: number,
    count: number,
  ): readonly QueuedRow[] | Error {
    try {
      return this.#rows.all(key, afterSeq, key, beforeSeq, count) as unknown as QueuedRow[];
    } catch (error) {
      return error instanceof Error ? error : new Error(String(error));
    }
  }

  /** What can be read goes on after this; at the end of the range, if nothing can. */
  #gapEnd(key: number, afterSeq: number, beforeSeq: number): number {
    const canReadAfter = (seq: bigint): boolean =>
      !(this.#tryRows(key, Number(seq), beforeSeq, 1) instanceof Error);
    return Number(endOfGap(BigInt(afterSeq), BigInt(beforeSeq), canReadAfter) ?? beforeSeq);
  }

  #deliveryOf(
    key: number,
    row: QueuedRow,
    events: QueueReaderEvents,
  ): Delivery<StoredGroup> | undefined {
    try {
      const source = openBody(row.body, queuedSeed(key, row.seq));
      const { qos, retain, identifiers, group } = readGrant(source);
      const message = row.message === null ? readMessage(source) : this.#sharedMessage(row.message);
      return { message, qos, retain, identifiers, group };
    } catch (error) {
      if (!(error instanceof StoredDataError)) throw error;
      events.onUnreadable(row.seq);
      return undefined;
    }
  }

  #sharedMessage(id: number): Message {
    const known = this.#shared.get(id)?.deref();
    if (known !== undefined) return known;
    const row = this.#message.get(id) as { readonly body: Uint8Array } | undefined;
    if (row === undefined) throw new StoredDataError(`Cannot read stored data: no message ${id}`);
    const message = readMessage(openBody(row.body, checksumSeed(BodyKind.message, 0, id)));
    this.#shared.set(id, new WeakRef(message));
    if (this.#shared.size > this.#sharedMax) this.#forgetShared();
    return message;
  }

  /** Drops what nobody holds; amortised, for the next time comes when twice as many are held. */
  #forgetShared(): void {
    for (const [id, ref] of this.#shared) if (ref.deref() === undefined) this.#shared.delete(id);
    this.#sharedMax = Math.max(1024, this.#shared.size * 2);
  }
}
