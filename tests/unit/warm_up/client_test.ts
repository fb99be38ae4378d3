import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { ByteSocket } from "../../../src/runtime/mod.ts";
import { Client } from "../../../src/warm_up/client.ts";

/** Keeps what is written; takes it at once unless `isSlow`. */
class Pipe implements ByteSocket {
  readonly remoteAddress = "127.0.0.1";
  readonly remotePort = 1;
  readonly peerCertificate = undefined;
  readonly serverName = undefined;
  readonly chunksAreStable = false;
  readonly written: number[] = [];
  isSlow = false;

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.written.push(...bytes.subarray(start, end));
    return !this.isSlow;
  }

  pause(): void {}
  resume(): void {}
  close(): void {}
  abort(): void {}
}

class Rig {
  readonly pipe = new Pipe();
  readonly answers: boolean[] = [];
  progress = 0;
  closed = 0;
  readonly client = new Client(this.pipe, {
    onAnswer: (_client, hasFailed) => this.answers.push(hasFailed),
    onProgress: (_client, count) => this.progress += count,
    onClose: () => this.closed++,
  });
}

/** PUBLISH to "t" with the payload "x"; an identifier where the QoS is not 0. */
function publish(qos: number, packetId: number): number[] {
  const id = qos === 0 ? [] : [packetId >> 8, packetId & 0xff];
  return [0x30 | qos << 1, 4 + id.length, 0, 1, 0x74, ...id, 0x78];
}

const MIXED = [
  ...publish(0, 0),
  ...publish(1, 0x0102),
  ...publish(2, 0x0304),
  ...[0x62, 2, 3, 4],
  ...[0x50, 2, 0, 9],
  ...[0x40, 2, 0, 7],
  ...[0x70, 2, 0, 9],
];
const ANSWERS = [
  ...[0x40, 2, 1, 2],
  ...[0x50, 2, 3, 4],
  ...[0x70, 2, 3, 4],
  ...[0x62, 2, 0, 9],
];

test("messages are answered as their QoS asks for, and counted", () => {
  const rig = new Rig();
  rig.client.onBytes(Uint8Array.from(MIXED));
  assertEquals(rig.pipe.written, ANSWERS);
  assertEquals(rig.progress, 5);
});

test("packets may come in pieces of any size", () => {
  for (let size = 1; size < MIXED.length; size++) {
    const rig = new Rig();
    for (let at = 0; at < MIXED.length; at += size) {
      rig.client.onBytes(Uint8Array.from(MIXED.slice(at, at + size)));
    }
    assertEquals(rig.pipe.written, ANSWERS, `pieces of ${size}`);
    assertEquals(rig.progress, 5);
  }
});

test("a packet that is longer than the buffer is read whole", () => {
  const rig = new Rig();
  const body = new Uint8Array(300_000);
  const frame = Uint8Array.from([0x32, 0xe0, 0xa7, 0x12, 0, 1, 0x74, 5, 6, ...body.subarray(5)]);
  for (let at = 0; at < frame.length; at += 65_536) {
    rig.client.onBytes(frame.subarray(at, at + 65_536));
  }
  assertEquals(rig.pipe.written, [0x40, 2, 5, 6]);
});

test("more answers than fit into the buffer leave all the same", () => {
  const rig = new Rig();
  const frames = Array.from({ length: 1000 }, (_, index) => publish(1, index + 1));
  rig.client.onBytes(Uint8Array.from(frames.flat()));
  assertEquals(
    rig.pipe.written,
    frames.flatMap((_, index) => [0x40, 2, (index + 1) >> 8, (index + 1) & 0xff]),
  );
});

test("CONNACK and SUBACK are answers, a refusal is told apart", () => {
  const rig = new Rig();
  rig.client.onBytes(Uint8Array.of(0x20, 2, 0, 0, 0x90, 3, 0, 1, 0, 0x20, 2, 0, 5));
  assertEquals(rig.answers, [false, false, true]);
});

test("nothing is written while a write is pending, and all of it after that", () => {
  const rig = new Rig();
  rig.pipe.isSlow = true;
  rig.client.onBytes(Uint8Array.from(publish(1, 1)));
  rig.client.onBytes(Uint8Array.from(publish(1, 2)));
  rig.client.send(Uint8Array.of(1, 2, 3));
  assertEquals(rig.pipe.written, [0x40, 2, 0, 1]);
  rig.pipe.isSlow = false;
  rig.client.onWritable();
  assertEquals(rig.pipe.written, [0x40, 2, 0, 1, 0x40, 2, 0, 2, 1, 2, 3]);
});

test("the end of the connection is told", () => {
  const rig = new Rig();
  rig.client.onClose();
  assertEquals(rig.closed, 1);
});
