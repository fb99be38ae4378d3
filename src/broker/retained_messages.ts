import { CallbackTimer, type Clock, type Timer, type TimerWheel } from "../base/mod.ts";
import { RetainedTrie } from "../retain/mod.ts";
import { type Message, messageBytes } from "../session/mod.ts";
import type { BrokerCounters } from "./counters.ts";
import type { MqttOptions } from "./options.ts";

export interface RetainedMessagesParts {
  readonly options: MqttOptions;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly counters: BrokerCounters;
}

/** The last message of each topic that was published with the retain flag, until it expires. */
export class RetainedMessages {
  options: MqttOptions;
  readonly #trie = new RetainedTrie<Message>();
  readonly #expiries = new Map<string, Timer>();
  readonly #clock: Clock;
  readonly #timers: TimerWheel;
  readonly #counters: BrokerCounters;
  #bytes = 0;

  constructor(parts: RetainedMessagesParts) {
    this.options = parts.options;
    this.#clock = parts.clock;
    this.#timers = parts.timers;
    this.#counters = parts.counters;
  }

  get count(): number {
    return this.#trie.size;
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

  /**
   * Keeps the message in the place of the last one [MQTT-3.3.1-5]; an empty payload only removes that
   * [MQTT-3.3.1-6]. Over a limit nothing is kept, the old one neither, and a counter tells.
   */
  set(message: Message): void {
    this.remove(message.topic);
    if (message.payload.length === 0) return;
    if (!this.hasRoomFor(message.topic, message.payload.length)) {
      this.#counters.retainedRefused++;
      return;
    }
    this.#trie.set(message.topic, message);
    this.#bytes += messageBytes(message);
    if (message.expiresAtMs === Infinity) return;
    const timer = new CallbackTimer(() => this.remove(message.topic));
    this.#expiries.set(message.topic, timer);
    this.#timers.schedule(timer, Math.max(0, message.expiresAtMs - this.#clock.nowMs()));
  }

  /** False: there was none. */
  remove(topic: string): boolean {
    const old = this.#trie.get(topic);
    if (old === undefined) return false;
    this.#trie.remove(topic);
    this.#bytes -= messageBytes(old);
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

  /** All that a new subscription with `filter` gets. */
  match(filter: string): Message[] {
    const found: Message[] = [];
    const nowMs = this.#clock.nowMs();
    this.#trie.match(filter, (_topic, message) => {
      if (message.expiresAtMs > nowMs) found.push(message);
    });
    return found;
  }
}
