import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { OutboundBuffer, trimSparePages } from "../../../src/transport/mod.ts";
import type { ByteSocket } from "../../../src/runtime/mod.ts";
import { seededPrng } from "../../support/seed.ts";

/** Takes writes at once or later, as told, and watches over bytes that are not free yet. */
class FakeSocket implements ByteSocket {
  readonly remoteAddress = "";
  readonly remotePort = 0;
  readonly peerCertificate = undefined;
  readonly serverName = undefined;
  readonly chunksAreStable = false;
  readonly received: number[] = [];
  readonly writes: Uint8Array[] = [];
  takesAtOnce = true;
  #pending: { bytes: Uint8Array; start: number; original: Uint8Array } | undefined;

  write(bytes: Uint8Array, start: number, end: number): boolean {
    assert(this.#pending === undefined, "one write at a time");
    assert(start < end && end <= bytes.length, `a range of bytes: ${start} to ${end}`);
    this.writes.push(bytes);
    // Pages may be Buffers, whose slice() shares their memory.
    const original = new Uint8Array(bytes.subarray(start, end));
    if (this.takesAtOnce) this.#receive(original);
    else this.#pending = { bytes, start, original };
    return this.takesAtOnce;
  }

  /** The pending write is done. */
  finish(): void {
    const { bytes, start, original } = this.#pending!;
    const now = new Uint8Array(bytes.subarray(start, start + original.length));
    assertEquals(now, original, "bytes stay as they are");
    this.#receive(original);
    this.#pending = undefined;
  }

  #receive(bytes: Uint8Array): void {
    for (const byte of bytes) this.received.push(byte);
  }

  pause(): void {}
  resume(): void {}
  close(): void {}
  abort(): void {}
}

/** Bytes 0, 1, 2 … */
function counting(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => index);
}

test("OutboundBuffer hands on what was appended, in its order, however it was appended", () => {
  const socket = new FakeSocket();
  const buffer = new OutboundBuffer();
  const bytes = counting(100);
  buffer.append(bytes, 10, 13);
  buffer.appendStamped(bytes, 20, 25, 2, 0xabcd);
  buffer.appendReference(bytes, 30, 33);
  buffer.appendView(bytes.subarray(40, 42));
  buffer.appendRun(bytes, 50, 52);
  assertEquals(buffer.pendingBytes, 15);
  assertEquals(socket.received, [], "nothing before flush");
  buffer.flush(socket);
  const expected = [10, 11, 12, 20, 21, 0xab, 0xcd, 24, 30, 31, 32, 40, 41, 50, 51];
  assertEquals(socket.received, expected);
  assertEquals(buffer.pendingBytes, 0);
  assertEquals([...bytes], [...counting(100)], "stamped is the copy");
});

test("OutboundBuffer.appendRun() leaves neighbours in one write, without a copy", () => {
  const socket = new FakeSocket();
  const buffer = new OutboundBuffer();
  const bytes = counting(50);
  buffer.appendRun(bytes, 5, 10);
  buffer.appendRun(bytes, 10, 30);
  assertEquals(buffer.pendingBytes, 25);
  buffer.flush(socket);
  assertEquals(socket.received, [...bytes.subarray(5, 30)]);
  assertEquals(socket.writes.length, 1);
  assertStrictEquals(socket.writes[0], bytes);
});

test("OutboundBuffer.appendRun() lets shared bytes wait for a write without a copy, others not", () => {
  for (const isShared of [true, false]) {
    const socket = new FakeSocket();
    socket.takesAtOnce = false;
    const buffer = new OutboundBuffer();
    const bytes = counting(50);
    buffer.appendRun(bytes, 0, 10, isShared);
    buffer.flush(socket);
    assertEquals(buffer.appendRun(bytes, 10, 20, isShared), isShared ? 0 : 10);
    assertEquals(buffer.appendRun(bytes, 20, 30, isShared), isShared ? 0 : 10);
    assertEquals(buffer.pendingBytes, 30);
    socket.finish();
    buffer.wrote();
    buffer.flush(socket);
    socket.finish();
    assertEquals(socket.writes[1] === bytes, isShared);
    assertEquals(socket.received, [...bytes.subarray(0, 30)]);
  }
});

test("OutboundBuffer.appendRun() tells what it had to copy, what lay there before included", () => {
  const buffer = new OutboundBuffer();
  assertEquals(buffer.appendRun(counting(50), 0, 10), 0);
  assertEquals(buffer.appendRun(counting(50), 0, 7), 17);
  assertEquals(buffer.appendRun(counting(50), 0, 5), 5);
});

test("OutboundBuffer.appendRun() keeps the order beside all others", () => {
  const bytes = counting(50);
  const others: ReadonlyArray<(buffer: OutboundBuffer) => void> = [
    (buffer) => buffer.append(bytes, 40, 42),
    (buffer) => buffer.appendReference(bytes, 40, 42),
    (buffer) => void buffer.appendRun(counting(50), 40, 42),
    (buffer) => void buffer.appendRun(bytes, 40, 42),
  ];
  for (const other of others) {
    const socket = new FakeSocket();
    const buffer = new OutboundBuffer();
    other(buffer);
    buffer.appendRun(bytes, 0, 2);
    other(buffer);
    buffer.appendRun(bytes, 2, 4);
    buffer.appendRun(bytes, 4, 6);
    other(buffer);
    buffer.flush(socket);
    assertEquals(socket.received, [40, 41, 0, 1, 40, 41, 2, 3, 4, 5, 40, 41]);
    assertEquals(buffer.pendingBytes, 0);
  }
});

test("OutboundBuffer.appendReference() joins neighbours to one write", () => {
  const socket = new FakeSocket();
  const buffer = new OutboundBuffer();
  const bytes = counting(50);
  buffer.appendReference(bytes, 0, 10);
  buffer.appendReference(bytes, 10, 20);
  buffer.appendReference(bytes, 30, 40);
  buffer.flush(socket);
  assertEquals(socket.received, [...bytes.subarray(0, 20), ...bytes.subarray(30, 40)]);
  assertEquals(socket.writes.length, 2);
});

test("OutboundBuffer has one write pending at a time and goes on when it is done", () => {
  const socket = new FakeSocket();
  socket.takesAtOnce = false;
  const buffer = new OutboundBuffer();
  const bytes = counting(100);
  buffer.append(bytes, 0, 10);
  buffer.flush(socket);
  assertEquals([buffer.isWriting, buffer.pendingBytes], [true, 10]);
  buffer.append(bytes, 10, 20);
  buffer.appendReference(bytes, 20, 30);
  buffer.flush(socket);
  assertEquals(socket.writes.length, 1);
  for (const left of [20, 10, 0]) {
    socket.finish();
    buffer.wrote();
    assertEquals(buffer.pendingBytes, left);
    buffer.flush(socket);
    assertEquals(buffer.isWriting, left > 0);
  }
  assertEquals(socket.received, [...bytes.subarray(0, 30)]);
});

test("OutboundBuffer takes a page again when it is free, and not before", () => {
  const [slow, quick] = [new FakeSocket(), new FakeSocket()];
  slow.takesAtOnce = false;
  const [first, second] = [new OutboundBuffer(), new OutboundBuffer()];
  const bytes = counting(10);
  first.append(bytes, 0, 10);
  first.flush(slow);
  for (let round = 0; round < 3; round++) {
    second.append(bytes, 0, 10);
    second.flush(quick);
  }
  assert(!quick.writes.includes(slow.writes[0]!), "a page that is being written is not free");
  assertEquals(new Set(quick.writes).size, 1);
  slow.finish();
  first.wrote();
  second.append(bytes, 0, 10);
  second.flush(quick);
  assertStrictEquals(quick.writes.at(-1), slow.writes[0]);
});

test("OutboundBuffer.clear() forgets everything and does not touch a page that is being written", () => {
  const [slow, quick] = [new FakeSocket(), new FakeSocket()];
  slow.takesAtOnce = false;
  const buffer = new OutboundBuffer();
  const bytes = counting(10);
  buffer.append(bytes, 0, 10);
  buffer.flush(slow);
  buffer.append(bytes, 0, 10);
  buffer.appendReference(bytes, 0, 10);
  buffer.append(bytes, 0, 10);
  buffer.clear();
  assertEquals(buffer.pendingBytes, 0);
  const other = new OutboundBuffer();
  for (let round = 0; round < 5; round++) {
    other.append(bytes, 0, 10);
    other.appendReference(bytes, 0, 1);
  }
  other.flush(quick);
  assert(!quick.writes.includes(slow.writes[0]!));
});

test("OutboundBuffer: bytes out equal bytes in, whatever is appended and however it is taken", () => {
  const prng = seededPrng("OutboundBuffer");
  for (let round = 0; round < 40; round++) {
    const socket = new FakeSocket();
    const buffer = new OutboundBuffer();
    const expected: number[] = [];
    const source = Uint8Array.from({ length: 200_000 }, () => prng.nextInt(256));
    let runAt = 0;
    const finish = (): void => {
      socket.finish();
      buffer.wrote();
      buffer.flush(socket);
    };
    const bytes = (): [start: number, end: number] => {
      const length = 1 + prng.nextInt(prng.pick([10, 100, 4_096, 20_000, 70_000]));
      const start = prng.nextInt(source.length - length);
      return [start, start + length];
    };
    for (let step = 0; step < 60; step++) {
      const [start, end] = bytes();
      const kind = prng.nextInt(7);
      const appended = source.slice(start, end);
      if (kind === 0) buffer.append(source, start, end);
      else if (kind === 1) buffer.appendView(source.subarray(start, end));
      else if (kind === 2) buffer.appendReference(source, start, end);
      else if (kind === 3) {
        const to = Math.min(source.length, runAt + 50);
        buffer.appendRun(source, runAt, to, prng.nextBoolean());
        expected.push(...source.subarray(runAt, to));
        runAt = to === source.length ? 0 : to;
        continue;
      } else if (kind === 4 && appended.length > 1) {
        const [at, stamp] = [prng.nextInt(appended.length - 1), prng.nextInt(65_536)];
        buffer.appendStamped(source, start, end, at, stamp);
        appended[at] = stamp >>> 8;
        appended[at + 1] = stamp & 0xff;
      } else {
        if (prng.nextBoolean(0.3)) socket.takesAtOnce = !socket.takesAtOnce;
        if (buffer.isWriting && prng.nextBoolean()) finish();
        else buffer.flush(socket);
        continue;
      }
      for (const byte of appended) expected.push(byte);
      assertEquals(buffer.pendingBytes + socket.received.length, expected.length);
    }
    buffer.flush(socket);
    while (buffer.isWriting) finish();
    assertEquals(buffer.pendingBytes, 0);
    assertEquals(Uint8Array.from(socket.received), Uint8Array.from(expected));
  }
});

test("trimSparePages() lets go of pages that were not needed since the last call, and of no others", () => {
  const pagesOf = (count: number): Uint8Array[] => {
    const buffers = Array.from({ length: count }, () => new OutboundBuffer());
    const sockets = buffers.map(() => new FakeSocket());
    const bytes = new Uint8Array(100);
    for (const buffer of buffers) buffer.append(bytes, 0, bytes.length);
    buffers.forEach((buffer, index) => buffer.flush(sockets[index]!));
    return sockets.map(({ writes }) => writes[0]!);
  };
  // Others have left some, which go at the second call, when nobody has needed them.
  trimSparePages();
  trimSparePages();
  const burst = new Set(pagesOf(50));
  trimSparePages();
  const few = pagesOf(5);
  assert(few.every((page) => burst.has(page)), "pages serve again");
  trimSparePages();
  const again = pagesOf(50).filter((page) => burst.has(page));
  assertEquals(again.length, 5, "the others are gone");
});
