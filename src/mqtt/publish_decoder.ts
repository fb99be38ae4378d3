import type { ProtocolVersion, Qos } from "./packet.ts";
import {
  CONTENT_TYPE,
  CORRELATION_DATA,
  MESSAGE_EXPIRY_INTERVAL,
  PAYLOAD_FORMAT_INDICATOR,
  RESPONSE_TOPIC,
  SUBSCRIPTION_IDENTIFIER,
  TOPIC_ALIAS,
  USER_PROPERTY,
} from "./property_id.ts";
import { malformed, ProtocolError, violation } from "./protocol_error.ts";
import { ReasonCode } from "./reason_code.ts";
import { readVariableByteInteger, variableByteIntegerSize } from "./variable_byte_integer.ts";
import { readUint16, readUint32, skipBinary, skipBytes, skipString } from "./wire.ts";

const NOTHING: Uint8Array = new Uint8Array(0);

const PLUS = 0x2b;
const HASH = 0x23;

/** Size of a topic alias property and of a message expiry property, identifier included. */
const TOPIC_ALIAS_BYTES = 3;
const MESSAGE_EXPIRY_BYTES = 5;
/** The lengths of name and value. */
const USER_PROPERTY_LENGTH_BYTES = 4;

/**
 * A PUBLISH as offsets into its frame. One instance is filled again for every packet; it owns
 * nothing, and what it says is true for as long as the frame's bytes are valid.
 */
export class PublishView {
  bytes: Uint8Array = NOTHING;
  frameStart = 0;
  /** Also the end of the payload. */
  frameEnd = 0;
  version: ProtocolVersion = 4;
  qos: Qos = 0;
  retain = false;
  dup = false;
  /** 0 for QoS 0. */
  packetId = 0;
  /** Offset of the packet identifier, -1 for QoS 0. */
  packetIdAt = -1;
  /** UTF-8 of the topic name, not looked at here: `decodeTopicName` checks it. Empty only with an alias. */
  topicStart = 0;
  topicEnd = 0;
  /** Behind the property length; both at `payloadStart` before 5.0 and without properties. */
  propertiesStart = 0;
  propertiesEnd = 0;
  payloadStart = 0;
  /** 0: none. */
  topicAlias = 0;
  /** Offset of the property's identifier, -1: none. The property is 3 bytes. */
  topicAliasAt = -1;
  /** -1: none. */
  messageExpiryS = -1;
  /** Offset of the property's identifier, -1: none. The property is 5 bytes. */
  messageExpiryAt = -1;
  /** The sender says that the payload is UTF-8; nobody has checked it. */
  payloadFormatUtf8 = false;
  /** Of a PUBLISH with properties; without any, what the last one had. */
  userPropertyCount = 0;
  /** Bytes of their names and values; as `userPropertyCount`. */
  userPropertyBytes = 0;
}

/**
 * Fills `view` from the PUBLISH frame `bytes[frameStart, frameEnd)`. Everything in it is checked but
 * the topic name's characters and the payload. A frame `fromServer` may carry subscription
 * identifiers. Throws ProtocolError; the view is then of no use.
 */
export function decodePublish(
  view: PublishView,
  bytes: Uint8Array,
  frameStart: number,
  bodyStart: number,
  frameEnd: number,
  version: ProtocolVersion,
  fromServer = false,
): void {
  const flags = bytes[frameStart] as number;
  const qos = (flags >> 1) & 3;
  if (qos === 3) throw malformed("Cannot read PUBLISH: QoS 3"); // [MQTT-3.3.1-4]
  const dup = (flags & 8) !== 0;
  if (dup && qos === 0) throw malformed("Cannot read PUBLISH: DUP with QoS 0"); // [MQTT-3.3.1-2]
  const topicStart = bodyStart + 2;
  if (topicStart > frameEnd) throw endsIn("topic name");
  const topicEnd = topicStart +
    (((bytes[bodyStart] as number) << 8) | (bytes[bodyStart + 1] as number));
  if (topicEnd > frameEnd) throw endsIn("topic name");

  let at = topicEnd;
  let packetId = 0;
  if (qos !== 0) {
    at += 2;
    if (at > frameEnd) throw endsIn("packet identifier");
    packetId = ((bytes[topicEnd] as number) << 8) | (bytes[topicEnd + 1] as number);
    if (packetId === 0) throw violation("Cannot accept PUBLISH: packet identifier 0"); // [MQTT-2.2.1-3]
  }

  view.bytes = bytes;
  view.frameStart = frameStart;
  view.frameEnd = frameEnd;
  view.version = version;
  view.qos = qos as Qos;
  view.retain = (flags & 1) !== 0;
  view.dup = dup;
  view.packetId = packetId;
  view.packetIdAt = packetId === 0 ? -1 : topicEnd;
  view.topicStart = topicStart;
  view.topicEnd = topicEnd;
  view.topicAlias = 0;
  view.topicAliasAt = -1;
  view.messageExpiryS = -1;
  view.messageExpiryAt = -1;
  view.payloadFormatUtf8 = false;

  if (version === 5) {
    // A remaining length that is longer than it need be ends in a zero byte [MQTT-1.5.5-1].
    if (bodyStart - frameStart > 2 && bytes[bodyStart - 1] === 0) {
      throw malformed("Cannot read PUBLISH: remaining length is not in its shortest form");
    }
    if (at < frameEnd && bytes[at] === 0) {
      at++;
      view.propertiesStart = at;
    } else {
      at = decodeProperties(view, bytes, at, frameEnd, fromServer);
    }
  } else {
    view.propertiesStart = at;
  }
  view.propertiesEnd = at;
  view.payloadStart = at;
  if (topicStart === topicEnd && view.topicAlias === 0) throw emptyTopic(version);
}

/** Bytes of the properties that go on to subscribers: all but topic alias and message expiry. */
export function forwardedPropertiesSize(view: PublishView): number {
  let size = view.propertiesEnd - view.propertiesStart;
  if (view.topicAliasAt >= 0) size -= TOPIC_ALIAS_BYTES;
  if (view.messageExpiryAt >= 0) size -= MESSAGE_EXPIRY_BYTES;
  return size;
}

/**
 * Copies the properties that go on to subscribers, in their order and without a length, to `target`;
 * returns the new offset. A view without alias and expiry needs no copy: its range can be used.
 */
export function copyForwardedProperties(
  view: PublishView,
  target: Uint8Array,
  offset: number,
): number {
  const { topicAliasAt, messageExpiryAt } = view;
  let at = view.propertiesStart;
  let to = offset;
  // Cut the two pieces out in the order in which they stand.
  const isAliasFirst = topicAliasAt < messageExpiryAt;
  for (let piece = 0; piece < 2; piece++) {
    const isAlias = isAliasFirst === (piece === 0);
    const cutAt = isAlias ? topicAliasAt : messageExpiryAt;
    if (cutAt < 0) continue;
    target.set(view.bytes.subarray(at, cutAt), to);
    to += cutAt - at;
    at = cutAt + (isAlias ? TOPIC_ALIAS_BYTES : MESSAGE_EXPIRY_BYTES);
  }
  target.set(view.bytes.subarray(at, view.propertiesEnd), to);
  return to + view.propertiesEnd - at;
}

/** Reads the property block whose length is at `lengthAt`; returns the offset behind it. */
function decodeProperties(
  view: PublishView,
  bytes: Uint8Array,
  lengthAt: number,
  frameEnd: number,
  fromServer: boolean,
): number {
  const length = readVariableByteInteger(bytes, lengthAt, frameEnd);
  let at = lengthAt + variableByteIntegerSize(length);
  const end = skipBytes(at, length, frameEnd, "PUBLISH properties");
  view.propertiesStart = at;
  view.userPropertyCount = 0;
  view.userPropertyBytes = 0;
  let seen = 0;
  while (at < end) {
    const id = bytes[at] as number;
    const valueAt = at + 1;
    if (id === USER_PROPERTY) {
      at = skipString(bytes, valueAt, end, "user property name");
      at = skipString(bytes, at, end, "user property value");
      view.userPropertyCount++;
      view.userPropertyBytes += at - valueAt - USER_PROPERTY_LENGTH_BYTES;
      continue;
    }
    at = decodeProperty(view, bytes, id, at, end, fromServer);
    // Of the identifiers that got here, topic alias is the only one above 31: it takes bit 0.
    const bit = id === TOPIC_ALIAS ? 1 : 1 << id;
    if ((seen & bit) !== 0 && id !== SUBSCRIPTION_IDENTIFIER) throw repeated(id);
    seen |= bit;
  }
  return end;
}

/** Reads the property at `at`; returns the offset behind it. */
function decodeProperty(
  view: PublishView,
  bytes: Uint8Array,
  id: number,
  at: number,
  end: number,
  fromServer: boolean,
): number {
  const valueAt = at + 1;
  switch (id) {
    case PAYLOAD_FORMAT_INDICATOR: {
      const next = skipBytes(valueAt, 1, end, "payload format indicator");
      const value = bytes[valueAt] as number;
      if (value > 1) throw violation(`Cannot accept PUBLISH: payload format indicator ${value}`);
      view.payloadFormatUtf8 = value === 1;
      return next;
    }
    case MESSAGE_EXPIRY_INTERVAL: {
      const next = skipBytes(valueAt, 4, end, "message expiry interval");
      view.messageExpiryS = readUint32(bytes, valueAt);
      view.messageExpiryAt = at;
      return next;
    }
    case TOPIC_ALIAS: {
      const next = skipBytes(valueAt, 2, end, "topic alias");
      view.topicAlias = readUint16(bytes, valueAt);
      view.topicAliasAt = at;
      if (view.topicAlias === 0) { // [MQTT-3.3.2-8]
        throw new ProtocolError(
          ReasonCode.topicAliasInvalid,
          "Cannot accept PUBLISH: topic alias 0",
        );
      }
      return next;
    }
    case CONTENT_TYPE:
      return skipString(bytes, valueAt, end, "content type");
    case RESPONSE_TOPIC: {
      const next = skipString(bytes, valueAt, end, "response topic");
      checkResponseTopic(bytes, valueAt + 2, next);
      return next;
    }
    case CORRELATION_DATA:
      return skipBinary(bytes, valueAt, end, "correlation data");
    case SUBSCRIPTION_IDENTIFIER: {
      if (!fromServer) { // [MQTT-3.3.4-6]
        throw violation("Cannot accept PUBLISH: subscription identifier from a client");
      }
      const value = readVariableByteInteger(bytes, valueAt, end);
      if (value === 0) throw violation("Cannot accept PUBLISH: subscription identifier 0");
      return valueAt + variableByteIntegerSize(value);
    }
    default:
      throw malformed(`Cannot read PUBLISH: property ${id} is not allowed in it`);
  }
}

/** A response topic is a topic name, so neither empty nor with wildcards [MQTT-3.3.2-14]. */
function checkResponseTopic(bytes: Uint8Array, start: number, end: number): void {
  if (start === end) throw violation("Cannot accept PUBLISH: empty response topic");
  for (let at = start; at < end; at++) {
    const byte = bytes[at];
    if (byte === PLUS || byte === HASH) {
      throw violation("Cannot accept PUBLISH: wildcard in response topic");
    }
  }
}

function repeated(id: number): ProtocolError {
  return violation(`Cannot accept PUBLISH: property ${id} more than once`);
}

function endsIn(what: string): ProtocolError {
  return malformed(`Cannot read PUBLISH: it ends inside its ${what}`);
}

function emptyTopic(version: ProtocolVersion): ProtocolError {
  return version === 5
    ? violation("Cannot accept PUBLISH: neither topic name nor topic alias") // [MQTT-3.3.2-8]
    : new ProtocolError(
      ReasonCode.topicNameInvalid, // [MQTT-4.7.3-1]
      "Cannot accept PUBLISH: empty topic name",
    );
}
