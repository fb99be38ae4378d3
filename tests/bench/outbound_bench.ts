/** What gathering outbound bytes costs: `deno run -A tests/bench/outbound_bench.ts`, or the same with `bun`. */
import { OutboundBuffer } from "../../src/transport/mod.ts";
import { publishTemplate } from "./load/frames.ts";
import { NullSocket } from "./null_socket.ts";
import { Bench } from "./timing.ts";

const FRAMES = 500;
const PAYLOAD_AT = 26;

const bench = new Bench("outbound");

function frameOf(payloadBytes: number): Uint8Array {
  const topic = "bench/1/telemetry/temp";
  return publishTemplate({ topic, payloadBytes, qos: 1, version: 4, deliveries: 1 }).bytes;
}

/** Fills a buffer with `count` frames and hands it to a socket that takes all. */
function measure(
  name: string,
  count: number,
  append: (buffer: OutboundBuffer, index: number) => void,
): void {
  const buffer = new OutboundBuffer();
  const socket = new NullSocket();
  bench.measure(name, count, () => {
    for (let i = 0; i < count; i++) append(buffer, i);
    buffer.flush(socket);
    return socket.writtenBytes;
  });
}

for (const payloadBytes of [16, 64, 256, 1024]) {
  const frame = frameOf(payloadBytes);
  // A chunk with other things around it, as it comes from a socket.
  const chunk = new Uint8Array(frame.length * 3);
  const [start, end] = [frame.length, frame.length * 2];
  chunk.set(frame, start);
  measure(`append, ${payloadBytes}-byte payload`, FRAMES, (buffer) => {
    buffer.append(chunk, start, end);
  });
  measure(`appendStamped, ${payloadBytes}-byte payload`, FRAMES, (buffer, index) => {
    buffer.appendStamped(chunk, start, end, PAYLOAD_AT - 2, index);
  });
  measure(`appendView, ${payloadBytes}-byte payload`, FRAMES, (buffer) => {
    buffer.appendView(frame);
  });
}
const large = frameOf(65536);
measure("append head and appendReference, 64 KiB payload", 16, (buffer) => {
  buffer.append(large, 0, PAYLOAD_AT);
  buffer.appendReference(large, PAYLOAD_AT, large.length);
});
measure("append one frame and flush, 64-byte payload", 1, (buffer) => {
  buffer.append(large, 0, 90);
});
bench.finish();
