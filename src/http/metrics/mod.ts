import type { Dialect, DialectContext } from "../dialect.ts";
import { Api, METRICS_TYPE, MetricsText, refusePlainly, textReply } from "../kit/mod.ts";
import { writeBrokerMetrics } from "./broker_metrics.ts";
import { writeProcessMetrics } from "./process_metrics.ts";
import { SHOWN_MAX, writeResourceMetrics, writeRuleMetrics } from "./rule_metrics.ts";
import { writeWebMetrics } from "./web_metrics.ts";

/** `/metrics`, for Prometheus and those that read the same text. */
export function createMetrics(context: DialectContext): Dialect {
  const { management } = context;
  const api = new Api<undefined>({
    title: "Metrics",
    description: "Figures of the broker in the text format of Prometheus.",
    onInternalError: context.onInternalError,
    refuse: refusePlainly,
  });
  api.route({
    method: "GET",
    path: "/metrics",
    operationId: "metrics",
    summary: "All figures",
    isOpen: true,
    isAlwaysServed: true,
    replies: { 200: { description: "Prometheus text, version 0.0.4", contentType: METRICS_TYPE } },
  }, async () => {
    const text = new MetricsText();
    const node = await management.nodes.get(management.nodes.localName);
    if (node !== undefined) writeProcessMetrics(text, node);
    writeBrokerMetrics(text, {
      metrics: await management.metrics.read(),
      stats: await management.metrics.stats(),
      listeners: await management.listeners.list(),
      health: await management.nodes.health(),
    });
    const { rules, resources } = management;
    writeRuleMetrics(text, await rules.totals(), await rules.list(SHOWN_MAX));
    writeResourceMetrics(text, await resources.list());
    writeWebMetrics(text, context.webListeners());
    return textReply(200, text.toString(), METRICS_TYPE);
  });
  return {
    name: "metrics",
    owns: (path) => path === "/metrics",
    app: api.seal().app,
    openapi: (version) => api.openapi(version),
  };
}
