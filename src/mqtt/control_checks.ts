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
import { readUint16, readUint32, skipBytes } from "./wire.ts";

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

const NO_PROPERTIES: PropertyRange = Object.freeze({ start: 0, end: 0 });

/** The two protocol names as the numbers that their bytes make. */
const MQTT = 0x4d515454;
const MQIS = 0x4d514973;
const DP = 0x6470;

/** The version that a CONNECT asks for, or undefined when it is none of ours or cut off. */
export function peekProtocolVersion(
  bytes: Uint8Array,
  bodyStart: number,
  end: number,
): ProtocolVersion | undefined {
  if (end - bodyStart < 7) return undefined;
  const nameAt = bodyStart + 2;
  const levelAt = nameAt + readUint16(bytes, bodyStart);
  if (levelAt >= end) return undefined;
  const level = bytes[levelAt] as number;
  const name = readUint32(bytes, nameAt);
  if (levelAt === nameAt + 4) {
    return name === MQTT && (level === 4 || level === 5) ? level : undefined;
  }
  if (levelAt !== nameAt + 6) return undefined;
  return name === MQIS && readUint16(bytes, nameAt + 4) === DP && level === 3 ? 3 : undefined;
}

/** Checks the first byte of a packet and how its remaining length is written. */
export function checkFixedHeader(frame: FrameToCheck): void {
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
}

/**
 * Checks everything about a packet that mqtt-packet is to read, but lets pass, or refuses without
 * saying why; the fixed header has been checked. Returns where its properties stand, for what
 * mqtt-packet would lose of them. Throws ProtocolError with the standard's reason code.
 */
export function checkControlPacket(frame: FrameToCheck, type: number): PropertyRange {
  if (frame.sender === "client") return checkFromClient(frame, type);
  return checkFromServer(frame, type);
}

function checkFromClient(frame: FrameToCheck, type: number): PropertyRange {
  switch (type) {
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

function checkFromServer(frame: FrameToCheck, type: number): PropertyRange {
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

function checkDisconnect(frame: FrameToCheck): PropertyRange {
  const { bytes, bodyStart, end, version, sender } = frame;
  if (bodyStart === end) return NO_PROPERTIES;
  if (version !== 5) throw trailing("DISCONNECT");
  const isFromClient = sender === "client";
  checkReasonCode(
    bytes[bodyStart] as number,
    isFromClient ? ReasonUse.disconnectFromClient : ReasonUse.disconnectFromServer,
    "DISCONNECT", // [MQTT-3.14.2-1]
  );
  if (bodyStart + 1 === end) return NO_PROPERTIES;
  const place = isFromClient
    ? PropertyPlace.disconnectFromClient
    : PropertyPlace.disconnectFromServer;
  const properties = checkProperties(bytes, bodyStart + 1, end, place);
  checkEnd(properties.end, end, "DISCONNECT");
  return properties;
}

function checkAuth(frame: FrameToCheck): PropertyRange {
  const { bytes, bodyStart, end, version, sender } = frame;
  if (version !== 5) throw wrongType(PacketType.auth, sender);
  // Nothing behind the fixed header means success, which only a server may say.
  const reasonCode = bodyStart === end ? ReasonCode.success : bytes[bodyStart] as number;
  checkReasonCode(reasonCode, ReasonUse.auth, "AUTH"); // [MQTT-3.15.2-1]
  const foreign = sender === "client" ? ReasonCode.success : ReasonCode.reAuthenticate;
  if (reasonCode === foreign) {
    throw violation(`Cannot accept AUTH: reason code ${reasonCode} from a ${sender}`);
  }
  if (bodyStart === end) return NO_PROPERTIES;
  const properties = checkProperties(bytes, bodyStart + 1, end, PropertyPlace.auth);
  checkEnd(properties.end, end, "AUTH");
  if (!hasProperty(bytes, properties, AUTHENTICATION_METHOD)) {
    throw violation("Cannot accept AUTH: no authentication method");
  }
  return properties;
}

function checkConnack(frame: FrameToCheck): PropertyRange {
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
  return properties;
}

function checkSuback(frame: FrameToCheck): PropertyRange {
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
  return properties;
}

function checkUnsuback(frame: FrameToCheck): PropertyRange {
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
  return properties;
}

function checkEmpty(frame: FrameToCheck, name: string): PropertyRange {
  checkEnd(frame.bodyStart, frame.end, name);
  return NO_PROPERTIES;
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

/** A packet must not go on behind its last field. */
export function checkEnd(at: number, end: number, name: string): void {
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
