import type {
  AlarmView,
  AppView,
  BanView,
  ClientView,
  ListenerView,
  MetricsView,
  NodeView,
  RouteView,
  RuleTotals,
  StatsView,
  SubscriptionView,
} from "../../management/mod.ts";
import type { ApiName, EmqxV3Options } from "../options.ts";
import type { WebListenerView } from "../web_listener.ts";
import { listenOn, localTime, memoryText, UNDEFINED, uptimeText } from "./format.ts";
import { dotted, metricsOf } from "./metric_names.ts";

export function appDto(app: AppView, secret: string | undefined): Record<string, unknown> {
  const { id, name, description, isEnabled, expiresAtS } = app;
  return {
    app_id: id,
    ...(secret === undefined ? {} : { secret }),
    name,
    desc: description,
    status: isEnabled,
    expired: expiresAtS ?? UNDEFINED,
  };
}

const BAN_KINDS = { clientid: "client_id", username: "username", peerhost: "ip_address" } as const;

export function banDto(ban: BanView): Record<string, unknown> {
  const reason = ban.reason === "" ? UNDEFINED : ban.reason;
  return {
    who: ban.who,
    as: BAN_KINDS[ban.as],
    reason,
    desc: reason,
    by: ban.by === "" ? UNDEFINED : ban.by,
    until: ban.untilMs === undefined ? UNDEFINED : Math.floor(ban.untilMs / 1000),
  };
}

export function brokerDto(node: NodeView): Record<string, unknown> {
  return {
    datetime: localTime(node.nowMs),
    node_status: node.status === "down" ? "Stopped" : "Running",
    otp_release: runtimeText(node),
    sysdescr: "broker",
    uptime: uptimeText(node.uptimeMs),
    version: `v${node.version}`,
  };
}

export function nodeDto(node: NodeView): Record<string, unknown> {
  const { memory, load } = node;
  const [load1, load5, load15] = (load ?? [0, 0, 0]).map((value) => value.toFixed(2));
  return {
    name: node.name,
    connections: node.connections,
    load1,
    load5,
    load15,
    max_fds: node.openFilesMax ?? 0,
    memory_total: memory.rssBytes,
    memory_used: memory.heapUsedBytes + (memory.externalBytes ?? 0),
    node_status: "Running",
    otp_release: runtimeText(node),
    process_available: node.connectionsMax,
    process_used: node.tasks,
    uptime: uptimeText(node.uptimeMs),
    version: `v${node.version}`,
  };
}

/** In a list memory is text, and the node has its name twice. */
export function nodeListDto(node: NodeView): Record<string, unknown> {
  const { name, status, memory } = node;
  if (status === "down") return { name, node: name, node_status: "Stopped" };
  return {
    ...nodeDto(node),
    node: name,
    memory_total: memoryText(memory.rssBytes),
    memory_used: memoryText(memory.heapUsedBytes + (memory.externalBytes ?? 0)),
  };
}

/** Never an Erlang release, which this is not. */
function runtimeText({ runtimeName, runtimeVersion }: NodeView): string {
  return `${runtimeName === "deno" ? "Deno" : "Bun"}/${runtimeVersion}`;
}

export function alarmDto(alarm: AlarmView): Record<string, unknown> {
  const { id, description, severity, title, raisedAtMs, clearedAtMs } = alarm;
  // Alarms of objects have a title of their own; those of the system are a figure.
  const desc = title === ""
    ? description
    : { severity, title, summary: description, timestamp: localTime(raisedAtMs) };
  return {
    id,
    desc,
    ...(clearedAtMs === undefined ? {} : { clear_at: localTime(clearedAtMs) }),
  };
}

export function connectionDto(client: ClientView): Record<string, unknown> {
  const { traffic, tls } = client;
  const { received, sent } = traffic;
  const isWeb = client.listenerType === "ws" || client.listenerType === "wss";
  return {
    node: client.node,
    client_id: client.clientId,
    username: client.username ?? UNDEFINED,
    ipaddress: client.address,
    port: client.port,
    peercert: tls === undefined ? "nossl" : tls.distinguishedName ?? "undefined",
    proto_name: client.protocolName,
    proto_ver: client.protocolVersion,
    clean_start: client.cleanStart,
    is_bridge: client.isBridge,
    keepalive: client.keepAliveS,
    connected_at: localTime(client.connectedAtMs ?? client.createdAtMs),
    conn_mod: isWeb ? "emqx_ws_connection" : "emqx_connection",
    zone: "external",
    recv_cnt: received.transfers,
    recv_oct: received.bytes,
    recv_pkt: received.packets,
    recv_msg: received.qos0 + received.qos1 + received.qos2,
    send_cnt: sent.transfers,
    send_oct: sent.bytes,
    send_pkt: sent.packets,
    send_msg: sent.qos0 + sent.qos1 + sent.qos2,
    send_pend: isWeb ? 0 : traffic.unsentBytes,
    mailbox_len: traffic.waitingPackets,
    heap_size: traffic.unsentBytes,
    reductions: received.packets + sent.packets,
  };
}

export function sessionDto(client: ClientView): Record<string, unknown> {
  const { session } = client;
  return {
    node: client.node,
    client_id: client.clientId,
    username: client.username ?? UNDEFINED,
    clean_start: client.cleanStart,
    binding: client.isConnected ? "local" : UNDEFINED,
    created_at: localTime(client.createdAtMs),
    expiry_interval: client.sessionExpiryS,
    max_subscriptions: session.subscriptionsMax,
    subscriptions_count: session.subscriptions,
    max_inflight: session.inflightMax,
    inflight_len: session.inflight,
    max_mqueue: session.queuedMessagesMax,
    mqueue_len: session.queuedMessages,
    mqueue_dropped: session.dropped.queueFull,
    max_awaiting_rel: session.awaitingReleaseMax,
    awaiting_rel_len: session.awaitingRelease,
    deliver_msg: session.deliveredMessages,
    enqueue_msg: session.enqueuedMessages,
    mailbox_len: session.queuedMessages,
    heap_size: session.heldBytes,
    reductions: session.deliveredMessages,
  };
}

export function subscriptionDto(subscription: SubscriptionView): Record<string, unknown> {
  const { node, clientId, topicFilter, qos, shareName } = subscription;
  return {
    node,
    client_id: clientId,
    topic: topicFilter,
    qos,
    ...(shareName === undefined ? {} : { share: shareName }),
  };
}

export function routeDto({ topicFilter, node }: RouteView): Record<string, unknown> {
  return { topic: topicFilter, node };
}

const PROTOCOLS = { tcp: "mqtt:tcp", tls: "mqtt:ssl", ws: "mqtt:ws", wss: "mqtt:wss" } as const;

export function listenerDto(listener: ListenerView): Record<string, unknown> {
  const { type, host, port, closed } = listener;
  const isPlain = type === "tcp" || type === "tls";
  const hasClosed = isPlain && Object.keys(closed).length > 0;
  return {
    protocol: type === "unix" ? "mqtt:unix" : PROTOCOLS[type],
    listen_on: type === "unix" ? listener.url : listenOn(host, port),
    acceptors: 1,
    max_conns: listener.maxConnections,
    current_conns: listener.connections,
    shutdown_count: hasClosed ? shutdownCounts(closed) : [],
  };
}

/** Reasons in the product's words. */
function shutdownCounts(closed: ListenerView["closed"]): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const [reason, count] of Object.entries(closed)) {
    const word = reason.replaceAll("-", "_");
    counts[word] = (counts[word] ?? 0) + count;
  }
  return counts;
}

const SERVICES: Partial<Record<ApiName, string>> = {
  "emqx-v3": "management",
  dashboard: "dashboard",
  smqtt: "smqtt",
  "nanomq-v1": "nanomq",
  tdmq: "tdmq",
};

/** A row for each product that a web listener serves. */
export function webListenerDto(listener: WebListenerView): Record<string, unknown>[] {
  return listener.apis.flatMap((api) => {
    const service = SERVICES[api];
    if (service === undefined) return [];
    return [{
      protocol: `${listener.isSecure ? "https" : "http"}:${service}`,
      listen_on: listenOn(listener.host, listener.port),
      acceptors: 1,
      max_conns: listener.maxConnections,
      current_conns: listener.connections,
      shutdown_count: [],
    }];
  });
}

/** The 43 names of 3.1, or those of 3.2 where the configuration asks for them. */
export function metricsDto(
  metrics: MetricsView,
  rules: RuleTotals,
  options: EmqxV3Options,
): Record<string, number> {
  const named = metricsOf(metrics, options.countApiPublish);
  return options.metricNames === "slash" ? named : dotted(named, metrics, rules);
}

export function statsDto(stats: StatsView): Record<string, number> {
  const named = {
    connections: stats.connections,
    sessions: stats.sessions,
    "sessions/persistent": stats.persistentSessions,
    topics: stats.routes,
    routes: stats.routes,
    subscribers: stats.subscribers,
    subscriptions: stats.subscriptions,
    "subscriptions/shared": stats.sharedSubscriptions,
    retained: stats.retained,
  };
  return Object.fromEntries(
    Object.entries(named).flatMap(([name, { count, max }]) => [
      [`${name}/count`, count],
      [`${name}/max`, max],
    ]),
  );
}
