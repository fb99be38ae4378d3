import { test } from "node:test";
import { Buffer } from "node:buffer";
import { type IPublishPacket, type Packet, parser } from "mqtt-packet";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import type { Prng } from "../../../src/base/mod.ts";
import {
  encodeUtf8,
  type ProtocolVersion,
  type PublishView,
  type Qos,
  writeMessageExpiry,
  writeSubscriptionIdentifier,
  writeTopicAlias,
} from "../../../src/mqtt/mod.ts";
import {
  COPIED_FRAME_BYTES_MAX,
  FramedMessage,
  type LentMessage,
  type Message,
  messageBytes,
  NO_BYTES,
  NO_IDENTIFIERS,
  Publication,
  PublishFrame,
} from "../../../src/session/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import { type PublishFields, publishFrame, publishView } from "./publish_views.ts";

const NOW_MS = 1_700_000_000_000;
const VERSIONS: readonly ProtocolVersion[] = [3, 4, 5];
const QOS: readonly Qos[] = [0, 1, 2];
const EDGE = COPIED_FRAME_BYTES_MAX;

type Properties = NonNullable<IPublishPacket["properties"]>;

/** What arrives at a receiver: the frame with its packet identifier, as `OutboundBuffer` puts it together. */
function wholeFrame(frame: PublishFrame, packetId: number): Uint8Array {
  const whole = new Uint8Array(frame.length);
  whole.set(frame.bytes.subarray(frame.start, frame.end));
  if (frame.packetIdAt >= 0) {
    whole[frame.packetIdAt] = packetId >>> 8;
    whole[frame.packetIdAt + 1] = packetId & 0xff;
  }
  whole.set(
    frame.payload.subarray(frame.payloadStart, frame.payloadEnd),
    frame.end - frame.start,
  );
  return whole;
}

function parsed(bytes: Uint8Array, version: ProtocolVersion): IPublishPacket {
  const packets: Packet[] = [];
  const reader = parser({ protocolVersion: version });
  reader.on("packet", (packet: Packet) => packets.push(packet));
  reader.on("error", (error: Error) => {
    throw error;
  });
  assertEquals(reader.parse(Buffer.from(bytes)), 0, "nothing is left over");
  assertEquals(packets.length, 1);
  return packets[0] as IPublishPacket;
}

interface Expected {
  readonly topic: string;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly dup?: boolean;
  readonly properties: Properties;
}

function assertFrame(frame: PublishFrame, version: ProtocolVersion, expected: Expected): void {
  const packetId = expected.qos === 0 ? undefined : 0x1234;
  const packet = parsed(wholeFrame(frame, packetId ?? 0), version);
  assertEquals(packet.topic, expected.topic);
  assert(Buffer.from(packet.payload).equals(expected.payload), "the payload is the same");
  assertEquals(packet.qos, expected.qos);
  assertEquals(packet.retain, expected.retain);
  assertEquals(packet.dup, expected.dup ?? false);
  assertEquals(packet.messageId, packetId);
  if (version === 5) assertEquals(plain(packet.properties), plain(expected.properties));
}

/** Without the prototypes that mqtt-packet gives its objects; bytes as numbers. */
function plain(properties: Properties | undefined): unknown {
  return JSON.parse(JSON.stringify(properties ?? {}));
}

function randomProperties(prng: Prng): Properties {
  const properties: Properties = {};
  if (prng.nextBoolean(0.5)) properties.payloadFormatIndicator = prng.nextBoolean();
  if (prng.nextBoolean(0.3)) properties.contentType = "text/plain";
  if (prng.nextBoolean(0.3)) properties.responseTopic = "answers/here";
  if (prng.nextBoolean(0.3)) properties.correlationData = Buffer.from([1, 0, 255]);
  if (prng.nextBoolean(0.4)) properties.userProperties = { a: ["1", "2"], ü: "€".repeat(100) };
  return properties;
}

function randomBytes(prng: Prng, length: number): Uint8Array {
  return Uint8Array.from({ length }, () => prng.nextInt(256));
}

function randomFields(prng: Prng): PublishFields {
  const version = prng.pick(VERSIONS);
  const qos = prng.pick(QOS);
  const size = prng.pick([0, 1, 50, 127, 128, EDGE - 30, EDGE - 8, EDGE, EDGE + 1, 20_000]);
  return {
    version,
    topic: prng.pick(["t", "a/b/c", "ü/€", "long/".repeat(60)]),
    payload: randomBytes(prng, size),
    qos,
    retain: prng.nextBoolean(),
    dup: qos > 0 && prng.nextBoolean(0.2),
    packetId: 1 + prng.nextInt(65535),
    messageExpiryS: prng.nextBoolean(0.4) ? prng.nextInt(1000) : undefined,
    properties: version === 5 ? randomProperties(prng) : {},
  };
}

function load(publication: Publication, view: PublishView, topic: string, isStable: boolean): void {
  publication.loadView(view, topic, encodeUtf8(topic), "publisher", isStable, NOW_MS);
}

/** What every receiver gets of a PUBLISH that came in with `fields`, `waitedS` seconds later. */
function forwardedProperties(fields: PublishFields, waitedS: number): Properties {
  if (fields.version !== 5) return {};
  const { messageExpiryS } = fields;
  if (messageExpiryS === undefined) return { ...fields.properties };
  const messageExpiryInterval = Math.max(0, messageExpiryS - waitedS);
  return { ...fields.properties, messageExpiryInterval };
}

function assertAllLayouts(publication: Publication, fields: PublishFields, waitedS: number): void {
  const properties = forwardedProperties(fields, waitedS);
  const { topic, payload } = fields;
  for (const version of VERSIONS) {
    for (const qos of QOS) {
      for (const retain of [false, true]) {
        const frame = publication.frame(version, qos, retain);
        assertFrame(frame, version, { topic, payload, qos, retain, properties });
        assertStrictEquals(publication.frame(version, qos, retain), frame, "encoded once");
      }
    }
  }
}

test("Publication.frame() of a PUBLISH that came in, in every layout, as mqtt-packet reads it", () => {
  const prng = seededPrng("Publication of views");
  const publication = new Publication();
  for (let round = 0; round < 300; round++) {
    const fields = randomFields(prng);
    load(publication, publishView(fields), fields.topic, prng.nextBoolean());
    assertAllLayouts(publication, fields, 0);
  }
});

test("Publication.lend() shows what own() would keep, and only what it would keep as it came", () => {
  const payload = Uint8Array.of(1, 2, 3);
  const identifiers = [7];
  const group = {};
  const publication = new Publication();
  const load = (fields: Partial<PublishFields>): void => {
    const view = publishView({ version: 5, topic: "a/b", payload, qos: 1, ...fields });
    publication.loadView(view, "a/b", encodeUtf8("a/b"), "p", false, NOW_MS);
    publication.expectReceivers(1, false);
  };
  for (const version of VERSIONS) {
    for (const qos of QOS) {
      load({ version, qos });
      assert(publication.isLendable);
      const lent = publication.lend(qos, true, identifiers, group);
      assertEquals([lent.qos, lent.retain, lent.identifiers, lent.group], [qos, true, [7], group]);
      const taken = (lent.message as LentMessage).own();
      const own = publication.own();
      assertEquals(messageBytes(own), messageBytes(lent.message));
      assertEquals(partsOf(lent.message), partsOf(own));
      load({ version, payload: new Uint8Array(2000) });
      assertStrictEquals(publication.lend(qos, false, NO_IDENTIFIERS, undefined), lent);
      assertEquals(partsOf(taken), partsOf(own), "a copy stays as it was");
      assertEquals(partsOf((lent.message as LentMessage).own()), partsOf(publication.own()));
    }
  }
  for (const fields of [{ dup: true }, { messageExpiryS: 9 }]) {
    load(fields);
    assert(!publication.isLendable);
  }
  load({});
  publication.expectReceivers(2, false);
  assert(!publication.isLendable, "several sessions share one object");
  load({});
  publication.own();
  assert(!publication.isLendable, "somebody has it already");
});

function partsOf(message: Message): unknown {
  const { topic, qos, retain, publisherId, payload, properties } = message;
  if (!(message instanceof FramedMessage)) throw new Error("it is no frame");
  const { packetIdAt, version } = message;
  const bytes = [[...payload], [...properties], [...message.topicBytes]];
  return { topic, qos, retain, publisherId, packetIdAt, version, bytes };
}

test("Publication.own() and loadMessage() give later what would have been sent at once", () => {
  const prng = seededPrng("Publication of messages at rest");
  const publication = new Publication();
  const carrier = new Publication();
  for (let round = 0; round < 300; round++) {
    const fields = randomFields(prng);
    const isStable = prng.nextBoolean();
    const view = publishView(fields);
    load(publication, view, fields.topic, isStable);
    if (prng.nextBoolean()) publication.frame(prng.pick(VERSIONS), prng.pick(QOS), false);
    const message = publication.own();
    assertStrictEquals(publication.own(), message, "copied once");
    if (!isStable) view.bytes.fill(0xee);
    assertEquals(message.qos, fields.qos);
    assertEquals(message.retain, fields.retain);
    assertEquals(message.publisherId, "publisher");
    assert(Buffer.from(message.payload).equals(fields.payload));
    const waitedS = prng.nextInt(1200);
    carrier.loadMessage(message, NOW_MS + waitedS * 1000);
    assertStrictEquals(carrier.own(), message);
    assertAllLayouts(carrier, fields, waitedS);
  }
});

test("Publication keeps nothing of a buffer that belongs to somebody else", () => {
  const publication = new Publication();
  const payload = new Uint8Array(EDGE * 3).fill(7);
  const fields = { version: 5, topic: "t", payload, qos: 1, messageExpiryS: 9 } as const;
  const view = publishView(fields);
  load(publication, view, "t", false);
  const frame = publication.frame(4, 1, false);
  assert(frame.payload !== view.bytes);
  view.bytes.fill(0xee);
  assertFrame(frame, 4, { ...fields, retain: false, properties: {} });
});

test("Publication references a large payload of a buffer that nobody writes to", () => {
  const publication = new Publication();
  const payload = new Uint8Array(EDGE + 1).fill(7);
  const view = publishView({ version: 5, topic: "t", payload });
  load(publication, view, "t", true);
  assertStrictEquals(publication.frame(4, 0, false).payload, view.bytes);
  assertStrictEquals(publication.frame(5, 0, false).payload, view.bytes);
  assertStrictEquals(publication.own().payload.buffer, view.bytes.buffer);
});

test("Publication does not hold a large buffer for a message that is a small part of it", () => {
  const publication = new Publication();
  const view = publishView({ version: 4, topic: "t", payload: new Uint8Array(EDGE + 100) });
  const chunk = new Uint8Array(EDGE * 16);
  chunk.set(view.bytes.subarray(view.frameStart, view.frameEnd));
  const shift = view.frameStart;
  Object.assign(view, {
    bytes: chunk,
    frameStart: 0,
    frameEnd: view.frameEnd - shift,
    topicStart: view.topicStart - shift,
    topicEnd: view.topicEnd - shift,
    propertiesStart: view.propertiesStart - shift,
    propertiesEnd: view.propertiesEnd - shift,
    payloadStart: view.payloadStart - shift,
  });
  load(publication, view, "t", true);
  assert(publication.own().payload.buffer !== chunk.buffer);
});

test("Publication.frame() sends the very frame on where the layout is the same, and only there", () => {
  for (const dup of [false, true]) {
    const fields = { version: 4, topic: "t", payload: NO_BYTES, qos: 1, dup } as const;
    const view = publishView(fields);
    const publication = new Publication();
    load(publication, view, "t", false);
    for (const version of VERSIONS) {
      for (const qos of QOS) {
        for (const retain of [false, true]) {
          const isSame = version !== 5 && qos === 1 && !retain && !dup;
          const { bytes } = publication.frame(version, qos, retain);
          assertEquals(bytes === view.bytes, isSame, `${version} ${qos} ${retain} ${dup}`);
        }
      }
    }
    assertEquals(publication.own() instanceof FramedMessage, !dup);
  }
});

test("Publication.frame() sends the frame of a 5.0 publisher on, properties and expiry included", () => {
  const properties = { contentType: "x" };
  const fields = {
    version: 5,
    topic: "t",
    payload: NO_BYTES,
    messageExpiryS: 7,
    properties,
  } as const;
  const view = publishView(fields);
  const publication = new Publication();
  load(publication, view, "t", false);
  const frame = publication.frame(5, 0, false);
  assertStrictEquals(frame.bytes, view.bytes);
  assertEquals([...wholeFrame(frame, 0)], [...publishFrame(fields)]);
});

test("Publication takes a topic alias out, and puts the topic in", () => {
  for (const topic of ["", "a/b"]) {
    const properties = { topicAlias: 3, contentType: "x" };
    const payload = Uint8Array.of(1);
    const fields = { version: 5, topic, payload, qos: 1, messageExpiryS: 7, properties } as const;
    const view = publishView(fields);
    const publication = new Publication();
    load(publication, view, "a/b", false);
    const expected = { contentType: "x", messageExpiryInterval: 7 };
    const frame = publication.frame(5, 1, false);
    assertFrame(frame, 5, { topic: "a/b", payload, qos: 1, retain: false, properties: expected });
    assert(!(publication.own() instanceof FramedMessage));
    publication.loadMessage(publication.own(), NOW_MS + 2_500);
    assertFrame(publication.frame(5, 1, false), 5, {
      topic: "a/b",
      payload,
      qos: 1,
      retain: false,
      properties: { contentType: "x", messageExpiryInterval: 5 },
    });
  }
});

test("Publication.encode() of a frame that is one receiver's own, as mqtt-packet reads it", () => {
  const prng = seededPrng("Publication.encode()");
  const publication = new Publication();
  const frame = new PublishFrame();
  const extra = new Uint8Array(32);
  for (let round = 0; round < 500; round++) {
    const fields = randomFields(prng);
    const { topic, payload, qos = 0 } = fields;
    load(publication, publishView(fields), topic, prng.nextBoolean());
    const version = prng.pick(VERSIONS);
    const retain = prng.nextBoolean();
    const properties: Properties = forwardedProperties({ ...fields }, 0);
    let length = 0;
    if (fields.messageExpiryS !== undefined && fields.version === 5) {
      length = writeMessageExpiry(extra, length, fields.messageExpiryS);
    }
    const identifiers = Array.from({ length: prng.nextInt(3) }, () => 1 + prng.nextInt(300));
    for (const identifier of identifiers) {
      length = writeSubscriptionIdentifier(extra, length, identifier);
    }
    if (identifiers.length === 1) properties.subscriptionIdentifier = identifiers[0]!;
    if (identifiers.length > 1) properties.subscriptionIdentifier = identifiers;
    const hasAlias = version === 5 && prng.nextBoolean();
    if (hasAlias) {
      length = writeTopicAlias(extra, length, 77);
      properties.topicAlias = 77;
    }
    const topicBytes = hasAlias ? NO_BYTES : encodeUtf8(topic);
    const extraLength = version === 5 ? length : 0;
    publication.encode(frame, version, qos, retain, qos > 0, topicBytes, extra, extraLength);
    const sentTopic = hasAlias ? "" : topic;
    const expected = { topic: sentTopic, payload, qos, retain, dup: qos > 0, properties };
    assertFrame(frame, version, expected);
  }
});

test("Publication.encode() leaves the frames of the layouts as they are", () => {
  const publication = new Publication();
  const payload = Uint8Array.of(1, 2, 3);
  load(publication, publishView({ version: 4, topic: "t", payload, qos: 2 }), "t", false);
  const frame = publication.frame(5, 1, false);
  const before = [...wholeFrame(frame, 1)];
  const own = new PublishFrame();
  publication.encode(own, 5, 1, false, true, encodeUtf8("other"), NO_BYTES, 0);
  publication.frame(5, 2, true);
  publication.encode(own, 5, 2, true, true, encodeUtf8("another"), NO_BYTES, 0);
  assertEquals([...wholeFrame(frame, 1)], before);
});

test("Publication needs room for one frame of its own kind, however many receivers get one", () => {
  const publication = new Publication();
  const payload = new Uint8Array(2_000);
  load(publication, publishView({ version: 5, topic: "t", payload }), "t", false);
  const own = new PublishFrame();
  const extra = new Uint8Array(5);
  for (let receiver = 1; receiver <= 10_000; receiver++) {
    const length = writeSubscriptionIdentifier(extra, 0, receiver);
    publication.encode(own, 5, 0, false, false, encodeUtf8("t"), extra, length);
  }
  assert(own.bytes.length < 100_000, `${own.bytes.length} bytes are held`);
});

test("Publication does not keep the room that one very large head needed", () => {
  const publication = new Publication();
  const userProperties = { a: Array.from({ length: 20 }, () => "x".repeat(60_000)) };
  const large = publishView({
    version: 5,
    topic: "t",
    payload: NO_BYTES,
    qos: 1,
    properties: { userProperties },
  });
  load(publication, large, "t", false);
  assert(publication.frame(5, 0, false).bytes.length > 1_000_000);
  load(publication, publishView({ version: 5, topic: "t", payload: NO_BYTES, qos: 1 }), "t", false);
  assert(publication.frame(5, 0, false).bytes.length < 100_000);
});

test("Publication.delivery() is one object for all sessions that get the same", () => {
  const publication = new Publication();
  const view = publishView({ version: 4, topic: "t", payload: NO_BYTES, qos: 2 });
  load(publication, view, "t", false);
  const first = publication.delivery(1, false, NO_IDENTIFIERS, undefined);
  assertStrictEquals(publication.delivery(1, false, NO_IDENTIFIERS, undefined), first);
  const group = {};
  const others = [
    publication.delivery(2, false, NO_IDENTIFIERS, undefined),
    publication.delivery(1, true, NO_IDENTIFIERS, undefined),
    publication.delivery(1, false, [1], undefined),
    publication.delivery(1, false, NO_IDENTIFIERS, group),
  ];
  assertEquals(new Set([first, ...others]).size, 5);
  assertEquals(others[3]!.group, group);
  for (const delivery of others) assertStrictEquals(delivery.message, first.message);
  load(publication, view, "t", false);
  assert(
    publication.delivery(1, false, NO_IDENTIFIERS, undefined) !== first,
    "of the message before",
  );
});

test("messageBytes() counts topic, properties and payload, or the whole frame", () => {
  const message: Message = {
    topic: "ab",
    topicBytes: encodeUtf8("ab"),
    payload: new Uint8Array(10),
    qos: 0,
    retain: false,
    properties: new Uint8Array(5),
    expiresAtMs: Infinity,
    publisherId: "",
  };
  assertEquals(messageBytes(message), 17);
  const publication = new Publication();
  load(publication, publishView({ version: 4, topic: "ab", payload: NO_BYTES }), "ab", false);
  assertEquals(messageBytes(publication.own()), 6);
});
