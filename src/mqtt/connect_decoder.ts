import { checkEnd, type FrameToCheck } from "./control_checks.ts";
import { FrameReader } from "./frame_reader.ts";
import type { ConnectPacket, ProtocolVersion, Qos, WillPacket } from "./packet.ts";
import { indexedUserProperties, PropertyPlace } from "./properties.ts";
import * as id from "./property_id.ts";
import { PropertyIndex } from "./property_index.ts";
import { malformed } from "./protocol_error.ts";
import { checkTopicName } from "./topic_name.ts";
import { copyBytes } from "./wire.ts";

const CLEAN_START = 0x02;
const WILL = 0x04;
const WILL_RETAIN = 0x20;
const PASSWORD = 0x40;
const USERNAME = 0x80;

/** Receive maximum of a client that named none. */
const RECEIVE_MAXIMUM_DEFAULT = 65_535;
/** Of the two properties of a will that are not of its message: an identifier and 32 bits. */
const UINT32_PROPERTY_BYTES = 5;

const properties = new PropertyIndex();
const willProperties = new PropertyIndex();

/** Decodes a CONNECT whose fixed header and version have been checked. */
export function decodeConnect(frame: FrameToCheck): ConnectPacket {
  const { bytes, version } = frame;
  const reader = new FrameReader(bytes, frame.bodyStart, frame.end);
  reader.skipBinary("protocol name");
  reader.byte("protocol level");
  const flags = reader.byte("connect flags");
  checkConnectFlags(flags, version);
  const keepAliveS = reader.uint16("keep alive");
  if (version === 5) reader.properties(properties, PropertyPlace.connect);
  else properties.reset(reader.at, reader.at);
  const clientId = reader.text("client identifier"); // [MQTT-3.1.3-4]
  const will = (flags & WILL) !== 0 ? decodeWill(reader, flags, version) : undefined;
  const username = (flags & USERNAME) !== 0 ? reader.text("user name") : undefined; // [MQTT-3.1.3-12]
  const password = (flags & PASSWORD) !== 0 ? reader.binary("password") : undefined;
  checkEnd(reader.at, reader.end, "CONNECT");
  return {
    type: "connect",
    version,
    clientId,
    cleanStart: (flags & CLEAN_START) !== 0,
    keepAliveS,
    username,
    password,
    will,
    sessionExpiryS: properties.uint32(bytes, id.SESSION_EXPIRY_INTERVAL),
    receiveMaximum: properties.uint16(bytes, id.RECEIVE_MAXIMUM) ?? RECEIVE_MAXIMUM_DEFAULT,
    maximumPacketSize: properties.uint32(bytes, id.MAXIMUM_PACKET_SIZE),
    topicAliasMaximum: properties.uint16(bytes, id.TOPIC_ALIAS_MAXIMUM) ?? 0,
    requestResponseInformation: properties.boolean(bytes, id.REQUEST_RESPONSE_INFORMATION) ?? false,
    requestProblemInformation: properties.boolean(bytes, id.REQUEST_PROBLEM_INFORMATION) ?? true,
    userProperties: indexedUserProperties(bytes, properties),
    authenticationMethod: properties.text(bytes, id.AUTHENTICATION_METHOD),
    authenticationData: properties.binary(bytes, id.AUTHENTICATION_DATA),
  };
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

function decodeWill(reader: FrameReader, flags: number, version: ProtocolVersion): WillPacket {
  const { bytes } = reader;
  if (version === 5) reader.properties(willProperties, PropertyPlace.will);
  else willProperties.reset(reader.at, reader.at);
  const topic = reader.text("will topic"); // [MQTT-3.1.3-11]
  checkTopicName(topic);
  return {
    topic,
    payload: reader.binary("will payload"),
    qos: ((flags >> 3) & 3) as Qos,
    retain: (flags & WILL_RETAIN) !== 0,
    delayS: willProperties.uint32(bytes, id.WILL_DELAY_INTERVAL) ?? 0,
    messageExpiryS: willProperties.uint32(bytes, id.MESSAGE_EXPIRY_INTERVAL),
    properties: forwardedWillProperties(bytes),
  };
}

/** A copy of the will's properties without the two that are of the will and not of its message. */
function forwardedWillProperties(bytes: Uint8Array): Uint8Array {
  const { start, end } = willProperties;
  const delayAt = willProperties.valueAt(id.WILL_DELAY_INTERVAL);
  const expiryAt = willProperties.valueAt(id.MESSAGE_EXPIRY_INTERVAL);
  const leftOut = (delayAt > 0 ? 1 : 0) + (expiryAt > 0 ? 1 : 0);
  if (leftOut === 0) return copyBytes(bytes, start, end);
  const copy = new Uint8Array(end - start - leftOut * UINT32_PROPERTY_BYTES);
  let from = start;
  let length = 0;
  for (const valueAt of [Math.min(delayAt, expiryAt), Math.max(delayAt, expiryAt)]) {
    if (valueAt === 0) continue;
    copy.set(bytes.subarray(from, valueAt - 1), length);
    length += valueAt - 1 - from;
    from = valueAt - 1 + UINT32_PROPERTY_BYTES;
  }
  copy.set(bytes.subarray(from, end), length);
  return copy;
}
