import { assert, Deque } from "../../base/mod.ts";
import type {
  DelayedKey,
  LiveState,
  LoadedState,
  QueuedDelivery,
  SessionKey,
  SessionRecord,
  Store,
  StoreCounters,
  StoredGroup,
  StoreEvents,
} from "../../ports/mod.ts";
import {
  type Delivery,
  InflightState,
  type Message,
  messageBytes,
  ownDelivery,
} from "../../session/mod.ts";
import { MemoryRecords } from "./memory_records.ts";
import { createCounters, NO_EVENTS } from "../store_parts.ts";

/** The queue of one session: a window over its whole numbered order. */
class MemoryQueue {
  /** undefined: removed, but something older is still there. */
  readonly #deliveries = new Deque<Delivery<StoredGroup> | undefined>();
  /** `seq` of the first. */
  #firstSeq = 1;

  push(delivery: Delivery<StoredGroup>): number {
    this.#deliveries.push(delivery);
    return this.#firstSeq + this.#deliveries.length - 1;
  }

  remove(seq: number): void {
    const index = seq - this.#firstSeq;
    assert(index < this.#deliveries.length, "removed is what was pushed before");
    if (index < 0) return;
    this.#deliveries.set(index, undefined);
    while (this.#deliveries.length > 0 && this.#deliveries.at(0) === undefined) {
      this.#deliveries.shift();
      this.#firstSeq++;
    }
  }

  read(afterSeq: number, limit: number, bytesMax: number): QueuedDelivery[] {
    const found: QueuedDelivery[] = [];
    let bytes = 0;
    const from = Math.max(0, afterSeq + 1 - this.#firstSeq);
    for (let index = from; index < this.#deliveries.length; index++) {
      if (found.length >= limit || bytes >= bytesMax) break;
      const delivery = this.#deliveries.at(index);
      if (delivery === undefined) continue;
      found.push({ seq: this.#firstSeq + index, delivery });
      bytes += messageBytes(delivery.message);
    }
    return found;
  }
}

/**
 * The store of a broker that writes nothing to disk. It keeps queued messages, because a session reads back what it
 * does not hold itself; nobody ever asks it for anything else.
 */
export class MemoryStore implements Store {
  events: StoreEvents = NO_EVENTS;
  live: LiveState | undefined;
  readonly counters: StoreCounters = createCounters();
  readonly failure = undefined;
  readonly records = new MemoryRecords();
  readonly unreadable = 0;
  readonly committedTicket = 0;
  readonly waitingChanges = 0;
  readonly waitingBytes = 0;
  readonly #queues: (MemoryQueue | undefined)[] = [undefined];
  readonly #freeKeys: SessionKey[] = [];
  #lastDelayed = 0;

  load(): LoadedState {
    return { sessions: [], retained: [], delayed: [] };
  }

  createSession(_record: SessionRecord): SessionKey {
    const key = this.#freeKeys.pop() ?? this.#queues.length;
    this.#queues[key] = new MemoryQueue();
    return key;
  }

  putSession(_key: SessionKey, _record: SessionRecord): void {}

  removeSession(key: SessionKey): void {
    this.#queues[key] = undefined;
    this.#freeKeys.push(key);
  }

  putSubscription(): void {}

  removeSubscription(): void {}

  pushQueued(key: SessionKey, delivery: Delivery<StoredGroup>): number {
    return this.#queue(key).push(ownDelivery(delivery));
  }

  setInflight(key: SessionKey, seq: number, _packetId: number, state: InflightState): void {
    if (state === InflightState.awaitsPubcomp) this.#queue(key).remove(seq);
  }

  reserve(): void {}

  isStored(): boolean {
    return true;
  }

  removeQueued(key: SessionKey, seq: number): void {
    this.#queue(key).remove(seq);
  }

  readQueued(
    key: SessionKey,
    afterSeq: number,
    limit: number,
    bytesMax: number,
  ): QueuedDelivery[] {
    return this.#queue(key).read(afterSeq, limit, bytesMax);
  }

  addReceived(): void {}

  removeReceived(): void {}

  putRetained(_message: Message): void {}

  removeRetained(_topic: string): void {}

  putDelayed(): DelayedKey {
    return ++this.#lastDelayed;
  }

  removeDelayed(): void {}

  ticket(): number {
    return 0;
  }

  flush(): Promise<void> {
    return Promise.resolve();
  }

  backup(file: string): Promise<void> {
    return Promise.reject(
      new Error(`Cannot back up to "${file}": persistence is off, there is nothing on disk`),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #queue(key: SessionKey): MemoryQueue {
    const queue = this.#queues[key];
    assert(queue !== undefined, "a session that is not removed");
    return queue;
  }
}
