import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  copyForwardedProperties,
  decodePublish,
  forwardedPropertiesSize,
  ProtocolError,
  type ProtocolVersion,
  PublishView,
  ReasonCode,
  subscriptionIdentifiersOf,
} from "../../../src/mqtt/mod.ts";
import { bin, bodyOf, bytesOf, embedded, hex, packet, props, str, u16, u32 } from "./frames.ts";

const { malformedPacket, protocolError, topicAliasInvalid, topicNameInvalid } = ReasonCode;

function decode(frame: Uint8Array, version: ProtocolVersion, fromServer = false): PublishView {
  const { bytes, start, end } = embedded(frame);
  const view = new PublishView();
  decodePublish(view, bytes, start, start + bodyOf(frame), end, version, fromServer);
  return view;
}

function text(view: PublishView, start: number, end: number): string {
  return new TextDecoder().decode(view.bytes.subarray(start, end));
}

test("decodePublish() QoS 0 of 3.1.1", () => {
  const view = decode(packet(0x31, str("a/b"), 1, 2, 3), 4);
  assertEquals([view.qos, view.retain, view.dup], [0, true, false]);
  assertEquals([view.packetId, view.packetIdAt], [0, -1]);
  assertEquals(text(view, view.topicStart, view.topicEnd), "a/b");
  assertEquals(hex(view.bytes.subarray(view.payloadStart, view.frameEnd)), "01 02 03");
  assertEquals(view.propertiesStart, view.payloadStart);
  assertEquals(view.propertiesEnd, view.payloadStart);
});

test("decodePublish() QoS 2 with DUP of 3.1 and an empty payload", () => {
  const view = decode(packet(0x3c, str("t"), u16(0xfffe)), 3);
  assertEquals([view.qos, view.retain, view.dup, view.packetId], [2, false, true, 0xfffe]);
  assertEquals(hex(view.bytes.subarray(view.packetIdAt, view.packetIdAt + 2)), "ff fe");
  assertEquals(view.payloadStart, view.frameEnd);
});

test("decodePublish() without properties in 5.0", () => {
  const view = decode(packet(0x32, str("t"), u16(1), 0, 9), 5);
  assertEquals([view.qos, view.packetId, view.messageExpiryS, view.topicAlias], [1, 1, -1, 0]);
  assertEquals([view.propertiesStart, view.propertiesEnd], [view.payloadStart, view.payloadStart]);
  assertEquals(hex(view.bytes.subarray(view.payloadStart, view.frameEnd)), "09");
});

test("decodePublish() with every property of 5.0", () => {
  const user = bytesOf(38, str("b"), str("2"), 38, str("a"), str("1"), 38, str("b"), str(""));
  const kept = bytesOf(1, 1, 3, str("text/ü"), 8, str("re/ply"), 9, bin(0, 255), user);
  const frame = packet(0x30, str(""), props(35, u16(7), kept, 2, u32(0xffffffff)), 0xaa);
  const view = decode(frame, 5);
  assertEquals([view.topicAlias, view.messageExpiryS], [7, 0xffffffff]);
  assertEquals(view.payloadFormatUtf8, true);
  assertEquals(view.topicStart, view.topicEnd);
  assertEquals(view.bytes[view.topicAliasAt], 35);
  assertEquals(view.bytes[view.messageExpiryAt], 2);
  assertEquals(view.payloadStart, view.frameEnd - 1);
});

test("decodePublish() leaves nothing of an earlier packet in the view", () => {
  const view = new PublishView();
  const full = packet(0x3b, str("t"), u16(5), props(1, 1, 2, u32(9), 35, u16(3)), 1);
  decodePublish(view, full, 0, 2, full.length, 5);
  const plain = packet(0x30, str("long/topic"), 0, 2);
  decodePublish(view, plain, 0, 2, plain.length, 5);
  const fresh = new PublishView();
  decodePublish(fresh, plain, 0, 2, plain.length, 5);
  assertEquals(view, fresh);
});

test("decodePublish() does not judge the topic's characters", () => {
  assertEquals(decode(packet(0x30, bin(0xff)), 4).topicEnd > 0, true);
});

test("decodePublish() takes properties without content", () => {
  const view = decode(
    packet(0x30, str("t"), props(1, 0, 3, str(""), 9, bin(), 38, str(""), str(""))),
    5,
  );
  assertEquals([view.payloadFormatUtf8, view.payloadStart], [false, view.frameEnd]);
});

test("decodePublish() takes a remaining length that is not in its shortest form before 5.0", () => {
  for (const version of [3, 4] as const) {
    const view = decode(bytesOf(0x30, 0x84, 0x80, 0x00, str("t"), 9), version);
    assertEquals(text(view, view.topicStart, view.topicEnd), "t");
    assertEquals(view.frameEnd - view.payloadStart, 1);
  }
});

test("subscriptionIdentifiersOf() lists what a server sent", () => {
  const frame = packet(0x30, str("t"), props(11, 1, 38, str("k"), str("v"), 11, 0xff, 0x7f), 0);
  assertEquals(subscriptionIdentifiersOf(decode(frame, 5, true)), [1, 16_383]);
});

const ALIAS = bytesOf(35, u16(7));
const EXPIRY = bytesOf(2, u32(60));
const TYPE = bytesOf(3, str("x"));
const USER = bytesOf(38, str("k"), str("v"));

const FORWARDED: ReadonlyArray<[name: string, block: Uint8Array, forwarded: Uint8Array]> = [
  ["nothing", bytesOf(), bytesOf()],
  ["alias only", ALIAS, bytesOf()],
  ["expiry only", EXPIRY, bytesOf()],
  ["alias before expiry", bytesOf(TYPE, ALIAS, USER, EXPIRY, USER), bytesOf(TYPE, USER, USER)],
  ["expiry before alias", bytesOf(EXPIRY, TYPE, ALIAS, USER), bytesOf(TYPE, USER)],
  ["both side by side", bytesOf(ALIAS, EXPIRY), bytesOf()],
  ["neither", bytesOf(TYPE, USER), bytesOf(TYPE, USER)],
  ["alias at the end", bytesOf(TYPE, ALIAS), TYPE],
  ["expiry at the end", bytesOf(USER, EXPIRY), USER],
];

for (const [name, block, forwarded] of FORWARDED) {
  test(`copyForwardedProperties() cuts alias and expiry out: ${name}`, () => {
    const view = decode(packet(0x30, str("t"), props(block), 1, 2), 5);
    assertEquals(forwardedPropertiesSize(view), forwarded.length);
    const target = new Uint8Array(forwarded.length + 4).fill(0xee);
    assertEquals(copyForwardedProperties(view, target, 2), forwarded.length + 2);
    assertEquals(hex(target), hex(bytesOf(0xee, 0xee, forwarded, 0xee, 0xee)));
  });
}

/** `versions`: those in which it is wrong. */
interface BadPublish {
  readonly name: string;
  readonly frame: Uint8Array;
  readonly versions: readonly ProtocolVersion[];
  readonly reasonCode: number;
}

const ALL = [3, 4, 5] as const;

const BAD: readonly BadPublish[] = [
  bad("QoS 3 [MQTT-3.3.1-4]", packet(0x36, str("t"), u16(1), 0), ALL, malformedPacket),
  bad("DUP with QoS 0 [MQTT-3.3.1-2]", packet(0x38, str("t"), 0), ALL, malformedPacket),
  bad("no body", packet(0x30), ALL, malformedPacket),
  bad("topic length cut off", packet(0x30, 0), ALL, malformedPacket),
  bad("topic cut off", packet(0x30, u16(4), 1, 2, 3), ALL, malformedPacket),
  bad("packet identifier missing", packet(0x32, str("t")), ALL, malformedPacket),
  bad("packet identifier cut off", packet(0x32, str("t"), 1), ALL, malformedPacket),
  bad("packet identifier 0 [MQTT-2.2.1-3]", packet(0x32, str("t"), 0, 0, 0), ALL, protocolError),
  bad("empty topic [MQTT-4.7.3-1]", packet(0x30, str("")), [3, 4], topicNameInvalid),
  bad("empty topic without alias", packet(0x30, str(""), 0), [5], protocolError),
  bad("property length missing", packet(0x30, str("t")), [5], malformedPacket),
  bad("property length cut off", packet(0x30, str("t"), 0x80), [5], malformedPacket),
  bad("properties cut off", packet(0x30, str("t"), 3, 1, 1), [5], malformedPacket),
  bad(
    "property length not minimal [MQTT-1.5.5-1]",
    packet(0x30, str("t"), 0x80, 0),
    [5],
    malformedPacket,
  ),
  bad(
    "property length of five bytes",
    packet(0x30, str("t"), 0x80, 0x80, 0x80, 0x80, 1),
    [5],
    malformedPacket,
  ),
  bad(
    "remaining length not minimal [MQTT-1.5.5-1]",
    bytesOf(0x30, 0x84, 0x00, str("t"), 0),
    [5],
    malformedPacket,
  ),
  badBlock("payload format 2", protocolError, 1, 2),
  badBlock("payload format twice", protocolError, 1, 1, 1, 1),
  badBlock("payload format cut off", malformedPacket, 1),
  badBlock("message expiry twice", protocolError, EXPIRY, EXPIRY),
  badBlock("message expiry cut off", malformedPacket, 2, 0, 0, 0),
  badBlock("topic alias 0 [MQTT-3.3.2-8]", topicAliasInvalid, 35, 0, 0),
  badBlock("topic alias twice", protocolError, ALIAS, ALIAS),
  badBlock("topic alias cut off", malformedPacket, 35, 1),
  badBlock("content type twice", protocolError, TYPE, TYPE),
  badBlock("content type cut off", malformedPacket, 3, 0, 2, 0x61),
  badBlock("content type length cut off", malformedPacket, 3, 0),
  badBlock("content type with null character [MQTT-1.5.4-2]", malformedPacket, 3, bin(0)),
  badBlock("content type with a surrogate", malformedPacket, 3, bin(0xed, 0xa0, 0x80)),
  badBlock("response topic twice", protocolError, 8, str("r"), 8, str("r")),
  badBlock("response topic with + [MQTT-3.3.2-14]", protocolError, 8, str("r/+")),
  badBlock("response topic with # [MQTT-3.3.2-14]", protocolError, 8, str("#")),
  badBlock("response topic empty [MQTT-4.7.3-1]", protocolError, 8, str("")),
  badBlock("response topic ill-formed [MQTT-3.3.2-13]", malformedPacket, 8, bin(0xc3)),
  badBlock("correlation data twice", protocolError, 9, bin(1), 9, bin(1)),
  badBlock("correlation data cut off", malformedPacket, 9, 0, 2, 1),
  badBlock("subscription identifier from a client [MQTT-3.3.4-6]", protocolError, 11, 1),
  badBlock("user property without value", malformedPacket, 38, str("k")),
  badBlock("user property name ill-formed", malformedPacket, 38, bin(0xff), str("v")),
  badBlock("user property value ill-formed", malformedPacket, 38, str("k"), bin(0xff)),
  badBlock("property 0", malformedPacket, 0, 0),
  badBlock("property 4, which does not exist", malformedPacket, 4, 0),
  badBlock("property 128", malformedPacket, 0x80, 1),
  badBlock("session expiry, not of PUBLISH", malformedPacket, 17, u32(1)),
  badBlock("reason string, not of PUBLISH", malformedPacket, 31, str("r")),
  badBlock("receive maximum behind payload format", malformedPacket, 1, 1, 33, u16(1)),
  badBlock("topic alias maximum behind expiry", malformedPacket, EXPIRY, 34, u16(1)),
  badBlock("will delay, not of PUBLISH", malformedPacket, 24, u32(1)),
];

for (const { name, frame, versions, reasonCode } of BAD) {
  test(`decodePublish() refuses ${name}`, () => {
    for (const version of versions) {
      const error = assertThrows(() => decode(frame, version), ProtocolError);
      assertEquals(error.reasonCode, reasonCode, error.message);
    }
  });
}

test("decodePublish() refuses every frame that is cut short, or decodes its payload shorter", () => {
  const block = props(1, 1, EXPIRY, TYPE, 8, str("r"), 9, bin(1), ALIAS, USER);
  const head = bytesOf(str("topic"), u16(9), block);
  for (let length = 0; length < head.length; length++) {
    const frame = packet(0x32, head.subarray(0, length));
    const error = assertThrows(() => decode(frame, 5), ProtocolError, undefined, `${length}`);
    assertEquals(error.reasonCode, malformedPacket);
  }
  assertEquals(decode(packet(0x32, head), 5).packetId, 9);
});

test("decodePublish() refuses a subscription identifier of 0 or cut off from a server", () => {
  for (const value of [[0], [0x80], [0x80, 0], []]) {
    const frame = packet(0x30, str("t"), props(11, value));
    assertThrows(() => decode(frame, 5, true), ProtocolError);
  }
});

function bad(
  name: string,
  frame: Uint8Array,
  versions: readonly ProtocolVersion[],
  reasonCode: number,
): BadPublish {
  return { name, frame, versions, reasonCode };
}

function badBlock(
  name: string,
  reasonCode: number,
  ...block: Array<number | Uint8Array | number[]>
): BadPublish {
  return bad(name, packet(0x30, str("t"), props(...block), 1), [5], reasonCode);
}
