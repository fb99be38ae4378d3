import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type Sequenced, SequenceList } from "../../../src/base/mod.ts";
import { seededPrng } from "../../support/seed.ts";

class Item implements Sequenced {
  sequence = 0;
}

test("SequenceList behaves as an array does from which items are spliced, whatever is done to it", () => {
  const prng = seededPrng("SequenceList");
  const list = new SequenceList<Item>();
  const model: Item[] = [];
  for (let step = 0; step < 40_000; step++) {
    const isGrowing = step % 10_000 < 6_000;
    if (prng.nextInt(10) < (isGrowing ? 8 : 1)) {
      const item = new Item();
      list.append(item);
      model.push(item);
    } else if (model.length > 0) {
      const [gone] = model.splice(prng.nextInt(model.length), 1);
      assertEquals(list.remove(gone as Item), true);
      assertEquals(list.remove(gone as Item), false);
    }
    assertEquals(list.length, model.length);
    if (step % 250 !== 0) continue;
    const [position, limit] = [prng.nextInt(model.length + 2), prng.nextInt(2000)];
    assertEquals(list.slice(position, limit), model.slice(position, position + limit));
    const sequence = model[position]?.sequence ?? 0;
    const from = sequence === 0 ? 0 : position + 1;
    assertEquals(list.after(sequence, limit), model.slice(from, from + limit));
  }
});

test("SequenceList.after() goes on behind an item that is gone", () => {
  const list = new SequenceList<Item>();
  const [a, b, c] = [new Item(), new Item(), new Item()];
  for (const item of [a, b, c]) list.append(item);
  const { sequence } = b;
  list.remove(b);
  assertEquals(list.after(sequence, 10), [c]);
  assertEquals(list.after(c.sequence, 10), []);
  list.remove(a);
  list.remove(c);
  assertEquals([list.after(0, 10), list.slice(0, 10), list.length], [[], [], 0]);
});

test("SequenceList.remove() refuses what is in no list", () => {
  const list = new SequenceList<Item>();
  assertEquals(list.remove(new Item()), false);
  list.append(new Item());
  assertEquals(list.remove(new Item()), false);
  assertEquals(list.length, 1);
});
