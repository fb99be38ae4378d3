import {
  CallbackTimer,
  type Clock,
  type Sequenced,
  type SequenceList,
  type Timer,
  type TimerWheel,
} from "../base/mod.ts";
import { isSysTopic, topicLevelCount } from "../mqtt/mod.ts";
import { type RetainedEntry, RetainedTrie, type RetainedWalk } from "../retain/mod.ts";
import { type Message, messageBytes } from "../session/mod.ts";
import type { BrokerCounters } from "./counters.ts";
import type { Durability } from "./durability.ts";
import type { BrokerGauges, Gauge } from "./gauges.ts";
import type { LimitsOptions, MqttOptions } from "./options.ts";

export interface RetainedMessagesParts {
  readonly options: MqttOptions;
  readonly limits: LimitsOptions;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly counters: BrokerCounters;
  readonly gauges: BrokerGauges;
  readonly durability: Durability;
}

/** Retained messages that one filter matches, found piece by piece. */
export class RetainedSearch {
  readonly found: Message[] = [];
  readonly #walk: RetainedWalk<Message>;
  readonly #clock: Clock;

  constructor(walk: RetainedWalk<Message>, clock: Clock) {
    this.#walk = walk;
    this.#clock = clock;
  }

  /** Places that were looked at so far. */
  get visited(): number {
    return this.#walk.visited;
  }

  /** Looks at no more than so many places. True: everything was looked at. */
  step(places: number): boolean {
    const nowMs = this.#clock.nowMs();
    return this.#walk.step(places, (_topic, message) => {
      if (message.expiresAtMs > nowMs) this.found.push(message);
    });
  }
}

/** What a level of a topic takes that no other topic has in common with it, in a tree. */
const NODE_BYTES = 100;

const NOTHING: RetainedTrie<Message> = new RetainedTrie();

/** The last message of each topic that was published with the retain flag, until it expires. */
export class RetainedMessages {
  options: MqttOptions;
  limits: LimitsOptions;
  readonly #trie = new RetainedTrie<Message>();
  readonly #expiries = new Map<string, Timer>();
  readonly #clock: Clock;
  readonly #timers: TimerWheel;
  readonly #counters: BrokerCounters;
  readonly #durability: Durability;
  readonly #gauge: Gauge;
  #bytes = 0;
  #sysCount = 0;

  constructor(parts: RetainedMessagesParts) {
    this.options = parts.options;
    this.limits = parts.limits;
    this.#clock = parts.clock;
    this.#timers = parts.timers;
    this.#counters = parts.counters;
    this.#gauge = parts.gauges.retained;
    this.#durability = parts.durability;
  }

  get count(): number {
    return this.#trie.size;
  }

  /** Without those on `$SYS/…`. */
  get countWithoutSys(): number {
    return this.#trie.size - this.#sysCount;
  }

  /** Payloads, topics and properties. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Whether a message of that payload size could be kept under `topic` now. */
  hasRoomFor(topic: string, payloadBytes: number): boolean {
    if (payloadBytes > this.options.maxRetainedPayloadBytes) return false;
    const { maxRetainedMessages } = this.options;
    if (maxRetainedMessages === 0 || this.#trie.size < maxRetainedMessages) return true;
    return this.#trie.get(topic) !== undefined;
  }

  #hasBytesFor(message: Message): boolean {
    const { maxRetainedBytes } = this.limits;
    if (maxRetainedBytes === 0) return true;
    // As if no other topic began as this one does.
    const nodes = this.#trie.nodeCount + topicLevelCount(message.topic);
    return this.#bytes + messageBytes(message) + nodes * NODE_BYTES <= maxRetainedBytes;
  }

  /**
   * Keeps the message in the place of the last one [MQTT-3.3.1-5]; an empty payload only removes that
   * [MQTT-3.3.1-6]. Over a limit nothing is kept, the old one neither, and a counter tells. Without a retainer all
   * stays as it is.
   */
  set(message: Message): void {
    const { topic } = message;
    if (!this.options.hasRetainer && !isSysTopic(topic)) return;
    const wasThere = this.#forget(topic);
    const isKept = message.payload.length > 0 && this.hasRoomFor(topic, message.payload.length) &&
      this.#hasBytesFor(message);
    if (isKept) this.#keep(message);
    else if (message.payload.length > 0) this.#counters.retainedRefused++;
    // `$SYS` is made anew at every start.
    if (isSysTopic(topic) || (!isKept && !wasThere)) return;
    this.#durability.note();
    if (isKept) this.#durability.store.putRetained(message);
    else this.#durability.store.removeRetained(topic);
  }

  /** Takes over what an earlier run of the broker kept. */
  restore(message: Message): void {
    if (message.expiresAtMs > this.#clock.nowMs()) this.#keep(message);
    else this.#durability.store.removeRetained(message.topic);
  }

  /** False: there was none. */
  remove(topic: string): boolean {
    if (!this.#forget(topic)) return false;
    if (!isSysTopic(topic)) this.#durability.store.removeRetained(topic);
    return true;
  }

  #keep(message: Message): void {
    const { topic } = message;
    this.#trie.set(topic, message);
    this.#bytes += messageBytes(message);
    if (isSysTopic(topic)) this.#sysCount++;
    this.#gauge.set(this.countWithoutSys);
    if (message.expiresAtMs === Infinity) return;
    const timer = new CallbackTimer(() => this.remove(topic));
    this.#expiries.set(topic, timer);
    this.#timers.schedule(timer, Math.max(0, message.expiresAtMs - this.#clock.nowMs()));
  }

  #forget(topic: string): boolean {
    const old = this.#trie.get(topic);
    if (old === undefined) return false;
    this.#trie.remove(topic);
    this.#bytes -= messageBytes(old);
    if (isSysTopic(topic)) this.#sysCount--;
    this.#gauge.set(this.countWithoutSys);
    const timer = this.#expiries.get(topic);
    if (timer !== undefined) {
      this.#timers.cancel(timer);
      this.#expiries.delete(topic);
    }
    return true;
  }

  get(topic: string): Message | undefined {
    const message = this.#trie.get(topic);
    return message === undefined || message.expiresAtMs <= this.#clock.nowMs()
      ? undefined
      : message;
  }

  /** Topics that `#` matches, in the order in which they got their first message; expired ones may still be there. */
  get inOrder(): SequenceList<RetainedEntry<Message> & Sequenced> {
    return this.#trie.inOrder;
  }

  /** All that are kept, those on `$…` included. Others may come and go between two of them. */
  messages(): IterableIterator<Message> {
    return this.#trie.messages();
  }

  /** Looks for all that a new subscription with `filter` gets, which may be long work: nothing without a retainer. */
  replay(filter: string): RetainedSearch {
    return this.options.hasRetainer
      ? this.search(filter)
      : new RetainedSearch(NOTHING.walk(filter), this.#clock);
  }

  /** Looks for all that `filter` matches. */
  search(filter: string): RetainedSearch {
    return new RetainedSearch(this.#trie.walk(filter), this.#clock);
  }
}
