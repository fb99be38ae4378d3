import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { matchFrame, Mismatch } from "./match.ts";
import { type Captures, encodeElements, fromHex, parseNotation, toHex } from "./notation.ts";
import { expand } from "./play.ts";

const NAMES = { token: "tok", connection: "B" };

function encode(text: string, captures: Captures = new Map()): string {
  return toHex(encodeElements(parseNotation(text, NAMES), captures)).replaceAll(" ", "");
}

function match(pattern: string, hex: string, captures: Captures = new Map()): void {
  matchFrame(parseNotation(pattern, NAMES), fromHex(hex.replaceAll(" ", "")), captures);
}

const ENCODED: ReadonlyArray<[notation: string, hex: string]> = [
  ["10 0A0b (comment) FF", "100a0bff"],
  ["'%/&'", "746f6b2f42"],
  ["s'ab'", "00026162"],
  ["[ 'a' C080 ]", "000361c080"],
  ["{ 00 01 }", "020001"],
  ["{ 'x'*128 }", `8001${"78".repeat(128)}`],
  ["{ 00*127 }", `7f${"00".repeat(127)}`],
  ["30 { s't' <> 'x' }", "3005000174" + "0078"],
  ["< 21 0064 | 22 0020 >", "06210064220020"],
  ["<>", "00"],
];

for (const [notation, hex] of ENCODED) {
  test(`notation "${notation.slice(0, 40)}" is encoded`, () => {
    assertEquals(encode(notation), hex);
  });
}

const UNREADABLE = ["1", "{ 00", "00 }", "[ 00 >", "xyz", "*3", "00..0000"];

for (const notation of UNREADABLE) {
  test(`notation "${notation}" is refused`, () => {
    assertThrows(() => parseNotation(notation, NAMES), Error, "Cannot");
  });
}

test("a wildcard or an unknown capture cannot be sent", () => {
  for (const notation of ["??", "00/01", "00..01", "...", "#p", "[ ?id ]"]) {
    assertThrows(() => encode(notation), Error, "Cannot send");
  }
});

const MATCHING: ReadonlyArray<[pattern: string, hex: string]> = [
  ["D0 00", "d000"],
  ["20 { 00 ?? }", "20020085"],
  ["E0 { 81/82 ... }", "e00182"],
  ["E0 { 81/82 ... }", "e0028100"],
  ["{ 0000003A..0000003C }", "040000003b"],
  ["20 { 00 00 < 21 0064 | 22 0020 > }", "2009000006220020210064"],
  ["< 21 0064 ... >", "06220020210064"],
  ["<...>", "00"],
  ["< 26 s'k' s'1' | 26 s'k' s'2' >", "0e 2600016b000131 2600016b000132"],
];

for (const [pattern, hex] of MATCHING) {
  test(`pattern "${pattern}" matches ${hex}`, () => match(pattern, hex));
}

const NOT_MATCHING: ReadonlyArray<[pattern: string, hex: string]> = [
  ["D0 00", "d001"],
  ["D0", "d000"],
  ["D0 00", "d0"],
  ["20 { 00 ?? }", "200100"],
  ["E0 { 81/82 ... }", "e00183"],
  ["{ 0000003A..0000003C }", "040000003d"],
  ["< 21 0064 >", "06220020210064"],
  ["< 21 0064 | 22 0020 >", "03210064"],
  ["< 21 0064 | 21 0064 >", "03210064"],
  ["< 26 s'k' s'2' | 26 s'k' s'1' >", "0e 2600016b000131 2600016b000132"],
  ["{ 00 }", "810000"],
  ["32 { s't' #p }", "3205000174" + "0000"],
];

for (const [pattern, hex] of NOT_MATCHING) {
  test(`pattern "${pattern}" does not match ${hex}`, () => {
    assertThrows(() => match(pattern, hex), Mismatch);
  });
}

test("a capture must be met again, and is sent as it came", () => {
  const captures: Captures = new Map();
  match("32 { s't' #p ?rest }", "3207000174" + "1234" + "6162", captures);
  assertEquals(encode("40 02 #p [ ?rest ]", captures), "4002123400026162");
  match("3A { s't' #p 'ab' }", "3a07000174" + "1234" + "6162", captures);
  assertThrows(
    () => match("3A { s't' #p 'ab' }", "3a07000174" + "1235" + "6162", captures),
    Mismatch,
    "as before",
  );
});

test("a pattern that does not match captures nothing", () => {
  const captures: Captures = new Map();
  assertThrows(() => match("40 02 #p FF", "40021234", captures), Mismatch);
  assertEquals(captures.size, 0);
});

const MACROS = {
  ping: ["> C0 00", "< D0 00"],
  send: ["> 30 { s'$1' '$2' }"],
  both: ["send($1, x)", "ping"],
};

test("expand() replaces macros and their values", () => {
  assertEquals(expand("A closed", MACROS, 0), ["A closed"]);
  assertEquals(expand("B both(t (a topic))", MACROS, 0), [
    "B > 30 { s't' 'x' }",
    "B > C0 00",
    "B < D0 00",
  ]);
});

test("expand() refuses what is neither a step nor a macro, and a wrong number of values", () => {
  for (const step of ["A fly", "ping", "A send(t)", "A ping(1)"]) {
    assertThrows(() => expand(step, MACROS, 0), Error, "Cannot play");
  }
});
