import type { MetricSample, MetricsText } from "../kit/mod.ts";
import { LATENCY_BOUNDS_S, type WebListenerView } from "../web_listener.ts";

/** The web servers, each by its name. */
export function writeWebMetrics(text: MetricsText, listeners: readonly WebListenerView[]): void {
  const each = (value: (view: WebListenerView) => number): MetricSample[] =>
    listeners.map((view) => ({ labels: { listener: view.name }, value: value(view) }));
  text.gauge("http_connections", "Open connections", each(({ connections }) => connections));
  text.counter(
    "http_connections_accepted_total",
    "Connections that were not turned away",
    each(({ accepted }) => accepted),
  );
  text.counter(
    "http_connections_refused_total",
    "Connections that were turned away, because there were too many",
    each(({ refused }) => refused),
  );
  text.counter(
    "http_connections_timed_out_total",
    "Connections that were closed, because something took too long",
    each(({ timedOut }) => timedOut),
  );
  text.counter(
    "http_malformed_requests_total",
    "What was no HTTP",
    each(({ malformed }) => malformed),
  );
  text.counter(
    "http_responses_total",
    "Answers by the first digit of their status",
    listeners.flatMap(({ name, replies }) =>
      Object.entries(replies).map(([digit, value]) => ({
        labels: { listener: name, status: `${digit}xx` },
        value,
      }))
    ),
  );
  text.histogram(
    "http_response_seconds",
    "Time from a request's head to its answer",
    listeners.map(({ name, latencyCounts, latencySumS, requests }) => ({
      labels: { listener: name },
      bounds: LATENCY_BOUNDS_S,
      counts: addedUp(latencyCounts),
      count: requests,
      sum: latencySumS,
    })),
  );
}

function addedUp(counts: readonly number[]): number[] {
  let sum = 0;
  return counts.map((count) => sum += count);
}
