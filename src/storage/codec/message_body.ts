import type { ProtocolVersion, Qos } from "../../mqtt/mod.ts";
import type { StoredGroup } from "../../ports/mod.ts";
import {
  type Delivery,
  FramedMessage,
  type Message,
  NO_BYTES,
  NO_IDENTIFIERS,
} from "../../session/mod.ts";
import type { ByteSink } from "./byte_sink.ts";
import { type ByteSource, readUtf8, StoredDataError } from "./byte_source.ts";

// Bits of the first byte of a message, and of a delivery.
const QOS_BITS = 0b11;
const RETAIN_BIT = 0b100;
const FRAMED_BIT = 0b1000;
const EXPIRES_BIT = 0b1000000;
const VERSION_SHIFT = 4;
const IDENTIFIERS_BIT = 0b1000;
const GROUP_BIT = 0b10000;

/** A message, to the end of the body: its payload has no length of its own. */
export function writeMessage(sink: ByteSink, message: Message): void {
  if (message instanceof FramedMessage) writeFramed(sink, message);
  else writeParts(sink, message, message.expiresAtMs);
}

function writeFramed(sink: ByteSink, message: FramedMessage): void {
  sink.reserve(1);
  sink.byte(
    message.qos | (message.retain ? RETAIN_BIT : 0) | FRAMED_BIT |
      (message.version - 3) << VERSION_SHIFT,
  );
  sink.text(message.publisherId);
  sink.varint(message.packetIdAt + 1);
  sink.varint(message.propertiesStart);
  sink.varint(message.propertiesEnd);
  sink.varint(message.payloadStart);
  sink.raw(message.bytes, message.start, message.end);
}

/** A message whose expiry may be still to come. */
export function writeParts(
  sink: ByteSink,
  message: Omit<Message, "expiresAtMs">,
  expiresAtMs: number,
): void {
  const expires = expiresAtMs !== Infinity;
  sink.reserve(1);
  sink.byte(message.qos | (message.retain ? RETAIN_BIT : 0) | (expires ? EXPIRES_BIT : 0));
  sink.text(message.publisherId);
  sink.block(message.topicBytes);
  sink.block(message.properties);
  if (expires) sink.float(expiresAtMs);
  sink.raw(message.payload, 0, message.payload.length);
}

/** The message to the end of the body; it holds on to the bytes that it was read from. */
export function readMessage(source: ByteSource): Message {
  const flags = source.byte();
  const qos = readQos(flags);
  const retain = (flags & RETAIN_BIT) !== 0;
  const publisherId = source.text();
  if ((flags & FRAMED_BIT) !== 0) return readFramed(source, flags, qos, retain, publisherId);
  const topicBytes = source.block();
  const properties = source.block();
  const expiresAtMs = (flags & EXPIRES_BIT) !== 0 ? source.float() : Infinity;
  return {
    topic: readUtf8(topicBytes, 0, topicBytes.length),
    topicBytes,
    payload: source.rest(),
    qos,
    retain,
    properties: properties.length === 0 ? NO_BYTES : properties,
    expiresAtMs,
    publisherId,
  };
}

function readFramed(
  source: ByteSource,
  flags: number,
  qos: Qos,
  retain: boolean,
  publisherId: string,
): FramedMessage {
  const packetIdAt = source.varint() - 1;
  const propertiesStart = source.varint();
  const propertiesEnd = source.varint();
  const payloadStart = source.varint();
  const frameBytes = source.rest();
  const topicBytes = topicOfFrame(frameBytes);
  if (
    propertiesStart > propertiesEnd || propertiesEnd > payloadStart ||
    payloadStart > frameBytes.length || packetIdAt >= payloadStart
  ) throw new StoredDataError("Cannot read stored data: a frame is not as long as it says");
  return new FramedMessage({
    topic: readUtf8(topicBytes, 0, topicBytes.length),
    topicBytes,
    qos,
    retain,
    publisherId,
    version: readVersion(flags),
    bytes: frameBytes,
    start: 0,
    end: frameBytes.length,
    packetIdAt,
    propertiesStart,
    propertiesEnd,
    payloadStart,
  });
}

/** The topic stands behind the fixed header, whose length is of one to four bytes. */
function topicOfFrame(frame: Uint8Array): Uint8Array {
  let at = 1;
  while (at < 5 && (frame[at] ?? 0) >= 0x80) at++;
  const start = at + 3;
  const end = start + ((frame[at + 1] ?? 0) << 8 | (frame[at + 2] ?? 0));
  if (end > frame.length) {
    throw new StoredDataError("Cannot read stored data: a topic is longer than its frame");
  }
  return frame.subarray(start, end);
}

function readQos(flags: number): Qos {
  const qos = flags & QOS_BITS;
  if (qos === 3) throw new StoredDataError("Cannot read stored data: QoS 3");
  return qos as Qos;
}

function readVersion(flags: number): ProtocolVersion {
  const version = 3 + (flags >> VERSION_SHIFT & 0b11);
  if (version > 5) throw new StoredDataError(`Cannot read stored data: MQTT version ${version}`);
  return version as ProtocolVersion;
}

/** How a message was granted to one session; the message itself follows or is stored elsewhere. */
export function writeGrant(sink: ByteSink, delivery: Delivery<StoredGroup>): void {
  const { qos, retain, identifiers, group } = delivery;
  sink.reserve(1);
  sink.byte(
    qos | (retain ? RETAIN_BIT : 0) | (identifiers.length > 0 ? IDENTIFIERS_BIT : 0) |
      (group === undefined ? 0 : GROUP_BIT),
  );
  if (identifiers.length > 0) {
    sink.varint(identifiers.length);
    for (const identifier of identifiers) sink.varint(identifier);
  }
  if (group !== undefined) {
    sink.text(group.shareName);
    sink.text(group.filter);
  }
}

/** What `writeGrant` wrote. */
export function readGrant(source: ByteSource): Omit<Delivery<StoredGroup>, "message"> {
  const flags = source.byte();
  return {
    qos: readQos(flags),
    retain: (flags & RETAIN_BIT) !== 0,
    identifiers: (flags & IDENTIFIERS_BIT) === 0 ? NO_IDENTIFIERS : readIdentifiers(source),
    group: (flags & GROUP_BIT) === 0
      ? undefined
      : { shareName: source.text(), filter: source.text() },
  };
}

function readIdentifiers(source: ByteSource): readonly number[] {
  const count = source.varint();
  const identifiers: number[] = [];
  for (let index = 0; index < count; index++) identifiers.push(source.varint());
  return identifiers;
}
