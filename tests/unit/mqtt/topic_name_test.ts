import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeTopicName,
  encodeUtf8,
  isValidTopicName,
  ProtocolError,
  ReasonCode,
  topicLevelCount,
} from "../../../src/mqtt/mod.ts";
import { bytesOf, embedded } from "./frames.ts";

const VALID = ["a", "/", "//", "a/b", "/finance", "a//b", "$SYS/x", "sport tennis", "ü/\u{1f600}"];

for (const topic of VALID) {
  test(`decodeTopicName() takes "${topic}"`, () => {
    const { bytes, start, end } = embedded(encodeUtf8(topic));
    assertEquals(decodeTopicName(bytes, start, end), topic);
    assertEquals(isValidTopicName(topic), true);
  });
}

const INVALID: ReadonlyArray<[topic: string, why: string, reasonCode: number]> = [
  ["", "[MQTT-4.7.3-1]", ReasonCode.topicNameInvalid],
  ["+", "[MQTT-3.3.2-2]", ReasonCode.topicNameInvalid],
  ["#", "[MQTT-3.3.2-2]", ReasonCode.topicNameInvalid],
  ["a/+/b", "[MQTT-4.7.1-1]", ReasonCode.topicNameInvalid],
  ["a/b#", "[MQTT-4.7.1-1]", ReasonCode.topicNameInvalid],
  ["x".repeat(70) + "/+", "a wildcard behind a long text", ReasonCode.topicNameInvalid],
  ["a\0b", "[MQTT-4.7.3-2]", ReasonCode.malformedPacket],
];

for (const [topic, why, reasonCode] of INVALID) {
  test(`decodeTopicName() refuses ${JSON.stringify(topic.slice(-9))}, ${why}`, () => {
    const { bytes, start, end } = embedded(encodeUtf8(topic));
    const error = assertThrows(() => decodeTopicName(bytes, start, end), ProtocolError);
    assertEquals(error.reasonCode, reasonCode);
    assertEquals(isValidTopicName(topic), false);
  });
}

test("decodeTopicName() refuses ill-formed UTF-8 as a malformed packet", () => {
  const { bytes, start, end } = embedded(bytesOf(0x61, 0xff));
  const error = assertThrows(() => decodeTopicName(bytes, start, end), ProtocolError);
  assertEquals(error.reasonCode, ReasonCode.malformedPacket);
});

test("isValidTopicName() counts bytes, of which 65,535 are allowed", () => {
  assertEquals(isValidTopicName("x".repeat(65_535)), true);
  assertEquals(isValidTopicName("x".repeat(65_536)), false);
  assertEquals(isValidTopicName("€".repeat(21_846)), false);
});

test("topicLevelCount() counts empty levels", () => {
  const cases: Array<[string, number]> = [["a", 1], ["/", 2], ["a/b", 2], ["/a//b/", 5]];
  for (const [topic, count] of cases) assertEquals(topicLevelCount(topic), count, topic);
});
