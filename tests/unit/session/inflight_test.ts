import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { AssertionError } from "../../../src/base/mod.ts";
import { Inflight, InflightState } from "../../../src/session/mod.ts";
import { seededPrng } from "../../support/seed.ts";

const PACKET_ID_MAX = 65535;

test("Inflight gives out packet identifiers from 1 on, one after the other", () => {
  const inflight = new Inflight<string>();
  assertEquals([inflight.add(1, "a"), inflight.add(2, "b"), inflight.add(1, "c")], [1, 2, 3]);
  assertEquals(inflight.count, 3);
  assertEquals(inflight.state(1), InflightState.awaitsPuback);
  assertEquals(inflight.state(2), InflightState.awaitsPubrec);
  assertEquals(inflight.item(2), "b");
  assertEquals(inflight.state(4), InflightState.free);
  assertEquals(inflight.item(4), undefined);
});

test("Inflight.release() lets the message go and keeps the identifier", () => {
  const inflight = new Inflight<string>();
  const id = inflight.add(2, "m");
  inflight.release(id);
  assertEquals(inflight.state(id), InflightState.awaitsPubcomp);
  assertEquals(inflight.item(id), undefined);
  assertEquals(inflight.count, 1);
  inflight.remove(id);
  assertEquals(inflight.state(id), InflightState.free);
  assertEquals(inflight.count, 0);
});

test("Inflight.release() and remove() of what is not so is a bug of the caller", () => {
  const inflight = new Inflight<string>();
  const id = inflight.add(1, "m");
  assertThrows(() => inflight.release(id), AssertionError);
  assertThrows(() => inflight.remove(id + 1), AssertionError);
  assertEquals(inflight.count, 1);
});

test("Inflight goes on with 1 behind 65535", () => {
  const inflight = new Inflight<number>();
  for (let n = 1; n < PACKET_ID_MAX; n++) inflight.remove(inflight.add(1, n));
  const ids = [inflight.add(1, 1), inflight.add(1, 2), inflight.add(2, 3)];
  assertEquals(ids, [PACKET_ID_MAX, 1, 2]);
  assertEquals(inflight.inOrder(), ids);
  assertEquals(ids.map((id) => inflight.item(id)), [1, 2, 3]);
});

test("Inflight holds all 65535 identifiers at once, and not one more", () => {
  const inflight = new Inflight<number>();
  for (let n = 1; n <= PACKET_ID_MAX; n++) {
    assertEquals(inflight.isExhausted, false);
    assertEquals(inflight.add(1, n), n);
  }
  assertEquals(inflight.isExhausted, true);
  assertThrows(() => inflight.add(1, 0), AssertionError);
  inflight.remove(4711);
  assertEquals(inflight.add(2, -1), 4711);
  assertEquals(inflight.isExhausted, true);
  const order = inflight.inOrder();
  assertEquals(order.length, PACKET_ID_MAX);
  assertEquals(order.at(-1), 4711, "sent last, so it comes last");
  for (let id = 1; id <= PACKET_ID_MAX; id++) inflight.remove(id);
  assertEquals(inflight.count, 0);
});

test("Inflight keeps the order of sending when identifiers have gone round an old one", () => {
  const inflight = new Inflight<string>();
  const oldest = inflight.add(1, "oldest");
  for (let id = oldest; id < PACKET_ID_MAX - 2;) {
    id = inflight.add(1, "done");
    inflight.remove(id);
  }
  const later = ["second", "third", "fourth", "fifth"].map((item) => inflight.add(1, item));
  assert(later[0]! > later[3]!, "they began anew");
  assertEquals(inflight.inOrder(), [oldest, ...later]);
  assert(inflight.order(oldest) < inflight.order(later[0]!));
  assert(inflight.order(later[0]!) < inflight.order(later[3]!));
});

test("Inflight needs no more room when one message is never acknowledged", () => {
  const inflight = new Inflight<string>();
  const stuck = inflight.add(1, "stuck");
  const slotsBefore = inflight.slots;
  for (let n = 0; n < 3 * PACKET_ID_MAX; n++) {
    const id = inflight.add(1, "passing");
    assert(id !== stuck);
    inflight.remove(id);
  }
  assertEquals(inflight.slots, slotsBefore);
  assertEquals(inflight.item(stuck), "stuck");
});

test("Inflight gives room back when nothing is in flight any more", () => {
  const inflight = new Inflight<string>();
  const slotsAtFirst = inflight.slots;
  const ids = Array.from({ length: 10_000 }, () => inflight.add(1, "m"));
  assert(inflight.slots >= 10_000);
  for (const id of ids) inflight.remove(id);
  assertEquals(inflight.slots, slotsAtFirst);
  assertEquals(inflight.add(1, "m"), 10_001);
});

test("Inflight does what a list in the order of sending does", () => {
  const prng = seededPrng("Inflight");
  const inflight = new Inflight<number>();
  let model: { id: number; state: InflightState; item: number | undefined }[] = [];
  let lastItem = 0;
  let goal = 10;
  for (let step = 0; step < 150_000; step++) {
    if (step % 2_000 === 0) goal = prng.pick([0, 3, 10, 40, 300]);
    if (model.length < goal || prng.nextBoolean(0.2)) {
      const qos = prng.nextBoolean() ? 1 : 2;
      const item = prng.nextBoolean(0.8) ? ++lastItem : undefined;
      const id = inflight.add(qos, item);
      assert(id >= 1 && id <= PACKET_ID_MAX);
      assert(!model.some((entry) => entry.id === id), `${id} is in use`);
      const state = qos === 1 ? InflightState.awaitsPuback : InflightState.awaitsPubrec;
      model.push({ id, state, item });
    }
    if (model.length === 0 || (model.length < goal && prng.nextBoolean(0.9))) continue;
    // Mostly the oldest, as clients do, but the very oldest may stay for long.
    const index = prng.nextBoolean(0.8)
      ? Math.min(1, model.length - 1)
      : prng.nextInt(model.length);
    const entry = model[index]!;
    assertEquals(inflight.state(entry.id), entry.state);
    assertEquals(inflight.item(entry.id), entry.item);
    if (entry.state === InflightState.awaitsPubrec && prng.nextBoolean(0.9)) {
      inflight.release(entry.id);
      Object.assign(entry, { state: InflightState.awaitsPubcomp, item: undefined });
    } else {
      inflight.remove(entry.id);
      model = model.filter((other) => other !== entry);
    }
    assertEquals(inflight.count, model.length);
    if (step % 500 === 0) assertEquals(inflight.inOrder(), model.map(({ id }) => id));
  }
});

test("Inflight.addAt() gives out the identifier that is asked for, as long as that costs little", () => {
  const inflight = new Inflight<string>();
  assertEquals(inflight.addAt(40_000, 2, "a", 40_000, 9), true);
  assertEquals([inflight.state(40_000), inflight.item(40_000)], [InflightState.awaitsPubrec, "a"]);
  assertEquals(inflight.addAt(40_000, 2, "again", 1, 0), false);
  // The same slot of a ring of 16: it has room for one that is in use only.
  assertEquals(inflight.addAt(40_016, 1, "b", 40_016, 1), false);
  for (let id = 1; id <= 3; id++) inflight.addAt(id, 1, "c", id, 0);
  assertEquals(inflight.addAt(40_016, 1, "b", 40_016, 1), true);
  assertEquals([inflight.slots, inflight.item(40_000), inflight.item(40_016)], [32, "a", "b"]);
  assertEquals(inflight.oldestSeq(9), 1);
  assertEquals(new Inflight().oldestSeq(9), 9);
});

test("Inflight.add() begins its search where it is told to", () => {
  const inflight = new Inflight<string>();
  assertEquals(inflight.add(1, "a", 0, 0, 500), 501);
  assertEquals(inflight.add(1, "b", 0, 0, 65535), 1);
  assertEquals(inflight.add(1, "c"), 2);
});

test("Inflight.addMany() gives out as many free identifiers as are wanted, in order, and no more than there are", () => {
  const prng = seededPrng("many packet identifiers");
  const inflight = new Inflight<number>();
  const ids = new Uint16Array(600);
  for (let round = 0; round < 400; round++) {
    const count = prng.nextInt(600);
    const before = inflight.inOrder();
    assertEquals(inflight.addMany(1, count, ids), count);
    assertEquals(inflight.inOrder(), [...before, ...ids.subarray(0, count)]);
    assertEquals(inflight.count, new Set(inflight.inOrder()).size);
    for (const id of inflight.inOrder()) {
      if (prng.nextBoolean(0.95)) assertEquals(inflight.acknowledge(id), 0);
    }
  }
  const all = new Uint16Array(70_000);
  const left = PACKET_ID_MAX - inflight.count;
  assertEquals([inflight.addMany(2, all.length, all), inflight.isExhausted], [left, true]);
  assertEquals(new Set(inflight.inOrder()).size, PACKET_ID_MAX);
  assertEquals(inflight.state(all[0]!), InflightState.awaitsPubrec);
  assertEquals(inflight.addMany(2, 1, all), 0);
});
