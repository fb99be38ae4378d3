import type { IConnectPacket, UserProperties } from "mqtt-packet";
import { decodeMessageProperties } from "./message_properties.ts";
import { type ForeignPacket, generateForeign } from "./mqtt_packet.ts";
import {
  type AuthPacket,
  type ConnectPacket,
  type ControlPacket,
  type DisconnectPacket,
  PacketType,
  type ProtocolVersion,
  type SubscribePacket,
  type UnsubscribePacket,
  type UserProperty,
  type WillPacket,
} from "./packet.ts";
import { checkBinary, checkText, packetOf } from "./packet_writer.ts";
import { PacketEncodeError } from "./protocol_error.ts";
import { ReasonCode } from "./reason_code.ts";
import { encodeConnack, encodeSuback, encodeUnsuback } from "./reply_encoder.ts";
import { STRING_BYTES_MAX } from "./utf8.ts";
import { variableByteIntegerSize, writeVariableByteInteger } from "./variable_byte_integer.ts";
import { writeUint16 } from "./wire.ts";

type ForeignEncoded = SubscribePacket | UnsubscribePacket | DisconnectPacket | AuthPacket;
type ForeignWill = NonNullable<IConnectPacket["will"]>;

const CLEAN_START = 0x02;
const PASSWORD = 0x40;

/**
 * Encodes a packet for a connection of `version` in bytes of its own. What the version does not know
 * is left out, and reason codes become the nearest that it has. Given `maximumPacketSize`, a packet
 * that would be longer loses its reason string, then its user properties [MQTT-3.2.2-19]
 * [MQTT-3.2.2-20]; if it is still too long it must not be sent, so ask for its length. Throws
 * PacketEncodeError for a string, number or combination that the wire cannot carry.
 */
export function encodeControlPacket(
  packet: ControlPacket,
  version: ProtocolVersion,
  maximumPacketSize = Infinity,
): Uint8Array {
  let bytes = encode(packet, version);
  if (bytes.length <= maximumPacketSize || version !== 5) return bytes;
  if ("reasonString" in packet && packet.reasonString !== undefined) {
    const shorter = { ...packet, reasonString: undefined };
    bytes = encode(shorter, version);
    if (bytes.length <= maximumPacketSize) return bytes;
    return encode({ ...shorter, userProperties: [] }, version);
  }
  return "userProperties" in packet ? encode({ ...packet, userProperties: [] }, version) : bytes;
}

function encode(packet: ControlPacket, version: ProtocolVersion): Uint8Array {
  switch (packet.type) {
    case "connack":
      return encodeConnack(packet, version);
    case "suback":
      return encodeSuback(packet, version);
    case "unsuback":
      return encodeUnsuback(packet, version);
    case "pingreq":
      return packetOf(PacketType.pingreq, 0);
    case "pingresp":
      return packetOf(PacketType.pingresp, 0);
    case "connect":
      return encodeConnect(packet, version);
    default:
      return encodeForeign(packet, version);
  }
}

/** What a broker sends seldom, and what only clients send, is left to mqtt-packet. */
function encodeForeign(packet: ForeignEncoded, version: ProtocolVersion): Uint8Array {
  if (isBareSuccess(packet, version)) return packetOf(PacketType.auth, 0);
  return generateForeign(toForeign(packet), version);
}

/**
 * AUTH that says success and nothing else has a short form of its own [MQTT-3.15.2-1], which
 * mqtt-packet does not write; its long form would lack the method that it must have.
 */
function isBareSuccess(packet: ForeignEncoded, version: ProtocolVersion): boolean {
  return packet.type === "auth" && version === 5 && packet.reasonCode === ReasonCode.success &&
    packet.authenticationMethod === undefined && packet.authenticationData === undefined &&
    packet.reasonString === undefined && packet.userProperties.length === 0;
}

function toForeign(packet: ForeignEncoded): ForeignPacket {
  switch (packet.type) {
    case "subscribe":
      return fromSubscribe(packet);
    case "unsubscribe":
      return fromUnsubscribe(packet);
    case "disconnect":
      return fromDisconnect(packet);
    case "auth":
      return fromAuth(packet);
  }
}

/**
 * mqtt-packet refuses two CONNECTs that 5.0 allows, a password without a user name and an empty
 * client identifier without clean start, and takes only a Buffer for a password. So it encodes the
 * packet without the password, which is its last field, and with clean start; both are put right here.
 */
function encodeConnect(packet: ConnectPacket, version: ProtocolVersion): Uint8Array {
  const { password } = packet;
  if (version !== 5 && password !== undefined && packet.username === undefined) {
    throw new PacketEncodeError("Cannot encode connect: password without user name"); // 3.1.1: [MQTT-3.1.2-22]
  }
  const plain = generateForeign(fromConnect(packet, version), version);
  const body = plain.subarray(bodyOffset(plain));
  const passwordSize = password === undefined ? 0 : 2 + password.length;
  const remaining = body.length + passwordSize;
  const bytes = new Uint8Array(1 + variableByteIntegerSize(remaining) + remaining);
  bytes[0] = plain[0] as number;
  const start = writeVariableByteInteger(bytes, 1, remaining);
  bytes.set(body, start);
  // Behind the protocol name ("MQIsdp" or "MQTT") and the level.
  const flagsAt = start + (version === 3 ? 9 : 7);
  let flags = bytes[flagsAt] as number;
  if (!packet.cleanStart) flags &= ~CLEAN_START;
  if (password !== undefined) {
    flags |= PASSWORD;
    const at = writeUint16(bytes, start + body.length, checkBinary(password, "password"));
    bytes.set(password, at);
  }
  bytes[flagsAt] = flags;
  return bytes;
}

function fromConnect(packet: ConnectPacket, version: ProtocolVersion): ForeignPacket {
  return definedOnly({
    cmd: "connect",
    protocolId: version === 3 ? "MQIsdp" : "MQTT",
    protocolVersion: version,
    clean: true,
    clientId: text(packet.clientId, "client identifier"),
    keepalive: packet.keepAliveS,
    username: text(packet.username, "user name"),
    will: packet.will && fromWill(packet.will),
    properties: definedOnly({
      sessionExpiryInterval: packet.sessionExpiryS,
      receiveMaximum: packet.receiveMaximum === STRING_BYTES_MAX
        ? undefined
        : packet.receiveMaximum,
      maximumPacketSize: packet.maximumPacketSize,
      topicAliasMaximum: packet.topicAliasMaximum === 0 ? undefined : packet.topicAliasMaximum,
      requestResponseInformation: packet.requestResponseInformation ? true : undefined,
      requestProblemInformation: packet.requestProblemInformation ? undefined : false,
      authenticationMethod: text(packet.authenticationMethod, "authentication method"),
      authenticationData: binary(packet.authenticationData, "authentication data"),
      userProperties: pairs(packet.userProperties),
    }),
  }) as ForeignPacket;
}

function fromWill(will: WillPacket): ForeignWill {
  const message = decodeMessageProperties(will.properties);
  return {
    topic: text(will.topic, "will topic"),
    payload: binary(will.payload, "will payload"),
    qos: will.qos,
    retain: will.retain,
    properties: definedOnly({
      willDelayInterval: will.delayS === 0 ? undefined : will.delayS,
      messageExpiryInterval: will.messageExpiryS,
      payloadFormatIndicator: message.payloadFormatUtf8,
      contentType: message.contentType,
      responseTopic: message.responseTopic,
      correlationData: message.correlationData,
      userProperties: pairs(message.userProperties),
    }),
  } as ForeignWill;
}

function fromSubscribe(packet: SubscribePacket): ForeignPacket {
  const identifier = packet.subscriptionIdentifier;
  return {
    cmd: "subscribe",
    messageId: packet.packetId,
    subscriptions: packet.subscriptions.map((request) => ({
      topic: text(request.filter, "topic filter"),
      qos: request.qos,
      nl: request.noLocal,
      rap: request.retainAsPublished,
      rh: request.retainHandling,
    })),
    properties: definedOnly({
      subscriptionIdentifier: identifier === 0 ? undefined : identifier,
      userProperties: pairs(packet.userProperties),
    }),
  } as ForeignPacket;
}

function fromUnsubscribe(packet: UnsubscribePacket): ForeignPacket {
  return {
    cmd: "unsubscribe",
    messageId: packet.packetId,
    unsubscriptions: packet.filters.map((filter) => text(filter, "topic filter")),
    properties: definedOnly({ userProperties: pairs(packet.userProperties) }),
  } as ForeignPacket;
}

function fromDisconnect(packet: DisconnectPacket): ForeignPacket {
  return {
    cmd: "disconnect",
    reasonCode: packet.reasonCode,
    properties: definedOnly({
      sessionExpiryInterval: packet.sessionExpiryS,
      serverReference: text(packet.serverReference, "server reference"),
      ...reasonAndPairs(packet),
    }),
  } as ForeignPacket;
}

function fromAuth(packet: AuthPacket): ForeignPacket {
  return {
    cmd: "auth",
    reasonCode: packet.reasonCode,
    properties: definedOnly({
      authenticationMethod: text(packet.authenticationMethod, "authentication method"),
      authenticationData: binary(packet.authenticationData, "authentication data"),
      ...reasonAndPairs(packet),
    }),
  } as ForeignPacket;
}

function reasonAndPairs(
  packet: {
    reasonString?: string | undefined;
    userProperties?: readonly UserProperty[] | undefined;
  },
): object {
  return definedOnly({
    reasonString: text(packet.reasonString, "reason string"),
    userProperties: pairs(packet.userProperties),
  });
}

/**
 * One object per pair: mqtt-packet writes a list of objects one after the other, which keeps the
 * order of all pairs. One object for all of them would sort them by name.
 */
function pairs(list: readonly UserProperty[] | undefined): UserProperties[] | undefined {
  if (list === undefined || list.length === 0) return undefined;
  return list.map(({ name, value }) =>
    Object.fromEntries([[
      text(name, "user property name"),
      text(value, "user property value"),
    ]])
  );
}

/** mqtt-packet writes strings as they are. */
function text<T extends string | undefined>(value: T, what: string): T {
  if (value !== undefined) checkText(value, what);
  return value;
}

function binary<T extends Uint8Array | undefined>(value: T, what: string): T {
  if (value !== undefined) checkBinary(value, what);
  return value;
}

/** Without what is undefined: mqtt-packet counts some properties that it then does not write. */
function definedOnly(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

function bodyOffset(packet: Uint8Array): number {
  let at = 1;
  while ((packet[at] as number) >= 0x80) at++;
  return at + 1;
}
