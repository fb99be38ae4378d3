import * as id from "./property_id.ts";
import { malformed, ProtocolError, violation } from "./protocol_error.ts";
import { ReasonCode } from "./reason_code.ts";
import type { UserProperty } from "./packet.ts";
import { IDENTIFIERS_END, PropertyIndex } from "./property_index.ts";
import { readVariableByteInteger, variableByteIntegerSize } from "./variable_byte_integer.ts";
import { readText, readUint16, readUint32, skipBinary, skipBytes, skipString } from "./wire.ts";

/** Where a block of properties stands; one bit each. */
export const PropertyPlace = Object.freeze(
  {
    connect: 1,
    will: 2,
    connack: 4,
    publish: 8,
    subscribe: 16,
    suback: 32,
    unsubscribe: 64,
    unsuback: 128,
    disconnectFromClient: 256,
    disconnectFromServer: 512,
    auth: 1024,
  } as const,
);

export type PropertyPlace = (typeof PropertyPlace)[keyof typeof PropertyPlace];

/** A block of properties in its packet, behind its length. */
export interface PropertyRange {
  readonly start: number;
  readonly end: number;
}

type PropertyKind = "byte" | "uint16" | "uint32" | "varint" | "string" | "binary" | "pair";

interface PropertyRule {
  readonly name: string;
  readonly kind: PropertyKind;
  readonly places: number;
  /** Of a number. */
  readonly min: number;
  readonly max: number;
}

const { connect, will, connack, publish, subscribe, suback, unsubscribe, unsuback, auth } =
  PropertyPlace;
const disconnect = PropertyPlace.disconnectFromClient | PropertyPlace.disconnectFromServer;
const everywhere = connect | will | connack | publish | subscribe | suback | unsubscribe |
  unsuback |
  disconnect | auth;
const reasonGivers = connack | suback | unsuback | disconnect | auth;

/** At the index of the identifier. */
const RULES: ReadonlyArray<PropertyRule | undefined> = byIdentifier([
  rule(id.PAYLOAD_FORMAT_INDICATOR, "payload format indicator", "byte", publish | will, 0, 1),
  rule(id.MESSAGE_EXPIRY_INTERVAL, "message expiry interval", "uint32", publish | will),
  rule(id.CONTENT_TYPE, "content type", "string", publish | will),
  rule(id.RESPONSE_TOPIC, "response topic", "string", publish | will),
  rule(id.CORRELATION_DATA, "correlation data", "binary", publish | will),
  rule(id.SUBSCRIPTION_IDENTIFIER, "subscription identifier", "varint", publish | subscribe, 1),
  rule(
    id.SESSION_EXPIRY_INTERVAL,
    "session expiry interval",
    "uint32",
    // Not in a DISCONNECT from the server [MQTT-3.14.2-2].
    connect | connack | PropertyPlace.disconnectFromClient,
  ),
  rule(id.ASSIGNED_CLIENT_IDENTIFIER, "assigned client identifier", "string", connack),
  rule(id.SERVER_KEEP_ALIVE, "server keep alive", "uint16", connack),
  rule(id.AUTHENTICATION_METHOD, "authentication method", "string", connect | connack | auth),
  rule(id.AUTHENTICATION_DATA, "authentication data", "binary", connect | connack | auth),
  rule(id.REQUEST_PROBLEM_INFORMATION, "request problem information", "byte", connect, 0, 1),
  rule(id.WILL_DELAY_INTERVAL, "will delay interval", "uint32", will),
  rule(id.REQUEST_RESPONSE_INFORMATION, "request response information", "byte", connect, 0, 1),
  rule(id.RESPONSE_INFORMATION, "response information", "string", connack),
  rule(id.SERVER_REFERENCE, "server reference", "string", connack | disconnect),
  rule(id.REASON_STRING, "reason string", "string", reasonGivers),
  rule(id.RECEIVE_MAXIMUM, "receive maximum", "uint16", connect | connack, 1),
  rule(id.TOPIC_ALIAS_MAXIMUM, "topic alias maximum", "uint16", connect | connack),
  rule(id.TOPIC_ALIAS, "topic alias", "uint16", publish, 1),
  rule(id.MAXIMUM_QOS, "maximum QoS", "byte", connack, 0, 1),
  rule(id.RETAIN_AVAILABLE, "retain available", "byte", connack, 0, 1),
  rule(id.USER_PROPERTY, "user property", "pair", everywhere),
  rule(id.MAXIMUM_PACKET_SIZE, "maximum packet size", "uint32", connect | connack, 1),
  rule(
    id.WILDCARD_SUBSCRIPTION_AVAILABLE,
    "wildcard subscription available",
    "byte",
    connack,
    0,
    1,
  ),
  rule(
    id.SUBSCRIPTION_IDENTIFIERS_AVAILABLE,
    "subscription identifiers available",
    "byte",
    connack,
    0,
    1,
  ),
  rule(id.SHARED_SUBSCRIPTION_AVAILABLE, "shared subscription available", "byte", connack, 0, 1),
]);

/** Where the properties of a block stand when nobody but the check wants to know. */
const unread = new PropertyIndex();

/**
 * Checks the property block whose length is at `lengthAt`, wholly: identifiers allowed at `place`,
 * none repeated that must not be, values in their range, strings well-formed, lengths to the byte.
 * Leaves in `index` where each property stands; returns the offset behind the block.
 */
export function indexProperties(
  index: PropertyIndex,
  bytes: Uint8Array,
  lengthAt: number,
  packetEnd: number,
  place: PropertyPlace,
): number {
  const length = readVariableByteInteger(bytes, lengthAt, packetEnd);
  const start = lengthAt + variableByteIntegerSize(length);
  const end = skipBytes(start, length, packetEnd, "properties");
  checkPropertyBlock(bytes, start, end, place, index);
  return end;
}

/** The same for a block without its length. */
export function checkPropertyBlock(
  bytes: Uint8Array,
  start: number,
  end: number,
  place: PropertyPlace,
  index: PropertyIndex = unread,
): void {
  index.reset(start, end);
  let at = start;
  while (at < end) {
    const identifier = bytes[at] as number;
    const found = RULES[identifier];
    if (found === undefined || (found.places & place) === 0) {
      throw malformed(`Cannot read properties: ${found?.name ?? identifier} is not allowed here`);
    }
    const next = checkValue(found, bytes, at + 1, end);
    if (!index.has(identifier)) {
      index.add(identifier, at + 1);
    } else if (!mayRepeat(identifier, place)) {
      throw violation(`Cannot accept properties: ${found.name} more than once`);
    }
    at = next;
  }
  if (index.has(id.AUTHENTICATION_DATA) && !index.has(id.AUTHENTICATION_METHOD)) {
    throw violation("Cannot accept properties: authentication data without a method");
  }
}

/** The offset behind the property at `at`; the block has been checked. */
export function propertyEnd(bytes: Uint8Array, at: number, end: number): number {
  const found = RULES[bytes[at] as number];
  if (found === undefined) throw malformed(`Cannot read properties: unknown one, ${bytes[at]}`);
  return skipValue(found, bytes, at + 1, end);
}

/** The user properties of a checked block, in their order. */
export function readUserProperties(bytes: Uint8Array, range: PropertyRange): UserProperty[] {
  const list: UserProperty[] = [];
  let at = range.start;
  while (at < range.end) {
    const next = propertyEnd(bytes, at, range.end);
    if (bytes[at] === id.USER_PROPERTY) list.push(readPair(bytes, at + 1));
    at = next;
  }
  return list;
}

/** How many user properties a checked block has, and the bytes of their names and values. */
export function measureUserProperties(block: Uint8Array): { count: number; bytes: number } {
  let [count, bytes] = [0, 0];
  for (let at = 0; at < block.length;) {
    const next = propertyEnd(block, at, block.length);
    if (block[at] === id.USER_PROPERTY) {
      count++;
      // Without its identifier and the two lengths.
      bytes += next - at - 5;
    }
    at = next;
  }
  return { count, bytes };
}

/** The same for a block whose properties are known. */
export function indexedUserProperties(bytes: Uint8Array, index: PropertyIndex): UserProperty[] {
  const firstValueAt = index.valueAt(id.USER_PROPERTY);
  if (firstValueAt === 0) return [];
  return readUserProperties(bytes, { start: firstValueAt - 1, end: index.end });
}

/** The user property whose name's length is at `at`. */
export function readPair(bytes: Uint8Array, at: number): UserProperty {
  const valueAt = at + 2 + readUint16(bytes, at);
  return { name: readText(bytes, at), value: readText(bytes, valueAt) };
}

/** Checks the value at `at`; returns the offset behind it. */
function checkValue(found: PropertyRule, bytes: Uint8Array, at: number, end: number): number {
  const next = skipValue(found, bytes, at, end);
  const value = numberValue(found.kind, bytes, at, end);
  if (value < found.min || value > found.max) throw outOfRange(found, value);
  if (found.name === "response topic") {
    const topic = readText(bytes, at);
    if (topic === "" || topic.includes("+") || topic.includes("#")) { // [MQTT-3.3.2-14]
      throw violation(`Cannot accept properties: response topic ${JSON.stringify(topic)}`);
    }
  }
  return next;
}

function skipValue(found: PropertyRule, bytes: Uint8Array, at: number, end: number): number {
  switch (found.kind) {
    case "byte":
      return skipBytes(at, 1, end, found.name);
    case "uint16":
      return skipBytes(at, 2, end, found.name);
    case "uint32":
      return skipBytes(at, 4, end, found.name);
    case "varint":
      return at + variableByteIntegerSize(readVariableByteInteger(bytes, at, end));
    case "string":
      return skipString(bytes, at, end, found.name);
    case "binary":
      return skipBinary(bytes, at, end, found.name);
    case "pair":
      return skipString(bytes, skipString(bytes, at, end, found.name), end, found.name);
  }
}

/** The number at `at`; 0 for what is none. */
function numberValue(kind: PropertyKind, bytes: Uint8Array, at: number, end: number): number {
  switch (kind) {
    case "byte":
      return bytes[at] as number;
    case "uint16":
      return readUint16(bytes, at);
    case "uint32":
      return readUint32(bytes, at);
    case "varint":
      return readVariableByteInteger(bytes, at, end);
    case "string":
    case "binary":
    case "pair":
      return 0;
  }
}

/** A server may say which of several subscriptions a message is for [MQTT-3.3.4-3]. */
function mayRepeat(identifier: number, place: PropertyPlace): boolean {
  return identifier === id.USER_PROPERTY ||
    (identifier === id.SUBSCRIPTION_IDENTIFIER && place === publish);
}

function outOfRange(found: PropertyRule, value: number): ProtocolError {
  const reasonCode = found.name === "topic alias"
    ? ReasonCode.topicAliasInvalid
    : ReasonCode.protocolError;
  return new ProtocolError(reasonCode, `Cannot accept properties: ${found.name} ${value}`);
}

function byIdentifier(
  entries: ReadonlyArray<[identifier: number, found: PropertyRule]>,
): Array<PropertyRule | undefined> {
  const rules = new Array<PropertyRule | undefined>(IDENTIFIERS_END).fill(undefined);
  for (const [identifier, found] of entries) rules[identifier] = found;
  return rules;
}

function rule(
  identifier: number,
  name: string,
  kind: PropertyKind,
  places: number,
  min = 0,
  max = Infinity,
): [number, PropertyRule] {
  // What is no number counts as 0 and passes.
  return [identifier, { name, kind, places, min, max }];
}
