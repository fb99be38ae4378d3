import { checkEnd, type FrameToCheck, trailing, wrongType } from "./control_checks.ts";
import { FrameReader } from "./frame_reader.ts";
import {
  type AuthPacket,
  type ConnackPacket,
  type DisconnectPacket,
  PacketType,
  type SubackPacket,
  type UnsubackPacket,
} from "./packet.ts";
import { indexedUserProperties, PropertyPlace } from "./properties.ts";
import * as id from "./property_id.ts";
import { PropertyIndex } from "./property_index.ts";
import { malformed, violation } from "./protocol_error.ts";
import {
  fromConnectReturnCode,
  isReasonCodeAllowed,
  ReasonCode,
  ReasonUse,
} from "./reason_code.ts";

const properties = new PropertyIndex();

/** Decodes a CONNACK whose fixed header has been checked. */
export function decodeConnack(frame: FrameToCheck): ConnackPacket {
  const { bytes, version } = frame;
  const reader = readerOf(frame);
  const flags = reader.byte("CONNACK");
  const code = reader.byte("CONNACK");
  if (flags > 1) throw malformed(`Cannot read CONNACK: acknowledge flags ${flags}`); // [MQTT-3.2.2-1]
  const reasonCode = version === 5
    ? reasonCodeOf(code, ReasonUse.connack, "CONNACK") // [MQTT-3.2.2-8]
    : fromConnectReturnCode(code);
  if (reasonCode === undefined) throw violation(`Cannot accept CONNACK: return code ${code}`);
  if (flags === 1 && code !== 0) { // [MQTT-3.2.2-6]
    throw violation(`Cannot accept CONNACK: session present with reason code ${code}`);
  }
  readProperties(reader, frame, PropertyPlace.connack);
  checkEnd(reader.at, frame.end, "CONNACK");
  return {
    type: "connack",
    // 3.1 has no such flag: the byte is reserved.
    sessionPresent: flags === 1 && version !== 3,
    reasonCode,
    sessionExpiryS: properties.uint32(bytes, id.SESSION_EXPIRY_INTERVAL),
    receiveMaximum: properties.uint16(bytes, id.RECEIVE_MAXIMUM),
    maximumQos: maximumQosOf(bytes),
    retainAvailable: properties.boolean(bytes, id.RETAIN_AVAILABLE),
    maximumPacketSize: properties.uint32(bytes, id.MAXIMUM_PACKET_SIZE),
    assignedClientId: properties.text(bytes, id.ASSIGNED_CLIENT_IDENTIFIER),
    topicAliasMaximum: properties.uint16(bytes, id.TOPIC_ALIAS_MAXIMUM),
    reasonString: properties.text(bytes, id.REASON_STRING),
    wildcardSubscriptionAvailable: properties.boolean(bytes, id.WILDCARD_SUBSCRIPTION_AVAILABLE),
    subscriptionIdentifiersAvailable: properties.boolean(
      bytes,
      id.SUBSCRIPTION_IDENTIFIERS_AVAILABLE,
    ),
    sharedSubscriptionAvailable: properties.boolean(bytes, id.SHARED_SUBSCRIPTION_AVAILABLE),
    serverKeepAliveS: properties.uint16(bytes, id.SERVER_KEEP_ALIVE),
    responseInformation: properties.text(bytes, id.RESPONSE_INFORMATION),
    serverReference: properties.text(bytes, id.SERVER_REFERENCE),
    authenticationMethod: properties.text(bytes, id.AUTHENTICATION_METHOD),
    authenticationData: properties.binary(bytes, id.AUTHENTICATION_DATA),
    userProperties: indexedUserProperties(bytes, properties),
  };
}

/** Decodes a SUBACK whose fixed header has been checked. */
export function decodeSuback(frame: FrameToCheck): SubackPacket {
  const reader = readerOf(frame);
  const packetId = readPacketId(reader);
  readProperties(reader, frame, PropertyPlace.suback);
  if (reader.isAtEnd) throw violation("Cannot accept SUBACK: no reason code");
  const reasonCodes = readReasonCodes(reader, ReasonUse.suback, "SUBACK");
  const { version, bytes } = frame;
  const unknown = reasonCodes.find((code) => version !== 5 && code > ReasonCode.unspecifiedError);
  if (unknown !== undefined) { // 3.1.1: [MQTT-3.9.3-2]
    throw violation(`Cannot accept SUBACK: return code ${unknown}`);
  }
  return { type: "suback", packetId, reasonCodes, ...reasonAndPairs(bytes) };
}

/** Decodes an UNSUBACK, which has no codes before 5.0, and whose fixed header has been checked. */
export function decodeUnsuback(frame: FrameToCheck): UnsubackPacket {
  const reader = readerOf(frame);
  const packetId = readPacketId(reader);
  readProperties(reader, frame, PropertyPlace.unsuback);
  if (frame.version !== 5) checkEnd(reader.at, frame.end, "UNSUBACK");
  else if (reader.isAtEnd) throw violation("Cannot accept UNSUBACK: no reason code");
  const reasonCodes = readReasonCodes(reader, ReasonUse.unsuback, "UNSUBACK");
  return { type: "unsuback", packetId, reasonCodes, ...reasonAndPairs(frame.bytes) };
}

/** Decodes a DISCONNECT whose fixed header has been checked. */
export function decodeDisconnect(frame: FrameToCheck): DisconnectPacket {
  const { bytes, version, sender } = frame;
  const reader = readerOf(frame);
  properties.reset(reader.at, reader.at);
  let reasonCode: ReasonCode = ReasonCode.normalDisconnection; // [MQTT-3.14.2-1]
  if (!reader.isAtEnd) {
    if (version !== 5) throw trailing("DISCONNECT");
    const [use, place] = sender === "client"
      ? [ReasonUse.disconnectFromClient, PropertyPlace.disconnectFromClient]
      : [ReasonUse.disconnectFromServer, PropertyPlace.disconnectFromServer];
    reasonCode = reasonCodeOf(reader.byte("reason code"), use, "DISCONNECT");
    if (!reader.isAtEnd) reader.properties(properties, place);
    checkEnd(reader.at, frame.end, "DISCONNECT");
  }
  return {
    type: "disconnect",
    reasonCode,
    sessionExpiryS: properties.uint32(bytes, id.SESSION_EXPIRY_INTERVAL),
    serverReference: properties.text(bytes, id.SERVER_REFERENCE),
    ...reasonAndPairs(bytes),
  };
}

/** Decodes an AUTH whose fixed header has been checked. */
export function decodeAuth(frame: FrameToCheck): AuthPacket {
  const { bytes, bodyStart, end, version, sender } = frame;
  if (version !== 5) throw wrongType(PacketType.auth, sender);
  // Nothing behind the fixed header means success, which only a server may say.
  const isBare = bodyStart === end;
  const code = isBare ? ReasonCode.success : bytes[bodyStart] as number;
  const reasonCode = reasonCodeOf(code, ReasonUse.auth, "AUTH"); // [MQTT-3.15.2-1]
  const foreign = sender === "client" ? ReasonCode.success : ReasonCode.reAuthenticate;
  if (reasonCode === foreign) {
    throw violation(`Cannot accept AUTH: reason code ${reasonCode} from a ${sender}`);
  }
  if (isBare) return { type: "auth", reasonCode, userProperties: [] };
  const reader = new FrameReader(bytes, bodyStart + 1, end);
  reader.properties(properties, PropertyPlace.auth);
  checkEnd(reader.at, end, "AUTH");
  const authenticationMethod = properties.text(bytes, id.AUTHENTICATION_METHOD);
  if (authenticationMethod === undefined) {
    throw violation("Cannot accept AUTH: no authentication method");
  }
  return {
    type: "auth",
    reasonCode,
    authenticationMethod,
    authenticationData: properties.binary(bytes, id.AUTHENTICATION_DATA),
    ...reasonAndPairs(bytes),
  };
}

function readerOf({ bytes, bodyStart, end }: FrameToCheck): FrameReader {
  return new FrameReader(bytes, bodyStart, end);
}

function readPacketId(reader: FrameReader): number {
  const packetId = reader.uint16("packet identifier");
  if (packetId === 0) throw violation("Cannot accept packet: identifier 0"); // [MQTT-2.2.1-3]
  return packetId;
}

/** Those that 5.0 has there, into `properties`. */
function readProperties(
  reader: FrameReader,
  { version }: FrameToCheck,
  place: PropertyPlace,
): void {
  if (version === 5) reader.properties(properties, place);
  else properties.reset(reader.at, reader.at);
}

/** All that is left. */
function readReasonCodes(reader: FrameReader, use: ReasonUse, name: string): ReasonCode[] {
  const codes: ReasonCode[] = [];
  while (!reader.isAtEnd) codes.push(reasonCodeOf(reader.byte("reason code"), use, name));
  return codes;
}

function reasonCodeOf(code: number, use: ReasonUse, name: string): ReasonCode {
  if (!isReasonCodeAllowed(code, use)) {
    throw violation(`Cannot accept ${name}: reason code ${code}`);
  }
  return code as ReasonCode;
}

function maximumQosOf(bytes: Uint8Array): 0 | 1 | undefined {
  const value = properties.boolean(bytes, id.MAXIMUM_QOS);
  return value === undefined ? undefined : value ? 1 : 0;
}

function reasonAndPairs(
  bytes: Uint8Array,
): Pick<DisconnectPacket, "reasonString" | "userProperties"> {
  return {
    reasonString: properties.text(bytes, id.REASON_STRING),
    userProperties: indexedUserProperties(bytes, properties),
  };
}
