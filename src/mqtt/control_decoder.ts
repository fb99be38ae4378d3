import type {
  IAuthPacket,
  IConnackPacket,
  IDisconnectPacket,
  ISubackPacket,
  IUnsubackPacket,
} from "mqtt-packet";
import { decodeConnect } from "./connect_decoder.ts";
import {
  checkControlPacket,
  checkFixedHeader,
  type FrameToCheck,
  type PacketSender,
  peekProtocolVersion,
} from "./control_checks.ts";
import { type ForeignPacket, parseForeign } from "./mqtt_packet.ts";
import {
  type AuthPacket,
  type ConnackPacket,
  type ControlPacket,
  type DisconnectPacket,
  PacketType,
  type ProtocolVersion,
  type SubackPacket,
  type UnsubackPacket,
} from "./packet.ts";
import { type PropertyRange, readUserProperties } from "./properties.ts";
import { malformed, ProtocolError, violation } from "./protocol_error.ts";
import { fromConnectReturnCode, ReasonCode } from "./reason_code.ts";
import { decodeSubscribe, decodeUnsubscribe } from "./subscribe_decoder.ts";
import { skipBinary, skipBytes } from "./wire.ts";

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
  checkFixedHeader(frame);
  return decodeOften(frame, type) ?? decodeSeldom(frame, type);
}

/** What every client sends, some again and again: read here, in one go with the checks. */
function decodeOften(frame: FrameToCheck, type: number): ControlPacket | undefined {
  if (frame.sender !== "client") return undefined;
  switch (type) {
    case PacketType.connect:
      return decodeConnect(frame);
    case PacketType.subscribe:
      return decodeSubscribe(frame);
    case PacketType.unsubscribe:
      return decodeUnsubscribe(frame);
    default:
      return undefined;
  }
}

/** The others: checked here and read by mqtt-packet, unless they say nothing but their type. */
function decodeSeldom(frame: FrameToCheck, type: number): ControlPacket {
  const { bytes, start, bodyStart, end, version } = frame;
  const range = checkControlPacket(frame, type);
  if (type === PacketType.pingreq) return PINGREQ;
  if (type === PacketType.pingresp) return PINGRESP;
  if (bodyStart === end) {
    // The short forms of success [MQTT-3.14.2-1] [MQTT-3.15.2-1]; mqtt-packet wants the second
    // written out.
    if (type === PacketType.disconnect) return plainDisconnect();
    if (type === PacketType.auth) {
      return { type: "auth", reasonCode: ReasonCode.success, userProperties: [] };
    }
  }
  const packet = parseForeign(bytes.subarray(start, end), version);
  return fromForeign(packet, frame, range);
}

function plainDisconnect(): DisconnectPacket {
  return {
    type: "disconnect",
    reasonCode: ReasonCode.normalDisconnection,
    sessionExpiryS: undefined,
    reasonString: undefined,
    serverReference: undefined,
    userProperties: [],
  };
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
  range: PropertyRange,
): ControlPacket {
  switch (packet.cmd) {
    case "connack":
      return toConnack(packet, frame, range);
    case "suback":
      return toSuback(packet, frame, range);
    case "unsuback":
      return toUnsuback(packet, frame, range);
    case "disconnect":
      return toDisconnect(packet, frame, range);
    case "auth":
      return toAuth(packet, frame, range);
    case "connect":
    case "subscribe":
    case "unsubscribe":
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

function toConnack(
  packet: IConnackPacket,
  frame: FrameToCheck,
  range: PropertyRange,
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
    userProperties: readUserProperties(frame.bytes, range),
  };
}

function toSuback(packet: ISubackPacket, frame: FrameToCheck, range: PropertyRange): SubackPacket {
  return {
    type: "suback",
    packetId: packet.messageId ?? 0,
    reasonCodes: packet.granted as ReasonCode[],
    reasonString: packet.properties?.reasonString,
    userProperties: readUserProperties(frame.bytes, range),
  };
}

function toUnsuback(
  packet: IUnsubackPacket,
  frame: FrameToCheck,
  range: PropertyRange,
): UnsubackPacket {
  return {
    type: "unsuback",
    packetId: packet.messageId ?? 0,
    reasonCodes: (packet.granted ?? []) as ReasonCode[],
    reasonString: packet.properties?.reasonString,
    userProperties: readUserProperties(frame.bytes, range),
  };
}

function toDisconnect(
  packet: IDisconnectPacket,
  frame: FrameToCheck,
  range: PropertyRange,
): DisconnectPacket {
  return {
    type: "disconnect",
    reasonCode: (packet.reasonCode ?? ReasonCode.normalDisconnection) as ReasonCode,
    sessionExpiryS: packet.properties?.sessionExpiryInterval,
    reasonString: packet.properties?.reasonString,
    serverReference: packet.properties?.serverReference,
    userProperties: readUserProperties(frame.bytes, range),
  };
}

function toAuth(packet: IAuthPacket, frame: FrameToCheck, range: PropertyRange): AuthPacket {
  return {
    type: "auth",
    reasonCode: packet.reasonCode as ReasonCode,
    authenticationMethod: packet.properties?.authenticationMethod,
    authenticationData: ownBytes(packet.properties?.authenticationData),
    reasonString: packet.properties?.reasonString,
    userProperties: readUserProperties(frame.bytes, range),
  };
}

/** mqtt-packet gives views of the frame. */
function ownBytes(bytes: Uint8Array | undefined): Uint8Array | undefined {
  return bytes && new Uint8Array(bytes);
}
