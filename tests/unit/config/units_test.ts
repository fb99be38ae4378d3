import { test } from "node:test";
import process from "node:process";
import { assertEquals } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import { formatDuration, formatSize, parseDuration, parseSize } from "../../../src/config/units.ts";

const SIZES: readonly [text: string, bytes: number | undefined][] = [
  ["0", 0],
  ["1", 1],
  ["100", 100],
  ["1B", 1],
  ["1KB", 1024],
  ["1kb", 1024],
  ["1KiB", 1024],
  ["64 KB", 65_536],
  ["1MB", 1_048_576],
  ["1.5MB", 1_572_864],
  ["2GB", 2_147_483_648],
  [" 1MB ", 1_048_576],
  ["", undefined],
  ["MB", undefined],
  ["-1", undefined],
  ["1.5", undefined],
  ["0.3KB", undefined],
  ["1TB", undefined],
  ["1 MB x", undefined],
  ["1e3", undefined],
  ["9999999999GB", undefined],
];

for (const [text, bytes] of SIZES) {
  test(`parseSize("${text}") is ${bytes}`, () => assertEquals(parseSize(text), bytes));
}

const DURATIONS: readonly [text: string, ms: number | undefined][] = [
  ["0", 0],
  ["10", 10_000],
  ["0.5", 500],
  ["2ms", 2],
  ["10s", 10_000],
  ["1.5s", 1500],
  ["5m", 300_000],
  ["2h", 7_200_000],
  ["1h30m", 5_400_000],
  ["1h 30m", 5_400_000],
  ["1d", 86_400_000],
  ["30d", 2_592_000_000],
  ["1w", 604_800_000],
  ["1H", 3_600_000],
  ["0.1s", 100],
  ["1.1s", 1100],
  ["", undefined],
  ["s", undefined],
  ["-1s", undefined],
  ["0.5ms", undefined],
  ["1m1h", undefined],
  ["1s1s", undefined],
  ["1y", undefined],
  ["10 seconds", undefined],
  ["99999999999999999d", undefined],
];

for (const [text, ms] of DURATIONS) {
  test(`parseDuration("${text}") is ${ms}`, () => assertEquals(parseDuration(text), ms));
}

test("formatSize() and formatDuration() write what is read back the same", () => {
  const seed = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));
  const random = new Prng(seed);
  for (let round = 0; round < 1000; round++) {
    const value = Math.floor(2 ** (random.nextFloat() * 42)) * (random.nextBoolean() ? 1024 : 1);
    assertEquals(parseSize(formatSize(value)), value, `SEED=${seed}`);
    assertEquals(parseDuration(formatDuration(value)), value, `SEED=${seed}`);
  }
  for (const [text, ms] of [["1h30m", 5_400_000], ["2ms", 2], ["0", 0]] as const) {
    assertEquals(formatDuration(ms), text);
  }
  for (const [text, size] of [["1MB", 1_048_576], ["1025", 1025], ["0", 0]] as const) {
    assertEquals(formatSize(size), text);
  }
});
