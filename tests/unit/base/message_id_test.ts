import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { createMessageId } from "../../../src/base/mod.ts";

test("createMessageId() makes no identifier twice, whatever the time", () => {
  const ids = new Set<string>();
  for (let index = 0; index < 20_000; index++) ids.add(createMessageId(index % 3));
  assertEquals(ids.size, 20_000);
  for (const id of [...ids].slice(0, 100)) assertMatch(id, /^[0-9A-F]{32}$/);
});

test("createMessageId() gives identifiers that sort by time", () => {
  const nowMs = Date.UTC(2026, 0, 1);
  const earlier = Array.from({ length: 2000 }, () => createMessageId(nowMs));
  const later = createMessageId(nowMs + 1);
  assert(earlier.every((id) => id < later));
  const micros = parseInt(later.slice(0, 16), 16);
  assertEquals(micros - micros % 1000, (nowMs + 1) * 1000);
});
