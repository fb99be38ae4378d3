import type { UserProperty } from "./packet.ts";
import * as id from "./property_id.ts";
import { PacketEncodeError } from "./protocol_error.ts";
import {
  checkPropertyBlock,
  propertyEnd,
  PropertyPlace,
  readPair,
  readText,
} from "./properties.ts";
import type { PublishView } from "./publish_decoder.ts";
import { encodeUtf8, isMqttString, STRING_BYTES_MAX } from "./utf8.ts";
import { readVariableByteInteger } from "./variable_byte_integer.ts";
import { readUint16 } from "./wire.ts";

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
        found.correlationData = readBinary(bytes, valueAt);
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
  const block: number[] = [];
  if (properties.payloadFormatUtf8 !== undefined) {
    block.push(id.PAYLOAD_FORMAT_INDICATOR, properties.payloadFormatUtf8 ? 1 : 0);
  }
  if (properties.contentType !== undefined) {
    block.push(id.CONTENT_TYPE);
    pushText(block, properties.contentType, "content type");
  }
  if (properties.responseTopic !== undefined) {
    block.push(id.RESPONSE_TOPIC);
    pushText(block, properties.responseTopic, "response topic");
  }
  if (properties.correlationData !== undefined) {
    block.push(id.CORRELATION_DATA);
    pushBinary(block, properties.correlationData, "correlation data");
  }
  for (const { name, value } of properties.userProperties) {
    block.push(id.USER_PROPERTY);
    pushText(block, name, "user property name");
    pushText(block, value, "user property value");
  }
  return Uint8Array.from(block);
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

/** A copy, also of a Buffer: its slice() would give a view. */
function readBinary(bytes: Uint8Array, at: number): Uint8Array {
  return new Uint8Array(bytes.subarray(at + 2, at + 2 + readUint16(bytes, at)));
}

function pushText(block: number[], text: string, what: string): void {
  if (!isMqttString(text)) {
    throw new PacketEncodeError(`Cannot encode ${what}: not a string that MQTT can carry`);
  }
  pushBinary(block, encodeUtf8(text), what);
}

function pushBinary(block: number[], bytes: Uint8Array, what: string): void {
  if (bytes.length > STRING_BYTES_MAX) {
    throw new PacketEncodeError(`Cannot encode ${what}: ${bytes.length} bytes`);
  }
  block.push(bytes.length >>> 8, bytes.length & 0xff);
  for (const byte of bytes) block.push(byte);
}
