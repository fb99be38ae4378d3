import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { LimitedLogger, LineLogger, type LogLevel } from "../../../src/base/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";

interface Rig {
  readonly clock: ManualClock;
  readonly logger: LimitedLogger;
  /** Level and message of each line so far, which are then forgotten. */
  take(): string[];
}

function rig(limit: () => number, level: LogLevel = "info"): Rig {
  const clock = new ManualClock();
  const lines: string[] = [];
  const plain = new LineLogger({ level, format: "json" }, clock, (line) => lines.push(line));
  const logger = new LimitedLogger(plain, clock, limit);
  const take = (): string[] =>
    lines.splice(0).map((line) => {
      const { level, message } = JSON.parse(line) as { level: string; message: string };
      return `${level} ${message}`;
    });
  return { clock, logger, take };
}

test("of one message the first lines of a second are written, and the rest is told of", () => {
  const { clock, logger, take } = rig(() => 3);
  for (let i = 0; i < 4315; i++) logger.info("Refused", { i });
  assertEquals(take(), ["info Refused", "info Refused", "info Refused"]);
  assertEquals(logger.leftOut, 4312);
  clock.advance(10_000);
  logger.tell();
  assertEquals(take(), ["info Refused: …and 4,312 more in the last 10 s"]);
  logger.tell();
  assertEquals(take(), []);
  assertEquals(logger.leftOut, 4312);
});

test("what is left out is told with its number as a field", () => {
  const clock = new ManualClock();
  const lines: string[] = [];
  const plain = new LineLogger(
    { level: "info", format: "text" },
    clock,
    (line) => lines.push(line),
  );
  const logger = new LimitedLogger(plain, clock, () => 1);
  for (let i = 0; i < 3; i++) logger.warn("Banned");
  clock.advance(400);
  logger.tell();
  assertEquals(lines.length, 2);
  assertEquals(lines[1]?.slice(25), "warn  Banned: …and 2 more in the last 1 s leftOut=2\n");
});

test("each second has its own lines, and each message, too", () => {
  const { clock, logger, take } = rig(() => 1);
  for (let second = 0; second < 3; second++) {
    for (let i = 0; i < 5; i++) {
      logger.info("Refused");
      logger.warn("Banned");
    }
    clock.advance(999);
    logger.info("Refused");
    assertEquals(take(), ["info Refused", "warn Banned"]);
    clock.advance(1);
  }
  logger.tell();
  assertEquals(take(), [
    "info Refused: …and 15 more in the last 3 s",
    "warn Banned: …and 12 more in the last 3 s",
  ]);
});

test("a wall clock that is set changes nothing", () => {
  const { clock, logger, take } = rig(() => 1);
  logger.info("Refused");
  clock.setWallClock(0);
  logger.info("Refused");
  clock.setWallClock(9e12);
  logger.info("Refused");
  assertEquals(take(), ["info Refused"]);
});

test("the limit may change, and 0 is none", () => {
  let limit = 0;
  const { logger, take } = rig(() => limit);
  for (let i = 0; i < 100; i++) logger.info("Refused");
  assertEquals(take().length, 100);
  limit = 2;
  for (let i = 0; i < 100; i++) logger.info("Refused");
  assertEquals(take().length, 2);
});

test("what is not logged is not counted, and who asks for debug lines gets them all", () => {
  const quiet = rig(() => 1, "error");
  for (let i = 0; i < 5; i++) quiet.logger.info("Refused");
  quiet.logger.tell();
  assertEquals([quiet.take(), quiet.logger.leftOut], [[], 0]);
  const loud = rig(() => 1, "trace");
  for (let i = 0; i < 5; i++) {
    loud.logger.debug("Detail");
    loud.logger.trace("Detail");
  }
  assertEquals([loud.take().length, loud.logger.leftOut], [10, 0]);
});

test("however many messages there are, memory is bounded and none is unlimited", () => {
  const { clock, logger, take } = rig(() => 1);
  for (let kind = 0; kind < 1000; kind++) {
    for (let i = 0; i < 2; i++) logger.info(`Kind ${kind}`);
  }
  assertEquals(take().length, 257);
  clock.advance(1000);
  logger.tell();
  const told = take();
  assertEquals(told.length, 257);
  assertEquals(told.at(-1), "info Other lines: …and 1,487 more in the last 1 s");
});
