import type { ClientView, SubscriptionView } from "../../management/mod.ts";
import type { EmqxCloudOptions } from "../options.ts";

const ZONE = "default";

/** "2023-09-15T09:36:20.871+00:00", or "2023-09-15 09:36:20" where the configuration asks for that; UTC. */
export function formatTime(ms: number, format: EmqxCloudOptions["timeFormat"]): string {
  const iso = new Date(ms).toISOString();
  return format === "plain" ? iso.slice(0, 19).replace("T", " ") : `${iso.slice(0, -1)}+00:00`;
}

/**
 * A client with the names of the samples and those of the table. What has no counterpart here is an honest
 * equivalent: `mailbox_len` counts packets that wait, `heap_size` the bytes held for the client, `reductions` packets
 * that were handled and messages that were delivered.
 */
export function clientDto(
  client: ClientView,
  { emitTenantFields, timeFormat }: EmqxCloudOptions,
): Record<string, unknown> {
  const { tls } = client;
  const time = (ms: number | undefined): string | undefined =>
    ms === undefined ? undefined : formatTime(ms, timeFormat);
  const peersni = tls?.serverName ?? null;
  return {
    node: client.node,
    clientid: client.clientId,
    username: client.username ?? null,
    proto_name: client.protocolName,
    proto_ver: client.protocolVersion,
    ip_address: client.address,
    port: client.port,
    is_bridge: client.isBridge,
    connected: client.isConnected,
    connected_at: time(client.connectedAtMs) ?? null,
    disconnected_at: client.isConnected ? undefined : time(client.disconnectedAtMs),
    created_at: time(client.createdAtMs),
    keepalive: client.keepAliveS,
    clean_start: client.cleanStart,
    expiry_interval: client.sessionExpiryS,
    is_persistent: client.isPersistent,
    zone: ZONE,
    listener: client.listenerName,
    enable_authn: client.authentication !== "anonymous",
    mountpoint: client.mountpoint === "" ? undefined : client.mountpoint,
    ...sessionDto(client),
    ...trafficDto(client),
    peersni,
    ...(emitTenantFields ? { tenant_id_from: peersni === null ? null : "peersni" } : {}),
    cn: tls?.commonName ?? null,
    dn: tls?.distinguishedName ?? null,
  };
}

function sessionDto({ session }: ClientView): Record<string, number> {
  return {
    subscriptions_cnt: session.subscriptions,
    subscriptions_max: session.subscriptionsMax,
    max_subscriptions: session.subscriptionsMax,
    inflight_cnt: session.inflight,
    inflight: session.inflight,
    inflight_max: session.inflightMax,
    max_inflight: session.inflightMax,
    mqueue_len: session.queuedMessages,
    mqueue_max: session.queuedMessagesMax,
    max_mqueue: session.queuedMessagesMax,
    mqueue_dropped: session.dropped.queueFull,
    awaiting_rel_cnt: session.awaitingRelease,
    awaiting_rel: session.awaitingRelease,
    awaiting_rel_max: session.awaitingReleaseMax,
    max_awaiting_rel: session.awaitingReleaseMax,
    "send_msg.dropped": session.dropped.total,
    "send_msg.dropped.expired": session.dropped.expired,
    "send_msg.dropped.queue_full": session.dropped.queueFull,
    "send_msg.dropped.too_large": session.dropped.tooLarge,
    heap_size: session.heldBytes,
  };
}

function trafficDto({ traffic }: ClientView): Record<string, number> {
  const { received, sent } = traffic;
  const receivedMessages = received.qos0 + received.qos1 + received.qos2;
  const sentMessages = sent.qos0 + sent.qos1 + sent.qos2;
  return {
    recv_oct: received.bytes,
    recv_cnt: received.transfers,
    recv_pkt: received.packets,
    recv_msg: receivedMessages,
    "recv_msg.qos0": received.qos0,
    "recv_msg.qos1": received.qos1,
    "recv_msg.qos2": received.qos2,
    "recv_msg.dropped": traffic.refusedMessages,
    // A QoS 2 message waits for its PUBREL as long as its session lasts.
    "recv_msg.dropped.await_pubrel_timeout": 0,
    send_oct: sent.bytes,
    send_cnt: sent.transfers,
    send_pkt: sent.packets,
    send_msg: sentMessages,
    "send_msg.qos0": sent.qos0,
    "send_msg.qos1": sent.qos1,
    "send_msg.qos2": sent.qos2,
    mailbox_len: traffic.waitingPackets,
    reductions: received.packets + sentMessages,
  };
}

export function subscriptionDto(subscription: SubscriptionView): Record<string, unknown> {
  return {
    clientid: subscription.clientId,
    topic: subscription.filter,
    qos: subscription.qos,
    nl: subscription.noLocal ? 1 : 0,
    rap: subscription.retainAsPublished ? 1 : 0,
    rh: subscription.retainHandling,
    node: subscription.node,
  };
}
