import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import { BatchViews, WINDOW_BODY_MAX } from "../../../src/storage/sqlite/batch_views.ts";

const MEMORY_BYTES = 64 * 1024;

function filled(): SharedArrayBuffer {
  const memory = new SharedArrayBuffer(MEMORY_BYTES);
  const bytes = new Uint8Array(memory);
  for (let index = 0; index < bytes.length; index++) bytes[index] = (index * 31) ^ (index >> 8);
  return memory;
}

test("whatever lies anywhere in the memory is in the view that is given for it", () => {
  const prng = new Prng(7);
  const views = new BatchViews(filled());
  for (let turn = 0; turn < 5000; turn++) {
    const length = 1 + prng.nextInt(prng.nextBoolean(0.2) ? 8000 : WINDOW_BODY_MAX + 8);
    const start = prng.nextInt(MEMORY_BYTES - length + 1);
    const view = views.windowOf(start, length);
    const at = start - view.byteOffset;
    assert(at >= 0 && at + length <= view.length, `${length} bytes at ${start}`);
    assertEquals(view.subarray(at, at + length), views.bytes.subarray(start, start + length));
  }
});

test("the longest body of a window is in it wherever it begins, also at the end of the memory", () => {
  const views = new BatchViews(filled());
  for (let start = MEMORY_BYTES - 3 * WINDOW_BODY_MAX; start <= MEMORY_BYTES; start++) {
    const length = Math.min(WINDOW_BODY_MAX, MEMORY_BYTES - start);
    if (length === 0) break;
    const view = views.windowOf(start, length);
    assert(start - view.byteOffset + length <= view.length, `${length} bytes at ${start}`);
  }
});

test("small bodies have the views that others had before them", () => {
  const views = new BatchViews(filled());
  const known = new Set<Uint8Array>();
  for (let start = 0; start + 100 <= MEMORY_BYTES; start += 4) {
    known.add(views.windowOf(start, 100));
  }
  assertEquals(known.size, MEMORY_BYTES / WINDOW_BODY_MAX);
  assertStrictEquals(views.windowOf(600, 7), views.windowOf(900, WINDOW_BODY_MAX));
});
