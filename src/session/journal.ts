import type { InflightState } from "./inflight.ts";
import type { Delivery } from "./message.ts";

/** A delivery that was read back, with its place in the order of its session. */
export interface JournalEntry<Group extends object> {
  readonly seq: number;
  readonly delivery: Delivery<Group>;
}

/**
 * What a session that outlives its connection reports, so that it can be rebuilt after a crash. Notes are plain
 * calls; they are durable once the `ticket` that was taken after them is committed.
 */
export interface Journal<Group extends object> {
  /**
   * Notes the newest message; returns its place in the order, which grows and is never 0. A `LentMessage` is for this
   * session alone, and with its delivery good for this call alone.
   */
  push(delivery: Delivery<Group>): number;
  /** The message was given this packet identifier; "awaits PUBCOMP" lets go of the message, and keeps that. */
  setInflight(seq: number, packetId: number, state: InflightState): void;
  /**
   * Messages up to `seq` may from now on have been sent under the identifiers of their places; those behind it, even
   * if they were reserved before, were not. `setInflight` need not be told of them before PUBREC.
   */
  reserve(seq: number): void;
  /** The message is stored: it keeps its place whatever happens. */
  isStored(seq: number): boolean;
  /** Delivered, dropped or moved. */
  remove(seq: number): void;
  addReceived(packetId: number): void;
  removeReceived(packetId: number): void;
  /** The oldest messages behind `afterSeq`; whole pages, but no more than `bytesMax` bytes and one message. */
  read(afterSeq: number, limit: number, bytesMax: number): JournalEntry<Group>[];
  /** Of everything that was noted so far. */
  ticket(): number;
  readonly committedTicket: number;
  /** It cannot write just now, or not fast enough: no time for what nobody is promised. */
  readonly isBehind: boolean;
  /** Asks for a call of the session's `onCommitted` with every commit until nothing is held back. */
  wake(): void;
}
