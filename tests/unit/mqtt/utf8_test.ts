import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import {
  decodeUtf8,
  encodeUtf8,
  isMqttString,
  isWellFormedUtf8,
  ProtocolError,
  ReasonCode,
  utf8Length,
} from "../../../src/mqtt/mod.ts";
import { Prng } from "../../../src/base/mod.ts";
import { bytesOf, embedded, hex, seedOfRun } from "./frames.ts";

const TEXTS = [
  "",
  "a",
  "sport/tennis/player1",
  "x".repeat(64),
  "x".repeat(65),
  "ü".repeat(40),
  "\u0001\u001f\u007f\u0080\u009f", // control characters are allowed, if not recommended
  "\u07ff\u0800\ud7ff\ue000\ufffd\uffff",
  "\u{10000}\u{1f600}\u{10ffff}",
  "\ufeffbyte order mark is text", // [MQTT-1.5.4-3]
  "a\ufeffb",
];

for (const text of TEXTS) {
  const name = JSON.stringify(text.slice(0, 20));
  test(`decodeUtf8() and encodeUtf8() give ${name} back, ${text.length} units`, () => {
    const { bytes, start, end } = embedded(encodeUtf8(text));
    assertEquals(decodeUtf8(bytes, start, end), text);
    assertEquals(isWellFormedUtf8(bytes, start, end), true);
    assertEquals(utf8Length(text), end - start);
    assertEquals(isMqttString(text), true);
  });
}

const BAD: ReadonlyArray<[what: string, ...bytes: number[]]> = [
  ["null character [MQTT-1.5.4-2]", 0x61, 0x00, 0x62],
  ["null character alone", 0x00],
  ["null character behind other text", 0xc3, 0xbc, 0x00],
  ["first surrogate, CESU-8 [MQTT-1.5.4-1]", 0xed, 0xa0, 0x80],
  ["last surrogate", 0xed, 0xbf, 0xbf],
  ["surrogate pair as two sequences", 0xed, 0xa0, 0xbd, 0xed, 0xb8, 0x80],
  ["null character in two bytes", 0xc0, 0x80],
  ["overlong slash, two bytes", 0xc0, 0xaf],
  ["overlong, two bytes", 0xc1, 0xbf],
  ["overlong slash, three bytes", 0xe0, 0x80, 0xaf],
  ["overlong, three bytes", 0xe0, 0x9f, 0xbf],
  ["overlong, four bytes", 0xf0, 0x8f, 0xbf, 0xbf],
  ["above U+10FFFF", 0xf4, 0x90, 0x80, 0x80],
  ["five byte lead", 0xf8, 0x88, 0x80, 0x80, 0x80],
  ["0xff", 0xff],
  ["continuation alone", 0x80],
  ["two bytes cut off", 0x61, 0xc3],
  ["three bytes cut off", 0xe2, 0x82],
  ["four bytes cut off", 0xf0, 0x9f, 0x98],
  ["no continuation", 0xc3, 0x41],
  ["no third byte", 0xe2, 0x82, 0x41],
  ["no fourth byte", 0xf0, 0x9f, 0x98, 0x41],
];

for (const [what, ...bad] of BAD) {
  test(`decodeUtf8() refuses ${what} as a malformed packet`, () => {
    // Alone, and behind more text than the short path takes.
    for (const front of ["", "x".repeat(80)]) {
      const { bytes, start, end } = embedded(bytesOf(encodeUtf8(front), bad));
      assertEquals(isWellFormedUtf8(bytes, start, end), false);
      const error = assertThrows(() => decodeUtf8(bytes, start, end), ProtocolError);
      assertEquals(error.reasonCode, ReasonCode.malformedPacket);
    }
  });
}

test("isWellFormedUtf8() agrees with the runtime's decoder on random bytes", () => {
  const prng = new Prng(seedOfRun("utf8"));
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  // Leads, continuations and borders much more often than chance would have them.
  const pool = [0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc2, 0xe0, 0xe1, 0xed, 0xf0, 0xf4];
  let wellFormed = 0;
  for (let round = 0; round < 50_000; round++) {
    const bytes = new Uint8Array(1 + prng.nextInt(6));
    for (let i = 0; i < bytes.length; i++) {
      bytes[i] = prng.nextBoolean(0.1) ? prng.nextInt(256) : prng.pick(pool);
    }
    const expected = !bytes.includes(0) && isDecodable(decoder, bytes);
    assertEquals(isWellFormedUtf8(bytes, 0, bytes.length), expected, hex(bytes));
    if (expected) {
      wellFormed++;
      assertEquals(decodeUtf8(bytes, 0, bytes.length), decoder.decode(bytes), hex(bytes));
    }
  }
  assertEquals(wellFormed > 100, true, `only ${wellFormed} were well-formed`);
});

test("isMqttString() refuses what the wire cannot carry", () => {
  assertEquals(isMqttString("a\0b"), false);
  assertEquals(isMqttString("\ud800"), false);
  assertEquals(isMqttString("\ud800x"), false);
  assertEquals(isMqttString("\udc00\ud800"), false);
  assertEquals(isMqttString("\ud83d\ude00"), true);
  assertEquals(isMqttString("x".repeat(65_535)), true);
  assertEquals(isMqttString("x".repeat(65_536)), false);
  assertEquals(isMqttString("ü".repeat(32_767)), true);
  assertEquals(isMqttString("ü".repeat(32_768)), false);
});

test("utf8Length() counts a lone surrogate as the replacement character that it becomes", () => {
  for (const text of ["\ud800", "\udc00", "\ud800x", "a\udfff\ud800\udc00"]) {
    assertEquals(utf8Length(text), encodeUtf8(text).length, JSON.stringify(text));
  }
});

function isDecodable(decoder: TextDecoder, bytes: Uint8Array): boolean {
  try {
    decoder.decode(bytes);
    return true;
  } catch (error) {
    assertEquals(error instanceof TypeError, true, String(error));
    return false;
  }
}
