import type { BrokerCore } from "./broker_core.ts";
import { usernameOf } from "./client_filter.ts";
import type { ClientDetails } from "./client_details.ts";
import type { ClientSession, OrderedSubscription } from "./client_session.ts";
import type { Traffic } from "./traffic.ts";
import type {
  ClientView,
  FlowFigures,
  SessionFigures,
  SubscriptionView,
  TlsPeerView,
  TrafficFigures,
} from "./views.ts";

/** What `ClientView` says of a client whose session an earlier version of the broker kept. */
const UNKNOWN_VERSION = 4;
const NO_FLOW: FlowFigures = Object.freeze({
  bytes: 0,
  transfers: 0,
  packets: 0,
  qos0: 0,
  qos1: 0,
  qos2: 0,
});

/** A copy of what there is to tell of a session and its connection. */
export function clientViewOf(
  core: BrokerCore,
  node: string,
  session: ClientSession,
  includeSubscriptions: boolean,
): ClientView {
  const { details, connection } = session;
  const version = details?.version ?? UNKNOWN_VERSION;
  return {
    node,
    clientId: session.clientId,
    username: usernameOf(session),
    isConnected: connection !== undefined,
    protocolName: version === 3 ? "MQIsdp" : "MQTT",
    protocolVersion: version,
    isBridge: false,
    address: details?.address ?? "",
    port: details?.port ?? 0,
    listenerName: details?.listenerName ?? "",
    listenerType: details?.listenerType ?? "tcp",
    mountpoint: details?.mountpoint ?? "",
    authentication: details?.method ?? "unknown",
    tls: details === undefined ? undefined : tlsPeerOf(details),
    keepAliveS: details?.keepAliveS ?? 0,
    cleanStart: session.wasCleanStart,
    sessionExpiryS: session.expiryS,
    isPersistent: session.expiryS > 0,
    acceptedAtMs: details?.acceptedAtMs,
    connectedAtMs: details?.connectedAtMs,
    disconnectedAtMs: connection === undefined ? session.disconnectedAtMs : undefined,
    createdAtMs: session.createdAtMs,
    will: details?.will,
    session: sessionFiguresOf(core, session),
    traffic: trafficOf(session),
    subscriptions: includeSubscriptions ? [...subscriptionViewsOf(node, session)] : undefined,
  };
}

export function* subscriptionViewsOf(
  node: string,
  session: ClientSession,
): Generator<SubscriptionView, void, undefined> {
  for (const [filter, subscription] of session.subscriptions) {
    yield subscriptionViewOf(node, session, filter, subscription, undefined);
  }
}

/** `filter`: as the client wrote it. */
export function subscriptionViewOf(
  node: string,
  session: ClientSession,
  filter: string,
  subscription: Omit<OrderedSubscription, "order">,
  client: ClientView | undefined,
): SubscriptionView {
  const { shareName } = subscription;
  return {
    node,
    clientId: session.clientId,
    filter,
    topicFilter: subscription.filter,
    shareName: shareName === "" ? undefined : shareName,
    qos: subscription.qos,
    noLocal: subscription.noLocal,
    retainAsPublished: subscription.retainAsPublished,
    retainHandling: subscription.retainHandling,
    identifier: subscription.identifier,
    client,
  };
}

function tlsPeerOf(details: ClientDetails): TlsPeerView | undefined {
  const { serverName, peerCertificate, listenerType } = details;
  const isTls = listenerType === "tls" || listenerType === "wss";
  if (!isTls && serverName === undefined && peerCertificate === undefined) return undefined;
  return {
    serverName,
    commonName: peerCertificate?.commonName,
    distinguishedName: peerCertificate?.distinguishedName,
    isVerified: peerCertificate?.isVerified ?? false,
  };
}

function sessionFiguresOf(core: BrokerCore, session: ClientSession): SessionFigures {
  const { options } = core;
  const { details, connection, drops } = session;
  const { expired, queueFull, tooLarge, slow } = drops;
  const sentNow = connection === undefined ? 0 : connection.traffic.messagesSent;
  return {
    subscriptions: session.subscriptions.size,
    subscriptionsMax: options.maxSubscriptions,
    inflight: session.inflightCount,
    inflightMax: details?.receiveMaximum ?? options.maxInflight,
    queuedMessages: session.queuedMessages,
    queuedMessagesMax: options.maxQueuedMessages,
    queuedBytes: session.queuedBytes,
    awaitingRelease: session.unreleasedCount,
    awaitingReleaseMax: options.receiveMaximum,
    deliveredMessages: session.deliveredEarlier + sentNow,
    enqueuedMessages: session.enqueuedMessages,
    dropped: { total: session.droppedMessages, expired, queueFull, tooLarge, slow },
    heldBytes: heldBytesOf(session),
  };
}

function heldBytesOf(session: ClientSession): number {
  const { connection } = session;
  const ofConnection = connection === undefined
    ? 0
    : connection.out.pendingBytes + connection.splitter.pendingBytes;
  return session.queuedBytes + session.inflightBytes + ofConnection;
}

function trafficOf(session: ClientSession): TrafficFigures {
  const { traffic, connection } = session;
  return {
    received: traffic === undefined ? NO_FLOW : receivedBy(traffic),
    sent: traffic === undefined ? NO_FLOW : sentBy(traffic),
    refusedMessages: traffic?.refused ?? 0,
    unsentBytes: connection?.out.pendingBytes ?? 0,
    waitingPackets: connection?.owed?.length ?? 0,
  };
}

function receivedBy(traffic: Traffic): FlowFigures {
  return {
    bytes: traffic.bytesReceived,
    transfers: traffic.reads,
    packets: traffic.packetsReceived,
    qos0: traffic.receivedQos0,
    qos1: traffic.receivedQos1,
    qos2: traffic.receivedQos2,
  };
}

function sentBy(traffic: Traffic): FlowFigures {
  return {
    bytes: traffic.bytesSent,
    transfers: traffic.writes,
    packets: traffic.packetsSent,
    qos0: traffic.sentQos0,
    qos1: traffic.sentQos1,
    qos2: traffic.sentQos2,
  };
}
