import type { UserProperty } from "./packet.ts";
import * as id from "./property_id.ts";
import { PacketWriter } from "./packet_writer.ts";
import { checkPropertyBlock, propertyEnd, PropertyPlace, readPair } from "./properties.ts";
import type { PublishView } from "./publish_decoder.ts";
import { readVariableByteInteger } from "./variable_byte_integer.ts";
import { copyBinary, readText } from "./wire.ts";

const writer = new PacketWriter();

/** The properties of an application message that go on from its sender to every subscriber. */
export interface MessageProperties {
  /** Absent: the sender said nothing, which means bytes. */
  readonly payloadFormatUtf8?: boolean | undefined;
  readonly contentType?: string | undefined;
  readonly responseTopic?: string | undefined;
  readonly correlationData?: Uint8Array | undefined;
  readonly userProperties: readonly UserProperty[];
}

/**
 * Decodes a property block of a PUBLISH or will that stands without its length. What is of one hop
 * only (topic alias, subscription identifiers, message expiry) is passed over. The result owns its
 * bytes. Throws ProtocolError.
 */
export function decodeMessageProperties(
  bytes: Uint8Array,
  start = 0,
  end: number = bytes.length,
): MessageProperties {
  checkPropertyBlock(bytes, start, end, PropertyPlace.publish);
  const userProperties: UserProperty[] = [];
  const found: { -readonly [K in keyof MessageProperties]: MessageProperties[K] } = {
    userProperties,
  };
  let at = start;
  while (at < end) {
    const valueAt = at + 1;
    switch (bytes[at]) {
      case id.PAYLOAD_FORMAT_INDICATOR:
        found.payloadFormatUtf8 = bytes[valueAt] === 1;
        break;
      case id.CONTENT_TYPE:
        found.contentType = readText(bytes, valueAt);
        break;
      case id.RESPONSE_TOPIC:
        found.responseTopic = readText(bytes, valueAt);
        break;
      case id.CORRELATION_DATA:
        found.correlationData = copyBinary(bytes, valueAt);
        break;
      case id.USER_PROPERTY:
        userProperties.push(readPair(bytes, valueAt));
        break;
    }
    at = propertyEnd(bytes, at, end);
  }
  return found;
}

/**
 * Encodes the block that `decodeMessageProperties` reads, without a length. Throws PacketEncodeError
 * for a string or bytes that MQTT cannot carry.
 */
export function encodeMessageProperties(properties: MessageProperties): Uint8Array {
  writer.clear();
  writer.booleanProperty(id.PAYLOAD_FORMAT_INDICATOR, properties.payloadFormatUtf8);
  writer.textProperty(id.CONTENT_TYPE, properties.contentType, "content type");
  writer.textProperty(id.RESPONSE_TOPIC, properties.responseTopic, "response topic");
  writer.binaryProperty(id.CORRELATION_DATA, properties.correlationData, "correlation data");
  writer.userProperties(properties.userProperties);
  return writer.takeBytes();
}

/** The identifiers of all properties of a PUBLISH, in their order; one that repeats stands here as often. */
export function propertyIdentifiersOf(view: PublishView): number[] {
  const identifiers: number[] = [];
  for (let at = view.propertiesStart; at < view.propertiesEnd;) {
    identifiers.push(view.bytes[at] as number);
    at = propertyEnd(view.bytes, at, view.propertiesEnd);
  }
  return identifiers;
}

/** The subscription identifiers of a PUBLISH from a server, in their order. */
export function subscriptionIdentifiersOf(view: PublishView): number[] {
  const identifiers: number[] = [];
  let at = view.propertiesStart;
  while (at < view.propertiesEnd) {
    const next = propertyEnd(view.bytes, at, view.propertiesEnd);
    if (view.bytes[at] === id.SUBSCRIPTION_IDENTIFIER) {
      identifiers.push(readVariableByteInteger(view.bytes, at + 1, next));
    }
    at = next;
  }
  return identifiers;
}
