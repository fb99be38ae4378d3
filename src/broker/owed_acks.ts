import { Deque } from "../base/mod.ts";
import { type AckType, PacketType, type ReasonCode } from "../mqtt/mod.ts";
import type { ClientOutlet } from "./client_outlet.ts";

/** An acknowledgement and the commit that it waits for. */
interface OwedAck {
  readonly type: AckType;
  readonly packetId: number;
  readonly reasonCode: ReasonCode;
  readonly ticket: number;
}

/** Acknowledgements that one client may be owed before it is read on. */
const OWED_ACKS_MAX = 1000;

/** Acknowledgements that promise something which is not yet durable, in the order in which they are to be sent. */
export class OwedAcks {
  readonly #acks = new Deque<OwedAck>();
  /** A message was left without any, because the store was failing. */
  hasGap = false;

  get length(): number {
    return this.#acks.length;
  }

  get isFull(): boolean {
    return this.#acks.length >= OWED_ACKS_MAX;
  }

  push(type: AckType, packetId: number, reasonCode: ReasonCode, ticket: number): void {
    this.#acks.push({ type, packetId, reasonCode, ticket });
  }

  /** Sends those that wait for nothing after `ticket`; returns how many of them were PUBACKs. */
  release(ticket: number, out: ClientOutlet): number {
    let pubacks = 0;
    while (this.#acks.length > 0) {
      const next = this.#acks.at(0) as OwedAck;
      if (next.ticket > ticket) break;
      this.#acks.shift();
      if (next.type === PacketType.puback) pubacks++;
      out.sendAck(next.type, next.packetId, next.reasonCode);
    }
    return pubacks;
  }
}
