import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { AssertionError, Deque } from "../../../src/base/mod.ts";
import { seededPrng } from "../../support/seed.ts";

test("Deque behaves as an array does, whatever is done to it", () => {
  const prng = seededPrng("Deque");
  const deque = new Deque<number>();
  let model: number[] = [];
  // Long phases of growing and of shrinking, so that the ring is resized both ways.
  for (let step = 0; step < 50_000; step++) {
    const isGrowing = step % 5000 < 2500;
    if (prng.nextInt(50) === 0) {
      const count = prng.nextInt(Math.min(model.length, isGrowing ? 10 : 1000) + 1);
      model.splice(0, count), deque.shiftMany(count);
    }
    const operation = prng.nextInt(10);
    if (operation < (isGrowing ? 4 : 2)) model.push(step), deque.push(step);
    else if (operation < (isGrowing ? 6 : 3)) model.unshift(step), deque.unshift(step);
    else if (operation < 8) assertEquals(deque.shift(), model.shift());
    else if (operation < 9) assertEquals(deque.pop(), model.pop());
    else if (model.length > 0) {
      const index = prng.nextInt(model.length);
      model[index] = step;
      deque.set(index, step);
    }
    if (prng.nextInt(20_000) === 0) model = [], deque.clear();
    assertEquals(deque.length, model.length);
    const index = prng.nextInt(model.length + 2) - 1;
    assertEquals(deque.at(index), model[index]);
    if (step % 500 === 0) assertEquals([...deque], model);
  }
});

test("Deques that hand on what they no longer need never have an item of another", () => {
  const prng = seededPrng("Deques");
  const deques = Array.from({ length: 6 }, () => new Deque<number>());
  const models: number[][] = deques.map(() => []);
  for (let step = 0; step < 3_000; step++) {
    const which = prng.nextInt(deques.length);
    const [deque, model] = [deques[which]!, models[which]!];
    const count = prng.nextInt(prng.pick([3, 40, 700]));
    if (prng.nextBoolean(0.5)) {
      for (let item = 0; item < count; item++) model.push(step), deque.push(step);
    } else if (prng.nextBoolean(0.2)) model.length = 0, deque.clear();
    else {
      const taken = Math.min(count, model.length);
      if (prng.nextBoolean(0.5)) model.splice(0, taken), deque.shiftMany(taken);
      else for (let item = 0; item < taken; item++) assertEquals(deque.shift(), model.shift());
    }
    assertEquals([...deque], model);
  }
});

test("Deque is empty at both ends when it is empty", () => {
  const deque = new Deque<number>();
  assertEquals([deque.shift(), deque.pop(), deque.at(0), deque.length], [
    undefined,
    undefined,
    undefined,
    0,
  ]);
});

test("Deque.shiftMany() refuses to take more than there are", () => {
  const deque = new Deque<number>();
  deque.push(1);
  assertThrows(() => deque.shiftMany(2), AssertionError);
});

test("Deque.set() refuses an index that has no item", () => {
  const deque = new Deque<number>();
  deque.push(1);
  assertThrows(() => deque.set(1, 5), AssertionError);
});

test("Deque notices that it is changed while it is iterated", () => {
  const deque = new Deque<number>();
  for (const item of [1, 2, 3]) deque.push(item);
  assertThrows(() => {
    for (const item of deque) deque.push(item);
  }, AssertionError);
});
