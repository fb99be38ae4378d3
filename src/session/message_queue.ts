import { Deque } from "../base/mod.ts";
import type { SessionCounters, SessionLimits } from "./limits.ts";
import { type Delivery, messageBytes } from "./message.ts";

/** Messages that wait for quota or for the client, oldest first, within the session's limits. */
export class MessageQueue<Group extends object> {
  readonly #waiting = new Deque<Delivery<Group>>();
  #bytes = 0;

  get length(): number {
    return this.#waiting.length;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** The oldest. */
  peek(): Delivery<Group> | undefined {
    return this.#waiting.length === 0 ? undefined : this.#waiting.at(0);
  }

  /** False: `delivery` itself was dropped. Older ones may be dropped for it instead. */
  push(delivery: Delivery<Group>, limits: SessionLimits, counters: SessionCounters): boolean {
    const bytes = messageBytes(delivery.message);
    if (bytes > limits.queuedBytesMax) {
      counters.droppedQueueFull++;
      return false;
    }
    while (
      this.#waiting.length >= limits.queuedMessagesMax ||
      this.#bytes + bytes > limits.queuedBytesMax
    ) {
      counters.droppedQueueFull++;
      if (limits.whenFull === "drop_newest") return false;
      this.shift(counters);
    }
    this.#add(delivery, bytes, counters);
    return true;
  }

  shift(counters: SessionCounters): Delivery<Group> | undefined {
    const delivery = this.#waiting.shift();
    if (delivery === undefined) return undefined;
    const bytes = messageBytes(delivery.message);
    this.#bytes -= bytes;
    counters.queuedMessages--;
    counters.queuedBytes -= bytes;
    return delivery;
  }

  /** Takes out what `isWanted` says, in order; the rest stays in order. */
  extract(
    isWanted: (delivery: Delivery<Group>) => boolean,
    counters: SessionCounters,
  ): Delivery<Group>[] {
    const wanted: Delivery<Group>[] = [];
    const kept: Delivery<Group>[] = [];
    for (let next = this.shift(counters); next !== undefined; next = this.shift(counters)) {
      (isWanted(next) ? wanted : kept).push(next);
    }
    for (const delivery of kept) this.#add(delivery, messageBytes(delivery.message), counters);
    return wanted;
  }

  #add(delivery: Delivery<Group>, bytes: number, counters: SessionCounters): void {
    this.#waiting.push(delivery);
    this.#bytes += bytes;
    counters.queuedMessages++;
    counters.queuedBytes += bytes;
  }
}
