import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { localTime, memoryText, uptimeText } from "../../../../src/http/emqx_v3/format.ts";

test("uptimeText() has the product's words, always in the plural", () => {
  const cases: [seconds: number, text: string][] = [
    [0, "0 seconds"],
    [59, "59 seconds"],
    [60, "1 minutes, 0 seconds"],
    [239, "3 minutes, 59 seconds"],
    [3600, "1 hours, 0 minutes, 0 seconds"],
    [86_400 * 2 + 3661, "2 days,1 hours, 1 minutes, 1 seconds"],
  ];
  for (const [seconds, text] of cases) assertEquals(uptimeText(seconds * 1000 + 999), text);
});

test("memoryText() counts by the 1024 above a whole unit", () => {
  const MB = 1024 * 1024;
  const cases: [bytes: number, text: string][] = [
    [1024, "1024"],
    [1536, "1.50K"],
    [MB, "1024.00K"],
    [83.45 * MB, "83.45M"],
    [2560 * MB, "2.50G"],
  ];
  for (const [bytes, text] of cases) assertEquals(memoryText(bytes), text);
});

test("localTime() is the time of this machine without a zone", () => {
  const ms = new Date(2019, 3, 29, 1, 2, 3).getTime();
  assertEquals(localTime(ms), "2019-04-29 01:02:03");
  assertMatch(localTime(0), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
});
