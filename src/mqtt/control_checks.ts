import { PacketType, type ProtocolVersion } from "./packet.ts";
import { AUTHENTICATION_METHOD } from "./property_id.ts";
import { malformed, ProtocolError, violation } from "./protocol_error.ts";
import { checkProperties, propertyEnd, PropertyPlace, type PropertyRange } from "./properties.ts";
import {
  fromConnectReturnCode,
  isReasonCodeAllowed,
  ReasonCode,
  ReasonUse,
} from "./reason_code.ts";
import { decodeTopicName } from "./topic_name.ts";
import { decodeUtf8 } from "./utf8.ts";
import { readUint16, skipBinary, skipBytes, skipString } from "./wire.ts";

/** Who sent a packet: each side may send only some types, reason codes and properties. */
export type PacketSender = "client" | "server";

/** One frame to be checked; `at` is where its body begins. */
export interface FrameToCheck {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
  readonly version: ProtocolVersion;
  readonly sender: PacketSender;
}

/** Where the raw property blocks of a checked packet stand, for what mqtt-packet would lose. */
export interface PacketLayout {
  readonly properties: PropertyRange;
  readonly willProperties: PropertyRange;
}

const NO_PROPERTIES: PropertyRange = Object.freeze({ start: 0, end: 0 });
const NO_LAYOUT: PacketLayout = Object.freeze({
  properties: NO_PROPERTIES,
  willProperties: NO_PROPERTIES,
});

const WILL = 0x04;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USERNAME = 0x80;

const SHARE_PREFIX = "$share/";

/** The version that a CONNECT asks for, or undefined when it is none of ours or cut off. */
export function peekProtocolVersion(
  bytes: Uint8Array,
  bodyStart: number,
  end: number,
): ProtocolVersion | undefined {
  if (end - bodyStart < 3) return undefined;
  const levelAt = bodyStart + 2 + readUint16(bytes, bodyStart);
  if (levelAt >= end) return undefined;
  const name = String.fromCharCode(
    ...bytes.subarray(bodyStart + 2, Math.min(levelAt, bodyStart + 8)),
  );
  const level = bytes[levelAt] as number;
  if (levelAt === bodyStart + 8) return name === "MQIsdp" && level === 3 ? 3 : undefined;
  if (levelAt !== bodyStart + 6 || name !== "MQTT") return undefined;
  return level === 4 || level === 5 ? level : undefined;
}

/**
 * Checks everything about a packet off the hot path that mqtt-packet lets pass, or refuses without
 * saying why. Throws ProtocolError with the standard's reason code.
 */
export function checkControlPacket(frame: FrameToCheck): PacketLayout {
  const first = frame.bytes[frame.start] as number;
  const type = first >> 4;
  const isSubscription = type === PacketType.subscribe || type === PacketType.unsubscribe;
  if ((first & 0x0f) !== (isSubscription ? 2 : 0)) { // [MQTT-2.1.3-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1]
    throw malformed(`Cannot read packet: type ${type} with flags ${first & 0x0f}`);
  }
  const { bodyStart } = frame;
  if (frame.version === 5 && bodyStart - frame.start > 2 && frame.bytes[bodyStart - 1] === 0) {
    throw malformed("Cannot read packet: remaining length is not in its shortest form"); // [MQTT-1.5.5-1]
  }
  if (frame.sender === "client") return checkFromClient(frame, type);
  return checkFromServer(frame, type);
}

function checkFromClient(frame: FrameToCheck, type: number): PacketLayout {
  switch (type) {
    case PacketType.connect:
      return checkConnect(frame);
    case PacketType.subscribe:
      return checkSubscribe(frame);
    case PacketType.unsubscribe:
      return checkUnsubscribe(frame);
    case PacketType.pingreq:
      return checkEmpty(frame, "PINGREQ");
    case PacketType.disconnect:
      return checkDisconnect(frame);
    case PacketType.auth:
      return checkAuth(frame);
    default:
      throw wrongType(type, "client");
  }
}

function checkFromServer(frame: FrameToCheck, type: number): PacketLayout {
  switch (type) {
    case PacketType.connack:
      return checkConnack(frame);
    case PacketType.suback:
      return checkSuback(frame);
    case PacketType.unsuback:
      return checkUnsuback(frame);
    case PacketType.pingresp:
      return checkEmpty(frame, "PINGRESP");
    case PacketType.disconnect:
      return checkDisconnect(frame);
    case PacketType.auth:
      return checkAuth(frame);
    default:
      throw wrongType(type, "server");
  }
}

function checkConnect(frame: FrameToCheck): PacketLayout {
  const { bytes, end, version } = frame;
  const nameEnd = skipBinary(bytes, frame.bodyStart, end, "protocol name");
  const flagsAt = skipBytes(nameEnd, 1, end, "protocol level");
  const keepAliveAt = skipBytes(flagsAt, 1, end, "connect flags");
  const flags = bytes[flagsAt] as number;
  checkConnectFlags(flags, version);
  let at = skipBytes(keepAliveAt, 2, end, "keep alive");
  let properties = NO_PROPERTIES;
  let willProperties = NO_PROPERTIES;
  if (version === 5) {
    properties = checkProperties(bytes, at, end, PropertyPlace.connect);
    at = properties.end;
  }
  at = skipString(bytes, at, end, "client identifier"); // [MQTT-3.1.3-4]
  if ((flags & WILL) !== 0) {
    if (version === 5) {
      willProperties = checkProperties(bytes, at, end, PropertyPlace.will);
      at = willProperties.end;
    }
    const topicAt = at;
    at = skipString(bytes, at, end, "will topic"); // [MQTT-3.1.3-11]
    decodeTopicName(bytes, topicAt + 2, at);
    at = skipBinary(bytes, at, end, "will payload");
  }
  if ((flags & USERNAME) !== 0) at = skipString(bytes, at, end, "user name"); // [MQTT-3.1.3-12]
  if ((flags & PASSWORD) !== 0) at = skipBinary(bytes, at, end, "password");
  checkEnd(at, end, "CONNECT");
  return { properties, willProperties };
}

function checkConnectFlags(flags: number, version: ProtocolVersion): void {
  if ((flags & 1) !== 0) throw malformed("Cannot read CONNECT: reserved flag is set"); // [MQTT-3.1.2-3]
  const willQos = (flags >> 3) & 3;
  if (willQos === 3) throw malformed("Cannot read CONNECT: will QoS 3"); // [MQTT-3.1.2-12]
  if ((flags & WILL) === 0 && (willQos !== 0 || (flags & WILL_RETAIN) !== 0)) {
    throw malformed("Cannot read CONNECT: will flags without a will"); // [MQTT-3.1.2-11] [MQTT-3.1.2-13]
  }
  // 5.0 has lifted this rule of 3.1.1, where it is [MQTT-3.1.2-22].
  if (version !== 5 && (flags & PASSWORD) !== 0 && (flags & USERNAME) === 0) {
    throw malformed("Cannot read CONNECT: password without user name");
  }
}

function checkSubscribe(frame: FrameToCheck): PacketLayout {
  const { bytes, end, version } = frame;
  const properties = checkIdAndProperties(frame, PropertyPlace.subscribe);
  let at = properties.end;
  if (at === end) throw violation("Cannot accept SUBSCRIBE: no topic filter"); // [MQTT-3.8.3-2]
  while (at < end) {
    const filterAt = at;
    const optionsAt = skipString(bytes, filterAt, end, "topic filter"); // [MQTT-3.8.3-1]
    at = skipBytes(optionsAt, 1, end, "subscription options");
    const options = bytes[optionsAt] as number;
    checkSubscriptionOptions(options, version);
    const isNoLocal = (options & 4) !== 0;
    if (isNoLocal && decodeUtf8(bytes, filterAt + 2, optionsAt).startsWith(SHARE_PREFIX)) {
      throw violation("Cannot accept SUBSCRIBE: shared subscription with no local"); // [MQTT-3.8.3-4]
    }
  }
  return { properties, willProperties: NO_PROPERTIES };
}

function checkSubscriptionOptions(options: number, version: ProtocolVersion): void {
  const reserved = version === 5 ? 0xc0 : 0xfc;
  if ((options & reserved) !== 0) { // [MQTT-3.8.3-5]
    throw malformed(`Cannot read SUBSCRIBE: reserved bits of subscription options ${options}`);
  }
  if ((options & 3) === 3) { // 3.1.1: [MQTT-3.8.3-4]
    const problem = "Cannot accept SUBSCRIBE: QoS 3";
    throw version === 5 ? violation(problem) : malformed(problem);
  }
  if ((options & 0x30) === 0x30) throw violation("Cannot accept SUBSCRIBE: retain handling 3");
}

function checkUnsubscribe(frame: FrameToCheck): PacketLayout {
  const { bytes, end } = frame;
  const properties = checkIdAndProperties(frame, PropertyPlace.unsubscribe);
  let at = properties.end;
  if (at === end) throw violation("Cannot accept UNSUBSCRIBE: no topic filter"); // [MQTT-3.10.3-2]
  while (at < end) at = skipString(bytes, at, end, "topic filter"); // [MQTT-3.10.3-1]
  return { properties, willProperties: NO_PROPERTIES };
}

function checkDisconnect(frame: FrameToCheck): PacketLayout {
  const { bytes, bodyStart, end, version, sender } = frame;
  if (bodyStart === end) return NO_LAYOUT;
  if (version !== 5) throw trailing("DISCONNECT");
  const isFromClient = sender === "client";
  checkReasonCode(
    bytes[bodyStart] as number,
    isFromClient ? ReasonUse.disconnectFromClient : ReasonUse.disconnectFromServer,
    "DISCONNECT", // [MQTT-3.14.2-1]
  );
  if (bodyStart + 1 === end) return NO_LAYOUT;
  const place = isFromClient
    ? PropertyPlace.disconnectFromClient
    : PropertyPlace.disconnectFromServer;
  const properties = checkProperties(bytes, bodyStart + 1, end, place);
  checkEnd(properties.end, end, "DISCONNECT");
  return { properties, willProperties: NO_PROPERTIES };
}

function checkAuth(frame: FrameToCheck): PacketLayout {
  const { bytes, bodyStart, end, version, sender } = frame;
  if (version !== 5) throw wrongType(PacketType.auth, sender);
  // Nothing behind the fixed header means success, which only a server may say.
  const reasonCode = bodyStart === end ? ReasonCode.success : bytes[bodyStart] as number;
  checkReasonCode(reasonCode, ReasonUse.auth, "AUTH"); // [MQTT-3.15.2-1]
  const foreign = sender === "client" ? ReasonCode.success : ReasonCode.reAuthenticate;
  if (reasonCode === foreign) {
    throw violation(`Cannot accept AUTH: reason code ${reasonCode} from a ${sender}`);
  }
  if (bodyStart === end) return NO_LAYOUT;
  const properties = checkProperties(bytes, bodyStart + 1, end, PropertyPlace.auth);
  checkEnd(properties.end, end, "AUTH");
  if (!hasProperty(bytes, properties, AUTHENTICATION_METHOD)) {
    throw violation("Cannot accept AUTH: no authentication method");
  }
  return { properties, willProperties: NO_PROPERTIES };
}

function checkConnack(frame: FrameToCheck): PacketLayout {
  const { bytes, bodyStart, end, version } = frame;
  const behindReason = skipBytes(bodyStart, 2, end, "CONNACK");
  const flags = bytes[bodyStart] as number;
  const reasonCode = bytes[bodyStart + 1] as number;
  if (flags > 1) throw malformed(`Cannot read CONNACK: acknowledge flags ${flags}`); // [MQTT-3.2.2-1]
  if (version === 5) {
    checkReasonCode(reasonCode, ReasonUse.connack, "CONNACK"); // [MQTT-3.2.2-8]
  } else if (fromConnectReturnCode(reasonCode) === undefined) {
    throw violation(`Cannot accept CONNACK: return code ${reasonCode}`);
  }
  if (flags === 1 && reasonCode !== 0) { // [MQTT-3.2.2-6]
    throw violation(`Cannot accept CONNACK: session present with reason code ${reasonCode}`);
  }
  const properties = version === 5
    ? checkProperties(bytes, behindReason, end, PropertyPlace.connack)
    : { start: behindReason, end: behindReason };
  checkEnd(properties.end, end, "CONNACK");
  return { properties, willProperties: NO_PROPERTIES };
}

function checkSuback(frame: FrameToCheck): PacketLayout {
  const { bytes, end, version } = frame;
  const properties = checkIdAndProperties(frame, PropertyPlace.suback);
  if (properties.end === end) throw violation("Cannot accept SUBACK: no reason code");
  for (let at = properties.end; at < end; at++) {
    const code = bytes[at] as number;
    checkReasonCode(code, ReasonUse.suback, "SUBACK");
    if (version !== 5 && code > ReasonCode.unspecifiedError) { // 3.1.1: [MQTT-3.9.3-2]
      throw violation(`Cannot accept SUBACK: return code ${code}`);
    }
  }
  return { properties, willProperties: NO_PROPERTIES };
}

function checkUnsuback(frame: FrameToCheck): PacketLayout {
  const { bytes, end, version } = frame;
  const properties = checkIdAndProperties(frame, PropertyPlace.unsuback);
  if (version !== 5) {
    checkEnd(properties.end, end, "UNSUBACK");
  } else if (properties.end === end) {
    throw violation("Cannot accept UNSUBACK: no reason code");
  }
  for (let at = properties.end; at < end; at++) {
    checkReasonCode(bytes[at] as number, ReasonUse.unsuback, "UNSUBACK");
  }
  return { properties, willProperties: NO_PROPERTIES };
}

function checkEmpty(frame: FrameToCheck, name: string): PacketLayout {
  checkEnd(frame.bodyStart, frame.end, name);
  return NO_LAYOUT;
}

/** The packet identifier [MQTT-2.2.1-3], and behind it the properties that 5.0 has there. */
function checkIdAndProperties(frame: FrameToCheck, place: PropertyPlace): PropertyRange {
  const { bytes, bodyStart, end } = frame;
  const at = skipBytes(bodyStart, 2, end, "packet identifier");
  if (readUint16(bytes, bodyStart) === 0) throw violation("Cannot accept packet: identifier 0");
  return frame.version === 5 ? checkProperties(bytes, at, end, place) : { start: at, end: at };
}

function checkReasonCode(code: number, use: ReasonUse, name: string): void {
  if (!isReasonCodeAllowed(code, use)) {
    throw violation(`Cannot accept ${name}: reason code ${code}`);
  }
}

function checkEnd(at: number, end: number, name: string): void {
  if (at !== end) throw trailing(name);
}

function trailing(name: string): ProtocolError {
  return malformed(`Cannot read ${name}: bytes behind its end`);
}

function hasProperty(bytes: Uint8Array, range: PropertyRange, identifier: number): boolean {
  let at = range.start;
  while (at < range.end) {
    if (bytes[at] === identifier) return true;
    at = propertyEnd(bytes, at, range.end);
  }
  return false;
}

/** A packet that exists, but not from this side, or a type that does not exist. */
function wrongType(type: number, sender: PacketSender): ProtocolError {
  const problem = `Cannot accept packet: type ${type} from a ${sender}`;
  return type === 0 ? malformed(problem) : violation(problem);
}
