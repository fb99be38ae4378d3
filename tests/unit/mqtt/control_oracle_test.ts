/**
 * The packets that our own code reads and writes, and mqtt-packet, both given the same bytes or the
 * same fields: sound packets and broken ones, from one printed seed.
 */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { generate, type Packet, parser as createParser } from "mqtt-packet";
import { Prng } from "../../../src/base/mod.ts";
import {
  type ConnackPacket,
  type ConnectPacket,
  type ControlPacket,
  decodeControlPacket,
  decodeMessageProperties,
  encodeControlPacket,
  fromConnectReturnCode,
  ProtocolError,
  type ProtocolVersion,
  ReasonCode,
  type SubscribePacket,
  type UnsubscribePacket,
  type UserProperty,
} from "../../../src/mqtt/mod.ts";
import { bodyOf, hex, packet as packetOf, seedOfRun } from "./frames.ts";
import { randomControlPacket } from "./random_packets.ts";

const ROUNDS = 3;
const READ_COUNT = 4_000;
const WRITE_COUNT = 2_000;
const VERSIONS = [3, 4, 5] as const;
const FROM_SERVER = new Set(["connack", "suback", "unsuback", "disconnect", "auth"]);
const READ = new Set(["connect", "subscribe", "unsubscribe", ...FROM_SERVER]);
const WRITTEN = new Set(["connack", "suback", "unsuback", "pingreq", "pingresp"]);
const CLEAN_START = 0x02;
/** Lengths, identifiers and characters that decide something. */
const BORDER_BYTES = [0, 1, 2, 3, 4, 0x23, 0x26, 0x2b, 0x7f, 0x80, 0xc0, 0xed, 0xff];
/** Most of what can be broken stands near the beginning. */
const BROKEN_WITHIN = 60;

const firstSeed = seedOfRun("control_oracle");
for (let round = 0; round < ROUNDS; round++) {
  const seed = firstSeed + 10 * round;
  test(`decodeControlPacket() reads what mqtt-packet reads, ${round + 1}`, () => {
    const prng = new Prng(seed);
    for (let done = 0; done < READ_COUNT; done++) readSound(prng);
  });
  test(`decodeControlPacket() takes no broken packet in another sense, ${round + 1}`, () => {
    const prng = new Prng(seed + 1);
    let taken = 0;
    for (let done = 0; done < READ_COUNT; done++) if (readBroken(prng)) taken++;
    assert(taken > 0 && taken < READ_COUNT, `${taken} of ${READ_COUNT} taken`);
  });
  test(`encodeControlPacket() writes what mqtt-packet reads in the same sense, ${round + 1}`, () => {
    const prng = new Prng(seed + 3);
    for (let done = 0; done < WRITE_COUNT; done++) writeToBeRead(prng);
  });
  test(`encodeControlPacket() writes what mqtt-packet writes, ${round + 1}`, () => {
    writeAll(new Prng(seed + 2));
  });
}

test("encodeControlPacket() writes large packets as mqtt-packet does", () => {
  const texts = ["x".repeat(65_535), "ü€".repeat(100), "\u{1f600}".repeat(16), "y".repeat(64)];
  for (const text of texts) {
    const pairs = Array.from({ length: 40 }, (_, index) => ({ name: `k${index}`, value: text }));
    const foreign = {
      cmd: "connack",
      sessionPresent: false,
      reasonCode: 0,
      properties: {
        assignedClientIdentifier: text,
        authenticationData: Buffer.alloc(65_535, 7),
        userProperties: pairs.map(({ name, value }) => ({ [name]: value })),
      },
    } as unknown as Packet;
    const ours = {
      type: "connack",
      sessionPresent: false,
      reasonCode: ReasonCode.success,
      assignedClientId: text,
      authenticationData: new Uint8Array(65_535).fill(7),
      userProperties: pairs,
    } as const;
    assert(Buffer.from(generateBytes(foreign, 5)).equals(encodeControlPacket(ours, 5)));
    const small = { ...ours, assignedClientId: "a", authenticationData: undefined };
    const bytes = encodeControlPacket({ ...small, userProperties: [] }, 5);
    assertEquals(hex(bytes), "20 07 00 00 04 12 00 01 61", "what follows a large one");
  }
});

test("encodeControlPacket() gives every packet bytes that no other packet has", () => {
  const encoded = Array.from({ length: 2000 }, (_, index) => {
    const reasonCodes = new Array<ReasonCode>(1 + index % 300).fill(ReasonCode.grantedQos1);
    return encodeControlPacket({ type: "suback", packetId: 1 + index, reasonCodes }, 4);
  });
  const before = encoded.map(hex);
  for (let index = 0; index < encoded.length; index += 2) encoded[index]!.fill(0xee);
  for (let index = 1; index < encoded.length; index += 2) {
    assertEquals(hex(encoded[index]!), before[index]);
  }
});

function readSound(prng: Prng): void {
  const version = prng.pick(VERSIONS);
  const frame = frameToRead(prng, version);
  const foreign = parse(frame, version);
  assertSame(meaningOfOurs(decode(frame, version)), meaningOfForeign(foreign), frame);
}

/** What we have read and write again. */
function writeToBeRead(prng: Prng): void {
  const version = prng.pick(VERSIONS);
  const ours = decode(frameToRead(prng, version), version);
  // An empty one is its own matter before 5.0.
  if (ours.type === "connect" && version === 3 && ours.clientId === "") return;
  const frame = encodeControlPacket(ours, version);
  if (isShortAuth(frame)) return;
  assertSame(meaningOfOurs(ours), meaningOfForeign(parse(frame, version)), frame);
}

/** Whether our code took it. What it takes, mqtt-packet has to take and to read the same way. */
function readBroken(prng: Prng): boolean {
  const version = prng.pick(VERSIONS);
  const frame = broken(prng, frameToRead(prng, version));
  // In 3.1 the byte is reserved, which mqtt-packet does not know.
  if (version === 3 && frame[0] === 0x20) frame[2] = 0;
  let ours: ControlPacket;
  try {
    ours = decode(frame, version);
  } catch (error) {
    assert(error instanceof ProtocolError, `${error}`);
    return false;
  }
  if (isShortAuth(frame)) return true;
  // A broken CONNECT may have become one of another version.
  const foreign = parse(frame, "version" in ours ? ours.version : version);
  assertSame(meaningOfOurs(ours), meaningOfForeign(foreign), frame);
  return true;
}

/** mqtt-packet does not know it [MQTT-3.15.2-1]. */
function isShortAuth(frame: Uint8Array): boolean {
  return frame[0] === 0xf0 && frame.length === 2;
}

function frameToRead(prng: Prng, version: ProtocolVersion): Uint8Array {
  const foreign = randomOf(prng, version, READ);
  const frame = new Uint8Array(generateBytes(foreign, version));
  if (foreign.cmd === "connect" && prng.nextBoolean()) {
    // mqtt-packet does not write all that it reads: it wants this flag for some packets.
    frame[bodyOf(frame) + (version === 3 ? 9 : 7)]! &= ~CLEAN_START;
  }
  return frame;
}

/** The same frame with one or two bytes of its body put in, left out or changed, or cut off. */
function broken(prng: Prng, frame: Uint8Array): Uint8Array {
  let body = [...frame.subarray(bodyOf(frame))];
  for (let count = 1 + prng.nextInt(2); count > 0; count--) {
    const at = prng.nextInt(Math.min(body.length, BROKEN_WITHIN) + 1);
    const byte = prng.nextBoolean() ? prng.pick(BORDER_BYTES) : prng.nextInt(256);
    switch (prng.nextInt(4)) {
      case 0:
        body.splice(at, 0, byte);
        break;
      case 1:
        body.splice(at, 1);
        break;
      case 2:
        body = body.slice(0, at);
        break;
      default:
        body.splice(at, 1, byte);
    }
  }
  return packetOf(frame[0]!, Uint8Array.from(body));
}

function writeAll(prng: Prng): void {
  const written: Uint8Array[] = [];
  const expected: Uint8Array[] = [];
  for (let done = 0; done < WRITE_COUNT; done++) {
    const version = prng.pick(VERSIONS);
    const foreign = randomOf(prng, version, WRITTEN);
    expected.push(generateBytes(inOurOrder(foreign), version));
    written.push(encodeControlPacket(toOurs(foreign, version), version));
  }
  // Only now: what has been written stays as it is while others are written.
  for (const [index, bytes] of written.entries()) {
    assert(
      Buffer.from(bytes).equals(expected[index]!),
      `${hex(bytes)} for ${hex(expected[index]!)}`,
    );
  }
}

/** mqtt-packet writes properties in the order in which it gets them. */
const ORDER = [
  "sessionExpiryInterval",
  "receiveMaximum",
  "maximumQoS",
  "retainAvailable",
  "maximumPacketSize",
  "assignedClientIdentifier",
  "topicAliasMaximum",
  "reasonString",
  "wildcardSubscriptionAvailable",
  "subscriptionIdentifiersAvailable",
  "sharedSubscriptionAvailable",
  "serverKeepAlive",
  "responseInformation",
  "serverReference",
  "authenticationMethod",
  "authenticationData",
  "userProperties",
];

function inOurOrder(foreign: Packet): Packet {
  const { properties } = foreign as { properties?: Record<string, unknown> };
  if (properties === undefined) return foreign;
  assertEquals(Object.keys(properties).filter((name) => !ORDER.includes(name)), []);
  const sorted = ORDER.filter((name) => name in properties).map((name) => [name, properties[name]]);
  return { ...foreign, properties: Object.fromEntries(sorted) } as Packet;
}

/** What random_packets.ts made for mqtt-packet, in our words. */
function toOurs(foreign: Packet, version: ProtocolVersion): ControlPacket {
  const properties = ("properties" in foreign ? foreign.properties : undefined) ?? {};
  const { reasonString, userProperties } = properties as Record<string, string | undefined>;
  const pairs = ((userProperties ?? []) as Record<string, string>[])
    .flatMap((pair) => Object.entries(pair).map(([name, value]) => ({ name, value })));
  const reason = { reasonString, userProperties: pairs };
  switch (foreign.cmd) {
    case "connack":
      return { ...toConnack(foreign, version), ...reason };
    case "suback":
    case "unsuback": {
      const { messageId = 0, granted } = foreign;
      const reasonCodes = granted as ReasonCode[];
      return { type: foreign.cmd, packetId: messageId, reasonCodes, ...reason };
    }
    case "pingreq":
    case "pingresp":
      return { type: foreign.cmd };
    default:
      throw new Error(`Cannot translate: ${foreign.cmd}`);
  }
}

function toConnack(
  foreign: Extract<Packet, { cmd: "connack" }>,
  version: ProtocolVersion,
): ConnackPacket {
  const given = foreign.properties ?? {};
  return {
    type: "connack",
    sessionPresent: foreign.sessionPresent,
    reasonCode: version === 5
      ? foreign.reasonCode as ReasonCode
      : fromConnectReturnCode(foreign.returnCode!)!,
    sessionExpiryS: given.sessionExpiryInterval,
    receiveMaximum: given.receiveMaximum,
    maximumQos: given.maximumQoS as 0 | 1 | undefined,
    retainAvailable: given.retainAvailable,
    maximumPacketSize: given.maximumPacketSize,
    assignedClientId: given.assignedClientIdentifier,
    topicAliasMaximum: given.topicAliasMaximum,
    wildcardSubscriptionAvailable: given.wildcardSubscriptionAvailable,
    subscriptionIdentifiersAvailable: given.subscriptionIdentifiersAvailable,
    sharedSubscriptionAvailable: given.sharedSubscriptionAvailable,
    serverKeepAliveS: given.serverKeepAlive,
    responseInformation: given.responseInformation,
    serverReference: given.serverReference,
    authenticationMethod: given.authenticationMethod,
    authenticationData: given.authenticationData,
  };
}

function meaningOfOurs(packet: ControlPacket): unknown {
  switch (packet.type) {
    case "connect":
      return meaningOfConnect(packet);
    case "subscribe":
      return meaningOfSubscribe(packet);
    case "unsubscribe":
      return meaningOfUnsubscribe(packet);
    case "connack":
      return meaningOfConnack(packet);
    case "suback":
    case "unsuback":
      return [packet.packetId, packet.reasonCodes, reasonOf(packet)];
    case "disconnect": {
      const { reasonCode, sessionExpiryS, serverReference } = packet;
      return [reasonCode, sessionExpiryS, serverReference, reasonOf(packet)];
    }
    case "auth": {
      const { reasonCode, authenticationMethod, authenticationData } = packet;
      return [reasonCode, authenticationMethod, authenticationData, reasonOf(packet)];
    }
    default:
      throw new Error(`Cannot compare: ${packet.type}`);
  }
}

function meaningOfConnect(packet: ConnectPacket): unknown {
  const { will } = packet;
  const message = will && decodeMessageProperties(will.properties);
  return [
    ...[packet.version, packet.clientId, packet.cleanStart, packet.keepAliveS, packet.username],
    ...[packet.password, packet.sessionExpiryS, packet.receiveMaximum, packet.maximumPacketSize],
    ...[packet.topicAliasMaximum, packet.requestResponseInformation],
    ...[packet.requestProblemInformation, packet.authenticationMethod, packet.authenticationData],
    byName(packet.userProperties),
    will && message && [
      ...[will.topic, will.payload, will.qos, will.retain, will.delayS, will.messageExpiryS],
      ...[message.payloadFormatUtf8, message.contentType, message.responseTopic],
      ...[message.correlationData, byName(message.userProperties)],
    ],
  ];
}

function meaningOfSubscribe(packet: SubscribePacket): unknown {
  const { packetId, subscriptionIdentifier, subscriptions, userProperties } = packet;
  const requests = subscriptions.map((one) => [
    ...[one.filter, one.qos, one.noLocal, one.retainAsPublished, one.retainHandling],
  ]);
  return [packetId, subscriptionIdentifier, requests, byName(userProperties)];
}

function meaningOfUnsubscribe(packet: UnsubscribePacket): unknown {
  return [packet.packetId, packet.filters, byName(packet.userProperties)];
}

function meaningOfConnack(packet: ConnackPacket): unknown {
  return [
    ...[packet.sessionPresent, packet.reasonCode, packet.sessionExpiryS, packet.receiveMaximum],
    ...[packet.maximumQos, packet.retainAvailable, packet.maximumPacketSize],
    ...[packet.assignedClientId, packet.topicAliasMaximum, packet.wildcardSubscriptionAvailable],
    ...[packet.subscriptionIdentifiersAvailable, packet.sharedSubscriptionAvailable],
    ...[packet.serverKeepAliveS, packet.responseInformation, packet.serverReference],
    ...[packet.authenticationMethod, packet.authenticationData, reasonOf(packet)],
  ];
}

interface WithReason {
  readonly reasonString?: string | undefined;
  readonly userProperties?: readonly UserProperty[] | undefined;
}

function reasonOf({ reasonString, userProperties = [] }: WithReason): unknown {
  return [reasonString, byName(userProperties)];
}

function foreignReasonOf(properties: object | undefined): unknown {
  const { reasonString, userProperties = {} } = (properties ?? {}) as {
    reasonString?: string;
    userProperties?: object;
  };
  return [reasonString, Object.entries(userProperties)];
}

function meaningOfForeignConnack(packet: Extract<Packet, { cmd: "connack" }>): unknown {
  const given = packet.properties ?? {};
  return [
    ...[packet.sessionPresent, packet.reasonCode ?? fromConnectReturnCode(packet.returnCode!)],
    ...[given.sessionExpiryInterval, given.receiveMaximum, given.maximumQoS],
    ...[given.retainAvailable, given.maximumPacketSize, given.assignedClientIdentifier],
    ...[given.topicAliasMaximum, given.wildcardSubscriptionAvailable],
    ...[given.subscriptionIdentifiersAvailable, given.sharedSubscriptionAvailable],
    ...[given.serverKeepAlive, given.responseInformation, given.serverReference],
    ...[given.authenticationMethod, given.authenticationData, foreignReasonOf(given)],
  ];
}

function meaningOfForeign(packet: Packet): unknown {
  switch (packet.cmd) {
    case "connack":
      return meaningOfForeignConnack(packet);
    case "suback":
    case "unsuback": {
      const { messageId, granted, properties } = packet as Extract<Packet, { cmd: "suback" }>;
      return [messageId, granted ?? [], foreignReasonOf(properties)];
    }
    case "disconnect": {
      const { reasonCode = 0, properties: given = {} } = packet;
      const { sessionExpiryInterval, serverReference } = given;
      return [reasonCode, sessionExpiryInterval, serverReference, foreignReasonOf(given)];
    }
    case "auth": {
      const { reasonCode, properties: given = {} } = packet;
      const { authenticationMethod, authenticationData } = given;
      return [reasonCode, authenticationMethod, authenticationData, foreignReasonOf(given)];
    }
    case "connect":
      return meaningOfForeignConnect(packet);
    case "subscribe": {
      const requests = packet.subscriptions.map((one) => [
        ...[one.topic, one.qos, one.nl ?? false, one.rap ?? false, one.rh ?? 0],
      ]);
      const { subscriptionIdentifier = 0, userProperties = {} } = packet.properties ?? {};
      return [packet.messageId, subscriptionIdentifier, requests, Object.entries(userProperties)];
    }
    case "unsubscribe": {
      const { userProperties = {} } = packet.properties ?? {};
      return [packet.messageId, packet.unsubscriptions, Object.entries(userProperties)];
    }
    default:
      throw new Error(`Cannot compare: ${packet.cmd}`);
  }
}

function meaningOfForeignConnect(packet: Extract<Packet, { cmd: "connect" }>): unknown {
  const { will } = packet;
  const given = packet.properties ?? {};
  const message = will?.properties ?? {};
  return [
    ...[packet.protocolVersion, packet.clientId, packet.clean, packet.keepalive, packet.username],
    ...[packet.password, given.sessionExpiryInterval, given.receiveMaximum ?? 65_535],
    ...[given.maximumPacketSize, given.topicAliasMaximum ?? 0],
    ...[given.requestResponseInformation ?? false, given.requestProblemInformation ?? true],
    ...[given.authenticationMethod, given.authenticationData],
    Object.entries(given.userProperties ?? {}),
    will && [
      ...[will.topic, will.payload, will.qos, will.retain, message.willDelayInterval ?? 0],
      ...[message.messageExpiryInterval, message.payloadFormatIndicator, message.contentType],
      ...[message.responseTopic, message.correlationData],
      Object.entries(message.userProperties ?? {}),
    ],
  ];
}

/** As mqtt-packet keeps pairs: by name, and an empty value is forgotten when its name comes again. */
function byName(pairs: readonly UserProperty[]): unknown {
  const names = Object.create(null) as Record<string, string | string[]>;
  for (const { name, value } of pairs) {
    const before = names[name];
    names[name] = before ? [before, value].flat() : value;
  }
  return Object.entries(names);
}

function randomOf(prng: Prng, version: ProtocolVersion, kinds: ReadonlySet<string>): Packet {
  for (;;) {
    const packet = randomControlPacket(prng, version);
    if (kinds.has(packet.cmd)) return packet;
  }
}

/** In the middle of other bytes, as it stands in a chunk. */
function decode(frame: Uint8Array, version: ProtocolVersion): ControlPacket {
  const start = 5;
  const chunk = Buffer.alloc(start + frame.length + 3, 0xee);
  chunk.set(frame, start);
  const versionNow = frame[0] === 0x10 ? undefined : version;
  const end = start + frame.length;
  const isFromServer = [0x20, 0x90, 0xb0, 0xe0, 0xf0].includes(frame[0]!);
  const sender = isFromServer ? "server" : "client";
  const packet = decodeControlPacket(chunk, start, start + bodyOf(frame), end, versionNow, sender);
  chunk.fill(0xee); // what has been decoded must not refer to it
  return packet;
}

/** What mqtt-packet reads, which must not refuse it. */
function parse(frame: Uint8Array, version: ProtocolVersion): Packet {
  const parser = createParser({ protocolVersion: version });
  const packets: Packet[] = [];
  const errors: Error[] = [];
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", (error) => errors.push(error));
  parser.parse(Buffer.from(frame));
  assertEquals([packets.length, errors], [1, []], hex(frame));
  return packets[0]!;
}

function generateBytes(packet: Packet, version: ProtocolVersion): Buffer {
  return generate(packet, { protocolVersion: version }) as Buffer;
}

function assertSame(actual: unknown, expected: unknown, frame: Uint8Array): void {
  // Much faster than assertEquals() where all is well, which is nearly always.
  if (textOf(actual) === textOf(expected)) return;
  assertEquals(textOf(actual), textOf(expected), hex(frame));
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_name, inner) => {
    // A Buffer has become { type, data } here, a Uint8Array not yet.
    if (inner?.type === "Buffer") return hex(Uint8Array.from(inner.data));
    return inner instanceof Uint8Array ? hex(inner) : inner;
  });
}
