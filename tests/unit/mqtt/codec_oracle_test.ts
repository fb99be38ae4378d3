/**
 * Our codec against mqtt-packet, both ways: what it writes we must read, what we write it must read.
 * 100,000 packets each way, from one printed seed.
 */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { generate, type Packet, parser as createParser } from "mqtt-packet";
import { Prng } from "../../../src/base/mod.ts";
import {
  type AckType,
  AckView,
  type ControlPacket,
  createPublishHead,
  decodeAck,
  decodeControlPacket,
  decodeMessageProperties,
  decodePublish,
  decodeTopicName,
  encodeControlPacket,
  encodeMessageProperties,
  encodeUtf8,
  type FrameSink,
  FrameSplitter,
  type ProtocolVersion,
  publishFrameSize,
  PublishView,
  subscriptionIdentifiersOf,
  type UserProperty,
  writeAck,
  writeMessageExpiry,
  writePublishHead,
  writeSubscriptionIdentifier,
  writeTopicAlias,
} from "../../../src/mqtt/mod.ts";
import { seedOfRun } from "./frames.ts";
import {
  foreignPairs,
  foreignPublishProperties,
  randomControlPacket,
  randomPairs,
  type RandomPublish,
  randomPublish,
} from "./random_packets.ts";

const ROUNDS = 5;
/** In each round. In rounds, so that no test runs into a time limit on a busy machine. */
const PUBLISH_COUNT = 10_000;
const ACK_COUNT = 6_000;
const CONTROL_COUNT = 4_000;
/** Packets that go through one splitter together, in random chunks. */
const BATCH = 100;

const firstSeed = seedOfRun("codec_oracle");
for (let round = 0; round < ROUNDS; round++) {
  // Far apart: each test adds something of its own.
  const seed = firstSeed + 10 * round;
  const name = (what: string, count: number): string => `${what}, ${count} packets, ${round + 1}`;
  test(name("decodePublish() reads what mqtt-packet writes", PUBLISH_COUNT), () => {
    readPublishes(new Prng(seed));
  });
  test(name("mqtt-packet reads what writePublishHead() writes", PUBLISH_COUNT), () => {
    writePublishes(new Prng(seed + 1));
  });
  test(name("decodeAck() and writeAck() agree with mqtt-packet", ACK_COUNT), () => {
    turnAcksRound(new Prng(seed + 2));
  });
  test(name("decodeControlPacket() and encodeControlPacket() go round", CONTROL_COUNT), () => {
    turnControlPacketsRound(new Prng(seed + 3));
  });
}

function readPublishes(prng: Prng): void {
  for (let done = 0; done < PUBLISH_COUNT; done += BATCH) {
    const expected = Array.from(
      { length: BATCH },
      () => randomPublish(prng, prng.pick([4, 5] as const)),
    );
    const versions = expected.map(({ version }) => version);
    const read: string[] = [];
    const view = new PublishView();
    inChunks(prng, expected.map((publish) => foreignPublish(prng, publish)), {
      onFrame(bytes, start, bodyStart, end): boolean {
        decodePublish(view, bytes, start, bodyStart, end, versions[read.length]!, true);
        read.push(textOf(fromView(view)));
        return true;
      },
    });
    assertSame(read, expected.map(textOf));
  }
}

function writePublishes(prng: Prng): void {
  for (let done = 0; done < PUBLISH_COUNT; done += BATCH) {
    const version = prng.pick([4, 5] as const);
    const expected = Array.from({ length: BATCH }, () => randomPublish(prng, version));
    const read = parseAll(expected.map(writePublish), version);
    assertSame(
      read.map((packet) => textOf(fromForeign(packet, version))),
      expected.map((publish) => textOf({ ...publish, userProperties: grouped(publish) })),
    );
  }
}

const ACK_NAMES = ["puback", "pubrec", "pubrel", "pubcomp"] as const;
const RECEIVED = [0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99];
const RELEASED = [0, 0x92];

function turnAcksRound(prng: Prng): void {
  const view = new AckView();
  for (let done = 0; done < ACK_COUNT; done++) {
    const version = prng.pick([3, 4, 5] as const);
    const index = prng.nextInt(4);
    const messageId = 1 + prng.nextInt(65_535);
    const reasonCode = version === 5 ? prng.pick(index < 2 ? RECEIVED : RELEASED) : 0;
    const pairs = version === 5 && prng.nextBoolean(0.3) ? randomPairs(prng) : [];
    const reasonString = version === 5 && prng.nextBoolean(0.2) ? "why" : undefined;
    const hasProperties = pairs.length > 0 || reasonString !== undefined;
    const properties = withoutUndefined({ reasonString, userProperties: foreignPairs(pairs) });
    const cmd = ACK_NAMES[index]!;
    const foreign = { cmd, messageId, reasonCode, ...(hasProperties ? { properties } : {}) };
    const bytes = generateBytes(foreign as unknown as Packet, version);
    decodeAck(view, bytes, 0, bodyStartOf(bytes), bytes.length, version);
    const target = Buffer.alloc(5);
    const size = writeAck(target, 0, (index + 4) as AckType, messageId, reasonCode, version);
    const [back] = parseAll([target.subarray(0, size)], version);
    const { cmd: cmdBack, messageId: idBack, reasonCode: codeBack } = back as typeof foreign;
    assertSame(
      [view.packetId, view.reasonCode, view.hasProperties, cmdBack, idBack, codeBack ?? 0],
      [messageId, reasonCode, hasProperties, cmd, messageId, reasonCode],
    );
  }
}

const FROM_SERVER = new Set(["connack", "suback", "unsuback", "pingresp", "disconnect", "auth"]);

function turnControlPacketsRound(prng: Prng): void {
  for (let done = 0; done < CONTROL_COUNT; done++) {
    const version = prng.pick([3, 4, 5] as const);
    const foreign = randomControlPacket(prng, version);
    const bytes = generateBytes(foreign, version);
    const decoded = decodeFrom(foreign.cmd, bytes, version);
    const again = encodeControlPacket(decoded, version);
    const [before] = parseAll([bytes], version);
    const [after] = parseAll([Buffer.from(again)], version);
    assertSame(meaningOf(after), meaningOf(before));
    assertSame(pairsOf(decoded), pairsGiven(foreign));
    const decodedAgain = decodeFrom(foreign.cmd, again, version);
    assertSame(textOf(withWillDecoded(decodedAgain)), textOf(withWillDecoded(decoded)));
  }
}

function foreignPublish(prng: Prng, publish: RandomPublish): Buffer {
  const { version, qos, dup, retain, topic, payload, packetId: messageId } = publish;
  const properties = foreignPublishProperties(prng, publish);
  const packet = { cmd: "publish", qos, dup, retain, topic, payload, messageId, properties };
  return generateBytes(packet as unknown as Packet, version);
}

function fromView(view: PublishView): RandomPublish {
  const message = decodeMessageProperties(view.bytes, view.propertiesStart, view.propertiesEnd);
  return {
    version: view.version as 4 | 5,
    qos: view.qos,
    retain: view.retain,
    dup: view.dup,
    packetId: view.packetId,
    topic: view.topicStart === view.topicEnd
      ? ""
      : decodeTopicName(view.bytes, view.topicStart, view.topicEnd),
    payload: Buffer.from(view.bytes.slice(view.payloadStart, view.frameEnd)),
    payloadFormatUtf8: message.payloadFormatUtf8,
    messageExpiryS: view.messageExpiryS < 0 ? undefined : view.messageExpiryS,
    topicAlias: view.topicAlias || undefined,
    contentType: message.contentType,
    responseTopic: message.responseTopic,
    correlationData: message.correlationData && Buffer.from(message.correlationData),
    subscriptionIdentifiers: subscriptionIdentifiersOf(view),
    userProperties: message.userProperties,
  };
}

function writePublish(publish: RandomPublish): Buffer {
  const head = createPublishHead();
  const extra = new Uint8Array(100);
  let at = 0;
  for (const identifier of publish.subscriptionIdentifiers) {
    at = writeSubscriptionIdentifier(extra, at, identifier);
  }
  if (publish.topicAlias !== undefined) at = writeTopicAlias(extra, at, publish.topicAlias);
  if (publish.messageExpiryS !== undefined) {
    at = writeMessageExpiry(extra, at, publish.messageExpiryS);
  }
  const properties = encodeMessageProperties(publish);
  const { version, qos, retain, dup, packetId } = publish;
  Object.assign(head, { version, qos, retain, dup, packetId, properties, extra });
  head.topicBytes = encodeUtf8(publish.topic);
  head.propertiesEnd = properties.length;
  head.extraLength = at;
  head.payloadLength = publish.payload.length;
  const frame = Buffer.alloc(publishFrameSize(head));
  frame.set(publish.payload, writePublishHead(frame, 0, head));
  return frame;
}

function fromForeign(packet: Packet, version: 4 | 5): RandomPublish {
  if (packet.cmd !== "publish") throw new Error(`Cannot compare: ${packet.cmd} for a publish`);
  const properties = packet.properties ?? {};
  const identifiers = properties.subscriptionIdentifier ?? [];
  return {
    version,
    qos: packet.qos,
    retain: packet.retain,
    dup: packet.dup,
    packetId: packet.messageId ?? 0,
    topic: packet.topic,
    payload: packet.payload as Buffer,
    payloadFormatUtf8: properties.payloadFormatIndicator,
    messageExpiryS: properties.messageExpiryInterval,
    topicAlias: properties.topicAlias,
    contentType: properties.contentType,
    responseTopic: properties.responseTopic,
    correlationData: properties.correlationData,
    subscriptionIdentifiers: typeof identifiers === "number" ? [identifiers] : identifiers,
    userProperties: ungrouped(properties.userProperties),
  };
}

/** mqtt-packet keeps the order of values under one name, and loses the order between names. */
function grouped({ userProperties }: RandomPublish): UserProperty[] {
  const byName = Object.create(null) as Record<string, string[]>;
  for (const { name, value } of userProperties) (byName[name] ??= []).push(value);
  return ungrouped(byName);
}

function ungrouped(byName: Record<string, string | string[]> | undefined): UserProperty[] {
  return Object.entries(byName ?? {})
    .flatMap(([name, values]) => [values].flat().map((value) => ({ name, value })));
}

function decodeFrom(cmd: string, bytes: Uint8Array, version: ProtocolVersion): ControlPacket {
  const versionNow = cmd === "connect" ? undefined : version;
  const sender = FROM_SERVER.has(cmd) ? "server" : "client";
  return decodeControlPacket(bytes, 0, bodyStartOf(bytes), bytes.length, versionNow, sender);
}

/** The properties of a will may stand in another order, but for user properties among themselves. */
function withWillDecoded(packet: ControlPacket): unknown {
  if (packet.type !== "connect" || packet.will === undefined) return packet;
  const { contentType, responseTopic, correlationData, payloadFormatUtf8, userProperties } =
    decodeMessageProperties(packet.will.properties);
  return {
    ...packet,
    will: {
      ...packet.will,
      properties: [contentType, responseTopic, correlationData, payloadFormatUtf8, userProperties],
    },
  };
}

/**
 * What mqtt-packet understood, the same for all encodings of it: without the length, properties
 * sorted, and without those that only repeat the standard's default, which we leave out.
 */
function meaningOf(packet: Packet | undefined): string {
  const sorted = (value: unknown): unknown => {
    if (typeof value !== "object" || value === null) return value;
    if (Array.isArray(value) || Buffer.isBuffer(value)) return value;
    return Object.fromEntries(
      Object.entries(value)
        .filter(([name, inner]) => !isDefault(name, inner))
        .sort(([one], [other]) => one < other ? -1 : 1)
        .map(([name, inner]) => [name, sorted(inner)]),
    );
  };
  return textOf(sorted({ ...packet, length: 0 }));
}

function isDefault(name: string, value: unknown): boolean {
  switch (name) {
    case "requestResponseInformation":
      return value === false;
    case "requestProblemInformation":
      return value === true;
    case "topicAliasMaximum":
    case "willDelayInterval":
      return value === 0;
    case "receiveMaximum":
      return value === 65_535;
    case "properties":
      return Object.keys(value ?? {}).length === 0;
    default:
      return false;
  }
}

function pairsOf(packet: ControlPacket): unknown {
  return "userProperties" in packet ? packet.userProperties ?? [] : [];
}

function pairsGiven(packet: Packet): UserProperty[] {
  const { properties } = packet as { properties?: { userProperties?: Record<string, string>[] } };
  return (properties?.userProperties ?? [])
    .flatMap((pair) => Object.entries(pair).map(([name, value]) => ({ name, value })));
}

function inChunks(prng: Prng, frames: readonly Buffer[], sink: FrameSink): void {
  const stream = Buffer.concat(frames);
  const splitter = new FrameSplitter(stream.length);
  for (let at = 0; at < stream.length;) {
    const end = Math.min(stream.length, at + 1 + prng.nextInt(5000));
    splitter.push(stream.subarray(at, end), sink);
    at = end;
  }
}

function parseAll(frames: readonly Buffer[], version: ProtocolVersion): Packet[] {
  const parser = createParser({ protocolVersion: version });
  const packets: Packet[] = [];
  parser.on("packet", (packet) => packets.push(packet));
  parser.on("error", (error) => {
    throw error;
  });
  parser.parse(Buffer.concat(frames));
  return packets;
}

function generateBytes(packet: Packet, version: ProtocolVersion): Buffer {
  return generate(packet, { protocolVersion: version }) as Buffer;
}

function bodyStartOf(bytes: Uint8Array): number {
  let at = 1;
  while (bytes[at]! >= 128) at++;
  return at + 1;
}

function withoutUndefined(object: object): object {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}

/** Long bytes are told apart by their length and ends; they are filled with one value. */
function textOf(value: unknown): string {
  return JSON.stringify(value, (_name, inner) => {
    // A Buffer has become { type, data } here, a Uint8Array not yet.
    const bytes = inner?.type === "Buffer" ? inner.data as number[] : inner;
    if (!(bytes instanceof Uint8Array) && bytes === inner) return inner;
    return `${bytes.length}:${bytes[0]}:${bytes[bytes.length - 1]}`;
  });
}

/** Much faster than assertEquals() where all is well, which is nearly always. */
function assertSame(actual: unknown, expected: unknown): void {
  if (JSON.stringify(actual) !== JSON.stringify(expected)) assertEquals(actual, expected);
}
