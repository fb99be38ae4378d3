import type { FrameToCheck } from "./control_checks.ts";
import { FrameReader } from "./frame_reader.ts";
import type {
  ProtocolVersion,
  Qos,
  RetainHandling,
  SubscribePacket,
  SubscriptionRequest,
  UnsubscribePacket,
} from "./packet.ts";
import { indexedUserProperties, PropertyPlace } from "./properties.ts";
import { SUBSCRIPTION_IDENTIFIER } from "./property_id.ts";
import { PropertyIndex } from "./property_index.ts";
import { malformed, violation } from "./protocol_error.ts";
import { readVariableByteInteger } from "./variable_byte_integer.ts";

const NO_LOCAL = 0x04;
const RETAIN_AS_PUBLISHED = 0x08;

const SHARE_PREFIX = "$share/";

const properties = new PropertyIndex();

/** Decodes a SUBSCRIBE whose fixed header has been checked. */
export function decodeSubscribe(frame: FrameToCheck): SubscribePacket {
  const { bytes, version, end } = frame;
  const reader = new FrameReader(bytes, frame.bodyStart, end);
  const packetId = readIdAndProperties(reader, version, PropertyPlace.subscribe);
  if (reader.isAtEnd) throw violation("Cannot accept SUBSCRIBE: no topic filter"); // [MQTT-3.8.3-2]
  const subscriptions: SubscriptionRequest[] = [];
  while (!reader.isAtEnd) subscriptions.push(readSubscription(reader, version));
  const identifierAt = properties.valueAt(SUBSCRIPTION_IDENTIFIER);
  return {
    type: "subscribe",
    packetId,
    subscriptionIdentifier: identifierAt === 0
      ? 0
      : readVariableByteInteger(bytes, identifierAt, end),
    subscriptions,
    userProperties: indexedUserProperties(bytes, properties),
  };
}

/** Decodes an UNSUBSCRIBE whose fixed header has been checked. */
export function decodeUnsubscribe(frame: FrameToCheck): UnsubscribePacket {
  const reader = new FrameReader(frame.bytes, frame.bodyStart, frame.end);
  const packetId = readIdAndProperties(reader, frame.version, PropertyPlace.unsubscribe);
  if (reader.isAtEnd) throw violation("Cannot accept UNSUBSCRIBE: no topic filter"); // [MQTT-3.10.3-2]
  const filters: string[] = [];
  while (!reader.isAtEnd) filters.push(reader.text("topic filter")); // [MQTT-3.10.3-1]
  const userProperties = indexedUserProperties(frame.bytes, properties);
  return { type: "unsubscribe", packetId, filters, userProperties };
}

/** The packet identifier [MQTT-2.2.1-3]; behind it, in `properties`, those that 5.0 has there. */
function readIdAndProperties(
  reader: FrameReader,
  version: ProtocolVersion,
  place: PropertyPlace,
): number {
  const packetId = reader.uint16("packet identifier");
  if (packetId === 0) throw violation("Cannot accept packet: identifier 0");
  if (version === 5) reader.properties(properties, place);
  else properties.reset(reader.at, reader.at);
  return packetId;
}

function readSubscription(reader: FrameReader, version: ProtocolVersion): SubscriptionRequest {
  const filter = reader.text("topic filter"); // [MQTT-3.8.3-1]
  const options = reader.byte("subscription options");
  checkSubscriptionOptions(options, version);
  const noLocal = (options & NO_LOCAL) !== 0;
  if (noLocal && filter.startsWith(SHARE_PREFIX)) {
    throw violation("Cannot accept SUBSCRIBE: shared subscription with no local"); // [MQTT-3.8.3-4]
  }
  return {
    filter,
    qos: (options & 3) as Qos,
    noLocal,
    retainAsPublished: (options & RETAIN_AS_PUBLISHED) !== 0,
    retainHandling: ((options >> 4) & 3) as RetainHandling,
  };
}

function checkSubscriptionOptions(options: number, version: ProtocolVersion): void {
  const reserved = version === 5 ? 0xc0 : 0xfc;
  if ((options & reserved) !== 0) { // [MQTT-3.8.3-5]
    throw malformed(`Cannot read SUBSCRIBE: reserved bits of subscription options ${options}`);
  }
  if ((options & 3) === 3) { // 3.1.1: [MQTT-3.8.3-4]
    const problem = "Cannot accept SUBSCRIBE: QoS 3";
    throw version === 5 ? violation(problem) : malformed(problem);
  }
  if ((options & 0x30) === 0x30) throw violation("Cannot accept SUBSCRIBE: retain handling 3");
}
