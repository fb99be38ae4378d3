import type { RetainHandling } from "../../mqtt/mod.ts";
import type { SessionRecord, StoredWill } from "../../ports/mod.ts";
import type { Subscription } from "../../routing/mod.ts";
import type { ByteSink } from "./byte_sink.ts";
import { type ByteSource, StoredDataError } from "./byte_source.ts";
import { readMessage, writeParts } from "./message_body.ts";

const WILL_BIT = 0b1;
const WILL_EXPIRES_BIT = 0b10;
const USERNAME_BIT = 0b100;

export function writeSession(sink: ByteSink, record: SessionRecord): void {
  const { will } = record;
  sink.reserve(1);
  sink.byte(
    will === undefined ? 0 : WILL_BIT |
      (will.messageExpiryS === undefined ? 0 : WILL_EXPIRES_BIT) |
      (will.identity.username === undefined ? 0 : USERNAME_BIT),
  );
  sink.text(record.clientId);
  sink.varint(record.expiryS);
  sink.float(record.createdAtMs);
  sink.float(record.disconnectedAtMs);
  if (will !== undefined) writeWill(sink, will);
}

function writeWill(sink: ByteSink, will: StoredWill): void {
  const { messageExpiryS, identity } = will;
  sink.varint(will.delayS);
  if (messageExpiryS !== undefined) sink.varint(messageExpiryS);
  sink.text(identity.clientId);
  if (identity.username !== undefined) sink.text(identity.username);
  sink.text(identity.remoteAddress);
  writeParts(sink, will.message, Infinity);
}

export function readSession(source: ByteSource): SessionRecord {
  const flags = source.byte();
  const clientId = source.text();
  const expiryS = source.varint();
  const createdAtMs = source.float();
  const disconnectedAtMs = source.float();
  const will = (flags & WILL_BIT) === 0 ? undefined : readWill(source, flags);
  return { clientId, expiryS, createdAtMs, disconnectedAtMs, will };
}

function readWill(source: ByteSource, flags: number): StoredWill {
  const delayS = source.varint();
  const messageExpiryS = (flags & WILL_EXPIRES_BIT) === 0 ? undefined : source.varint();
  const clientId = source.text();
  const username = (flags & USERNAME_BIT) === 0 ? undefined : source.text();
  const identity = { clientId, username, remoteAddress: source.text() };
  const { topic, topicBytes, payload, qos, retain, properties, publisherId } = readMessage(source);
  const message = { topic, topicBytes, payload, qos, retain, properties, publisherId };
  return { message, messageExpiryS, delayS, identity };
}

const NO_LOCAL_BIT = 0b100;
const AS_PUBLISHED_BIT = 0b1000;
const HANDLING_SHIFT = 4;

export function writeSubscription(sink: ByteSink, subscription: Subscription): void {
  sink.reserve(1);
  sink.byte(
    subscription.qos | (subscription.noLocal ? NO_LOCAL_BIT : 0) |
      (subscription.retainAsPublished ? AS_PUBLISHED_BIT : 0) |
      subscription.retainHandling << HANDLING_SHIFT,
  );
  sink.varint(subscription.identifier);
  sink.text(subscription.shareName);
  sink.text(subscription.filter);
}

export function readSubscription(source: ByteSource): Subscription {
  const flags = source.byte();
  const qos = flags & 0b11;
  const retainHandling = flags >> HANDLING_SHIFT;
  if (qos > 2 || retainHandling > 2) {
    throw new StoredDataError(`Cannot read stored data: subscription options ${flags}`);
  }
  return {
    qos: qos as Subscription["qos"],
    noLocal: (flags & NO_LOCAL_BIT) !== 0,
    retainAsPublished: (flags & AS_PUBLISHED_BIT) !== 0,
    retainHandling: retainHandling as RetainHandling,
    identifier: source.varint(),
    shareName: source.text(),
    filter: source.text(),
  };
}
