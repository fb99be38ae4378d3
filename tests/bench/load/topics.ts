/** The topics that publishers send to and the filters that subscribers have, for each shape of load. */
import { COUNTER, type PublishFields, type PublishTemplate, publishTemplate } from "./frames.ts";
import type { FilterKind, LoadPlan } from "./plan.ts";

const FANOUT_TOPIC = "bench/fan/out";
const FANIN_FILTER = "bench/+/telemetry/#";
/** Topics that a warm table is published to. */
const WARM_TOPICS_MAX = 1000;
/** Messages of one publisher that differ in more than their counter. */
const COLD_TEMPLATES = 1000;
/** Of so many messages to topics without a subscriber one goes to a topic that has one, and is waited for. */
const UNHEARD_RUN = 16;

/** What subscriber `index` subscribes to. */
export function filtersOf(plan: LoadPlan, index: number): string[] {
  switch (plan.shape) {
    case "pair":
      return [pairTopic(index)];
    case "fanout":
      return [FANOUT_TOPIC];
    case "fanin":
      return [FANIN_FILTER];
    case "table": {
      const filters: string[] = [];
      const { kind, count } = tableOf(plan);
      for (let i = index; i < count; i += plan.subscribers) filters.push(tableFilter(kind, i));
      return filters;
    }
  }
}

/** A filter of the same kind as the table's that no message matches. */
export function changingFilter(plan: LoadPlan, index: number): string {
  const { kind, count } = plan.table ?? { kind: "exact" as const, count: 0 };
  return tableFilter(kind, count + (index % 100_000));
}

/** The messages that publisher `index` sends in turn. */
export function templatesOf(
  plan: LoadPlan,
  index: number,
  topics: "warm" | "cold",
): PublishTemplate[] {
  const { payloadBytes, qos, version } = plan;
  const make = (topic: string, deliveries: number): PublishTemplate => {
    const fields: PublishFields = { topic, payloadBytes, qos, version, deliveries };
    return publishTemplate(fields);
  };
  switch (plan.shape) {
    case "pair":
      return [make(pairTopic(index), 1)];
    case "fanout":
      return [make(FANOUT_TOPIC, plan.subscribers)];
    case "fanin":
      return [make(pairTopic(index), plan.subscribers)];
    case "table":
      return topics === "warm" ? warmTopics(plan, index, make) : coldTopics(plan, index, make);
  }
}

type Make = (topic: string, deliveries: number) => PublishTemplate;

function warmTopics(plan: LoadPlan, publisher: number, make: Make): PublishTemplate[] {
  const { count } = tableOf(plan);
  const topicCount = Math.min(count, WARM_TOPICS_MAX);
  const templates: PublishTemplate[] = [];
  for (let i = publisher; i < Math.max(topicCount, plan.publishers); i += plan.publishers) {
    // Spread over the table, so that no part of it is left out.
    const entry = Math.floor((i % topicCount) * count / topicCount);
    templates.push(make(tableTopic(entry, "command"), 1));
  }
  return templates;
}

function coldTopics(plan: LoadPlan, publisher: number, make: Make): PublishTemplate[] {
  const { kind, count } = tableOf(plan);
  const templates: PublishTemplate[] = [];
  for (let i = 0; i < COLD_TEMPLATES; i++) {
    const entry = Math.floor((i * plan.publishers + publisher) * 7919 % count);
    if (kind === "exact") {
      // A topic that nobody has seen has no subscriber of its very name.
      const heard = i % UNHEARD_RUN === 0;
      templates.push(
        heard
          ? make(tableTopic(entry, "command"), 1)
          : make(`site/${entry % 100}/device/${COUNTER}/command`, 0),
      );
    } else templates.push(make(tableTopic(entry, COUNTER), 1));
  }
  return templates;
}

function tableOf(plan: LoadPlan): { kind: FilterKind; count: number } {
  if (plan.table === undefined) throw new Error('Cannot plan "table": how many subscriptions?');
  return plan.table;
}

function pairTopic(index: number): string {
  return `bench/${index}/telemetry/temp`;
}

function tableFilter(kind: FilterKind, index: number): string {
  return tableTopic(index, kind === "exact" ? "command" : kind);
}

function tableTopic(index: number, last: string): string {
  return `site/${index % 100}/device/${index}/${last}`;
}
