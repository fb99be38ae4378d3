import type { ProtocolVersion, Qos } from "./packet.ts";
import { MESSAGE_EXPIRY_INTERVAL, SUBSCRIPTION_IDENTIFIER, TOPIC_ALIAS } from "./property_id.ts";
import { PacketEncodeError } from "./protocol_error.ts";
import {
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
  writeVariableByteInteger,
} from "./variable_byte_integer.ts";
import { writeUint16, writeUint32 } from "./wire.ts";

/** Pieces shorter than this are copied byte by byte: a view for `set` would cost more. */
const LOOP_COPY_BYTES = 48;

const NOTHING: Uint8Array = new Uint8Array(0);

/** What stands in a PUBLISH before its payload. One instance can be filled again and again. */
export interface PublishHead {
  version: ProtocolVersion;
  qos: Qos;
  retain: boolean;
  dup: boolean;
  /** UTF-8, at most 65,535 bytes; may be empty with a topic alias. */
  topicBytes: Uint8Array;
  /** Written as it is when `qos` is not 0. */
  packetId: number;
  /** Encoded properties `properties[propertiesStart, propertiesEnd)` without a length; 5.0 only. */
  properties: Uint8Array;
  propertiesStart: number;
  propertiesEnd: number;
  /** More encoded properties, the first `extraLength` bytes of it; 5.0 only. */
  extra: Uint8Array;
  extraLength: number;
  payloadLength: number;
}

/** A head to be filled. */
export function createPublishHead(): PublishHead {
  return {
    version: 4,
    qos: 0,
    retain: false,
    dup: false,
    topicBytes: NOTHING,
    packetId: 0,
    properties: NOTHING,
    propertiesStart: 0,
    propertiesEnd: 0,
    extra: NOTHING,
    extraLength: 0,
    payloadLength: 0,
  };
}

/**
 * Writes a PUBLISH up to its payload to `target`, which must have room for `publishHeadSize`; returns
 * the new offset. Throws PacketEncodeError when the packet would be longer than MQTT can say.
 */
export function writePublishHead(target: Uint8Array, offset: number, head: PublishHead): number {
  const topicLength = head.topicBytes.length;
  const remaining = remainingLength(head);
  if (remaining > VARIABLE_BYTE_INTEGER_MAX || topicLength > 0xffff) {
    throw new PacketEncodeError(
      `Cannot encode PUBLISH: ${remaining} bytes with a topic of ${topicLength} bytes`,
    );
  }
  target[offset] = 0x30 | (head.dup ? 8 : 0) | (head.qos << 1) | (head.retain ? 1 : 0);
  let at = writeVariableByteInteger(target, offset + 1, remaining);
  at = writeUint16(target, at, topicLength);
  at = copyBytes(target, at, head.topicBytes, 0, topicLength);
  if (head.qos !== 0) at = writeUint16(target, at, head.packetId);
  if (head.version === 5) {
    at = writeVariableByteInteger(target, at, propertiesLength(head));
    at = copyBytes(target, at, head.properties, head.propertiesStart, head.propertiesEnd);
    at = copyBytes(target, at, head.extra, 0, head.extraLength);
  }
  return at;
}

/** Bytes that `writePublishHead` writes. */
export function publishHeadSize(head: PublishHead): number {
  const remaining = remainingLength(head);
  return 1 + variableByteIntegerSize(remaining) + remaining - head.payloadLength;
}

/** Bytes of the whole packet. */
export function publishFrameSize(head: PublishHead): number {
  const remaining = remainingLength(head);
  return 1 + variableByteIntegerSize(remaining) + remaining;
}

/** Where the packet identifier stands, counted from the start of the head; -1 for QoS 0. */
export function packetIdOffset(head: PublishHead): number {
  if (head.qos === 0) return -1;
  return 1 + variableByteIntegerSize(remainingLength(head)) + 2 + head.topicBytes.length;
}

/** Bytes of one subscription identifier property. */
export function subscriptionIdentifierSize(identifier: number): number {
  return 1 + variableByteIntegerSize(identifier);
}

/** Writes a subscription identifier property (1 to 268,435,455); returns the new offset. */
export function writeSubscriptionIdentifier(
  target: Uint8Array,
  offset: number,
  identifier: number,
): number {
  target[offset] = SUBSCRIPTION_IDENTIFIER;
  return writeVariableByteInteger(target, offset + 1, identifier);
}

/** Writes a message expiry property, 5 bytes; returns the new offset. */
export function writeMessageExpiry(target: Uint8Array, offset: number, seconds: number): number {
  target[offset] = MESSAGE_EXPIRY_INTERVAL;
  return writeUint32(target, offset + 1, seconds);
}

/** Writes a topic alias property, 3 bytes; returns the new offset. */
export function writeTopicAlias(target: Uint8Array, offset: number, alias: number): number {
  target[offset] = TOPIC_ALIAS;
  return writeUint16(target, offset + 1, alias);
}

function propertiesLength(head: PublishHead): number {
  return head.propertiesEnd - head.propertiesStart + head.extraLength;
}

function remainingLength(head: PublishHead): number {
  let length = 2 + head.topicBytes.length + head.payloadLength;
  if (head.qos !== 0) length += 2;
  if (head.version === 5) {
    const properties = propertiesLength(head);
    length += variableByteIntegerSize(properties) + properties;
  }
  return length;
}

/** Copies `source[start, end)` to `target`; returns the new offset. */
function copyBytes(
  target: Uint8Array,
  offset: number,
  source: Uint8Array,
  start: number,
  end: number,
): number {
  const length = end - start;
  if (length < LOOP_COPY_BYTES) {
    for (let i = 0; i < length; i++) target[offset + i] = source[start + i] as number;
  } else {
    target.set(
      length === source.length ? source : source.subarray(start, end),
      offset,
    );
  }
  return offset + length;
}
