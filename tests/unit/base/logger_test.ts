import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import {
  LineLogger,
  type LogFields,
  type LogOptions,
  SILENT_LOGGER,
} from "../../../src/base/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const TIME = "2023-11-14T22:13:20.000Z";

function collect(options: LogOptions): { logger: LineLogger; lines: string[] } {
  const lines: string[] = [];
  const clock = new ManualClock({ nowMs: Date.parse(TIME) });
  return { logger: new LineLogger(options, clock, (line) => lines.push(line)), lines };
}

const TEXT_CASES: readonly [message: string, fields: LogFields | undefined, line: string][] = [
  ["Started", undefined, "Started"],
  [
    "Listening",
    { url: "mqtt://127.0.0.1:1883", port: 1883 },
    "Listening url=mqtt://127.0.0.1:1883 port=1883",
  ],
  ["Two words", { reason: "not authorized" }, 'Two words reason="not authorized"'],
  ["Empty", { text: "", none: undefined, nothing: null }, 'Empty text="" nothing=null'],
  ["Quote", { text: 'a"b=c' }, 'Quote text="a\\"b=c"'],
  ["A\nforged line", { client: "x\r\ny" }, 'A\\u000aforged line client="x\\r\\ny"'],
  ["Terminal \u001b[2J", { c: "\u009b1m" }, 'Terminal \\u001b[2J c="\\u009b1m"'],
  ["Separator\u2028", { c: "\u202e" }, 'Separator\\u2028 c="\\u202e"'],
  ["Marks", { c: "a\u200b\u200f\u061c\u2066" }, 'Marks c="a\\u200b\\u200f\\u061c\\u2066"'],
  ["Long", { c: "x".repeat(1025) }, `Long c="${"x".repeat(1023)}…"`],
  ["Numbers", { big: 2n ** 64n, not: NaN }, "Numbers big=18446744073709551616 not=NaN"],
  ["Failed", { error: new TypeError("no such") }, 'Failed error="TypeError: no such"'],
  [
    "Failed",
    { error: new Error("outer", { cause: new Error("inner") }) },
    'Failed error="Error: outer (because of Error: inner)"',
  ],
  [
    "Masked",
    { password: "geheim", keyToken: "x", user: "u" },
    'Masked password="***" keyToken="***" user=u',
  ],
];

for (const [message, fields, expected] of TEXT_CASES) {
  test(`LineLogger writes ${JSON.stringify(message)} ${Object.keys(fields ?? {})} as text`, () => {
    const { logger, lines } = collect({ level: "info", format: "text" });
    logger.info(message, fields);
    assertEquals(lines.length, 1);
    const line = lines[0]!;
    assertEquals(line.indexOf("\n"), line.length - 1);
    assertEquals(line, `${TIME} info  ${expected}\n`);
  });

  test(`LineLogger writes ${JSON.stringify(message)} ${Object.keys(fields ?? {})} as JSON`, () => {
    const { logger, lines } = collect({ level: "info", format: "json" });
    logger.info(message, fields);
    const line = lines[0]!;
    assertEquals(line.indexOf("\n"), line.length - 1);
    // deno-lint-ignore no-control-regex -- none may be there
    assertEquals(/[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u2028\u202e]/.test(line), false);
    const entry = JSON.parse(line);
    assertEquals([entry.time, entry.level, entry.message], [TIME, "info", message]);
    const given = Object.entries(fields ?? {}).filter(([, value]) => value !== undefined);
    assertEquals(Object.keys(entry).slice(3), given.map(([name]) => name));
    if (message === "Masked") assertEquals(entry.password, "***");
  });
}

test("LineLogger keeps its own JSON fields when a field has their name", () => {
  const { logger, lines } = collect({ level: "info", format: "json" });
  logger.warn("Real", { message: "forged", level: "x", time: 0 });
  assertEquals(JSON.parse(lines[0]!), {
    time: TIME,
    level: "warn",
    message: "Real",
    message_: "forged",
    level_: "x",
    time_: 0,
  });
});

test("LineLogger ends with an error that is its own cause", () => {
  const { logger, lines } = collect({ level: "info", format: "text" });
  const error = new Error("loop");
  error.cause = error;
  logger.error("Failed", { error });
  assertMatch(lines[0]!, /because of Error: loop\)+"\n$/);
});

const LEVELS = ["error", "warn", "info", "debug", "trace"] as const;
for (const [index, level] of LEVELS.entries()) {
  test(`LineLogger at level ${level} writes it and what is more urgent`, () => {
    const { logger, lines } = collect({ level, format: "text" });
    for (const each of LEVELS) {
      logger[each]("x");
      assertEquals(logger.isEnabled(each), LEVELS.indexOf(each) <= index);
    }
    assertEquals(lines.map((line) => line.split(/ +/)[1]), LEVELS.slice(0, index + 1));
  });
}

test("LineLogger.configure() changes level and format of the next entry", () => {
  const { logger, lines } = collect({ level: "error", format: "text" });
  logger.info("unheard");
  logger.configure({ level: "debug", format: "json" });
  logger.debug("heard");
  assertEquals(lines.map((line) => JSON.parse(line).message), ["heard"]);
});

test("SILENT_LOGGER is enabled for nothing", () => {
  for (const level of LEVELS) assertEquals(SILENT_LOGGER.isEnabled(level), false);
});
