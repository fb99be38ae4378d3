/** What finding frames in a stream costs: `deno run -A tests/bench/splitter_bench.ts`, or the same with `bun`. */
import { type FrameSink, FrameSplitter } from "../../src/mqtt/mod.ts";
import { publishTemplate } from "./load/frames.ts";
import { Bench } from "./timing.ts";

const MAX_PACKET_BYTES = 2 << 20;
const CHUNK_BYTES = 65536;
const ACK = Uint8Array.of(0x40, 2, 0, 1);

class CountingSink implements FrameSink {
  frames = 0;
  bytes = 0;

  onFrame(_bytes: Uint8Array, start: number, bodyStart: number, end: number): boolean {
    this.frames++;
    this.bytes += end - start + bodyStart;
    return true;
  }
}

function repeated(frame: Uint8Array, count: number): Uint8Array {
  const bytes = new Uint8Array(frame.length * count);
  for (let i = 0; i < count; i++) bytes.set(frame, i * frame.length);
  return bytes;
}

function publishFrame(payloadBytes: number): Uint8Array {
  const topic = "bench/1/telemetry/temp";
  return publishTemplate({ topic, payloadBytes, qos: 0, version: 4, deliveries: 1 }).bytes;
}

/** The same stream again and again, in chunks of one size. */
function chunksOf(stream: Uint8Array, chunkBytes: number): Uint8Array[] {
  const chunks: Uint8Array[] = [];
  for (let at = 0; at < stream.length; at += chunkBytes) {
    chunks.push(stream.subarray(at, Math.min(stream.length, at + chunkBytes)));
  }
  return chunks;
}

const bench = new Bench("splitter");

function measure(name: string, frame: Uint8Array, count: number, chunkBytes: number): void {
  const chunks = chunksOf(repeated(frame, count), chunkBytes);
  const splitter = new FrameSplitter(MAX_PACKET_BYTES);
  const sink = new CountingSink();
  bench.measure(name, count, () => {
    for (const chunk of chunks) splitter.push(chunk, sink);
    return sink.frames + sink.bytes;
  });
}

const small = publishFrame(64);
const fitting = Math.floor(CHUNK_BYTES / small.length);
measure("push, 64-byte payloads, a frame in each chunk", small, 700, small.length);
measure("push, 64-byte payloads, whole frames in 64 KiB", small, fitting, CHUNK_BYTES);
measure("push, 64-byte payloads, chunks of 1,460 bytes", small, fitting, 1460);
measure("push, 64-byte payloads, each frame in two chunks", small, 700, small.length / 2);
measure("push, acknowledgements, whole frames in 16 KiB", ACK, 4096, 16384);
measure("push, 64 KiB payloads in chunks of 64 KiB", publishFrame(65536), 16, CHUNK_BYTES);
measure("push, 1 MiB payloads in chunks of 64 KiB", publishFrame(1 << 20), 2, CHUNK_BYTES);
measure("push, 64-byte payloads, byte for byte", small, 50, 1);
bench.finish();
