import type { ClientView, MetricsView, NodeView, StatsView } from "../../management/mod.ts";

/** Members in alphabetical order, as the product's own lists have them; what is not there is left out. */
export interface ConnectionDto {
  readonly activeTime: number;
  readonly address?: string;
  readonly authTime: number;
  readonly clientIdentifier: string;
  readonly connectTime?: number;
  readonly connection: {
    readonly disposed: boolean;
    readonly inboundCancelled: boolean;
    readonly inboundDisposed: boolean;
    readonly persistent: boolean;
    readonly subscriptionDisposed: boolean;
  };
  readonly keepalive: number;
  readonly sessionPersistent: boolean;
  readonly status: "ONLINE" | "OFFLINE";
  readonly topics: readonly string[];
  readonly username?: string;
  readonly will?: {
    readonly mqttQoS: "AT_MOST_ONCE" | "AT_LEAST_ONCE" | "EXACTLY_ONCE";
    readonly retain: boolean;
    readonly willMessage: string;
    readonly willTopic: string;
  };
}

const QOS_NAMES = ["AT_MOST_ONCE", "AT_LEAST_ONCE", "EXACTLY_ONCE"] as const;

/** `view` has its subscriptions. A client that was last here before the broker started is as old as its session. */
export function toConnectionDto(view: ClientView, options: { extended: boolean }): ConnectionDto {
  const isOffline = !view.isConnected;
  const activeTime = view.acceptedAtMs ?? view.createdAtMs;
  return {
    activeTime,
    ...(options.extended ? { address: `${view.address}:${view.port}` } : {}),
    authTime: view.connectedAtMs ?? view.createdAtMs,
    clientIdentifier: view.clientId,
    ...(options.extended ? { connectTime: activeTime } : {}),
    connection: {
      disposed: isOffline,
      inboundCancelled: isOffline,
      inboundDisposed: isOffline,
      persistent: !isOffline,
      subscriptionDisposed: isOffline,
    },
    keepalive: view.keepAliveS,
    sessionPersistent: view.isPersistent,
    status: isOffline ? "OFFLINE" : "ONLINE",
    topics: (view.subscriptions ?? []).map(({ filter }) => filter),
    ...(view.username === undefined ? {} : { username: view.username }),
    ...willOf(view),
  };
}

function willOf({ will }: ClientView): Pick<ConnectionDto, "will"> {
  if (will === undefined) return {};
  return {
    will: {
      mqttQoS: QOS_NAMES[will.qos],
      retain: will.retain,
      willMessage: toBase64(will.payload),
      willTopic: will.topic,
    },
  };
}

function toBase64(bytes: Uint8Array): string {
  let text = "";
  // In pieces, because arguments go onto the stack.
  for (let at = 0; at < bytes.length; at += 8192) {
    text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  }
  return btoa(text);
}

/** A member of the cluster, as far as it tells. */
export interface MemberDto {
  readonly alias: string;
  readonly host: string;
  readonly namespace: string;
}

/** Node names have the form "name@host". */
export function toMemberDto({ name }: NodeView): MemberDto {
  return { alias: name, host: name.slice(name.lastIndexOf("@") + 1), namespace: "default" };
}

/** `GET /smqtt/monitor/event`: since the broker started. */
export function toEventDto(metrics: MetricsView): Record<string, number> {
  return {
    connect_size: metrics.connections.connected,
    subscribe_size: metrics.subscribe,
    publish_size: metrics.messagesReceived.total,
    disconnect_size: metrics.disconnect.received,
    un_subscribe_size: metrics.unsubscribe,
    close_size: metrics.connections.disconnected,
  };
}

/** Bytes in each direction since the last time that somebody asked, for each second. */
export interface ByteRates {
  readonly received: number;
  readonly sent: number;
}

/** `GET /smqtt/monitor/counter`. */
export function toCounterDto(
  metrics: MetricsView,
  stats: StatsView,
  rates: ByteRates,
): Record<string, number | string> {
  const { close_size, ...events } = toEventDto(metrics);
  return {
    all_connect_size: stats.connections.count,
    all_subscribe_size: stats.subscriptions.count,
    ...events,
    un_close_size: close_size ?? 0,
    read_size: sizeText(metrics.bytes.received),
    read_second_size: sizeText(rates.received),
    write_size: sizeText(metrics.bytes.sent),
    write_second_size: sizeText(rates.sent),
  };
}

/** `GET /smqtt/monitor/jvm`, with what comes nearest; what is not known is left out. */
export function toRuntimeDto(node: NodeView): Record<string, number | string> {
  const { heapUsedBytes, heapTotalBytes, rssBytes } = node.memory;
  const outside = rssBytes - (heapTotalBytes ?? heapUsedBytes);
  return {
    smqtt: node.version,
    start_time: new Date(node.startedAtMs).toISOString().slice(0, 19).replace("T", " "),
    jdk_version: `${node.runtimeName} ${node.runtimeVersion}`,
    "heap-used": sizeText(heapUsedBytes),
    ...(heapTotalBytes === undefined ? {} : { "heap-commit": sizeText(heapTotalBytes) }),
    "no_heap-used": sizeText(Math.max(0, outside)),
  };
}

/** `GET /smqtt/monitor/cpu`: of this program, over its life. */
export function toCpuDto(node: NodeView, cores: number): Record<string, number | string> {
  const { cpu, uptimeMs } = node;
  if (cpu === undefined || uptimeMs <= 0) return { cpuNum: cores };
  const share = (ms: number): string => `${(ms / uptimeMs / cores * 100).toFixed(2)}%`;
  return { cpuNum: cores, cSys: share(cpu.systemMs), user: share(cpu.userMs) };
}

const UNITS = ["KB", "MB", "GB", "TB"] as const;

/** "12.5KB": never plain bytes, at most two decimals. */
export function sizeText(bytes: number): string {
  let value = bytes / 1024;
  let unit = 0;
  while (value >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${Math.round(value * 100) / 100}${UNITS[unit]}`;
}
