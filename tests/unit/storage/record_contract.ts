import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { type JsonValue, RecordError, type RecordStore } from "../../../src/ports/mod.ts";
import { RECORD_KEY_BYTES_MAX, RECORD_VALUE_BYTES_MAX } from "../../../src/storage/mod.ts";

/** Runs `use` with an empty store of records, and closes it. */
export type WithRecords = (use: (records: RecordStore) => Promise<void>) => Promise<void>;

/** Why `work` was refused. */
export async function reasonOf(work: Promise<unknown>): Promise<string> {
  const error = await assertRejects(() => work, RecordError);
  return error.reason;
}

const VALUES: readonly JsonValue[] = [
  null,
  true,
  0,
  -1.5e300,
  "",
  "größe 温度 😀 \u0000 \ud800",
  [],
  [1, [2, { a: [null] }]],
  {},
  { hash: "x", salt: [1, 2], isAdmin: false, "__proto__x": 1 },
];

/** Every store of records must pass these: called for each kind. */
export function recordContract(name: string, withRecords: WithRecords): void {
  test(`${name}: what was never put is not there`, () =>
    withRecords(async (records) => {
      assertEquals([...records.list("user")], []);
      assertEquals(records.get("user", "a"), undefined);
      assertEquals(await records.remove("user", "a"), false);
    }));

  test(`${name}: every JSON value is given back as it was put`, () =>
    withRecords(async (records) => {
      for (const [index, value] of VALUES.entries()) {
        await records.put("setting", `größe/${index}`, value);
        assertEquals(records.get("setting", `größe/${index}`), value);
      }
      assertEquals([...records.list("setting").values()], VALUES);
    }));

  test(`${name}: a change is visible at once, and in every list that was taken before`, () =>
    withRecords(async (records) => {
      const list = records.list("user");
      const put = records.put("user", "a", 1);
      assertEquals([...list], [["a", 1]]);
      const removed = records.remove("user", "a");
      assertEquals([...list], []);
      assertEquals(await removed, true);
      await put;
      assertEquals([...list], []);
    }));

  test(`${name}: nobody who has a value can change it for others`, () =>
    withRecords(async (records) => {
      const value = { list: [1] };
      const put = records.put("app", "a", value);
      value.list.push(2);
      await put;
      assertEquals(records.get("app", "a"), { list: [1] });
    }));

  test(`${name}: records stand in order of insertion; one that is replaced keeps its place`, () =>
    withRecords(async (records) => {
      for (const key of ["c", "a", "b", "d"]) await records.put("rule", key, 1);
      await records.put("rule", "a", 2);
      await records.remove("rule", "c");
      await Promise.all([
        records.put("rule", "c", 3),
        records.remove("rule", "d"),
        records.put("rule", "d", 4),
      ]);
      assertEquals([...records.list("rule")], [["a", 2], ["b", 1], ["c", 3], ["d", 4]]);
    }));

  test(`${name}: kinds know nothing of each other`, () =>
    withRecords(async (records) => {
      await records.put("user", "a", 1);
      await records.put("client", "a", 2);
      await records.remove("user", "a");
      assertEquals([records.get("user", "a"), records.get("client", "a")], [undefined, 2]);
    }));

  test(`${name}: what is not allowed is refused, says why and changes nothing`, () =>
    withRecords(async (records) => {
      await records.put("user", "a", 1);
      const circle: JsonValue[] = [];
      circle.push(circle);
      const cases: ReadonlyArray<[key: string, value: JsonValue, reason: string]> = [
        ["", 1, "invalid"],
        ["half \ud800", 1, "invalid"],
        ["k".repeat(RECORD_KEY_BYTES_MAX + 1), 1, "too-large"],
        ["a", "x".repeat(RECORD_VALUE_BYTES_MAX - 1), "too-large"],
        ["a", circle, "invalid"],
        ["a", undefined as unknown as JsonValue, "invalid"],
      ];
      for (const [key, value, reason] of cases) {
        assertEquals(await reasonOf(records.put("user", key, value)), reason);
      }
      assertEquals(await reasonOf(records.put("No word", "a", 1)), "invalid");
      assertThrows(() => records.list("../x"), RecordError, "lower case");
      await records.put("user", "k".repeat(RECORD_KEY_BYTES_MAX), 1);
      await records.put("user", "b", "x".repeat(RECORD_VALUE_BYTES_MAX - 2));
      assertEquals(records.get("user", "a"), 1);
      assertEquals(records.list("user").size, 3);
    }));

  test(`${name}: there may not be any number of kinds`, () =>
    withRecords(async (records) => {
      let refused = "";
      for (let i = 0; refused === "" && i < 1000; i++) {
        await records.put(`kind${i}`, "a", 1).catch((error: RecordError) => refused = error.reason);
      }
      assertEquals(refused, "too-many");
    }));

  test(`${name}: many changes at once all come to their end`, () =>
    withRecords(async (records) => {
      const puts: Promise<unknown>[] = [];
      for (let i = 0; i < 2500; i++) {
        puts.push(records.put("ban", `c${i}`, { reason: "r".repeat(500) }));
      }
      for (let i = 0; i < 2500; i += 2) puts.push(records.remove("ban", `c${i}`));
      await Promise.all(puts);
      assertEquals(records.list("ban").size, 1250);
      assert(!records.list("ban").has("c0") && records.list("ban").has("c2499"));
      assertEquals(await records.reload(["ban"]), 0);
    }));
}
