import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { MessageIds } from "../../../../src/http/tdmq/message_id.ts";

function idsAt(times: readonly number[]): string[] {
  let index = 0;
  const ids = new MessageIds({
    randomBytes: Uint8Array.from({ length: 12 }, (_, n) => n + 1),
    pid: 0x1_2345,
    nowMs: () => times[index++] ?? 0,
  });
  return times.map(() => ids.next());
}

test("an identifier is made of mark, process, milliseconds of the month and counter", () => {
  const [id = ""] = idsAt([Date.UTC(2026, 10, 1, 0, 0, 1)]);
  assertMatch(id, /^[0-9A-F]{32}$/);
  assertEquals(id.slice(0, 12), "010203042345");
  assertEquals(id.slice(20, 28), "000003E8");
});

test("no two identifiers are the same, within a millisecond, over months, with a clock that is set back", () => {
  const march = Date.UTC(2026, 2, 31, 23, 59, 59, 999);
  const times = [
    ...Array(60_000).fill(march),
    march + 1,
    march - 5000,
    ...Array.from({ length: 20_000 }, (_, n) => march + 1 + n),
    // The same place of the next month.
    ...Array(20_000).fill(Date.UTC(2026, 3, 30, 23, 59, 59, 999)),
  ];
  assertEquals(new Set(idsAt(times)).size, times.length);
});
