import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { PacketIdSet } from "../../../src/session/packet_id_set.ts";
import { seededPrng } from "../../support/seed.ts";

test("PacketIdSet is a set, with few and with very many", () => {
  const prng = seededPrng("PacketIdSet");
  const set = new PacketIdSet();
  const model = new Set<number>();
  for (const [steps, add] of [[2000, 0.9], [5000, 0.1], [3000, 0.6], [200_000, 0.02]] as const) {
    for (let step = 0; step < steps; step++) {
      const id = 1 + prng.nextInt(2000) * 32 + prng.nextInt(2);
      if (prng.nextBoolean(add)) {
        set.add(id);
        model.add(id);
      } else assertEquals(set.delete(id), model.delete(id));
      assertEquals([set.has(id), set.size], [model.has(id), model.size]);
    }
    assertEquals([...set.values()].sort(), [...model].sort());
  }
  for (const id of [...model]) assertEquals(set.delete(id), true);
  assertEquals([set.size, [...set.values()], set.delete(1)], [0, [], false]);
});

test("PacketIdSet holds every identifier there is", () => {
  const set = new PacketIdSet();
  for (let id = 1; id <= 65_535; id++) set.add(id);
  assertEquals([set.size, set.has(0), set.has(1), set.has(65_535)], [65_535, false, true, true]);
});
