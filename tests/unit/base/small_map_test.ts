import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type SmallMap, smallMapAdd, smallMapGet, smallMapRemove } from "../../../src/base/mod.ts";
import { seededPrng } from "../../support/seed.ts";

interface Item {
  readonly key: string;
}

test("a small map behaves as a Map does", () => {
  const prng = seededPrng("SmallMap");
  for (const keyCount of [3, 9, 30]) {
    const model = new Map<string, Item>();
    let map: SmallMap<Item> = undefined;
    for (let step = 0; step < 5000; step++) {
      const key = `key-${prng.nextInt(keyCount)}`;
      if (prng.nextBoolean() && !model.has(key)) {
        const item = { key };
        model.set(key, item);
        map = smallMapAdd(map, item);
      } else {
        model.delete(key);
        map = smallMapRemove(map, key);
      }
      const wanted = `key-${prng.nextInt(keyCount)}`;
      assert(smallMapGet(map, wanted) === model.get(wanted));
      assertEquals(map === undefined, model.size === 0);
      if (step % 100 === 0) {
        const keys = [...(map?.values() ?? [])].map((item) => item.key);
        assertEquals(keys.sort(), [...model.keys()].sort());
      }
    }
  }
});

test("a small map that was large is nothing again when it is empty", () => {
  let map: SmallMap<Item> = undefined;
  for (let i = 0; i < 20; i++) map = smallMapAdd(map, { key: `${i}` });
  assert(map instanceof Map);
  for (let i = 0; i < 20; i++) map = smallMapRemove(map, `${i}`);
  assertEquals(map, undefined);
});

test("a small map that is an array is replaced and not changed", () => {
  const one = smallMapAdd<Item>(undefined, { key: "a" });
  const two = smallMapAdd(one, { key: "b" });
  smallMapRemove(two, "a");
  assertEquals(one, [{ key: "a" }]);
  assertEquals(two, [{ key: "a" }, { key: "b" }]);
});
