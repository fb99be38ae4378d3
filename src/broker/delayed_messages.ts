import {
  CallbackTimer,
  type Clock,
  isPromise,
  type Logger,
  type MaybePromise,
  type TimerWheel,
} from "../base/mod.ts";
import { encodeUtf8, isSysTopic, ReasonCode } from "../mqtt/mod.ts";
import type { DelayedKey, DelayedMessage, Identity, LoadedDelayed } from "../ports/mod.ts";
import { type Message, messageBytes, plainMessage } from "../session/mod.ts";
import type { BrokerCounters } from "./counters.ts";
import { type DelayedTopic, isDelayedTopic, parseDelayedTopic } from "./delayed_topic.ts";
import { type Due, DueQueue } from "./due_queue.ts";
import type { Durability } from "./durability.ts";
import type { MqttOptions } from "./options.ts";
import type { PermitHolder } from "./permissions.ts";

export interface DelayedMessagesParts {
  readonly options: MqttOptions;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly logger: Logger;
  readonly counters: BrokerCounters;
  readonly durability: Durability;
  readonly permissions: {
    mayPublish(identity: Identity, topic: string, holder?: PermitHolder): MaybePromise<boolean>;
  };
  /** Publishes a message whose time has come, or that has none. */
  readonly publish: (message: Message, identity: Identity) => MaybePromise<ReasonCode>;
  /** Calls back after the other sockets had their turn. */
  readonly yieldTurn: (fn: () => void) => void;
}

interface WaitingMessage extends Due {
  readonly key: DelayedKey;
  /** Monotonic clock: what happens to the wall clock does not change a delay. */
  readonly dueMs: number;
  readonly delayed: DelayedMessage;
}

/** Messages that are published in one turn; very many may be due together, as after a long rest. */
const PUBLISHED_PER_TURN = 100;

/**
 * Messages on `$delayed/{seconds}/{topic}`, which are published on their topic when that time is over. They are
 * stored like any message that is acknowledged; what was due while the broker was down is published when it starts.
 *
 * Whether the publisher may is judged when the message comes, on the real topic.
 */
export class DelayedMessages {
  options: MqttOptions;
  readonly #parts: DelayedMessagesParts;
  readonly #queue = new DueQueue<WaitingMessage>();
  readonly #timer = new CallbackTimer(() => this.#publishDue());
  #bytes = 0;
  #isPublishing = false;

  constructor(parts: DelayedMessagesParts) {
    this.#parts = parts;
    this.options = parts.options;
  }

  /** Waiting now. */
  get count(): number {
    return this.#queue.length;
  }

  /** Of their payloads, topics and properties. */
  get bytes(): number {
    return this.#bytes;
  }

  /** All that wait, in no order; those that go while they are looked at may come all the same. */
  *values(): IterableIterator<LoadedDelayed> {
    yield* this.#queue.values();
  }

  /** Whether a message on `topic` is to be given to `take`; `at`: length of the mountpoint in front of it. */
  isDelayed(topic: string, at: number): boolean {
    return this.options.hasDelayedPublish && isDelayedTopic(topic, at);
  }

  /** Takes over what an earlier run left. */
  restore(loaded: readonly LoadedDelayed[]): void {
    const { clock } = this.#parts;
    const [nowMs, monotonicMs] = [clock.nowMs(), clock.monotonicMs()];
    for (const { key, delayed } of loaded) {
      // In the past where it is over, so that the order stays.
      this.#add({ key, delayed, dueMs: monotonicMs + delayed.dueAtMs - nowMs });
    }
    this.#schedule();
  }

  /**
   * Keeps a message until its time comes, or publishes it at once if that is now. The answer is the reason code for
   * the sender. `holder`: whose connection it came on, if it came on one.
   */
  take(
    message: Message,
    at: number,
    identity: Identity,
    holder: PermitHolder | undefined,
  ): MaybePromise<ReasonCode> {
    const { counters, permissions } = this.#parts;
    const parsed = parseDelayedTopic(message.topic, at);
    if (parsed === undefined) {
      counters.delayedInvalid++;
      return ReasonCode.topicNameInvalid;
    }
    if (isSysTopic(parsed.topic)) return this.#refuse();
    const isAllowed = permissions.mayPublish(identity, parsed.topic, holder);
    if (isPromise(isAllowed)) {
      return isAllowed.then((late) =>
        late ? this.#accept(message, parsed, identity) : this.#refuse()
      );
    }
    return isAllowed ? this.#accept(message, parsed, identity) : this.#refuse();
  }

  #refuse(): ReasonCode {
    this.#parts.counters.publishRefused++;
    return ReasonCode.notAuthorized;
  }

  #accept(
    named: Message,
    { delayS, topic }: DelayedTopic,
    { username }: Identity,
  ): MaybePromise<ReasonCode> {
    const { clock, counters, durability } = this.#parts;
    const message = { ...plainMessage(named), topic, topicBytes: encodeUtf8(topic) };
    if (delayS === 0) return this.#publish(message, username);
    if (!this.#hasRoomFor(messageBytes(message))) {
      counters.delayedRefused++;
      counters.publishRefused++;
      return ReasonCode.quotaExceeded;
    }
    const delayed = { dueAtMs: clock.nowMs() + delayS * 1000, username, message };
    const key = durability.store.putDelayed(delayed);
    durability.note();
    counters.delayed++;
    this.#add({ key, delayed, dueMs: clock.monotonicMs() + delayS * 1000 });
    this.#schedule();
    return ReasonCode.success;
  }

  #hasRoomFor(bytes: number): boolean {
    const { maxDelayedMessages, maxDelayedBytes } = this.options;
    return (maxDelayedMessages === 0 || this.count < maxDelayedMessages) &&
      (maxDelayedBytes === 0 || this.#bytes + bytes <= maxDelayedBytes);
  }

  #add(waiting: WaitingMessage): void {
    this.#queue.push(waiting);
    this.#bytes += messageBytes(waiting.delayed.message);
  }

  #schedule(): void {
    const { first } = this.#queue;
    if (first === undefined || this.#isPublishing) return;
    const { timers, clock } = this.#parts;
    timers.schedule(this.#timer, Math.max(0, first.dueMs - clock.monotonicMs()));
  }

  /** In the order in which they are due. */
  #publishDue(): void {
    const { clock, durability, yieldTurn } = this.#parts;
    const nowMs = clock.monotonicMs();
    this.#isPublishing = true;
    for (let count = 0; count < PUBLISHED_PER_TURN; count++) {
      const { first } = this.#queue;
      if (first === undefined || first.dueMs > nowMs) {
        this.#isPublishing = false;
        this.#schedule();
        // Nobody waits for it, but until it is committed a crash brings them again.
        durability.store.ticket();
        return;
      }
      this.#queue.shift();
      this.#bytes -= messageBytes(first.delayed.message);
      this.#publishOne(first);
    }
    yieldTurn(() => this.#publishDue());
  }

  #publishOne({ key, delayed }: WaitingMessage): void {
    const { clock, counters, durability, logger } = this.#parts;
    const { message, username } = delayed;
    if (message.expiresAtMs <= clock.nowMs()) {
      counters.delayedExpired++;
      durability.store.removeDelayed(key);
      return;
    }
    counters.delayedPublished++;
    const answer = this.#publish(message, username);
    if (!isPromise(answer)) {
      // In the commit of what came of it: after a crash it is either still to come or was published, not both.
      durability.store.removeDelayed(key);
      return;
    }
    answer.catch((error: unknown) =>
      logger.error("Cannot publish a delayed message", {
        topic: message.topic,
        error: String(error),
      })
    ).then(() => durability.store.removeDelayed(key));
  }

  #publish(message: Message, username: string | undefined): MaybePromise<ReasonCode> {
    return this.#parts.publish(message, {
      clientId: message.publisherId,
      username,
      remoteAddress: "",
      method: "internal",
      // It was judged when the message came.
      isSuperuser: true,
    });
  }
}
