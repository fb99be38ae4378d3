import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  createPublishHead,
  encodeUtf8,
  PacketEncodeError,
  packetIdOffset,
  publishFrameSize,
  type PublishHead,
  publishHeadSize,
  subscriptionIdentifierSize,
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
  writeMessageExpiry,
  writePublishHead,
  writeSubscriptionIdentifier,
  writeTopicAlias,
  writeVariableByteInteger,
} from "../../../src/mqtt/mod.ts";
import { bytesOf, hex, str, u16, u32, varint } from "./frames.ts";

function head(fields: Partial<PublishHead>): PublishHead {
  return { ...createPublishHead(), topicBytes: encodeUtf8("a/b"), ...fields };
}

/** What is written, without the payload; bytes around it must stay. */
function written(given: PublishHead): Uint8Array {
  const size = publishHeadSize(given);
  const target = new Uint8Array(size + 6).fill(0xee);
  assertEquals(writePublishHead(target, 3, given), 3 + size);
  assertEquals(hex(target.subarray(0, 3)) + hex(target.subarray(3 + size)), "ee ee eeee ee ee");
  assertEquals(publishFrameSize(given), size + given.payloadLength);
  return target.slice(3, 3 + size);
}

test("writePublishHead() QoS 0 of 3.1.1", () => {
  const given = head({ payloadLength: 2, properties: bytesOf(1, 1), propertiesEnd: 2 });
  assertEquals(hex(written(given)), hex(bytesOf(0x30, 7, str("a/b"))));
  assertEquals(packetIdOffset(given), -1);
});

test("writePublishHead() QoS 1 and 2 with flags", () => {
  const given = head({ version: 3, qos: 1, retain: true, packetId: 0x1234 });
  assertEquals(hex(written(given)), hex(bytesOf(0x33, 7, str("a/b"), 0x12, 0x34)));
  assertEquals(packetIdOffset(given), 7);
  const again = head({ version: 5, qos: 2, dup: true, packetId: 0xffff });
  assertEquals(hex(written(again)), hex(bytesOf(0x3c, 8, str("a/b"), 0xff, 0xff, 0)));
});

test("writePublishHead() takes properties from a range and appends more", () => {
  const extra = new Uint8Array(20);
  let length = writeSubscriptionIdentifier(extra, 0, 200);
  length = writeMessageExpiry(extra, length, 0x01020304);
  length = writeTopicAlias(extra, length, 0x0506);
  const given = head({
    version: 5,
    topicBytes: new Uint8Array(0),
    properties: bytesOf(0xdd, 1, 1, 0xdd),
    propertiesStart: 1,
    propertiesEnd: 3,
    extra,
    extraLength: length,
    payloadLength: 1,
  });
  const block = bytesOf(1, 1, 11, 0xc8, 0x01, 2, 1, 2, 3, 4, 35, 5, 6);
  assertEquals(hex(written(given)), hex(bytesOf(0x30, 17, 0, 0, 13, block)));
});

test("writePublishHead() and publishHeadSize() agree at every border of the lengths", () => {
  const payloads = [0, 100, 126, 127, 128, 16_000, 16_383, 16_384, 2_097_151, 2_097_152];
  for (const payloadLength of [...payloads, 268_000_000]) {
    for (const topicLength of [1, 47, 48, 49, 127, 128, 65_535]) {
      for (const propertyLength of [0, 3, 127, 128, 16_383, 16_384]) {
        const topicBytes = new Uint8Array(topicLength).fill(0x74);
        const properties = new Uint8Array(propertyLength + 9).fill(0xbb)
          .fill(0x70, 4, 4 + propertyLength);
        const given = head({
          version: 5,
          qos: 1,
          packetId: 0xabcd,
          topicBytes,
          properties,
          propertiesStart: 4,
          propertiesEnd: 4 + propertyLength,
          payloadLength,
        });
        const body = 2 + topicLength + 2 + varint(propertyLength).length + propertyLength +
          payloadLength;
        const front = bytesOf(0x32, varint(body), u16(topicLength));
        const bytes = written(given);
        assertEquals(hex(bytes.subarray(0, front.length)), hex(front));
        assertEquals(publishFrameSize(given), 1 + varint(body).length + body);
        const idAt = packetIdOffset(given);
        assertEquals(idAt, front.length + topicLength);
        assertEquals(hex(bytes.subarray(idAt, idAt + 2)), "ab cd");
        const block = bytesOf(varint(propertyLength), new Uint8Array(propertyLength).fill(0x70));
        assertEquals(hex(bytes.subarray(idAt + 2)), hex(block));
      }
    }
  }
});

test("writePublishHead() refuses what no length can say", () => {
  const target = new Uint8Array(10);
  const cases = [
    head({ payloadLength: VARIABLE_BYTE_INTEGER_MAX }),
    head({ topicBytes: new Uint8Array(65_536) }),
  ];
  for (const given of cases) {
    assertThrows(() => writePublishHead(target, 0, given), PacketEncodeError);
    assertEquals(target, new Uint8Array(10), "nothing was written");
  }
});

test("writeVariableByteInteger() and variableByteIntegerSize() at every border", () => {
  const borders = [0, 127, 128, 16_383, 16_384, 2_097_151, 2_097_152, 268_435_455];
  for (const value of borders) {
    const target = new Uint8Array(6);
    const end = writeVariableByteInteger(target, 1, value);
    assertEquals(hex(target.subarray(1, end)), hex(bytesOf(varint(value))));
    assertEquals(variableByteIntegerSize(value), end - 1);
    assertEquals(subscriptionIdentifierSize(value), end);
  }
});

test("property writers return the new offset", () => {
  const target = new Uint8Array(16);
  assertEquals(writeMessageExpiry(target, 1, 0xffffffff), 6);
  assertEquals(hex(target.subarray(1, 6)), hex(bytesOf(2, u32(0xffffffff))));
  assertEquals(writeTopicAlias(target, 0, 0xffff), 3);
  assertEquals(writeSubscriptionIdentifier(target, 0, 268_435_455), 5);
});
