import type { Clock, Logger } from "../../base/mod.ts";
import type {
  ClientEvent,
  EventClient,
  EventDropReason,
  EventSink,
  MessageGrant,
} from "../../ports/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import { type Message, type MessageOrigin, Publication } from "../../session/mod.ts";
import { AfterWork, type Job } from "../../sinks/mod.ts";
import { EVENT_BITS, EVENT_NAMES, type EventName } from "../event_name.ts";
import {
  ClientColumns,
  isRuleClientEvent,
  type RuleClientEvent,
} from "../events/client_columns.ts";
import type { EventColumns, EventSurroundings } from "../events/event_columns.ts";
import { MessageColumns, type MessageEvent } from "../events/message_columns.ts";
import type { SelectedData } from "../sql/mod.ts";
import type { CompiledRule } from "./compile_rule.ts";
import type { LoadedRule } from "./loaded_rule.ts";
import { type Indexed, TopicIndex } from "./topic_index.ts";

export interface DispatcherParts {
  readonly surroundings: EventSurroundings;
  readonly runtime: Pick<Runtime, "defer" | "yieldTurn">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly totals: { matched: number };
  /** Whether rules fire at all; `refresh` is to be called when that changes. */
  readonly isEnabled: () => boolean;
  /** Whether messages on `$SYS/…` fire no rule. */
  readonly ignoresSys: () => boolean;
  /** Whether rules of EMQX 3.1 see "message_publish" in the place of "message.publish". */
  readonly hasLegacyEventNames: () => boolean;
  /** The events that somebody wants have changed. */
  readonly onMask: () => void;
}

/** A rule in the index of one event. */
interface Entry extends Indexed {
  readonly rule: LoadedRule;
  /** It selects one thing of every event that it is found for. */
  readonly isCertain: boolean;
}

/** An event of a message that its rules are still to run for. */
interface PutOff extends Job {
  readonly entries: readonly Entry[];
  readonly event: MessageEvent;
}

/**
 * Runs the rules that an event is for, in their order; what becomes of one is nothing to the others. Where all that
 * they do leaves the broker they run when the message is on its way; nothing else in the same direction overtakes them.
 */
export class RuleDispatcher implements EventSink {
  readonly #parts: DispatcherParts;
  readonly #indexes: ReadonlyMap<EventName, TopicIndex<Entry>> = new Map(
    EVENT_NAMES.map((event) => [event, new TopicIndex<Entry>()]),
  );
  readonly #publish = this.#indexes.get("message.publish") as TopicIndex<Entry>;
  readonly #entries = new Map<LoadedRule, ReadonlyMap<EventName, Entry>>();
  readonly #later: AfterWork<PutOff>;
  #mask = 0;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
    this.#later = new AfterWork({
      runtime: parts.runtime,
      monotonicMs: () => parts.clock.monotonicMs(),
      run: ({ entries, event }) => this.#runLate(entries, event),
    });
  }

  get mask(): number {
    return this.#mask;
  }

  add(rule: LoadedRule): void {
    const { compiled, order, events } = rule;
    if (compiled === undefined || !rule.isActive) return;
    const entries = new Map<EventName, Entry>();
    for (const event of events) {
      const filters = filtersFor(event, rule);
      const entry = { rule, order, filters, isCertain: isCertain(event, compiled) };
      entries.set(event, entry);
      this.#indexes.get(event)?.add(entry);
    }
    this.#entries.set(rule, entries);
    this.refresh();
  }

  remove(rule: LoadedRule): void {
    for (const [event, entry] of this.#entries.get(rule) ?? []) {
      this.#indexes.get(event)?.remove(entry);
    }
    this.#entries.delete(rule);
    this.refresh();
  }

  /** Wants the events of all rules, or none. */
  refresh(): void {
    let mask = 0;
    if (this.#parts.isEnabled()) {
      for (const [event, index] of this.#indexes) if (index.size > 0) mask |= EVENT_BITS[event];
    }
    if (mask === this.#mask) return;
    this.#mask = mask;
    this.#parts.onMask();
  }

  /** Runs what was put off. */
  flush(): void {
    this.#later.flush();
  }

  wantsPublish(topic: string): boolean {
    return this.#publish.find(topic).length > 0;
  }

  onPublish(publication: Publication, origin: MessageOrigin): void {
    if (publication.isSys && this.#parts.ignoresSys()) return;
    const entries = this.#publish.find(publication.topic);
    if (entries.length === 0 || this.#isRefused(entries)) return;
    this.#fireMessage(entries, {
      event: "message.publish",
      message: publication,
      origin,
      receiver: undefined,
    });
  }

  onDeliver(message: Publication | Message, receiver: EventClient, granted: MessageGrant): void {
    const entries = this.#find("message.deliver", message.topic);
    if (entries.length === 0 || this.#isRefused(entries)) return;
    const { origin } = message;
    const { qos, retain } = granted;
    const event = "message.deliver";
    this.#fireMessage(entries, { event, message, origin, receiver, granted: { qos, retain } });
  }

  onAcked(message: Message, receiver: EventClient, granted: MessageGrant): void {
    const entries = this.#find("message.acked", message.topic);
    if (entries.length === 0 || this.#isRefused(entries)) return;
    const { origin } = message;
    const { qos, retain } = granted;
    const event = "message.acked";
    this.#fireMessage(entries, { event, message, origin, receiver, granted: { qos, retain } });
  }

  onDropped(
    message: Publication | Message,
    origin: MessageOrigin | undefined,
    _reason: EventDropReason,
    receiver: EventClient | undefined,
  ): void {
    if (message.topic.startsWith("$SYS/") && this.#parts.ignoresSys()) return;
    const entries = this.#find("message.dropped", message.topic);
    if (entries.length === 0 || this.#isRefused(entries)) return;
    this.#fireMessage(entries, { event: "message.dropped", message, origin, receiver });
  }

  onClient(event: ClientEvent): void {
    if (!isRuleClientEvent(event)) return;
    const entries = this.#find(event.type, "");
    if (entries.length > 0) this.#fireClient(entries, event);
  }

  #find(event: EventName, topic: string): readonly Entry[] {
    return this.#indexes.get(event)?.find(topic) ?? [];
  }

  /**
   * Whether nothing can become of an event, because where its rules take things there is no room: then it is counted, and
   * that is all. While a place is down this is what most messages for it cost.
   */
  #isRefused(entries: readonly Entry[]): boolean {
    for (const { rule, isCertain } of entries) if (!isCertain || !rule.isFull) return false;
    for (const { rule } of entries) {
      rule.refuse();
      this.#parts.totals.matched++;
    }
    return true;
  }

  #fireMessage(entries: readonly Entry[], event: MessageEvent): void {
    if (entries.every(isOutbound)) {
      const { message } = event;
      const isLent = message instanceof Publication;
      this.#later.add({
        entries,
        event: isLent ? { ...event, message: message.own() } : event,
        bytes: isLent ? message.payloadLength : message.payload.length,
      });
      return;
    }
    this.#flushFor(entries);
    this.#fire(entries, new MessageColumns(event, this.#parts.surroundings));
  }

  #runLate(entries: readonly Entry[], event: MessageEvent): void {
    try {
      this.#fire(entries, new MessageColumns(event, this.#parts.surroundings));
    } catch (error) {
      this.#parts.logger.error("Cannot run rules", { event: event.event, error: String(error) });
    }
  }

  /** What leaves the broker does so in the order in which it happened. */
  #flushFor(entries: readonly Entry[]): void {
    if (this.#later.length > 0 && entries.some(hasOutbound)) this.#later.flush();
  }

  #fireClient(entries: readonly Entry[], event: RuleClientEvent): void {
    this.#flushFor(entries);
    this.#fire(entries, new ClientColumns(event, this.#parts.surroundings));
  }

  #fire(entries: readonly Entry[], columns: EventColumns): void {
    const hasLegacyNames = this.#parts.hasLegacyEventNames();
    for (const { rule } of entries) {
      columns.hasUnderscores = hasLegacyNames && rule.kept.legacy !== undefined;
      this.#run(rule, columns);
    }
  }

  #run(rule: LoadedRule, columns: EventColumns): void {
    const { compiled } = rule;
    const selected = compiled === undefined ? undefined : this.#select(rule, compiled, columns);
    if (compiled === undefined || selected === undefined) return;
    rule.meter.matched++;
    this.#parts.totals.matched++;
    for (const each of selected) {
      const data = compiled.statement.asObject(each);
      for (const action of rule.actions) action.run(data, columns);
    }
  }

  /** Undefined: nothing, or the rule is skipped because of what it met. */
  #select(
    rule: LoadedRule,
    { statement }: CompiledRule,
    columns: EventColumns,
  ): readonly SelectedData[] | undefined {
    const { logger } = this.#parts;
    try {
      const selected = statement.run(columns);
      if (selected !== "no-match") return selected;
      const { lastFailure } = statement;
      if (lastFailure !== undefined && logger.isEnabled("debug")) {
        logger.debug("A rule is skipped", {
          rule: rule.id,
          event: columns.event,
          reason: lastFailure,
        });
      }
      return undefined;
    } catch (error) {
      // Nobody's mistake but ours, and the other rules have a right to the event.
      logger.error("Cannot run a rule", {
        rule: rule.id,
        event: columns.event,
        error: String(error),
      });
      return undefined;
    }
  }
}

function isOutbound({ rule }: Entry): boolean {
  return rule.isOutbound;
}

function hasOutbound({ rule }: Entry): boolean {
  return rule.hasOutbound;
}

/** The index knows all that `run` would ask about the topic. */
function isCertain(event: EventName, { statement }: CompiledRule): boolean {
  const { topicFilters, indexFilters } = statement;
  const isFound = topicFilters.length === 0 || indexFilters === topicFilters;
  return event.startsWith("message.") && statement.isCertain && isFound;
}

/** Only events of messages are always about a topic of their own. */
function filtersFor(event: EventName, { compiled }: LoadedRule): readonly string[] | undefined {
  return event.startsWith("message.") ? compiled?.statement.indexFilters : undefined;
}
