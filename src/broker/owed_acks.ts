import { Deque } from "../base/mod.ts";
import { type AckType, PacketType, type ReasonCode } from "../mqtt/mod.ts";
import type { ClientOutlet } from "./client_outlet.ts";

/** Acknowledgements that one client may be owed before it is read on. */
const OWED_ACKS_MAX = 1000;

/**
 * Acknowledgements that promise something which is not yet durable, in the order in which they are to be sent.
 *
 * At full speed there is one for each message, and what is made for each message decides how often the garbage
 * collector holds everybody up: so type, reason code and packet identifier are one number, and what waits for a commit
 * is two.
 */
export class OwedAcks {
  readonly #acks = new Deque<number>();
  /** A ticket, and how many wait for it, and the next; tickets are handed out in order. */
  readonly #runs = new Deque<number>();
  /** A message was left without any, because the store was failing. */
  hasGap = false;

  get length(): number {
    return this.#acks.length;
  }

  get isFull(): boolean {
    return this.#acks.length >= OWED_ACKS_MAX;
  }

  push(type: AckType, packetId: number, reasonCode: ReasonCode, ticket: number): void {
    this.#acks.push(type << 24 | reasonCode << 16 | packetId);
    const runs = this.#runs;
    const countAt = runs.length - 1;
    if (countAt > 0 && (runs.at(countAt - 1) as number) >= ticket) {
      runs.set(countAt, (runs.at(countAt) as number) + 1);
      return;
    }
    runs.push(ticket);
    runs.push(1);
  }

  /** Sends up to `most` of those that wait for nothing after `ticket`; returns how many of them were PUBACKs. */
  release(ticket: number, most: number, out: ClientOutlet): number {
    const runs = this.#runs;
    let pubacks = 0;
    let left = most;
    while (left > 0 && runs.length > 0 && (runs.at(0) as number) <= ticket) {
      const count = runs.at(1) as number;
      const sent = Math.min(count, left);
      left -= sent;
      if (sent < count) runs.set(1, count - sent);
      else {
        runs.shift();
        runs.shift();
      }
      for (let i = 0; i < sent; i++) {
        const ack = this.#acks.shift() as number;
        const type = ack >>> 24 as AckType;
        if (type === PacketType.puback) pubacks++;
        out.sendAck(type, ack & 0xffff, (ack >>> 16 & 0xff) as ReasonCode);
      }
    }
    return pubacks;
  }
}
