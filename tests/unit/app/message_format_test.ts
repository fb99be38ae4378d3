import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { compactJson, prettyJson } from "../../../src/app/message_json.ts";
import { MessageFormat } from "../../../src/app/message_format.ts";
import { OutputBuffer } from "../../../src/app/output_buffer.ts";
import { linesOf } from "../../../src/app/payload_lines.ts";
import { isoTimeExactly, momentOf, strftime } from "../../../src/app/strftime.ts";
import { PublishView } from "../../../src/mqtt/mod.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

function format(text: string, payload: string, topic = "a/b"): string {
  const parsed = MessageFormat.parse(text);
  if (typeof parsed === "string") return parsed;
  const view = new PublishView();
  view.bytes = encoder.encode(payload);
  view.frameEnd = view.bytes.length;
  view.qos = 1;
  view.packetId = 7;
  const out = new OutputBuffer();
  const complaints: string[] = [];
  parsed.write(out, {
    view,
    topic: () => topic,
    nowMs: () => Date.UTC(2026, 0, 2, 3, 4, 5) + 0.5,
    isPretty: false,
    complain: (problem) => complaints.push(problem),
  });
  return decoder.decode(out.take()) + complaints.join("");
}

const FORMATS: readonly [text: string, payload: string, printed: string][] = [
  ["%t %p", "x", "a/b x"],
  ["%%t", "x", "%t"],
  // A width is the least, never the most.
  ["[%4p][%-4p][%1p]", "xyz", "[ xyz][xyz ][xyz]"],
  ["[%8x][%-8x][%08x][%2X]", "ÿ", "[    c3bf][c3bf    ][0000c3bf][C3BF]"],
  ["[%5t][%-5.1t][%.2t]", "x", "[  a/b][a    ][a/]"],
  ["%l %03m %q %r", "grün", "5 007 1 0"],
  ["%U @s @N", "x", "1767323045.000500000 1767323045 000500000"],
  ["%J", '{ "a" : [1, 2.50] }', '"payload":{"a":[1,2.50]}}'],
  ["%J", "{", "Error: Message payload is not valid JSON on topic a/b."],
  ["%", "x", "Incomplete format specifier"],
  ["%-0", "x", "Incomplete format specifier"],
  ["@", "x", "Incomplete format specifier"],
  ["\\", "x", "Incomplete escape specifier"],
  ["%10001t", "x", "Field width 10001 is over 10000"],
];

for (const [text, payload, printed] of FORMATS) {
  test(`MessageFormat prints "${text}" of "${payload}"`, () => {
    assert(format(text, payload).endsWith(printed), format(text, payload));
  });
}

test("strftime() knows weeks, days and hours at their edges", () => {
  // Local time, as everywhere here.
  const at = (...parts: [number, number, number, number?]): ReturnType<typeof momentOf> =>
    momentOf(new Date(...parts as [number, number, number]).getTime());
  const all = (moment: ReturnType<typeof momentOf>, letters: string): string =>
    [...letters].map((letter) => strftime(letter, moment)).join(" ");
  assertEquals(all(at(2027, 0, 1), "GVUWjua"), "2026 53 00 00 001 5 Fri");
  assertEquals(all(at(2024, 11, 30), "GVUWj"), "2025 01 52 53 365");
  assertEquals(all(at(2023, 0, 1), "GVUWjuw"), "2022 52 01 00 001 7 0");
  assertEquals(all(at(2026, 6, 4, 0), "IlkpPH"), "12 12  0 AM am 00");
  assertEquals(all(at(2026, 6, 4, 13), "IlkpPeC"), "01  1 13 PM pm  4 20");
  assertEquals(strftime("F", at(2026, 6, 4)) + strftime("?", at(2026, 6, 4)), "2026-07-04%?");
});

test("isoTimeExactly() is a time that others can read", () => {
  const ms = Date.UTC(2026, 5, 7, 8, 9, 10) + 123.456;
  const text = isoTimeExactly(momentOf(ms));
  assert(/^2026-06-0\d/.test(text) && /\.123456[+-]\d{4}$/.test(text), text);
  assertEquals(Date.parse(text), Math.floor(ms));
});

test("compactJson() takes nothing away but blanks", () => {
  const cases: readonly [string, string | undefined][] = [
    [' { "a b" : [ 1 , 2.0 , "c\\" d" ] }\n', '{"a b":[1,2.0,"c\\" d"]}'],
    ["27.0", "27.0"],
    ["", undefined],
    ["{a:1}", undefined],
    ["12345678901234567890", "12345678901234567890"],
  ];
  for (const [text, compact] of cases) assertEquals(compactJson(text), compact);
});

test("prettyJson() gives each member of an object a line, and arrays one", () => {
  assertEquals(
    prettyJson('{"a":[1,{"b":"x,{"}],"c":{"d":null}}'),
    '{\n\t"a":\t[1, {\n\t\t"b":\t"x,{"\n\t}],\n\t"c":\t{\n\t\t"d":\tnull\n\t}\n}',
  );
});

test("linesOf() finds lines wherever the chunks end", async () => {
  const text = "one\n\ntwo thirds\r\nthree";
  for (let size = 1; size <= text.length; size++) {
    const chunks = async function* (): AsyncIterable<Uint8Array> {
      const bytes = encoder.encode(text);
      for (let at = 0; at < bytes.length; at += size) {
        yield await Promise.resolve(bytes.slice(at, at + size));
      }
    };
    const lines = (await Array.fromAsync(linesOf(chunks()))).map((line) => decoder.decode(line));
    assertEquals(lines, ["one", "", "two thirds\r", "three"], `chunks of ${size}`);
  }
});
