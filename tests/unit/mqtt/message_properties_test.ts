import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeMessageProperties,
  encodeMessageProperties,
  type MessageProperties,
  PacketEncodeError,
  ProtocolError,
} from "../../../src/mqtt/mod.ts";
import { bin, bytesOf, hex, str, u16, u32 } from "./frames.ts";

const CASES: ReadonlyArray<[properties: MessageProperties, block: Uint8Array]> = [
  [{ userProperties: [] }, bytesOf()],
  [{ payloadFormatUtf8: false, userProperties: [] }, bytesOf(1, 0)],
  [{ payloadFormatUtf8: true, userProperties: [] }, bytesOf(1, 1)],
  [
    {
      contentType: "",
      responseTopic: "a/ü",
      correlationData: bytesOf(0, 255),
      userProperties: [{ name: "b", value: "1" }, { name: "a", value: "" }, {
        name: "b",
        value: "2",
      }],
    },
    bytesOf(
      bytesOf(3, str(""), 8, str("a/ü"), 9, bin(0, 255)),
      bytesOf(38, str("b"), str("1"), 38, str("a"), str(""), 38, str("b"), str("2")),
    ),
  ],
];

for (const [properties, block] of CASES) {
  test(`encodeMessageProperties() and decodeMessageProperties(), ${block.length} bytes`, () => {
    assertEquals(hex(encodeMessageProperties(properties)), hex(block));
    assertEquals(decodeMessageProperties(block), properties);
    const around = bytesOf(0xee, block, 0xee);
    assertEquals(decodeMessageProperties(around, 1, 1 + block.length), properties);
  });
}

test("decodeMessageProperties() passes over what is of one hop, and owns what it gives", () => {
  const block = Buffer.from(
    bytesOf(35, u16(1), 2, u32(5), 9, bin(7), 11, 1, 11, 2, 3, str("t")),
  );
  const decoded = decodeMessageProperties(block);
  block.fill(0);
  assertEquals(decoded, { correlationData: bytesOf(7), contentType: "t", userProperties: [] });
});

test("decodeMessageProperties() refuses what is not a property block", () => {
  const blocks = [bytesOf(1), bytesOf(1, 2), bytesOf(3, 0, 5), bytesOf(17, u32(1)), bytesOf(0)]
    .concat([bytesOf(1, 1, 1, 1), bytesOf(3, bin(0)), bytesOf(38, str("k"))]);
  for (const block of blocks) {
    assertThrows(() => decodeMessageProperties(block), ProtocolError, undefined, hex(block));
  }
});

test("encodeMessageProperties() refuses what MQTT cannot carry", () => {
  const cases: MessageProperties[] = [
    { contentType: "\0", userProperties: [] },
    { responseTopic: "x".repeat(65_536), userProperties: [] },
    { correlationData: new Uint8Array(65_536), userProperties: [] },
    { userProperties: [{ name: "\ud800", value: "" }] },
    { userProperties: [{ name: "", value: "\0" }] },
  ];
  for (const properties of cases) {
    assertThrows(() => encodeMessageProperties(properties), PacketEncodeError, "Cannot encode");
  }
});
