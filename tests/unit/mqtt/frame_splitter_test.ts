import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import { type FrameSink, FrameSplitter, ProtocolError, ReasonCode } from "../../../src/mqtt/mod.ts";
import { Prng } from "../../../src/base/mod.ts";
import { bodyOf, bytesOf, hex, packet, seedOfRun, varint } from "./frames.ts";

const NO_LIMIT = 268_435_460;

/** Copies what it is given, and stops where `stops` says so. */
class Frames implements FrameSink {
  readonly list: Uint8Array[] = [];
  ownedCount = 0;
  stops: (index: number) => boolean = () => false;

  onFrame(
    bytes: Uint8Array,
    start: number,
    bodyStart: number,
    end: number,
    owned: boolean,
  ): boolean {
    const frame = new Uint8Array(bytes.subarray(start, end));
    assertEquals(bodyStart - start, bodyOf(frame), "the body begins behind the fixed header");
    if (owned) {
      this.ownedCount++;
      // The buffer may have served a larger frame before.
      assertEquals([start, end], [0, frame.length]);
      assert(bytes.length >= frame.length);
    }
    this.list.push(frame);
    return !this.stops(this.list.length - 1);
  }
}

function filled(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, i) => i * 7 & 255);
}

const PINGREQ = packet(0xc0);

test("FrameSplitter hands on frames of every header size in place", () => {
  const frames = [PINGREQ, packet(0x30, filled(127)), packet(0x32, filled(128))]
    .concat([packet(0x30, filled(16_384)), packet(0x30, filled(2_097_152)), PINGREQ]);
  const chunk = bytesOf(...frames);
  const sink = new Frames();
  const splitter = new FrameSplitter(NO_LIMIT);
  assertEquals(splitter.push(chunk, sink), true);
  assertEquals(sink.list.map((frame) => frame.length), frames.map((frame) => frame.length));
  assertEquals(bytesOf(...sink.list), chunk);
  assertEquals([sink.ownedCount, splitter.pendingBytes], [0, 0]);
});

test("FrameSplitter does not copy a frame that lies inside the chunk", () => {
  const chunk = bytesOf(PINGREQ, packet(0x30, filled(10)));
  const seen: Array<[Uint8Array, number, number, number]> = [];
  new FrameSplitter(NO_LIMIT).push(chunk, {
    onFrame(bytes, start, bodyStart, end): boolean {
      seen.push([bytes, start, bodyStart, end]);
      return true;
    },
  });
  assert(seen.every(([bytes]) => bytes === chunk));
  assertEquals(seen.map(([, ...offsets]) => offsets), [[0, 2, 2], [2, 4, 14]]);
});

test("FrameSplitter gathers frames from single bytes", () => {
  const stream = bytesOf(packet(0x30, filled(200)), PINGREQ, packet(0x30, filled(20_000)));
  const sink = new Frames();
  const splitter = new FrameSplitter(NO_LIMIT);
  for (let i = 0; i < stream.length; i++) splitter.push(stream.subarray(i, i + 1), sink);
  assertEquals(bytesOf(...sink.list), stream);
  assertEquals([sink.ownedCount, splitter.pendingBytes], [3, 0]);
});

test("FrameSplitter takes an empty chunk in any state", () => {
  const sink = new Frames();
  const splitter = new FrameSplitter(NO_LIMIT);
  const nothing = new Uint8Array(0);
  assertEquals(splitter.push(nothing, sink), true);
  for (const byte of packet(0x30, filled(200))) {
    assertEquals(splitter.push(Uint8Array.of(byte), sink), true);
    assertEquals(splitter.push(nothing, sink), true);
  }
  assertEquals(sink.list.length, 1);
});

test("FrameSplitter refuses a remaining length of more than four bytes", () => {
  const bad = [0x30, 0x80, 0x80, 0x80, 0x80];
  const whole = new FrameSplitter(NO_LIMIT);
  const error = assertThrows(() => whole.push(bytesOf(bad), new Frames()), ProtocolError);
  assertEquals(error.reasonCode, ReasonCode.malformedPacket);

  const bytewise = new FrameSplitter(NO_LIMIT);
  for (const byte of bad.slice(0, 4)) bytewise.push(Uint8Array.of(byte), new Frames());
  assertThrows(() => bytewise.push(Uint8Array.of(0x80), new Frames()), ProtocolError);
});

test("FrameSplitter leaves a remaining length that is not in its shortest form to the decoders", () => {
  const sink = new Frames();
  new FrameSplitter(NO_LIMIT).push(bytesOf(0xc0, 0x80, 0x80, 0x00, PINGREQ), sink);
  assertEquals(sink.list.map(hex), ["c0 80 80 00", "c0 00"]);
});

test("FrameSplitter refuses a packet that is too large as soon as its header is there", () => {
  const large = bytesOf(0x30, varint(1000));
  const limit = new FrameSplitter(1003);
  assertEquals(limit.push(large, new Frames()), true, "1003 bytes are announced by 3 of them");
  const cases = [new FrameSplitter(1002), new FrameSplitter(1002)];
  for (const byte of large.subarray(0, 2)) cases[1]!.push(Uint8Array.of(byte), new Frames());
  for (const [splitter, chunk] of [[cases[0]!, large], [cases[1]!, large.subarray(2)]] as const) {
    const error = assertThrows(() => splitter.push(chunk, new Frames()), ProtocolError);
    assertEquals(error.reasonCode, ReasonCode.packetTooLarge);
  }
});

test("FrameSplitter takes a packet of exactly the largest size, and a new limit for the next", () => {
  const sink = new Frames();
  const splitter = new FrameSplitter(102);
  const frame = packet(0x30, filled(100));
  assertEquals(splitter.push(frame, sink), true);
  splitter.setMaxPacketSize(101);
  assertThrows(() => splitter.push(frame, sink), ProtocolError);
  assertEquals(sink.list.length, 1);
});

test("FrameSplitter hands on the frames before one that it refuses", () => {
  const sink = new Frames();
  const chunk = bytesOf(PINGREQ, packet(0x30, filled(10)), packet(0x30, filled(200)));
  assertThrows(() => new FrameSplitter(100).push(chunk, sink), ProtocolError);
  assertEquals(sink.list.length, 2);
});

test("FrameSplitter counts what it holds", () => {
  const sink = new Frames();
  const splitter = new FrameSplitter(NO_LIMIT);
  splitter.push(bytesOf(PINGREQ, 0x30), sink);
  assertEquals(splitter.pendingBytes, 1);
  splitter.push(bytesOf(0xff), sink);
  assertEquals(splitter.pendingBytes, 2);
  splitter.push(bytesOf(0xff, 0x7f, 1, 2, 3), sink);
  assertEquals(splitter.pendingBytes, 7);
  splitter.push(new Uint8Array(2_097_151 - 3), sink);
  assertEquals([splitter.pendingBytes, sink.list.length], [0, 2]);
});

test("FrameSplitter allocates with what arrives, not with what is announced", () => {
  const original = globalThis.Uint8Array;
  const sizes: number[] = [];
  const counting = new Proxy(original, {
    construct(target, parameters, newTarget): object {
      if (typeof parameters[0] === "number") sizes.push(parameters[0]);
      return Reflect.construct(target, parameters, newTarget);
    },
  });
  const splitter = new FrameSplitter(NO_LIMIT);
  const sink = new Frames();
  const header = bytesOf(0x30, varint(268_435_455));
  const piece = new original(10_000);
  globalThis.Uint8Array = counting;
  try {
    splitter.push(header, sink);
    for (let i = 0; i < 10; i++) splitter.push(piece, sink);
  } finally {
    globalThis.Uint8Array = original;
  }
  assertEquals(splitter.pendingBytes, 100_005);
  assert(sizes.length <= 6, `grows geometrically: ${sizes}`);
  assert(Math.max(...sizes) <= 2 * 100_005, `no more than twice what came: ${sizes}`);
});

test("FrameSplitter stops where the sink says so, and goes on with resume()", () => {
  const frames = [packet(0x30, 1), packet(0x31, 2, 2), packet(0x32, 3, 3, 3), packet(0x33, 4)];
  const chunk = Buffer.from(bytesOf(...frames, 0x34, 5, 1));
  const sink = new Frames();
  sink.stops = (index): boolean => index === 1 || index === 2;
  const splitter = new FrameSplitter(NO_LIMIT);
  // A Buffer, as some runtimes hand out: its slice() is a view, which must not be kept.
  assertEquals(splitter.push(chunk, sink), false);
  chunk.fill(0); // belongs to the caller again
  assertEquals([sink.list.length, splitter.pendingBytes], [2, 5 + 3 + 3]);
  assertEquals(splitter.push(Uint8Array.of(2, 3, 4, 5), sink), false, "only kept");
  assertEquals(sink.list.length, 2);
  assertEquals(splitter.resume(sink), false);
  assertEquals(sink.list.length, 3);
  assertEquals(splitter.push(PINGREQ, sink), false);
  assertEquals(splitter.resume(sink), true);
  assertEquals(sink.list.map(hex), [
    ...frames.map(hex),
    "34 05 01 02 03 04 05",
    "c0 00",
  ]);
  assertEquals(splitter.pendingBytes, 0);
  assertEquals(splitter.resume(sink), true, "nothing to resume");
});

test("FrameSplitter stops behind the last frame of a chunk and keeps what comes then", () => {
  const sink = new Frames();
  sink.stops = (index): boolean => index === 0;
  const splitter = new FrameSplitter(NO_LIMIT);
  assertEquals(splitter.push(PINGREQ, sink), false);
  assertEquals(splitter.pendingBytes, 0);
  assertEquals(splitter.push(PINGREQ, sink), false);
  assertEquals([sink.list.length, splitter.pendingBytes], [1, 2]);
  assertEquals(splitter.resume(sink), true);
  assertEquals([sink.list.length, splitter.pendingBytes], [2, 0]);
});

test("FrameSplitter keeps a rest of a chunk that is stable where it is, and copies of another", () => {
  const frames = Array.from({ length: 6 }, (_, index) => packet(0x30, filled(20 + index)));
  const sink = new Frames();
  const places: Uint8Array[] = [];
  const noting: FrameSink = {
    onFrame: (bytes, ...rest): boolean => {
      places.push(bytes);
      return sink.onFrame(bytes, ...rest);
    },
  };
  sink.stops = (): boolean => true;
  const splitter = new FrameSplitter(NO_LIMIT);
  const stable = bytesOf(...frames.slice(0, 2));
  const passing = bytesOf(...frames.slice(2, 4));
  splitter.push(stable, noting, true);
  // Behind the rest of one that is not ours to write to.
  splitter.push(passing, noting, false);
  passing.fill(0);
  while (!splitter.resume(noting));
  splitter.push(stable.slice(), noting, true);
  const last = bytesOf(...frames.slice(4));
  while (!splitter.resume(noting));
  splitter.push(last, noting, false);
  last.fill(0);
  while (!splitter.resume(noting));
  assertEquals(
    sink.list.map(hex),
    [...frames.slice(0, 4), ...frames.slice(0, 2), ...frames.slice(4)].map(hex),
  );
  assert(places[4] === places[5], "the rest was kept in place");
  assert(places[6] !== places[7], "the rest was copied");
  assert(Buffer.from(stable).equals(bytesOf(...frames.slice(0, 2))), "nobody wrote to it");
});

test("FrameSplitter gives the same frames for every chunking, with and without stops", () => {
  const prng = new Prng(seedOfRun("frame_splitter"));
  const sizes = [0, 1, 2, 100, 126, 127, 128, 129, 1000, 16_383, 16_384, 16_385, 40_000];
  for (let round = 0; round < 120; round++) {
    const frames = Array.from(
      { length: 1 + prng.nextInt(12) },
      () => packet(prng.nextInt(256), filled(prng.pick(sizes))),
    );
    const stream = bytesOf(...frames);
    const sink = new Frames();
    const stopProbability = prng.pick([0, 0.1, 0.9]);
    sink.stops = (): boolean => prng.nextBoolean(stopProbability);
    const chunkMax = prng.pick([1, 3, 100, 5000, 100_000]);
    pushInChunks(new FrameSplitter(NO_LIMIT), stream, sink, prng, chunkMax);
    assertEquals(sink.list.length, frames.length);
    for (const [i, frame] of frames.entries()) assert(isSame(sink.list[i]!, frame), `frame ${i}`);
  }
});

function isSame(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, i) => byte === other[i]);
}

/** Pushes, and resumes at random moments; what is pending never exceeds what was pushed. */
function pushInChunks(
  splitter: FrameSplitter,
  stream: Uint8Array,
  sink: Frames,
  prng: Prng,
  chunkMax: number,
): void {
  let at = 0;
  let isGoingOn = true;
  const handedOn = (): number => sink.list.reduce((sum, frame) => sum + frame.length, 0);
  while (at < stream.length) {
    const size = Math.min(1 + prng.nextInt(chunkMax), stream.length - at);
    const chunk = stream.slice(at, at + size);
    at += size;
    isGoingOn = splitter.push(chunk, sink);
    chunk.fill(0xdd);
    if (prng.nextBoolean(0.5)) isGoingOn = splitter.resume(sink);
    if (chunkMax > 3) assertEquals(splitter.pendingBytes, at - handedOn());
  }
  while (!isGoingOn) isGoingOn = splitter.resume(sink);
  assertEquals(splitter.pendingBytes, 0);
}
