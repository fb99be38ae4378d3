import type { Clock, Logger, Prng } from "../base/mod.ts";
import type { ClientEvent, EventClient, EventSink, EventSource } from "../ports/mod.ts";
import { type Message, type MessageOrigin, Publication } from "../session/mod.ts";
import {
  AfterWork,
  createSinkCounters,
  type HostRules,
  type HttpItem,
  type Job,
  type SinkBuffer,
  type SinkCounters,
  type SinkError,
} from "../sinks/mod.ts";
import { clientBodies, messageBody } from "./bodies.ts";
import {
  countMatching,
  filtersByHook,
  type HookFilters,
  type HookName,
  maskOf,
  parseHookRules,
} from "./hook_rule.ts";
import type { WebHookOptions } from "./options.ts";
import { addCounters, Outbox, type WebHookRuntime } from "./outbox.ts";

/** Where somebody hears of a web service that cannot be reached. */
export interface WebHookAlarms {
  raise(alarm: {
    readonly id: string;
    readonly title: string;
    readonly description: string;
    readonly severity: "error";
  }): void;
  clear(id: string): unknown;
}

export interface WebHookParts {
  readonly events: EventSource;
  readonly runtime: WebHookRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly alarms: WebHookAlarms;
  readonly prng: Prng;
  /** Where it may post to, as that is now. */
  readonly hosts: () => HostRules;
}

/** What belongs to one configuration. */
interface Active {
  readonly options: WebHookOptions;
  readonly filters: HookFilters;
  readonly ca: string | undefined;
  readonly outbox: Outbox;
}

type MessageHook = HookName & `message.${string}`;

/** Something that happened to a message and is still to be posted. */
interface PutOff extends Job {
  readonly active: Active;
  readonly lane: SinkBuffer<HttpItem>;
  readonly hook: MessageHook;
  /** As often as it was asked for. */
  readonly count: number;
  readonly message: Message;
  readonly origin: MessageOrigin | undefined;
  readonly receiver: EventClient | undefined;
}

/** For what waits when the hook is switched off or another one takes its place, in milliseconds. */
const FLUSH_MS = 2000;
const ALARM = "web_hook_down";
const encoder = new TextEncoder();

/**
 * Posts what happens to a web service. Nothing in the broker waits for it: what cannot be posted is dropped, and counted.
 * What is posted of a message is made when the message is on its way.
 */
export class WebHook implements EventSink {
  /** Only what the rules are about; 0: it is off. */
  mask = 0;
  readonly #parts: WebHookParts;
  #active: Active | undefined;
  /** Of outboxes that are closed. */
  readonly #past: SinkCounters = createSinkCounters();
  readonly #closing = new Set<Outbox>();
  readonly #later: AfterWork<PutOff>;
  #isDown = false;

  constructor(parts: WebHookParts) {
    this.#parts = parts;
    this.#later = new AfterWork({
      runtime: parts.runtime,
      monotonicMs: () => parts.clock.monotonicMs(),
      run: (job) => this.#postLate(job),
    });
    parts.events.add(this);
  }

  /** Sums since the start, and what waits now. */
  get counters(): Readonly<SinkCounters> {
    const sum = addCounters(createSinkCounters(), this.#past);
    for (const outbox of this.#closing) addCounters(sum, outbox.counters);
    if (this.#active !== undefined) addCounters(sum, this.#active.outbox.counters);
    return sum;
  }

  /** Takes what is configured now; `ca` is what its file holds. What waits already stays where it is going. */
  configure(options: WebHookOptions, ca: string | undefined): void {
    this.#later.flush();
    const active = this.#active;
    const rules = parseHookRules(options.rules);
    const filters = filtersByHook(rules);
    if (!options.isEnabled) {
      this.#active = undefined;
      if (active !== undefined) this.#retire(active.outbox);
    } else if (active === undefined || !isSameWay(active, options, ca)) {
      this.#active = { options, filters, ca, outbox: this.#createOutbox(options, ca) };
      if (active !== undefined) this.#retire(active.outbox);
    } else {
      this.#active = { ...active, options, filters };
    }
    this.mask = options.isEnabled ? maskOf(rules) : 0;
    this.#parts.events.refresh();
  }

  onPublish(publication: Publication, origin: MessageOrigin): void {
    if (publication.isSys) return;
    this.#postMessage("message.publish", publication, origin, undefined);
  }

  onDeliver(message: Publication | Message, receiver: EventClient): void {
    this.#postMessage("message.deliver", message, message.origin, receiver);
  }

  onAcked(message: Message, receiver: EventClient): void {
    this.#postMessage("message.acked", message, message.origin, receiver);
  }

  onDropped(): void {
    // The product has no hook for it, and the mask never asks for it.
  }

  onClient(event: ClientEvent): void {
    const active = this.#active;
    if (active === undefined) return;
    // What is about one client arrives in its order.
    this.#later.flush();
    const lane = active.outbox.laneOf(event.client.clientId);
    for (const { hook, topic, body } of clientBodies(event)) {
      this.#offer(lane, countMatching(active.filters, hook, topic), body);
    }
  }

  /** Delivers what waits, as far as that goes quickly; nothing is posted afterwards. */
  async close(): Promise<void> {
    this.#parts.events.remove(this);
    this.#later.flush();
    this.mask = 0;
    const outbox = this.#active?.outbox;
    this.#active = undefined;
    if (outbox === undefined) return;
    this.#closing.add(outbox);
    await outbox.close(this.#flushMs);
  }

  #postMessage(
    hook: MessageHook,
    message: Publication | Message,
    origin: MessageOrigin | undefined,
    receiver: EventClient | undefined,
  ): void {
    const active = this.#active;
    if (active === undefined) return;
    const { options, filters, outbox } = active;
    const count = countMatching(filters, hook, message.topic);
    if (count === 0) return;
    const lane = outbox.laneOf(receiver?.clientId ?? origin?.clientId ?? message.publisherId);
    // While nothing is delivered a message costs no more than this.
    const bytes = payloadLengthOf(message);
    if (lane.isFull || bytes > options.queuedBytesMax) {
      for (let times = 0; times < count; times++) lane.countDropped();
      return;
    }
    const own = message instanceof Publication ? message.own() : message;
    this.#later.add({ active, lane, hook, count, message: own, origin, receiver, bytes });
  }

  #postLate({ active, lane, hook, count, message, origin, receiver }: PutOff): void {
    const nowMs = this.#parts.clock.nowMs();
    const action = hook.replace(".", "_") as
      | "message_publish"
      | "message_deliver"
      | "message_acked";
    const encoding = active.options.encodePayload;
    try {
      this.#offer(lane, count, messageBody(action, message, origin, receiver, { encoding, nowMs }));
    } catch (error) {
      // A payload of hundreds of megabytes may make a text that no runtime can hold.
      this.#parts.logger.warn("Cannot post a message", { hook, error: String(error) });
      for (let times = 0; times < count; times++) lane.countDropped();
    }
  }

  #offer(lane: SinkBuffer<HttpItem>, count: number, body: Readonly<Record<string, unknown>>): void {
    if (count === 0) return;
    const bytes = encoder.encode(JSON.stringify(body));
    for (let times = 0; times < count; times++) lane.offer({ body: bytes, bytes: bytes.length });
  }

  #createOutbox(options: WebHookOptions, ca: string | undefined): Outbox {
    const { runtime, prng, hosts } = this.#parts;
    const outbox: Outbox = new Outbox({
      options,
      ca,
      hosts,
      runtime,
      prng,
      onOutcome: (failure) => {
        if (this.#active?.outbox === outbox) this.#judge(failure);
      },
    });
    return outbox;
  }

  /** What was offered to it is still posted, if that goes quickly. */
  #retire(outbox: Outbox): void {
    const flushMs = this.#flushMs;
    this.#judge(undefined);
    this.#closing.add(outbox);
    const { logger } = this.#parts;
    const retired = (): void => {
      this.#closing.delete(outbox);
      addCounters(this.#past, outbox.counters);
    };
    outbox.close(flushMs).then(retired, (error: unknown) => {
      logger.warn("Cannot end connections of the web hook", { error: String(error) });
      retired();
    });
  }

  /** There is nothing to wait for where nothing can be reached. */
  get #flushMs(): number {
    return this.#isDown ? 0 : FLUSH_MS;
  }

  /** What is refused for good says nothing of the way to where it is refused. */
  #judge(failure: SinkError | undefined): void {
    const isDown = failure?.isRetryable ?? false;
    if (isDown === this.#isDown || failure?.isRetryable === false) return;
    this.#isDown = isDown;
    const { alarms } = this.#parts;
    if (failure === undefined) {
      alarms.clear(ALARM);
      return;
    }
    alarms.raise({
      id: ALARM,
      title: "Web hook down",
      severity: "error",
      description: failure.message,
    });
  }
}

/** Without making a view of it. */
function payloadLengthOf(message: Publication | Message): number {
  return message instanceof Publication ? message.payloadLength : message.payload.length;
}

/** Whether only the choice of what is posted is another one. */
function isSameWay(
  { options, ca }: Active,
  next: WebHookOptions,
  nextCa: string | undefined,
): boolean {
  const wayOf = ({ rules: _, encodePayload: __, ...way }: WebHookOptions): string =>
    JSON.stringify(way);
  return ca === nextCa && wayOf(options) === wayOf(next);
}
