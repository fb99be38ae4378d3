import {
  createPublishHead,
  encodeMessageProperties,
  type MessageProperties,
  type ProtocolVersion,
  publishFrameSize,
  type PublishHead,
  publishHeadSize,
  type Qos,
  writeMessageExpiry,
  writePublishHead,
  writeTopicAlias,
} from "../mqtt/mod.ts";
import type { OutboundBuffer } from "../transport/mod.ts";

const NO_BYTES: Uint8Array = new Uint8Array(0);

/** A message that is to be published. Nobody may write to its bytes until it is acknowledged, at QoS 0 until it is sent. */
export interface OutgoingMessage {
  /** UTF-8; may be empty with a topic alias. */
  readonly topic: Uint8Array;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  /** Encoded, without their length; what `encodePublishProperties` makes. Left out before 5.0. */
  readonly properties: Uint8Array;
}

/** What a PUBLISH of a client can say of its message. */
export interface PublishProperties extends MessageProperties {
  readonly messageExpiryS?: number | undefined;
  readonly topicAlias?: number | undefined;
}

/** Encodes the properties of an `OutgoingMessage`. Throws PacketEncodeError. */
export function encodePublishProperties(properties: PublishProperties): Uint8Array {
  const { messageExpiryS, topicAlias } = properties;
  const forwarded = encodeMessageProperties(properties);
  const size = (messageExpiryS === undefined ? 0 : 5) + (topicAlias === undefined ? 0 : 3);
  if (size === 0) return forwarded;
  const bytes = new Uint8Array(forwarded.length + size);
  bytes.set(forwarded);
  let at = forwarded.length;
  if (messageExpiryS !== undefined) at = writeMessageExpiry(bytes, at, messageExpiryS);
  if (topicAlias !== undefined) writeTopicAlias(bytes, at, topicAlias);
  return bytes;
}

/** Payloads from here on are not copied. */
const REFERENCED_BYTES_MIN = 16_384;
const SCRATCH_BYTES = 1024;

const head: PublishHead = createPublishHead();
let scratch = new Uint8Array(SCRATCH_BYTES);

function fillHead(message: OutgoingMessage, version: ProtocolVersion): void {
  head.version = version;
  head.qos = message.qos;
  head.retain = message.retain;
  head.topicBytes = message.topic;
  head.properties = message.properties;
  head.propertiesEnd = message.properties.length;
  head.payloadLength = message.payload.length;
}

/** Bytes of the whole packet. */
export function messageFrameSize(message: OutgoingMessage, version: ProtocolVersion): number {
  fillHead(message, version);
  return publishFrameSize(head);
}

/** Appends a PUBLISH. Throws PacketEncodeError when it would be longer than MQTT can say. */
export function appendPublish(
  out: OutboundBuffer,
  message: OutgoingMessage,
  version: ProtocolVersion,
  packetId: number,
  dup: boolean,
): void {
  fillHead(message, version);
  head.packetId = packetId;
  head.dup = dup;
  const size = publishHeadSize(head);
  if (size > scratch.length) scratch = new Uint8Array(size);
  writePublishHead(scratch, 0, head);
  out.append(scratch, 0, size);
  // Nothing of the message is held on to.
  head.topicBytes = NO_BYTES;
  head.properties = NO_BYTES;
  const { payload } = message;
  if (payload.length >= REFERENCED_BYTES_MIN) out.appendReference(payload, 0, payload.length);
  else if (payload.length > 0) out.append(payload, 0, payload.length);
}
