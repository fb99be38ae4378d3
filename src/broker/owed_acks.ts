import { Deque } from "../base/mod.ts";
import { type AckType, PacketType, type ReasonCode } from "../mqtt/mod.ts";
import type { ClientOutlet } from "./client_outlet.ts";

/** How many of the acknowledgements that are owed wait for one commit. */
interface TicketRun {
  readonly ticket: number;
  count: number;
}

/** Acknowledgements that one client may be owed before it is read on. */
const OWED_ACKS_MAX = 1000;

/**
 * Acknowledgements that promise something which is not yet durable, in the order in which they are to be sent.
 *
 * At full speed there is one for each message, and what is made for each message decides how often the garbage
 * collector holds everybody up: so type, reason code and packet identifier are one number.
 */
export class OwedAcks {
  readonly #acks = new Deque<number>();
  /** Tickets are handed out in order. */
  readonly #runs = new Deque<TicketRun>();
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
    const last = this.#runs.at(this.#runs.length - 1);
    if (last !== undefined && last.ticket >= ticket) last.count++;
    else this.#runs.push({ ticket, count: 1 });
  }

  /** Sends those that wait for nothing after `ticket`; returns how many of them were PUBACKs. */
  release(ticket: number, out: ClientOutlet): number {
    let pubacks = 0;
    for (let run = this.#runs.at(0); run !== undefined; run = this.#runs.at(0)) {
      if (run.ticket > ticket) break;
      this.#runs.shift();
      for (let left = run.count; left > 0; left--) {
        const ack = this.#acks.shift() as number;
        const type = ack >>> 24 as AckType;
        if (type === PacketType.puback) pubacks++;
        out.sendAck(type, ack & 0xffff, (ack >>> 16 & 0xff) as ReasonCode);
      }
    }
    return pubacks;
  }
}
