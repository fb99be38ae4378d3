import type { ResourceView, RuleTotals, RuleView } from "../../management/mod.ts";
import type { MetricSample, MetricsText } from "../kit/mod.ts";

/** Rules, and resources, that have samples of their own; the totals know of all rules. */
export const SHOWN_MAX = 1000;

/** What rules matched and what became of their actions. `rules`: the first `SHOWN_MAX`. */
export function writeRuleMetrics(
  text: MetricsText,
  totals: RuleTotals,
  rules: readonly RuleView[],
): void {
  text.gauge("mqtt_rules", "Rules", totals.rules);
  text.counter("mqtt_rules_matched_total", "Events that rules selected from", totals.matched);
  text.counter("mqtt_rules_actions_total", "What became of the actions of rules", [
    { labels: { result: "success" }, value: totals.success },
    { labels: { result: "failed" }, value: totals.failed },
  ]);
  text.counter(
    "mqtt_rule_matched_total",
    `Events that a rule selected from; of the first ${SHOWN_MAX} rules`,
    rules.map(({ id, counters }) => ({ labels: { rule: id }, value: counters.matched })),
  );
  text.counter(
    "mqtt_rule_actions_total",
    "What became of the actions of a rule; of the same rules",
    rules.flatMap(actionSamples),
  );
}

function actionSamples({ id, actions }: RuleView): MetricSample[] {
  return actions.flatMap(({ id: action, counters: { success, failed } }) => [
    { labels: { rule: id, action, result: "success" }, value: success },
    { labels: { rule: id, action, result: "failed" }, value: failed },
  ]);
}

/** What waits for resources, and what became of the rest. */
export function writeResourceMetrics(text: MetricsText, resources: readonly ResourceView[]): void {
  const shown = resources.slice(0, SHOWN_MAX);
  const each = (value: (view: ResourceView) => number): MetricSample[] =>
    shown.map((view) => ({
      labels: { resource: view.id, type: view.type },
      value: value(view),
    }));
  text.gauge("mqtt_resources", "Resources of rules", resources.length);
  text.gauge(
    "mqtt_resource_queued",
    `What waits for a resource or is under way to it; of the first ${SHOWN_MAX} resources`,
    each(({ counters }) => counters.queued),
  );
  text.gauge(
    "mqtt_resource_queued_bytes",
    "Bytes of these",
    each(({ counters }) => counters.queuedBytes),
  );
  text.counter(
    "mqtt_resource_items_total",
    "What was offered to a resource, by what became of it",
    shown.flatMap(({ id, type, counters }) => {
      const { delivered, failed, dropped } = counters;
      return Object.entries({ delivered, failed, dropped }).map(([result, value]) => ({
        labels: { resource: id, type, result },
        value,
      }));
    }),
  );
  text.counter(
    "mqtt_resource_retries_total",
    "Batches that were sent to a resource once more",
    each(({ counters }) => counters.retried),
  );
}
