import { assert, Deque } from "../../base/mod.ts";
import type {
  DelayedKey,
  DelayedMessage,
  QueuedDelivery,
  SessionKey,
  SessionRecord,
  StoredGroup,
} from "../../ports/mod.ts";
import type { Subscription } from "../../routing/mod.ts";
import type { StoredExchange } from "../codec/exchange_body.ts";
import {
  type Delivery,
  InflightState,
  LentMessage,
  type Message,
  messageBytes,
} from "../../session/mod.ts";
import type { BatchMemory } from "./batch_memory.ts";

/** Packet identifier and state in one number; 0: not in flight. */
export function packInflight(packetId: number, state: InflightState): number {
  return packetId | state << 16;
}

/** What changed in one session since the last batch. What is undone before it is written leaves nothing here. */
export class SessionChanges {
  readonly key: SessionKey;
  /** The store has no row of it yet. */
  isNew: boolean;
  isRemoved = false;
  record: SessionRecord | undefined;
  /** undefined as a value: removed. */
  subscriptions: Map<string, Subscription | undefined> | undefined;
  /** Written as it is when the batch is sealed. */
  exchange: StoredExchange | undefined;
  /** false: removed. */
  received: Map<number, boolean> | undefined;
  /** `seq` of `pushed[0]`; messages before it were in an earlier batch. */
  readonly firstSeq: number;
  /** Messages by `seq`, or where they are in the batch's memory; undefined: gone again, or let go of after PUBREC. */
  readonly pushed = new Deque<Delivery<StoredGroup> | number | undefined>();
  /** `packInflight` of what is in `pushed`. */
  pushedInflight: number[] | undefined;
  /** The same of older messages, by `seq`. */
  olderInflight: Map<number, number> | undefined;
  /** Older messages that are gone: first and last `seq` of each range. */
  removed: number[] = [];
  readonly #memory: BatchMemory;

  constructor(key: SessionKey, isNew: boolean, firstSeq: number, memory: BatchMemory) {
    this.key = key;
    this.#memory = memory;
    this.isNew = isNew;
    this.firstSeq = firstSeq;
  }

  /** An older message is removed or let go of here. */
  hasLost(seq: number): boolean {
    const inflight = this.olderInflight?.get(seq);
    if (inflight !== undefined && inflight >>> 16 === InflightState.awaitsPubcomp) return true;
    const { removed } = this;
    for (let index = 0; index < removed.length; index += 2) {
      if (seq >= (removed[index] as number) && seq <= (removed[index + 1] as number)) return true;
    }
    return false;
  }

  /** Its messages leave the memory of the batch. */
  own(): void {
    for (let index = 0; index < this.pushed.length; index++) {
      const entry = this.pushed.at(index);
      if (typeof entry === "number") this.pushed.set(index, this.#memory.read(entry));
    }
  }

  /** What changed after all this, `later`, is read together with it. To be encoded it is no more. */
  append(later: SessionChanges): void {
    assert(later.firstSeq === this.firstSeq + this.pushed.length, "places follow each other");
    for (const delivery of later.pushed) this.pushed.push(delivery);
    for (const seq of later.removed) this.removed.push(seq);
    for (const [seq, packed] of later.olderInflight ?? []) {
      (this.olderInflight ??= new Map<number, number>()).set(seq, packed);
    }
  }

  /** What was pushed here after `afterSeq` and is still there. */
  *pushedAfter(afterSeq: number): Generator<QueuedDelivery, void, undefined> {
    const { firstSeq, pushed } = this;
    for (let index = Math.max(0, afterSeq + 1 - firstSeq); index < pushed.length; index++) {
      const entry = pushed.at(index);
      if (entry === undefined) continue;
      const delivery = typeof entry === "number" ? this.#memory.read(entry) : entry;
      yield { seq: firstSeq + index, delivery };
    }
  }
}

/**
 * Changes that become durable together. Gathers plain references, of which bytes are made when it is sealed; what is only
 * lent becomes bytes at once.
 */
export class ChangeBatch {
  readonly ticket: number;
  readonly memory: BatchMemory;
  readonly sessions: SessionChanges[] = [];
  /** Last value of each topic; undefined: removed. */
  readonly retained = new Map<string, Message | undefined>();
  /** By key; undefined: removed. */
  readonly delayed = new Map<DelayedKey, DelayedMessage | undefined>();
  /** Messages that went to several sessions. */
  shared: Set<Message> | undefined;
  /** Changes that are left, and the bytes of their messages: a measure, not an exact size. */
  changes = 0;
  bytes = 0;
  /** Somebody waits for it. */
  isUrgent = false;
  /** Since when, on the clock of `StoreTimers`. */
  urgentSinceMs = 0;
  /** How many promises do; those of one packet count once. */
  waiters = 0;
  #lastMessage: Message | undefined;

  /** `memory`: nothing else is in it until the batch is committed. */
  constructor(ticket: number, memory: BatchMemory) {
    this.ticket = ticket;
    this.memory = memory;
    memory.begin();
  }

  /** Something was noted, even if it cancelled out. */
  get isEmpty(): boolean {
    return this.sessions.length === 0 && this.retained.size === 0 && this.delayed.size === 0;
  }

  /** `bytes`, or more where messages are gone again whose memory is not. */
  get heldBytes(): number {
    return Math.max(this.bytes, this.memory.sink.length);
  }

  push(session: SessionChanges, delivery: Delivery<StoredGroup>): void {
    const { message } = delivery;
    const { key, firstSeq, pushed } = session;
    if (message instanceof LentMessage) {
      pushed.push(this.memory.put(key, firstSeq + pushed.length, delivery));
    } else {
      if (message === this.#lastMessage) (this.shared ??= new Set<Message>()).add(message);
      this.#lastMessage = message;
      pushed.push(delivery);
    }
    this.changes++;
    this.bytes += messageBytes(message);
  }

  setDelayed(key: DelayedKey, delayed: DelayedMessage | undefined): void {
    const old = this.delayed.get(key);
    if (old !== undefined) this.bytes -= messageBytes(old.message);
    if (delayed !== undefined) this.bytes += messageBytes(delayed.message);
    if (!this.delayed.has(key)) this.changes++;
    // Also where both are of this batch: somebody may wait for its ticket.
    this.delayed.set(key, delayed);
  }

  setInflight(
    session: SessionChanges,
    seq: number,
    packetId: number,
    state: InflightState,
  ): void {
    const packed = packInflight(packetId, state);
    const index = seq - session.firstSeq;
    if (index < 0) {
      (session.olderInflight ??= new Map<number, number>()).set(seq, packed);
      this.changes++;
      return;
    }
    assert(index < session.pushed.length, "in flight is what was pushed before");
    const inflight = session.pushedInflight ??= [];
    while (inflight.length <= index) inflight.push(0);
    inflight[index] = packed;
    if (state === InflightState.awaitsPubcomp) this.#forget(session, index);
  }

  remove(session: SessionChanges, seq: number): void {
    const index = seq - session.firstSeq;
    if (index >= 0) {
      assert(index < session.pushed.length, "removed is what was pushed before");
      this.#forget(session, index);
      const { pushedInflight } = session;
      if (pushedInflight !== undefined && index < pushedInflight.length) pushedInflight[index] = 0;
      return;
    }
    session.olderInflight?.delete(seq);
    const { removed } = session;
    const last = removed.length - 1;
    if (last > 0 && removed[last] === seq - 1) removed[last] = seq;
    else {
      removed.push(seq, seq);
      this.changes++;
    }
  }

  /** The session is gone with all that it had. */
  removeSession(session: SessionChanges): void {
    for (let index = 0; index < session.pushed.length; index++) this.#forget(session, index);
    session.isRemoved = true;
    session.record = undefined;
    session.subscriptions = undefined;
    session.received = undefined;
    session.exchange = undefined;
    session.pushed.clear();
    session.pushedInflight = undefined;
    session.olderInflight = undefined;
    session.removed = [];
    this.changes++;
  }

  #forget(session: SessionChanges, index: number): void {
    const { memory } = this;
    const entry = session.pushed.at(index);
    if (entry === undefined) return;
    session.pushed.set(index, undefined);
    this.changes--;
    if (typeof entry === "number") {
      this.bytes -= memory.messageBytes(entry);
      memory.forget(entry);
    } else this.bytes -= messageBytes(entry.message);
  }
}
