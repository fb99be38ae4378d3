import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { LentList } from "../../../src/routing/lent_list.ts";
import { seededPrng } from "../../support/seed.ts";

interface Item {
  readonly key: number;
  readonly value: number;
}

class Items extends LentList<number, Item> {
  protected override keyOf(item: Item): number {
    return item.key;
  }
}

test("LentList behaves as a Map does, and what it lent never changes", () => {
  const prng = seededPrng("LentList");
  for (const keyCount of [3, 20, 200]) {
    const list = new Items();
    const model = new Map<number, Item>();
    let lent: readonly Item[] = [];
    let lentThen: readonly Item[] = [];
    for (let step = 0; step < 6000; step++) {
      const key = prng.nextInt(keyCount);
      if (prng.nextInt(10) < (step % 2000 < 1000 ? 7 : 3)) {
        const item = { key, value: step };
        assertEquals(list.put(item), model.has(key) ? "replaced" : "added");
        model.set(key, item);
      } else {
        assert(list.remove(key) === model.get(key));
        model.delete(key);
      }
      assertEquals(list.length, model.size);
      const wanted = prng.nextInt(keyCount);
      assert(list.get(wanted) === model.get(wanted));
      const position = list.positionOf(wanted);
      assertEquals(position >= 0, model.has(wanted));
      if (position >= 0) assert(list.at(position) === model.get(wanted));
      assertEquals(lent, lentThen);
      if (prng.nextInt(8) === 0) {
        lent = list.lend();
        lentThen = [...lent];
        assertEquals(new Set(lent), new Set(model.values()));
        assertEquals(list.copy(), lentThen);
      }
    }
  }
});

test("LentList lends the same array as long as nothing changes", () => {
  const list = new Items();
  list.put({ key: 1, value: 1 });
  const lent = list.lend();
  assert(list.lend() === lent);
  list.put({ key: 1, value: 2 });
  assert(list.lend() !== lent);
});
