import type {
  HealthView,
  HistogramView,
  ListenerView,
  MetricsView,
  PacketFigures,
  QosFigures,
  StatsView,
} from "../../management/mod.ts";
import type { MetricSample, MetricsText } from "../kit/mod.ts";

/** All that the service tells of MQTT. */
export interface BrokerFigures {
  readonly metrics: MetricsView;
  readonly stats: StatsView;
  readonly listeners: readonly ListenerView[];
  readonly health: HealthView;
}

/** The broker's own figures, by the names that the field uses. */
export function writeBrokerMetrics(text: MetricsText, figures: BrokerFigures): void {
  const { metrics, stats, listeners, health } = figures;
  text.gauge("mqtt_ready", "1: it takes clients and keeps what it promises", +health.isReady);
  writeTraffic(text, metrics);
  writeMessages(text, metrics);
  writeClients(text, metrics, stats);
  writeStore(text, metrics);
  writeWebHook(text, metrics);
  writeLog(text, metrics);
  writeListeners(text, listeners);
}

function writeTraffic(text: MetricsText, metrics: MetricsView): void {
  const { bytes, payloadBytes, packets } = metrics;
  text.counter("mqtt_bytes_received_total", "Bytes from clients", bytes.received);
  text.counter("mqtt_bytes_sent_total", "Bytes to clients", bytes.sent);
  text.counter(
    "mqtt_payload_bytes_received_total",
    "Payloads of PUBLISH packets from clients",
    payloadBytes.received,
  );
  text.counter(
    "mqtt_payload_bytes_sent_total",
    "Payloads of PUBLISH packets to clients",
    payloadBytes.sent,
  );
  text.counter("mqtt_packets_received_total", "Control packets from clients", packets.received);
  text.counter("mqtt_packets_sent_total", "Control packets to clients", packets.sent);
  text.counter(
    "mqtt_packets_by_type_received_total",
    "Control packets from clients by type",
    receivedByType(metrics),
  );
  text.counter(
    "mqtt_packets_by_type_sent_total",
    "Control packets to clients by type",
    sentByType(metrics),
  );
  text.counter(
    "mqtt_acknowledgements_missed_total",
    "Acknowledgements of packet identifiers that nobody waits for",
    Object.entries(metrics.missed).map(([type, value]) => ({ labels: { type }, value })),
  );
}

function receivedByType(metrics: MetricsView): MetricSample[] {
  const { connect, subscribe, unsubscribe, pingreq } = metrics;
  return typed({
    connect,
    ...directed(metrics, "received"),
    subscribe,
    unsubscribe,
    pingreq,
  });
}

function sentByType(metrics: MetricsView): MetricSample[] {
  const { connack, suback, unsuback, pingresp } = metrics;
  return typed({ connack, ...directed(metrics, "sent"), suback, unsuback, pingresp });
}

/** Types that both sides send. */
function directed(metrics: MetricsView, way: keyof PacketFigures): Record<string, number> {
  const { publish, puback, pubrec, pubrel, pubcomp, disconnect, auth } = metrics;
  const types = { publish, puback, pubrec, pubrel, pubcomp, disconnect, auth };
  return Object.fromEntries(Object.entries(types).map(([type, both]) => [type, both[way]]));
}

function typed(figures: Readonly<Record<string, number>>): MetricSample[] {
  return Object.entries(figures).map(([type, value]) => ({ labels: { type }, value }));
}

function byQos({ qos0, qos1, qos2 }: QosFigures): MetricSample[] {
  return [qos0, qos1, qos2].map((value, qos) => ({ labels: { qos: String(qos) }, value }));
}

function writeMessages(text: MetricsText, metrics: MetricsView): void {
  text.counter(
    "mqtt_messages_received_total",
    "Messages from clients by QoS",
    byQos(metrics.messagesReceived),
  );
  text.counter(
    "mqtt_messages_sent_total",
    "Messages to clients by QoS",
    byQos(metrics.messagesSent),
  );
  text.counter("mqtt_sys_messages_sent_total", "Messages on $SYS topics", metrics.sysMessagesSent);
  text.counter(
    "mqtt_messages_resent_total",
    "Messages that were sent again after a break of the connection",
    metrics.messagesResent,
  );
  text.counter(
    "mqtt_messages_from_api_total",
    "Messages that an HTTP API published",
    metrics.messagesFromApi,
  );
  text.counter(
    "mqtt_messages_without_subscriber_total",
    "Messages that matched no subscription",
    metrics.messagesWithoutSubscriber,
  );
  text.counter(
    "mqtt_messages_forwarded_total",
    "Messages to other nodes",
    metrics.messagesForwarded,
  );
  text.counter("mqtt_messages_refused_total", "Messages not accepted", metrics.messagesRefused);
  const { total: _sum, ...dropped } = metrics.dropped;
  text.counter(
    "mqtt_messages_dropped_total",
    "Messages that a subscriber did not get, by reason",
    Object.entries(dropped).map(([reason, value]) => ({
      labels: { reason: snakeCase(reason) },
      value,
    })),
  );
  text.gauge("mqtt_messages_queued", "Messages that wait in queues", metrics.queued.messages);
  text.gauge("mqtt_messages_queued_bytes", "Bytes of these", metrics.queued.bytes);
  text.gauge("mqtt_messages_inflight", "Messages sent and not acknowledged", metrics.inflight);
  text.gauge("mqtt_retained_messages", "Retained messages", metrics.retained.messages);
  text.gauge("mqtt_retained_bytes", "Bytes of these", metrics.retained.bytes);
  text.counter(
    "mqtt_retained_refused_total",
    "Retained messages that were not kept, for a limit",
    metrics.retained.refused,
  );
  writeDelayed(text, metrics);
  histogram(
    text,
    "mqtt_delivery_seconds",
    "From the arrival of a message to when it is handed to the system for its subscribers",
    metrics.deliverySeconds,
  );
}

function writeDelayed(text: MetricsText, { delayed }: MetricsView): void {
  const { messages, bytes, ...events } = delayed;
  text.gauge("mqtt_delayed_messages", "Messages that wait for their time", messages);
  text.gauge("mqtt_delayed_bytes", "Bytes of these", bytes);
  text.counter(
    "mqtt_delayed_events_total",
    "What became of messages on $delayed topics",
    Object.entries(events).map(([event, value]) => ({ labels: { event }, value })),
  );
}

function writeClients(text: MetricsText, metrics: MetricsView, stats: StatsView): void {
  const { connections, sessions } = metrics;
  text.gauge("mqtt_connections", "Clients that are connected", stats.connections.count);
  text.gauge("mqtt_connections_max", "The most that there were", stats.connections.max);
  text.gauge("mqtt_sessions", "Sessions", stats.sessions.count);
  text.gauge(
    "mqtt_sessions_persistent",
    "Sessions without a clean start",
    stats.persistentSessions.count,
  );
  text.gauge("mqtt_subscriptions", "Pairs of session and filter", stats.subscriptions.count);
  text.gauge(
    "mqtt_subscriptions_shared",
    "The same, of shared subscriptions",
    stats.sharedSubscriptions.count,
  );
  text.gauge("mqtt_subscribers", "Sessions with a subscription", stats.subscribers.count);
  text.gauge("mqtt_routes", "Different filters", stats.routes.count);
  for (const [name, help, value] of connectionCounters(connections)) {
    text.counter(name, help, value);
  }
  text.counter(
    "mqtt_session_events_total",
    "What became of sessions",
    Object.entries(sessions).map(([event, value]) => ({
      labels: { event: snakeCase(event) },
      value,
    })),
  );
  text.counter(
    "mqtt_subscribes_refused_total",
    "Filters of SUBSCRIBE that were refused",
    metrics.subscribesRefused,
  );
  text.counter(
    "mqtt_subscribes_not_authorized_total",
    "Of these: for want of permission",
    metrics.subscribesNotAuthorized,
  );
}

function connectionCounters(
  connections: MetricsView["connections"],
): ReadonlyArray<readonly [name: string, help: string, value: number]> {
  return [
    ["mqtt_connects_total", "CONNECTs answered with success", connections.connected],
    ["mqtt_disconnects_total", "Connections of clients that ended", connections.disconnected],
    ["mqtt_connects_refused_total", "CONNECTs that were refused", connections.connectsRefused],
    [
      "mqtt_authentication_failures_total",
      "Of these: for who they were",
      connections.authenticationFailures,
    ],
    ["mqtt_connects_anonymous_total", "CONNECTs nobody vouched for", connections.anonymous],
    ["mqtt_keep_alive_timeouts_total", "Clients that fell silent", connections.keepAliveTimeouts],
    ["mqtt_protocol_errors_total", "Clients that broke the protocol", connections.protocolErrors],
    ["mqtt_accept_errors_total", "Connections the system could not give", connections.acceptErrors],
  ];
}

function writeStore(text: MetricsText, { store, commitSeconds }: MetricsView): void {
  text.counter("mqtt_store_commits_total", "Commits of the store", store.commits);
  text.counter("mqtt_store_failures_total", "Commits that failed", store.failures);
  text.counter("mqtt_store_repairs_total", "Databases written anew for damage", store.repairs);
  text.counter("mqtt_store_lost_messages_total", "Queued messages lost so", store.lostMessages);
  text.counter("mqtt_store_written_bytes_total", "Bytes handed to the store", store.bytesWritten);
  text.gauge("mqtt_store_waiting_changes", "Changes not yet committed", store.waitingChanges);
  text.gauge("mqtt_store_waiting_bytes", "Bytes of these", store.waitingBytes);
  text.counter("mqtt_store_ack_pauses_total", "Waits that gave way to others", store.ackPauses);
  text.gauge("mqtt_store_failing", "1: the store cannot write", +store.isFailing);
  histogram(text, "mqtt_store_commit_seconds", "Time of a commit", commitSeconds);
}

function writeLog(text: MetricsText, { logLinesLeftOut }: MetricsView): void {
  text.counter(
    "mqtt_log_lines_left_out_total",
    "Lines about clients that were too many of their kind",
    logLinesLeftOut,
  );
}

function writeWebHook(text: MetricsText, { webHook }: MetricsView): void {
  const { queued, queuedBytes, retried, offered: _sum, ...ends } = webHook;
  text.counter(
    "mqtt_web_hook_events_total",
    "Events for the web hook, by what became of them",
    Object.entries(ends).map(([outcome, value]) => ({ labels: { outcome }, value })),
  );
  text.counter("mqtt_web_hook_retries_total", "Requests that were sent again", retried);
  text.gauge("mqtt_web_hook_queued", "Events that wait for the web hook", queued);
  text.gauge("mqtt_web_hook_queued_bytes", "Bytes of these", queuedBytes);
}

function histogram(text: MetricsText, name: string, help: string, view: HistogramView): void {
  text.histogram(name, help, [{ labels: {}, ...view }]);
}

function writeListeners(text: MetricsText, listeners: readonly ListenerView[]): void {
  const each = (value: (view: ListenerView) => number): MetricSample[] =>
    listeners.map((view) => ({
      labels: { listener: view.name, type: view.type },
      value: value(view),
    }));
  text.gauge(
    "mqtt_listener_connections",
    "Open connections of a listener",
    each(({ connections }) => connections),
  );
  text.gauge(
    "mqtt_listener_connections_limit",
    "Connections that a listener may have",
    each(({ maxConnections }) => maxConnections),
  );
  text.counter(
    "mqtt_listener_accepted_total",
    "Connections that were not turned away",
    each(({ accepted }) => accepted),
  );
  text.counter(
    "mqtt_listener_refused_total",
    "Connections that were turned away",
    each(({ refused }) => refused),
  );
  text.counter(
    "mqtt_listener_failed_handshakes_total",
    "Connections given up before the first MQTT byte",
    each(({ failedHandshakes }) => failedHandshakes),
  );
  text.counter(
    "mqtt_listener_closed_total",
    "Connections that ended, by reason",
    listeners.flatMap(({ name, type, closed }) =>
      Object.entries(closed).map(([reason, value]) => ({
        labels: { listener: name, type, reason },
        value,
      }))
    ),
  );
}

/** "queueFull" is "queue_full". */
function snakeCase(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
