import { isPromise, type MaybePromise } from "../base/mod.ts";
import {
  decodePublish,
  isSysTopic,
  PacketType,
  ProtocolError,
  type PublishView,
  type Qos,
  ReasonCode,
} from "../mqtt/mod.ts";
import type { Identity } from "../ports/mod.ts";
import type { Route } from "../routing/mod.ts";
import type { Publication } from "../session/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";
import { MESSAGE_EVENTS } from "./event_hub.ts";
import type { LimitsOptions } from "./options.ts";

const DOLLAR = 0x24;

/**
 * Runs one inbound PUBLISH to its end: routed, retained and acknowledged, or refused.
 *
 * The topic alias is resolved before the pipeline asks the authorizer, so that a client is always judged on a
 * real topic name, never on the empty one on the wire.
 */
export function handlePublish(
  from: ClientConnection,
  bytes: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  isOwned: boolean,
): void {
  const { core } = from;
  const view = core.scratch.publish;
  decodePublish(view, bytes, start, bodyStart, end, from.version);
  const session = from.session as ClientSession;
  const { qos, packetId } = view;
  checkAgainstConnack(from, view);
  const route = resolveRoute(from, view);
  core.counters.countPublishReceived(qos, end - view.payloadStart);
  from.traffic.countReceived(qos);
  if (view.propertiesEnd > view.propertiesStart && hasTooManyUserProperties(core.limits, view)) {
    refuseUserProperties(from, qos, packetId);
    return;
  }
  if (core.runs.take(from, route, view, bodyStart, isOwned)) return;
  const { durability } = core;
  if (qos !== 0 && durability.isFailing && isToBeStored(from, route, view.retain)) {
    // A duplicate brings nothing new: it waits for the commit that the first one waits for.
    if (qos === 1 || !session.hasReceived(packetId)) {
      refuseForNow(from, qos, packetId);
      return;
    }
  }
  durability.begin();
  if (qos === 2 && !session.receive(packetId)) {
    // Whatever the first one noted was noted before this ticket.
    const ticket = durability.store.ticket();
    from.acknowledge(PacketType.pubrec, packetId, ReasonCode.success, ticket); // [MQTT-4.3.3-10]
    return;
  }
  if (qos > 0) checkQuota(from, session, qos);
  const { publication } = core.scratch;
  publication.loadView(
    view,
    route.topic,
    route.topicBytes,
    session.clientId,
    isOwned || from.socket.chunksAreStable,
    view.messageExpiryS < 0 ? 0 : core.clock.nowMs(),
  );
  const isReserved = route.topic.charCodeAt(mountLength(from)) === DOLLAR;
  const { events } = core;
  if ((events.mask & MESSAGE_EVENTS) !== 0) {
    if (isReserved || core.pipeline.needsOrigin(route.topic)) {
      publication.origin = events.originOf(session.eventClient);
    }
  }
  const receivers = route.recipients.length + route.groups.length;
  publication.expectReceivers(receivers, from.socket.chunksAreStable);
  const answer = isReserved
    ? publishReserved(from, publication, route, session)
    : core.pipeline.publish(publication, route, from, session);
  from.spend(route.recipients.length);
  if (core.sessionContext.pace.takeCrowded()) from.giveWay();
  if (qos === 0) {
    if (isPromise(answer)) noteLater(from, answer);
    else if (answer >= 0x80) noteAnswer(from, answer);
    return;
  }
  acknowledge(from, session, qos, packetId, answer);
}

/** Of the topic behind the mountpoint. */
function mountLength({ mountpoint }: ClientConnection): number {
  return mountpoint === undefined ? 0 : mountpoint.text.length;
}

/** On a topic that the client begins with "$": the broker's own, one that delays, or one as any other. */
function publishReserved(
  from: ClientConnection,
  publication: Publication,
  route: Route<ClientSession>,
  session: ClientSession,
): MaybePromise<ReasonCode> {
  const { delayed, pipeline } = from.core;
  const at = mountLength(from);
  if (delayed.isDelayed(route.topic, at)) {
    return delayed.take(publication.own(), at, from.identity as Identity, from);
  }
  if (isSysTopic(route.topic)) return ReasonCode.notAuthorized;
  return pipeline.publish(publication, route, from, session);
}

/** They are copied to every subscriber, and kept with retained and waiting messages. */
function hasTooManyUserProperties(limits: LimitsOptions, view: PublishView): boolean {
  const { maxUserProperties, maxUserPropertyBytes } = limits;
  return (maxUserProperties > 0 && view.userPropertyCount > maxUserProperties) ||
    (maxUserPropertyBytes > 0 && view.userPropertyBytes > maxUserPropertyBytes);
}

function refuseUserProperties(from: ClientConnection, qos: Qos, packetId: number): void {
  from.core.counters.userPropertiesRefused++;
  from.core.counters.publishRefused++;
  from.traffic.refused++;
  if (qos === 0) return;
  const type = qos === 1 ? PacketType.puback : PacketType.pubrec;
  from.acknowledge(type, packetId, ReasonCode.quotaExceeded, 0);
}

/** Who publishes what it may not is disconnected, where the configuration says so. */
function punish(from: ClientConnection, reasonCode: ReasonCode): void {
  if (reasonCode !== ReasonCode.notAuthorized || !from.core.permissions.disconnects) return;
  from.disconnect(ReasonCode.notAuthorized, undefined);
}

/** What CONNACK said that this client may not do. */
function checkAgainstConnack(from: ClientConnection, view: PublishView): void {
  const { options } = from.core;
  if (view.qos > options.maxQos) { // [MQTT-3.2.2-11]
    throw new ProtocolError(
      ReasonCode.qosNotSupported,
      `Cannot accept PUBLISH: QoS ${view.qos}, allowed is up to ${options.maxQos}`,
    );
  }
  if (view.retain && !options.retainAvailable) { // [MQTT-3.2.2-14]
    throw new ProtocolError(
      ReasonCode.retainNotSupported,
      "Cannot accept PUBLISH: retained messages are not available",
    );
  }
}

/** The route of the topic, whether the packet names it or an alias. */
function resolveRoute(from: ClientConnection, view: PublishView): Route<ClientSession> {
  const { topicStart, topicEnd, topicAlias } = view;
  if (topicAlias > 0 || from.mountpoint !== undefined) return resolveOther(from, view);
  const { router } = from.core;
  const route = router.routeBytesAfter(from.lastRoute, view.bytes, topicStart, topicEnd);
  if (route !== from.lastRoute) {
    checkLevels(from, route);
    from.lastRoute = route;
    from.runFramesMax = -1;
  }
  return route;
}

/** Of a packet whose bytes do not name the whole topic. */
function resolveOther(from: ClientConnection, view: PublishView): Route<ClientSession> {
  if (view.topicAlias > 0) return resolveAlias(from, view);
  const route = routeOfName(from, view);
  if (route !== from.lastRoute) {
    checkLevels(from, route);
    from.lastRoute = route;
  }
  return route;
}

/** Of the topic name in the packet, behind the mountpoint of the client. */
function routeOfName(
  { core: { router }, lastRoute, mountpoint }: ClientConnection,
  { bytes, topicStart, topicEnd }: PublishView,
): Route<ClientSession> {
  if (mountpoint === undefined) return router.routeBytes(bytes, topicStart, topicEnd);
  const end = mountpoint.mountBytes(bytes, topicStart, topicEnd);
  return router.routeBytesAfter(lastRoute, mountpoint.scratch, 0, end);
}

function resolveAlias(from: ClientConnection, view: PublishView): Route<ClientSession> {
  const { core } = from;
  const { topicAlias, topicStart, topicEnd } = view;
  if (topicAlias > core.options.maxTopicAlias) { // [MQTT-3.3.2-9]
    throw new ProtocolError(
      ReasonCode.topicAliasInvalid,
      `Cannot accept PUBLISH: topic alias ${topicAlias}, allowed is up to ${core.options.maxTopicAlias}`,
    );
  }
  const aliases = from.inboundAliases ??= [];
  if (topicEnd > topicStart) {
    const route = routeOfName(from, view);
    checkLevels(from, route);
    aliases[topicAlias] = route; // [MQTT-3.3.2-12]
    return route;
  }
  const known = aliases[topicAlias];
  if (known === undefined) {
    throw new ProtocolError(
      ReasonCode.protocolError,
      `Cannot accept PUBLISH: topic alias ${topicAlias} has no topic yet`,
    );
  }
  if (core.router.isCurrent(known)) return known;
  const route = core.router.route(known.topic);
  aliases[topicAlias] = route;
  return route;
}

function checkLevels(from: ClientConnection, route: Route<ClientSession>): void {
  const { maxTopicLevels } = from.core.options;
  if (route.levelCount <= maxTopicLevels) return;
  throw new ProtocolError(
    ReasonCode.topicNameInvalid,
    `Cannot accept PUBLISH: topic of ${route.levelCount} levels, allowed are ${maxTopicLevels}`,
  );
}

/** Messages of the client that it has no answer to yet, this one included [MQTT-3.3.4-7]. */
export function checkQuota(from: ClientConnection, session: ClientSession, qos: number): void {
  const open = session.receivedCount + from.unacknowledgedCount + (qos === 1 ? 1 : 0);
  const { receiveMaximum } = from.core.options;
  if (from.version !== 5 || open <= receiveMaximum) return;
  if (qos === 2) from.core.counters.qos2OverLimit++;
  throw new ProtocolError(
    ReasonCode.receiveMaximumExceeded,
    `Cannot accept PUBLISH: ${open} messages unacknowledged, allowed are ${receiveMaximum}`,
  );
}

function noteLater(from: ClientConnection, answer: Promise<ReasonCode>): void {
  from.waitFor(answer.then((late) => noteAnswer(from, late)));
}

function noteAnswer(from: ClientConnection, answer: ReasonCode): void {
  if (answer >= 0x80) from.traffic.refused++;
  if (answer === ReasonCode.notAuthorized) punish(from, answer);
}

function isToBeStored(
  from: ClientConnection,
  route: Route<ClientSession>,
  retain: boolean,
): boolean {
  return needsStore(route, retain) || from.core.delayed.isDelayed(route.topic, mountLength(from));
}

/** The message is to be kept on disk before it is acknowledged, for what is retained and who gets it. */
export function needsStore(route: Route<ClientSession>, retain: boolean): boolean {
  return retain || route.groups.length > 0 ||
    route.recipients.some(({ subscriber }) => subscriber.journal !== undefined);
}

/**
 * The disk is full, or worse: a 5.0 client is told. A 3.x client cannot be; it gets no answer, and when the store can
 * be written again, its connection is closed, so that it connects and sends the message again.
 */
function refuseForNow(from: ClientConnection, qos: 1 | 2, packetId: number): void {
  from.core.counters.publishRefused++;
  from.traffic.refused++;
  if (from.version !== 5) {
    from.leaveUnanswered();
    return;
  }
  const type = qos === 1 ? PacketType.puback : PacketType.pubrec;
  from.acknowledge(type, packetId, ReasonCode.quotaExceeded, 0);
}

function acknowledge(
  from: ClientConnection,
  session: ClientSession,
  qos: 1 | 2,
  packetId: number,
  answer: MaybePromise<ReasonCode>,
): void {
  const { durability } = from.core;
  if (!isPromise(answer)) {
    sendAnswer(from, session, qos, packetId, answer, durability.end());
    return;
  }
  acknowledgeLater(from, session, qos, packetId, answer);
}

function acknowledgeLater(
  from: ClientConnection,
  session: ClientSession,
  qos: 1 | 2,
  packetId: number,
  answer: Promise<ReasonCode>,
): void {
  if (qos === 1) from.unacknowledgedCount++;
  from.waitFor(answer.then((late) => {
    if (qos === 1) from.unacknowledgedCount--;
    sendAnswer(from, session, qos, packetId, late, from.core.durability.store.ticket());
  }));
}

/** `ticket`: of the commit that holds what the answer promises. */
function sendAnswer(
  from: ClientConnection,
  session: ClientSession,
  qos: 1 | 2,
  packetId: number,
  reasonCode: ReasonCode,
  ticket: number,
): void {
  if (reasonCode >= 0x80) noteAnswer(from, reasonCode);
  if (qos === 1) {
    if (!from.isConnected) return;
    from.acknowledge(PacketType.puback, packetId, reasonCode, ticket); // [MQTT-4.3.2-4]
    return;
  }
  // A refusal ends the exchange: no PUBREL will come, nor from a client that has just been disconnected.
  if (reasonCode >= 0x80 && (from.version === 5 || !from.isConnected)) {
    session.forgetReceived(packetId);
  }
  if (!from.isConnected) return;
  from.acknowledge(PacketType.pubrec, packetId, reasonCode, ticket); // [MQTT-4.3.3-8]
}
