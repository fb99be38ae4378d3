import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { Prng } from "../../../src/base/mod.ts";
import {
  FrameDecoder,
  type FrameSink,
  WebSocketError,
} from "../../../src/transport/frame_decoder.ts";
import { seededPrng } from "../../support/seed.ts";
import { clientFrame } from "../../support/websocket_peer.ts";

/** What came, in order: data joined, control frames by themselves. */
class Seen implements FrameSink {
  readonly events: string[] = [];
  calls = 0;
  stopsAt = Infinity;
  #data: Buffer[] = [];

  onPayload(bytes: Uint8Array): boolean {
    assert(bytes.length > 0, "there is something in it");
    this.calls++;
    this.#data.push(Buffer.from(bytes));
    return this.calls < this.stopsAt;
  }

  onControl(opcode: number, payload: Uint8Array): boolean {
    this.settle();
    this.events.push(`${opcode}:${Buffer.from(payload).toString("hex")}`);
    this.calls++;
    return this.calls < this.stopsAt;
  }

  settle(): this {
    if (this.#data.length > 0) {
      this.events.push(`data:${Buffer.concat(this.#data).toString("hex")}`);
    }
    this.#data = [];
    return this;
  }
}

interface Script {
  readonly bytes: Buffer;
  readonly events: readonly string[];
}

/** Messages in any number of frames, control frames anywhere between them, and what should be seen of them. */
function randomScript(prng: Prng): Script {
  const frames: Buffer[] = [];
  const seen = new Seen();
  const mask = (): [number, number, number, number] => [
    prng.nextInt(256),
    prng.nextInt(256),
    prng.nextInt(256),
    prng.nextInt(256),
  ];
  const bytes = (length: number): Buffer => {
    return Buffer.from(Array.from({ length }, () => prng.nextInt(256)));
  };
  const control = (): void => {
    const [opcode, payload] = [prng.pick([9, 10]), bytes(prng.nextInt(126))];
    frames.push(clientFrame(payload, { opcode, mask: mask() }));
    seen.onControl(opcode, payload);
  };
  for (let message = prng.nextInt(6); message >= 0; message--) {
    const parts = 1 + prng.nextInt(4);
    for (let part = 0; part < parts; part++) {
      const payload = bytes(
        prng.nextBoolean(0.01) ? 66_000 : prng.pick([0, 1, 3, 5, 125, 126, 127, 300]),
      );
      const [opcode, isFinal] = [part === 0 ? 2 : 0, part === parts - 1];
      frames.push(clientFrame(payload, { opcode, isFinal, mask: mask() }));
      if (payload.length > 0) seen.onPayload(payload);
      if (prng.nextBoolean(0.3)) control();
    }
  }
  return { bytes: Buffer.concat(frames), events: seen.settle().events };
}

test("FrameDecoder hands on the same, however frames and chunks are cut", () => {
  const prng = seededPrng("FrameDecoder");
  for (let round = 0; round < 300; round++) {
    const { bytes, events } = randomScript(prng);
    const decoder = new FrameDecoder();
    const seen = new Seen();
    const largest = prng.pick([1, 7, 100, 5000, 1_000_000]);
    for (let at = 0; at < bytes.length;) {
      const size = Math.min(bytes.length - at, 1 + prng.nextInt(largest));
      // A chunk may begin with what belongs to somebody else.
      const before = prng.nextInt(3);
      const chunk = new Uint8Array(before + size);
      chunk.set(bytes.subarray(at, at + size), before);
      decoder.push(chunk, before, seen);
      at += size;
    }
    assertEquals(seen.settle().events, events);
  }
});

test("FrameDecoder makes one call of many frames in a chunk", () => {
  const seen = new Seen();
  const chunk = Buffer.concat(
    Array.from({ length: 50 }, (_, index) => clientFrame([index] as never)),
  );
  new FrameDecoder().push(new Uint8Array(chunk), 0, seen);
  assertEquals(seen.calls, 1);
  assertEquals(
    seen.settle().events[0],
    `data:${Buffer.from([...Array(50).keys()]).toString("hex")}`,
  );
});

test("FrameDecoder hands on a single frame without copying", () => {
  const chunk = new Uint8Array(clientFrame("x".repeat(1000)));
  const views: Uint8Array[] = [];
  const onPayload = (bytes: Uint8Array): boolean => views.push(bytes) > 0;
  new FrameDecoder().push(chunk, 0, { onPayload, onControl: () => true });
  assertEquals([views[0]!.buffer, views[0]!.length], [chunk.buffer, 1000]);
});

test("FrameDecoder hands on what came before an error, and stops where nothing more is wanted", () => {
  const seen = new Seen();
  const broken = Buffer.concat([clientFrame("good"), clientFrame("bad", { opcode: 1 })]);
  assertThrows(() => new FrameDecoder().push(new Uint8Array(broken), 0, seen), WebSocketError);
  assertEquals(seen.settle().events, [`data:${Buffer.from("good").toString("hex")}`]);
  const stopping = new Seen();
  stopping.stopsAt = 1;
  const frames = [clientFrame("", { opcode: 8 }), clientFrame("after the end")];
  new FrameDecoder().push(new Uint8Array(Buffer.concat(frames)), 0, stopping);
  assertEquals(stopping.settle().events, ["8:"]);
});
