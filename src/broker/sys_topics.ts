import { CallbackTimer, type Clock, isPromise, type Logger, type TimerWheel } from "../base/mod.ts";
import { encodeUtf8 } from "../mqtt/mod.ts";
import { BROKER_IDENTITY, type Publisher } from "../ports/mod.ts";
import { NO_BYTES } from "../session/mod.ts";
import type { BrokerCounters } from "./counters.ts";
import type { StoreTopics } from "./store_topics.ts";

/** Figures that are not counters. */
export interface SysFigures {
  readonly sessions: number;
  readonly connected: number;
  readonly connectedMaximum: number;
  readonly subscriptions: number;
  readonly sharedSubscriptions: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  readonly delayedMessages: number;
  readonly delayedBytes: number;
  readonly heapBytes: number;
}

export interface SysTopicsParts {
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly logger: Logger;
  readonly publisher: Publisher;
  readonly counters: BrokerCounters;
  readonly version: string;
  readonly figures: () => SysFigures;
  readonly store: StoreTopics;
}

const PREFIX = "$SYS/broker/";
const MINUTE_MS = 60_000;
/** Load averages: name and minutes. */
const LOAD_PERIODS = [["1min", 1], ["5min", 5], ["15min", 15]] as const;

/** What the load averages are taken of. */
const LOADS: readonly (readonly [name: string, read: (counters: BrokerCounters) => number])[] = [
  ["messages/received", (counters) => counters.packetsReceived],
  ["messages/sent", (counters) => counters.packetsSent],
  ["bytes/received", (counters) => counters.bytesReceived],
  ["bytes/sent", (counters) => counters.bytesSent],
  ["publish/received", (counters) => counters.publishReceived],
  ["publish/sent", (counters) => counters.publishSent],
  ["publish/dropped", (counters) => counters.droppedMessages],
  ["sockets", (counters) => counters.connectionsAccepted],
];

/** The broker's own figures as retained messages, under the names that mosquitto gave them. */
export class SysTopics {
  readonly #parts: SysTopicsParts;
  readonly #startedMs: number;
  readonly #timer = new CallbackTimer(() => this.#tick());
  /** What was published last, so that only what changed is published again. */
  readonly #last = new Map<string, string>();
  readonly #loads = new Map<string, { sum: number; averages: number[] }>();
  #lastTickMs: number;
  #intervalMs = 0;
  #heapMaximum = 0;

  constructor(parts: SysTopicsParts) {
    this.#parts = parts;
    this.#startedMs = parts.clock.monotonicMs();
    this.#lastTickMs = this.#startedMs;
  }

  /** Publishes now and then every `intervalMs`; 0: never. */
  start(intervalMs: number): void {
    this.stop();
    this.#intervalMs = intervalMs;
    if (intervalMs > 0) this.#tick();
  }

  stop(): void {
    this.#parts.timers.cancel(this.#timer);
  }

  #tick(): void {
    this.#updateLoads();
    for (const [topic, value] of this.#values()) this.#publish(topic, value);
    this.#parts.timers.schedule(this.#timer, this.#intervalMs);
  }

  *#values(): IterableIterator<[topic: string, value: string | number]> {
    const { counters, version, clock } = this.#parts;
    const figures = this.#parts.figures();
    this.#heapMaximum = Math.max(this.#heapMaximum, figures.heapBytes);
    yield ["version", version];
    yield ["uptime", `${Math.floor((clock.monotonicMs() - this.#startedMs) / 1000)} seconds`];
    const disconnected = figures.sessions - figures.connected;
    yield ["clients/total", figures.sessions];
    yield ["clients/connected", figures.connected];
    yield ["clients/active", figures.connected];
    yield ["clients/disconnected", disconnected];
    yield ["clients/inactive", disconnected];
    yield ["clients/maximum", figures.connectedMaximum];
    yield ["clients/expired", counters.sessionsExpired];
    yield ["messages/received", counters.packetsReceived];
    yield ["messages/sent", counters.packetsSent];
    yield ["messages/inflight", counters.sessions.inflight];
    const stored = figures.retainedMessages + figures.delayedMessages +
      counters.sessions.queuedMessages;
    yield ["messages/stored", stored];
    yield ["store/messages/count", stored];
    const storedBytes = figures.retainedBytes + figures.delayedBytes +
      counters.sessions.queuedBytes;
    yield ["store/messages/bytes", storedBytes];
    yield* this.#parts.store.values(clock.monotonicMs());
    yield ["publish/messages/received", counters.publishReceived];
    yield ["publish/messages/sent", counters.publishSent];
    yield ["publish/messages/dropped", counters.droppedMessages];
    yield ["publish/bytes/received", counters.publishBytesReceived];
    yield ["publish/bytes/sent", counters.publishBytesSent];
    yield ["acl/denied/publish", counters.aclDeniedPublish];
    yield ["acl/denied/subscribe", counters.aclDeniedSubscribe];
    yield ["acl/denied/receive", counters.aclDeniedReceive];
    yield ["bytes/received", counters.bytesReceived];
    yield ["bytes/sent", counters.bytesSent];
    yield ["retained messages/count", figures.retainedMessages];
    yield ["delayed messages/count", figures.delayedMessages];
    yield ["subscriptions/count", figures.subscriptions];
    yield ["shared_subscriptions/count", figures.sharedSubscriptions];
    yield ["heap/current", figures.heapBytes];
    yield ["heap/maximum", this.#heapMaximum];
    for (const [name, load] of this.#loads) {
      for (const [index, [period]] of LOAD_PERIODS.entries()) {
        yield [`load/${name}/${period}`, (load.averages[index] ?? 0).toFixed(2)];
      }
    }
  }

  /** Exponentially weighted averages per minute over one, five and fifteen minutes. */
  #updateLoads(): void {
    const { clock, counters } = this.#parts;
    const nowMs = clock.monotonicMs();
    const elapsedMs = nowMs - this.#lastTickMs;
    this.#lastTickMs = nowMs;
    for (const [name, read] of LOADS) {
      const sum = read(counters);
      const load = this.#loads.get(name);
      if (load === undefined || elapsedMs <= 0) {
        if (load === undefined) this.#loads.set(name, { sum, averages: [0, 0, 0] });
        continue;
      }
      const perMinute = (sum - load.sum) * MINUTE_MS / elapsedMs;
      load.sum = sum;
      for (const [index, [, minutes]] of LOAD_PERIODS.entries()) {
        const weight = Math.exp(-elapsedMs / (minutes * MINUTE_MS));
        const before = load.averages[index] ?? 0;
        load.averages[index] = before * weight + perMinute * (1 - weight);
      }
    }
  }

  #publish(name: string, value: string | number): void {
    const text = String(value);
    if (this.#last.get(name) === text) return;
    this.#last.set(name, text);
    const topic = PREFIX + name;
    const answer = this.#parts.publisher.publishMessage({
      topic,
      topicBytes: encodeUtf8(topic),
      payload: encodeUtf8(text),
      qos: 0,
      retain: true,
      properties: NO_BYTES,
      expiresAtMs: Infinity,
      publisherId: "",
    }, BROKER_IDENTITY);
    if (!isPromise(answer)) return;
    answer.catch((error: unknown) =>
      this.#parts.logger.error("Cannot publish a $SYS topic", { topic, error: String(error) })
    );
  }
}
