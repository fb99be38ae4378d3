import type {
  IAuthPacket,
  IConnackPacket,
  IConnectPacket,
  IDisconnectPacket,
  ISubackPacket,
  ISubscribePacket,
  ISubscription,
  IUnsubackPacket,
  IUnsubscribePacket,
} from "mqtt-packet";
import {
  checkControlPacket,
  type FrameToCheck,
  type PacketLayout,
  type PacketSender,
  peekProtocolVersion,
} from "./control_checks.ts";
import { type ForeignPacket, parseForeign } from "./mqtt_packet.ts";
import {
  type AuthPacket,
  type ConnackPacket,
  type ConnectPacket,
  type ControlPacket,
  type DisconnectPacket,
  PacketType,
  type ProtocolVersion,
  type RetainHandling,
  type SubackPacket,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubackPacket,
  type UnsubscribePacket,
  type WillPacket,
} from "./packet.ts";
import { propertyEnd, type PropertyRange, readUserProperties } from "./properties.ts";
import { MESSAGE_EXPIRY_INTERVAL, WILL_DELAY_INTERVAL } from "./property_id.ts";
import { malformed, ProtocolError, violation } from "./protocol_error.ts";
import { fromConnectReturnCode, ReasonCode } from "./reason_code.ts";
import { skipBinary, skipBytes } from "./wire.ts";

/** Receive maximum of a side that named none. */
const RECEIVE_MAXIMUM_DEFAULT = 65_535;

const PINGREQ: ControlPacket = Object.freeze({ type: "pingreq" });
const PINGRESP: ControlPacket = Object.freeze({ type: "pingresp" });

/**
 * Decodes the frame `bytes[start, end)` of any packet that is not a PUBLISH or its acknowledgement.
 * `version` is undefined until the connection's CONNECT has been decoded. Every rule of the standard
 * that one packet alone can break is checked; what is broken is thrown as a ProtocolError with
 * the reason code for it. The packet owns all that it holds.
 */
export function decodeControlPacket(
  bytes: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  version: ProtocolVersion | undefined,
  sender: PacketSender = "client",
): ControlPacket {
  const type = (bytes[start] as number) >> 4;
  const frame: FrameToCheck = {
    bytes,
    start,
    bodyStart,
    end,
    version: version ?? firstVersion(bytes, type, bodyStart, end),
    sender,
  };
  if (version !== undefined && type === PacketType.connect) { // [MQTT-3.1.0-2]
    throw violation("Cannot accept CONNECT: the connection has had one");
  }
  const layout = checkControlPacket(frame);
  if (type === PacketType.pingreq) return PINGREQ;
  if (type === PacketType.pingresp) return PINGRESP;
  if (type === PacketType.auth && bodyStart === end) {
    // The short form of success [MQTT-3.15.2-1]; mqtt-packet wants the reason code written out.
    return { type: "auth", reasonCode: ReasonCode.success, userProperties: [] };
  }
  const packet = parseForeign(bytes.subarray(start, end), frame.version);
  return fromForeign(packet, frame, layout);
}

/** The version of the connection's first packet, which must be a CONNECT [MQTT-3.1.0-1]. */
function firstVersion(
  bytes: Uint8Array,
  type: number,
  bodyStart: number,
  end: number,
): ProtocolVersion {
  if (type !== PacketType.connect) {
    throw violation(`Cannot accept packet: type ${type} before CONNECT`);
  }
  const nameEnd = skipBinary(bytes, bodyStart, end, "protocol name");
  skipBytes(nameEnd, 1, end, "protocol level");
  const version = peekProtocolVersion(bytes, bodyStart, end);
  if (version === undefined) { // [MQTT-3.1.2-1] [MQTT-3.1.2-2]
    throw new ProtocolError(
      ReasonCode.unsupportedProtocolVersion,
      `Cannot accept CONNECT: protocol level ${bytes[nameEnd]} with this protocol name`,
    );
  }
  return version;
}

function fromForeign(
  packet: ForeignPacket,
  frame: FrameToCheck,
  layout: PacketLayout,
): ControlPacket {
  switch (packet.cmd) {
    case "connect":
      return toConnect(packet, frame, layout);
    case "connack":
      return toConnack(packet, frame, layout);
    case "subscribe":
      return toSubscribe(packet, frame, layout);
    case "suback":
      return toSuback(packet, frame, layout);
    case "unsubscribe":
      return toUnsubscribe(packet, frame, layout);
    case "unsuback":
      return toUnsuback(packet, frame, layout);
    case "disconnect":
      return toDisconnect(packet, frame, layout);
    case "auth":
      return toAuth(packet, frame, layout);
    case "pingreq":
    case "pingresp":
    case "publish":
    case "puback":
    case "pubrec":
    case "pubrel":
    case "pubcomp":
      throw malformed(`Cannot read packet: "${packet.cmd}" is not decoded here`);
  }
}

function toConnect(
  packet: IConnectPacket,
  frame: FrameToCheck,
  layout: PacketLayout,
): ConnectPacket {
  const properties = packet.properties ?? {};
  return {
    type: "connect",
    version: frame.version,
    clientId: packet.clientId,
    cleanStart: packet.clean ?? false,
    keepAliveS: packet.keepalive ?? 0,
    username: packet.username,
    password: ownBytes(packet.password),
    will: packet.will && toWill(packet.will, frame.bytes, layout.willProperties),
    sessionExpiryS: properties.sessionExpiryInterval,
    receiveMaximum: properties.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT,
    maximumPacketSize: properties.maximumPacketSize,
    topicAliasMaximum: properties.topicAliasMaximum ?? 0,
    requestResponseInformation: properties.requestResponseInformation ?? false,
    requestProblemInformation: properties.requestProblemInformation ?? true,
    userProperties: readUserProperties(frame.bytes, layout.properties),
    authenticationMethod: properties.authenticationMethod,
    authenticationData: ownBytes(properties.authenticationData),
  };
}

function toWill(
  will: NonNullable<IConnectPacket["will"]>,
  bytes: Uint8Array,
  range: PropertyRange,
): WillPacket {
  return {
    topic: will.topic,
    payload: new Uint8Array(will.payload as Uint8Array), // parsed, so never a string
    qos: will.qos ?? 0,
    retain: will.retain ?? false,
    delayS: will.properties?.willDelayInterval ?? 0,
    messageExpiryS: will.properties?.messageExpiryInterval,
    properties: forwardedWillProperties(bytes, range),
  };
}

/** A copy of the will's properties without the two that are of the will and not of its message. */
function forwardedWillProperties(bytes: Uint8Array, range: PropertyRange): Uint8Array {
  const copy = new Uint8Array(range.end - range.start);
  let length = 0;
  let at = range.start;
  while (at < range.end) {
    const next = propertyEnd(bytes, at, range.end);
    if (bytes[at] !== WILL_DELAY_INTERVAL && bytes[at] !== MESSAGE_EXPIRY_INTERVAL) {
      copy.set(bytes.subarray(at, next), length);
      length += next - at;
    }
    at = next;
  }
  return copy.slice(0, length);
}

function toConnack(
  packet: IConnackPacket,
  frame: FrameToCheck,
  layout: PacketLayout,
): ConnackPacket {
  const properties = packet.properties ?? {};
  return {
    type: "connack",
    // 3.1 has no such flag: the byte is reserved.
    sessionPresent: packet.sessionPresent && frame.version !== 3,
    reasonCode: frame.version === 5
      ? packet.reasonCode as ReasonCode
      : fromConnectReturnCode(packet.returnCode ?? -1) ?? ReasonCode.unspecifiedError,
    sessionExpiryS: properties.sessionExpiryInterval,
    receiveMaximum: properties.receiveMaximum,
    maximumQos: properties.maximumQoS as 0 | 1 | undefined,
    retainAvailable: properties.retainAvailable,
    maximumPacketSize: properties.maximumPacketSize,
    assignedClientId: properties.assignedClientIdentifier,
    topicAliasMaximum: properties.topicAliasMaximum,
    reasonString: properties.reasonString,
    wildcardSubscriptionAvailable: properties.wildcardSubscriptionAvailable,
    subscriptionIdentifiersAvailable: properties.subscriptionIdentifiersAvailable,
    sharedSubscriptionAvailable: properties.sharedSubscriptionAvailable,
    serverKeepAliveS: properties.serverKeepAlive,
    responseInformation: properties.responseInformation,
    serverReference: properties.serverReference,
    authenticationMethod: properties.authenticationMethod,
    authenticationData: ownBytes(properties.authenticationData),
    userProperties: readUserProperties(frame.bytes, layout.properties),
  };
}

function toSubscribe(
  packet: ISubscribePacket,
  frame: FrameToCheck,
  layout: PacketLayout,
): SubscribePacket {
  return {
    type: "subscribe",
    packetId: packet.messageId ?? 0,
    subscriptionIdentifier: packet.properties?.subscriptionIdentifier ?? 0,
    subscriptions: packet.subscriptions.map(toSubscriptionRequest),
    userProperties: readUserProperties(frame.bytes, layout.properties),
  };
}

function toSubscriptionRequest(subscription: ISubscription): SubscriptionRequest {
  return {
    filter: subscription.topic,
    qos: subscription.qos,
    noLocal: subscription.nl ?? false,
    retainAsPublished: subscription.rap ?? false,
    retainHandling: (subscription.rh ?? 0) as RetainHandling,
  };
}

function toSuback(packet: ISubackPacket, frame: FrameToCheck, layout: PacketLayout): SubackPacket {
  return {
    type: "suback",
    packetId: packet.messageId ?? 0,
    reasonCodes: packet.granted as ReasonCode[],
    reasonString: packet.properties?.reasonString,
    userProperties: readUserProperties(frame.bytes, layout.properties),
  };
}

function toUnsubscribe(
  packet: IUnsubscribePacket,
  frame: FrameToCheck,
  layout: PacketLayout,
): UnsubscribePacket {
  return {
    type: "unsubscribe",
    packetId: packet.messageId ?? 0,
    filters: packet.unsubscriptions,
    userProperties: readUserProperties(frame.bytes, layout.properties),
  };
}

function toUnsuback(
  packet: IUnsubackPacket,
  frame: FrameToCheck,
  layout: PacketLayout,
): UnsubackPacket {
  return {
    type: "unsuback",
    packetId: packet.messageId ?? 0,
    reasonCodes: (packet.granted ?? []) as ReasonCode[],
    reasonString: packet.properties?.reasonString,
    userProperties: readUserProperties(frame.bytes, layout.properties),
  };
}

function toDisconnect(
  packet: IDisconnectPacket,
  frame: FrameToCheck,
  layout: PacketLayout,
): DisconnectPacket {
  return {
    type: "disconnect",
    reasonCode: (packet.reasonCode ?? ReasonCode.normalDisconnection) as ReasonCode,
    sessionExpiryS: packet.properties?.sessionExpiryInterval,
    reasonString: packet.properties?.reasonString,
    serverReference: packet.properties?.serverReference,
    userProperties: readUserProperties(frame.bytes, layout.properties),
  };
}

function toAuth(packet: IAuthPacket, frame: FrameToCheck, layout: PacketLayout): AuthPacket {
  return {
    type: "auth",
    reasonCode: packet.reasonCode as ReasonCode,
    authenticationMethod: packet.properties?.authenticationMethod,
    authenticationData: ownBytes(packet.properties?.authenticationData),
    reasonString: packet.properties?.reasonString,
    userProperties: readUserProperties(frame.bytes, layout.properties),
  };
}

/** mqtt-packet gives views of the frame. */
function ownBytes(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && new Uint8Array(bytes);
}
