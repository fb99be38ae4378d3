import {
  type AuthPacket,
  type ConnectPacket,
  type DisconnectPacket,
  PacketType,
  type ProtocolVersion,
  type SubscribePacket,
  type SubscriptionRequest,
  type UnsubscribePacket,
  type WillPacket,
} from "./packet.ts";
import { checkNumber, packetOf, PacketWriter } from "./packet_writer.ts";
import * as id from "./property_id.ts";
import { PacketEncodeError } from "./protocol_error.ts";
import { ReasonCode } from "./reason_code.ts";
import { VARIABLE_BYTE_INTEGER_MAX } from "./variable_byte_integer.ts";

const CLEAN_START = 0x02;
const WILL = 0x04;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USERNAME = 0x80;
const NO_LOCAL = 0x04;
const RETAIN_AS_PUBLISHED = 0x08;
/** What a client means that names none. */
const RECEIVE_MAXIMUM_DEFAULT = 0xffff;
/** Of the fixed header of SUBSCRIBE and UNSUBSCRIBE [MQTT-3.8.1-1] [MQTT-3.10.1-1]. */
const REQUEST_FLAGS = 0x02;

const body = new PacketWriter();
const block = new PacketWriter();

/** Encodes a CONNECT in bytes of its own; see `encodeControlPacket`. */
export function encodeConnect(packet: ConnectPacket, version: ProtocolVersion): Uint8Array {
  checkConnect(packet, version);
  const { will, username, password } = packet;
  body.clear();
  body.text(version === 3 ? "MQIsdp" : "MQTT", "protocol name");
  body.byte(version);
  body.byte(connectFlags(packet));
  body.uint16(packet.keepAliveS, "keep alive");
  if (version === 5) body.block(connectProperties(packet));
  body.text(packet.clientId, "client identifier");
  if (will !== undefined) {
    if (version === 5) body.block(willProperties(will));
    body.text(will.topic, "will topic");
    body.binary(will.payload, "will payload");
  }
  if (username !== undefined) body.text(username, "user name");
  if (password !== undefined) body.binary(password, "password");
  return body.takeBody(PacketType.connect);
}

/** Encodes a SUBSCRIBE in bytes of its own. */
export function encodeSubscribe(packet: SubscribePacket, version: ProtocolVersion): Uint8Array {
  const { subscriptionIdentifier, subscriptions } = packet;
  if (subscriptions.length === 0) throw cannot(packet.type, "no topic filter"); // [MQTT-3.8.3-2]
  body.clear();
  body.uint16(packet.packetId, "subscribe with packet identifier");
  if (version === 5) {
    block.clear();
    if (subscriptionIdentifier !== 0) {
      checkNumber(subscriptionIdentifier, VARIABLE_BYTE_INTEGER_MAX, "subscription identifier");
      block.variableProperty(id.SUBSCRIPTION_IDENTIFIER, subscriptionIdentifier);
    }
    block.userProperties(packet.userProperties);
    body.block(block);
  }
  for (const request of subscriptions) {
    body.text(request.filter, "topic filter");
    body.byte(subscriptionOptions(request, version));
  }
  return body.takeBody(PacketType.subscribe, REQUEST_FLAGS);
}

/** Encodes an UNSUBSCRIBE in bytes of its own. */
export function encodeUnsubscribe(packet: UnsubscribePacket, version: ProtocolVersion): Uint8Array {
  if (packet.filters.length === 0) throw cannot(packet.type, "no topic filter"); // [MQTT-3.10.3-2]
  body.clear();
  body.uint16(packet.packetId, "unsubscribe with packet identifier");
  if (version === 5) {
    block.clear();
    block.userProperties(packet.userProperties);
    body.block(block);
  }
  for (const filter of packet.filters) body.text(filter, "topic filter");
  return body.takeBody(PacketType.unsubscribe, REQUEST_FLAGS);
}

/** Encodes a DISCONNECT, which says nothing before 5.0, in bytes of its own. */
export function encodeDisconnect(packet: DisconnectPacket, version: ProtocolVersion): Uint8Array {
  if (version !== 5) return packetOf(PacketType.disconnect, 0);
  block.clear();
  block.uint32Property(id.SESSION_EXPIRY_INTERVAL, packet.sessionExpiryS, "session expiry");
  block.textProperty(id.SERVER_REFERENCE, packet.serverReference, "server reference");
  block.textProperty(id.REASON_STRING, packet.reasonString, "reason string");
  block.userProperties(packet.userProperties);
  return withReasonCode(PacketType.disconnect, packet.reasonCode);
}

/** Encodes an AUTH, which only 5.0 has, in bytes of its own. */
export function encodeAuth(packet: AuthPacket, version: ProtocolVersion): Uint8Array {
  if (version !== 5) throw cannot(packet.type, "there is none before 5.0");
  // Success and nothing else has a short form [MQTT-3.15.2-1]; the long one would lack the method that it must have.
  if (isBareSuccess(packet)) return packetOf(PacketType.auth, 0);
  block.clear();
  block.textProperty(
    id.AUTHENTICATION_METHOD,
    packet.authenticationMethod,
    "authentication method",
  );
  block.binaryProperty(id.AUTHENTICATION_DATA, packet.authenticationData, "authentication data");
  block.textProperty(id.REASON_STRING, packet.reasonString, "reason string");
  block.userProperties(packet.userProperties);
  return withReasonCode(PacketType.auth, packet.reasonCode);
}

function isBareSuccess(packet: AuthPacket): boolean {
  return packet.reasonCode === ReasonCode.success && packet.authenticationMethod === undefined &&
    packet.authenticationData === undefined && packet.reasonString === undefined &&
    packet.userProperties.length === 0;
}

/** The reason code and the properties in `block`. */
function withReasonCode(type: PacketType, reasonCode: ReasonCode): Uint8Array {
  body.clear();
  body.byte(reasonCode);
  body.block(block);
  return body.takeBody(type);
}

function checkConnect(
  { clientId, username, password, will }: ConnectPacket,
  version: ProtocolVersion,
): void {
  if (version === 3 && clientId === "") throw cannot("connect", "no client identifier");
  if (version !== 5 && password !== undefined && username === undefined) { // 3.1.1: [MQTT-3.1.2-22]
    throw cannot("connect", "password without user name");
  }
  if (will?.topic === "") throw cannot("connect", "no will topic");
}

function connectFlags({ cleanStart, will, username, password }: ConnectPacket): number {
  return (cleanStart ? CLEAN_START : 0) |
    (will === undefined ? 0 : WILL | will.qos << 3 | (will.retain ? WILL_RETAIN : 0)) |
    (password === undefined ? 0 : PASSWORD) | (username === undefined ? 0 : USERNAME);
}

/** Without what says what it would mean anyway. */
function connectProperties(packet: ConnectPacket): PacketWriter {
  const { receiveMaximum, topicAliasMaximum } = packet;
  block.clear();
  block.uint32Property(id.SESSION_EXPIRY_INTERVAL, packet.sessionExpiryS, "session expiry");
  if (receiveMaximum !== RECEIVE_MAXIMUM_DEFAULT) {
    block.uint16Property(id.RECEIVE_MAXIMUM, receiveMaximum, "receive maximum");
  }
  block.uint32Property(id.MAXIMUM_PACKET_SIZE, packet.maximumPacketSize, "maximum packet size");
  if (topicAliasMaximum !== 0) {
    block.uint16Property(id.TOPIC_ALIAS_MAXIMUM, topicAliasMaximum, "topic alias maximum");
  }
  if (packet.requestResponseInformation) block.byteProperty(id.REQUEST_RESPONSE_INFORMATION, 1);
  if (!packet.requestProblemInformation) block.byteProperty(id.REQUEST_PROBLEM_INFORMATION, 0);
  block.textProperty(
    id.AUTHENTICATION_METHOD,
    packet.authenticationMethod,
    "authentication method",
  );
  block.binaryProperty(id.AUTHENTICATION_DATA, packet.authenticationData, "authentication data");
  block.userProperties(packet.userProperties);
  return block;
}

function willProperties(will: WillPacket): PacketWriter {
  block.clear();
  if (will.delayS !== 0) block.uint32Property(id.WILL_DELAY_INTERVAL, will.delayS, "will delay");
  block.uint32Property(id.MESSAGE_EXPIRY_INTERVAL, will.messageExpiryS, "message expiry");
  block.bytes(will.properties);
  return block;
}

/** Before 5.0 there is the QoS and nothing else. */
function subscriptionOptions(request: SubscriptionRequest, version: ProtocolVersion): number {
  if (version !== 5) return request.qos;
  return request.qos | (request.noLocal ? NO_LOCAL : 0) |
    (request.retainAsPublished ? RETAIN_AS_PUBLISHED : 0) | request.retainHandling << 4;
}

function cannot(what: string, reason: string): PacketEncodeError {
  return new PacketEncodeError(`Cannot encode ${what}: ${reason}`);
}
