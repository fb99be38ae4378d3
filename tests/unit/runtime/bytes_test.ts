import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { allocateBytes, copyAlone, copyBytes, copyOut } from "../../../src/runtime/mod.ts";
import { seededPrng } from "../../support/seed.ts";

test("copyBytes() copies just the range to just its place", () => {
  const prng = seededPrng("copyBytes()");
  const source = Uint8Array.from({ length: 9_000 }, () => prng.nextInt(256));
  for (
    const length of [0, 1, 2, 23, 24, 25, 26, 31, 32, 33, 64, 65, 100, 199, 200, 201, 4096, 8_000]
  ) {
    for (let round = 0; round < 5; round++) {
      const start = prng.nextInt(source.length - length + 1);
      const offset = prng.nextInt(50);
      const target = new Uint8Array(offset + length + 7).fill(0xee);
      const expected = target.slice();
      for (let i = 0; i < length; i++) expected[offset + i] = source[start + i]!;
      copyBytes(target, offset, source, start, start + length);
      assertEquals(target, expected);
    }
  }
});

test("copyBytes() copies from and to views of larger buffers", () => {
  const memory = Uint8Array.from({ length: 300 }, (_, index) => index % 256);
  const source = memory.subarray(100, 200);
  const target = new Uint8Array(400).fill(0xee).subarray(50, 350);
  copyBytes(target, 10, source, 5, 85);
  assertEquals([...target.subarray(9, 12)], [0xee, 105, 106]);
  assertEquals([...target.subarray(88, 91)], [183, 184, 0xee]);
});

test("copyBytes() copies every pattern of bits, from and to any buffer in turn", () => {
  const prng = seededPrng("copyBytes() in turn");
  const make = (): Uint8Array => {
    const isShared = prng.nextBoolean(0.3);
    const buffer = isShared ? new SharedArrayBuffer(1_000) : new ArrayBuffer(1_000);
    const bytes = prng.nextBoolean(0.2)
      ? new Uint8Array(prng.pick([60, 64, 65, 70]))
      : new Uint8Array(buffer, prng.nextInt(9), prng.pick([65, 400, 900]));
    return bytes.map(() => prng.pick([0, 0xff, 0x7f, 0xf0, prng.nextInt(256)]));
  };
  const arrays = Array.from({ length: 12 }, make);
  for (let round = 0; round < 4_000; round++) {
    const [source, target] = [prng.pick(arrays), prng.pick(arrays)];
    const length = prng.nextInt(Math.min(source.length, target.length) + 1);
    const start = prng.nextInt(source.length - length + 1);
    const offset = prng.nextInt(target.length - length + 1);
    if (source === target && start < offset) continue;
    const expected = [...target];
    expected.splice(offset, length, ...source.slice(start, start + length));
    copyBytes(target, offset, source, start, start + length);
    assertEquals([...target], expected);
  }
});

test("copyOut() and copyAlone() give copies that share no byte with another", () => {
  const prng = seededPrng("copyOut()");
  const source = Uint8Array.from({ length: 5_000 }, () => prng.nextInt(256));
  const copies: { copy: Uint8Array; expected: Uint8Array }[] = [];
  for (let round = 0; round < 500; round++) {
    const start = prng.nextInt(1_000);
    const end = start + prng.nextInt(prng.pick([1, 30, 1_025, 4_000]));
    const make = prng.pick([copyOut, copyAlone]);
    const copy = make(source, start, end);
    assertEquals(copy, source.slice(start, end));
    // Whoever owns a copy may write to it.
    copy.fill(round % 256);
    copies.push({ copy, expected: new Uint8Array(end - start).fill(round % 256) });
  }
  for (const { copy, expected } of copies) assertEquals(copy, expected);
});

test("copyOut() holds on to little more than the copy, copyAlone() to nothing more", () => {
  const source = new Uint8Array(10_000);
  for (const length of [0, 1, 1_000, 1_024, 1_025, 8_192, 10_000]) {
    const { byteLength } = copyOut(source, 0, length).buffer;
    assert(byteLength <= length + 8_192, `${byteLength} bytes for ${length}`);
    assertEquals(copyAlone(source, 0, length).buffer.byteLength, length);
  }
});

test("allocateBytes() gives an array of its own", () => {
  for (const length of [0, 1, 4096, 65536]) {
    const bytes = allocateBytes(length);
    assertEquals([bytes.length, bytes.byteOffset, bytes.buffer.byteLength], [length, 0, length]);
  }
});
