import { isPromise, shorten } from "../base/mod.ts";
import {
  type ConnackPacket,
  type ConnectPacket,
  decodeControlPacket,
  peekProtocolVersion,
  ProtocolError,
  ReasonCode,
  toConnectReturnCode,
  utf8Length,
} from "../mqtt/mod.ts";
import {
  type AuthenticationResult,
  type Credentials,
  EventBit,
  type Identity,
} from "../ports/mod.ts";
import { OutboundTopicAliases } from "../session/mod.ts";
import {
  admissionProblem,
  banProblem,
  type ConnectProblem,
  connectProblem as problem,
  isForeignSession,
  ownerOf,
} from "./admission.ts";
import type { ClientConnection } from "./client_connection.ts";
import { clientDetails } from "./client_details.ts";
import type { ClientSession } from "./client_session.ts";
import { checkWill, willOf, willTopicToJudge } from "./connect_will.ts";
import { ConnectionAuth, denialText } from "./connection_auth.ts";
import { credentialsOf, shownUsername } from "./credentials.ts";
import type { MqttOptions } from "./options.ts";

/** A reason may quote what the client sent. */
const REASON_LENGTH_MAX = 256;
const RECEIVE_MAXIMUM_DEFAULT = 65535;
const MAXIMUM_PACKET_SIZE_OF_MQTT = 268_435_460;

/**
 * A packet before CONNACK. The first one's first byte says CONNECT: it is answered, or the connection just ends. Others
 * follow only where it asked for enhanced authentication.
 */
export function handleConnect(
  from: ClientConnection,
  bytes: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
): void {
  if (from.auth !== undefined) {
    continueExchange(from, from.auth, bytes, start, bodyStart, end);
    return;
  }
  let packet: ConnectPacket;
  try {
    packet = decodeControlPacket(bytes, start, bodyStart, end, undefined) as ConnectPacket;
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    refuseUndecoded(from, error, bytes, bodyStart, end);
    return;
  }
  from.out.version = packet.version;
  from.sendsProblemInformation = packet.requestProblemInformation;
  from.out.maximumPacketSize = packet.maximumPacketSize ?? Infinity;
  const credentials = credentialsOf(from, packet);
  const { clientId, username, remoteAddress } = credentials;
  const problem = checkConnect(packet, from.core.options) ?? checkWill(from, packet) ??
    banProblem(from.core, clientId, username, remoteAddress);
  if (problem !== undefined) {
    refuse(from, problem.reasonCode, problem.message);
    return;
  }
  authenticate(from, packet, credentials);
}

/** A CONNECT that cannot be read is answered where its sender can be expected to understand the answer. */
function refuseUndecoded(
  from: ClientConnection,
  error: ProtocolError,
  bytes: Uint8Array,
  bodyStart: number,
  end: number,
): void {
  from.core.counters.protocolErrors++;
  // A level that nobody knows is answered as 3.1.1 asks for [MQTT-3.1.2-2].
  const version = peekProtocolVersion(bytes, bodyStart, end) ??
    (error.reasonCode === ReasonCode.unsupportedProtocolVersion ? 4 : undefined);
  if (version === undefined) {
    from.core.counters.connectsRefused++;
    from.closeReason ??= "protocol_error";
    from.close();
    return;
  }
  from.out.version = version;
  refuse(from, error.reasonCode, error.message);
}

/** What is well-formed and still not acceptable here. */
function checkConnect(packet: ConnectPacket, options: MqttOptions): ConnectProblem | undefined {
  const { clientId, version } = packet;
  if (clientId === "" && version === 3) { // 3.1 asks for 1 to 23 characters; longer ones are common
    return problem(ReasonCode.clientIdentifierNotValid, "client identifier is empty");
  }
  if (clientId === "" && version === 4 && !packet.cleanStart) { // [MQTT-3.1.3-8]
    return problem(
      ReasonCode.clientIdentifierNotValid,
      "client identifier is empty with clean session 0",
    );
  }
  const idLength = utf8Length(clientId);
  if (idLength > options.maxClientIdLength) {
    return problem(
      ReasonCode.clientIdentifierNotValid,
      `client identifier of ${idLength} bytes, allowed are ${options.maxClientIdLength}`,
    );
  }
  return undefined;
}

function authenticate(
  from: ClientConnection,
  packet: ConnectPacket,
  credentials: Credentials,
): void {
  const { authenticationMethod } = packet;
  if (authenticationMethod !== undefined) {
    beginExchange(from, packet, credentials, authenticationMethod);
    return;
  }
  const answer = from.core.authenticator.authenticate(credentials);
  if (isPromise(answer)) {
    from.waitFor(answer.then((late) => {
      if (from.state === "connecting") judge(from, packet, credentials, late);
    }));
    return;
  }
  judge(from, packet, credentials, answer);
}

/** Enhanced authentication: CONNACK comes when client and authenticator have told each other everything. */
function beginExchange(
  from: ClientConnection,
  packet: ConnectPacket,
  credentials: Credentials,
  method: string,
): void {
  const exchange = from.core.authenticator.enhanced?.(method);
  if (exchange === undefined) { // [MQTT-4.12.0-1]
    const detail = `Cannot accept CONNECT: authentication method "${method}" is not known`;
    refuse(from, ReasonCode.badAuthenticationMethod, detail);
    return;
  }
  const auth = from.auth = new ConnectionAuth(from, method, credentials);
  auth.begin(exchange, packet.authenticationData, (end) => {
    if (from.state !== "connecting") return;
    if ("done" in end) auth.finalData = end.data;
    judge(from, packet, credentials, "done" in end ? end.done : end);
  });
}

/** The client goes on with an exchange that its CONNECT has begun; nothing else has a place there. */
function continueExchange(
  from: ClientConnection,
  auth: ConnectionAuth,
  bytes: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
): void {
  try {
    const packet = decodeControlPacket(bytes, start, bodyStart, end, from.version);
    if (packet.type === "auth") auth.onPacket(packet);
    else if (packet.type === "disconnect") from.close();
    else {
      const detail = `Cannot accept ${packet.type.toUpperCase()} before the end of authentication`;
      throw new ProtocolError(ReasonCode.protocolError, detail);
    }
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error;
    from.core.counters.protocolErrors++;
    refuse(from, error.reasonCode, error.message);
  }
}

function judge(
  from: ClientConnection,
  packet: ConnectPacket,
  credentials: Credentials,
  answer: AuthenticationResult,
): void {
  if (answer === "ignore" || "denied" in answer) {
    const denial = answer === "ignore" ? { denied: ReasonCode.notAuthorized } : answer;
    const { clientId, username, remoteAddress, listenerName } = credentials;
    from.core.clientLogger.info("Refused a client", {
      clientId,
      username: shownUsername(username),
      address: remoteAddress,
      listener: listenerName,
      stage: denial.stage,
      reason: denialText(denial),
    });
    from.core.counters.authenticationFailures++;
    refuse(from, denial.denied, undefined);
    return;
  }
  if (answer.expiresAtMs !== undefined) {
    from.auth ??= new ConnectionAuth(from, undefined, credentials);
  }
  authorizeWill(from, packet, answer.clientId, answer);
}

/** A client that may not publish its will is told at once, and not believed to have one. */
function authorizeWill(
  from: ClientConnection,
  packet: ConnectPacket,
  clientId: string,
  identity: Identity,
): void {
  if (packet.will === undefined) {
    accept(from, packet, clientId, identity);
    return;
  }
  const decide = (isAllowed: boolean): void => {
    if (from.state !== "connecting") return;
    if (isAllowed) accept(from, packet, clientId, identity);
    else refuse(from, ReasonCode.notAuthorized, "Cannot accept CONNECT: will topic is not allowed");
  };
  const answer = from.core.permissions.mayPublish(
    identity,
    willTopicToJudge(from, packet.will),
    from,
  );
  if (isPromise(answer)) from.waitFor(answer.then(decide));
  else decide(answer);
}

/** Before 5.0 there are codes for five reasons; for others the connection is just closed. */
function refuse(from: ClientConnection, reasonCode: ReasonCode, detail: string | undefined): void {
  if (from.version !== 5 && toConnectReturnCode(reasonCode) === undefined) {
    from.core.counters.connectsRefused++;
    from.closeReason ??= "refused";
    from.close();
    return;
  }
  const packet = { type: "connack", sessionPresent: false, reasonCode } as const; // [MQTT-3.2.2-6]
  from.refuse(
    detail !== undefined && from.sendsProblemInformation
      ? { ...packet, reasonString: shorten(detail, REASON_LENGTH_MAX) }
      : packet,
  );
}

function accept(
  from: ClientConnection,
  packet: ConnectPacket,
  clientId: string,
  identity: Identity,
): void {
  const { core } = from;
  const { options, durability } = core;
  const expiryS = grantedExpiryS(packet, options);
  const isStored = expiryS > 0 || core.sessions.get(clientId)?.journal !== undefined;
  if (isStored && durability.isFailing) {
    refuse(
      from,
      ReasonCode.serverUnavailable,
      "Cannot accept CONNECT: no session can be stored now",
    );
    return;
  }
  const problem = admissionProblem(core, clientId, identity) ??
    takeOver(from, clientId, identity);
  if (problem !== undefined) {
    refuse(from, problem.reasonCode, problem.message);
    return;
  }
  durability.begin();
  const isClean = packet.cleanStart || isForeignSession(core, clientId, identity);
  const keepAliveS = grantedKeepAliveS(packet, options);
  const will = willOf(packet, clientId, identity, from);
  const { session, isPresent } = core.sessions.open(clientId, isClean, {
    expiryS,
    owner: ownerOf(identity),
    will,
    details: clientDetails(from, packet, identity, { keepAliveS, will }),
  });
  from.askedKeepAliveMs = keepAliveS * 1000 * options.keepAliveFactor;
  const aliases = packet.topicAliasMaximum > 0
    ? new OutboundTopicAliases(packet.topicAliasMaximum)
    : undefined;
  from.out.translateTopics(aliases, from.mountpoint?.length ?? 0);
  from.establish(session, identity);
  from.auth?.expireWith(identity);
  core.sessions.noteOnline(session, from);
  if (identity.method === "anonymous") core.counters.connectedAnonymous++;
  const welcome = (): void => {
    // Another connection may have taken the session over, or this one may be gone.
    if (from.session === session) greet(from, packet, session, isPresent, keepAliveS);
  };
  const stored = durability.committed(durability.end());
  if (stored === undefined) welcome();
  else from.waitFor(stored.then(welcome));
}

/** Everything that CONNACK promises is durable: the client is told, and gets what waits for it. */
function greet(
  from: ClientConnection,
  packet: ConnectPacket,
  session: ClientSession,
  isPresent: boolean,
  keepAliveS: number,
): void {
  const { core } = from;
  const { clientId } = session;
  if (!from.out.send(connackFor(from, packet, session, isPresent, keepAliveS))) { // [MQTT-3.1.2-24]
    session.will = undefined;
    from.close();
    return;
  }
  from.isGreeted = true;
  session.attach(from.out, packet.version === 5 ? packet.receiveMaximum : core.options.maxInflight);
  if (core.logger.isEnabled("debug")) {
    core.logger.debug("A client has connected", {
      clientId,
      address: from.identity?.remoteAddress ?? "",
      version: packet.version,
      sessionPresent: isPresent,
    });
  }
  if ((core.events.mask & EventBit.clientConnected) !== 0) {
    tellConnected(from, session, isPresent, keepAliveS);
  }
  session.pump();
}

function tellConnected(
  { core: { events, clock } }: ClientConnection,
  session: ClientSession,
  isSessionPresent: boolean,
  keepAliveS: number,
): void {
  events.client({
    type: "client.connected",
    client: session.eventClient,
    timestampMs: clock.nowMs(),
    keepAliveS,
    cleanStart: session.wasCleanStart,
    isSessionPresent,
    isBridge: false,
    connack: ReasonCode.success,
    connectedAtMs: session.details?.connectedAtMs ?? clock.nowMs(),
  });
}

/** One connection per client identifier: the older one goes [MQTT-3.1.4-3], which may be once too often. */
function takeOver(
  from: ClientConnection,
  clientId: string,
  { username, remoteAddress }: Identity,
): ConnectProblem | undefined {
  const { core } = from;
  const older = core.sessions.get(clientId)?.connection;
  if (older === undefined) return undefined;
  core.counters.sessionsTakenOver++;
  older.disconnect(ReasonCode.sessionTakenOver, undefined);
  return banProblem(core, clientId, username, remoteAddress);
}

function grantedExpiryS(packet: ConnectPacket, options: MqttOptions): number {
  const requested = packet.version === 5
    ? packet.sessionExpiryS ?? 0
    : (packet.cleanStart ? 0 : options.sessionExpiry3xS);
  return Math.min(requested, options.maxSessionExpiryS);
}

/** 3.x clients cannot be told another keep alive, so theirs stands. */
function grantedKeepAliveS(packet: ConnectPacket, options: MqttOptions): number {
  const { keepAliveS } = packet;
  const { maxKeepAliveS } = options;
  if (packet.version !== 5 || maxKeepAliveS === 0) return keepAliveS;
  return keepAliveS === 0 || keepAliveS > maxKeepAliveS ? maxKeepAliveS : keepAliveS;
}

/** Only what differs from the standard's defaults is said. */
function connackFor(
  from: ClientConnection,
  packet: ConnectPacket,
  session: ClientSession,
  sessionPresent: boolean,
  keepAliveS: number,
): ConnackPacket {
  const accepted = { type: "connack", sessionPresent, reasonCode: ReasonCode.success } as const;
  if (packet.version !== 5) return accepted;
  const { options } = from.core;
  const unless = <T>(isDefault: boolean, value: T): T | undefined => isDefault ? undefined : value;
  return {
    ...accepted,
    sessionExpiryS: unless(session.expiryS === (packet.sessionExpiryS ?? 0), session.expiryS),
    receiveMaximum: unless(
      options.receiveMaximum === RECEIVE_MAXIMUM_DEFAULT,
      options.receiveMaximum,
    ),
    maximumQos: options.maxQos === 2 ? undefined : options.maxQos,
    retainAvailable: unless(options.retainAvailable, false),
    maximumPacketSize: unless(
      options.maxPacketSizeBytes >= MAXIMUM_PACKET_SIZE_OF_MQTT,
      options.maxPacketSizeBytes,
    ),
    assignedClientId: unless(packet.clientId !== "", session.clientId), // [MQTT-3.2.2-16]
    topicAliasMaximum: unless(options.maxTopicAlias === 0, options.maxTopicAlias),
    wildcardSubscriptionAvailable: unless(options.wildcardSubscription, false),
    sharedSubscriptionAvailable: unless(options.sharedSubscription, false),
    authenticationMethod: from.auth?.method, // [MQTT-4.12.0-5]
    authenticationData: from.auth?.finalData,
    serverKeepAliveS: unless(keepAliveS === packet.keepAliveS, keepAliveS), // [MQTT-3.2.2-21]
  };
}
