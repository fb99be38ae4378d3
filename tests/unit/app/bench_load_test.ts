import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { readBench } from "../../../src/app/bench_arguments.ts";
import { BENCH_TABLE, type BenchArguments } from "../../../src/app/bench_arguments.ts";
import { BenchLoad } from "../../../src/app/bench_load.ts";
import { parseOptions } from "../../../src/app/options.ts";
import type { MqttClient, OutgoingMessage } from "../../../src/client/mod.ts";
import { PublishView } from "../../../src/mqtt/mod.ts";

function load(...args: string[]): BenchLoad {
  const read = readBench(parseOptions(BENCH_TABLE, args).parsed);
  return new BenchLoad({ defer: () => undefined }, read as BenchArguments);
}

/** Notes what is published instead of sending it. */
function recorder(room = Infinity): { client: MqttClient; payloads: Uint8Array[] } {
  const payloads: Uint8Array[] = [];
  const client = {
    isConnected: true,
    isCongested: false,
    get room() {
      return room - payloads.length;
    },
    publish: ({ payload }: OutgoingMessage) => payloads.push(payload.slice()),
  };
  return { client: client as unknown as MqttClient, payloads };
}

function viewOf(payload: Uint8Array): PublishView {
  const view = new PublishView();
  view.bytes = payload;
  view.payloadStart = 0;
  view.frameEnd = payload.length;
  return view;
}

test("BenchLoad keeps to its window, and goes on when messages arrive", () => {
  const bench = load("pair", "-w", "20", "-n", "50");
  const { client, payloads } = recorder();
  bench.publishers[0]!.attach(client);
  bench.start();
  assertEquals([bench.sent, payloads.length], [20, 20]);
  for (const payload of payloads.slice(0, 15)) bench.subscribers[0]!.onMessage(viewOf(payload));
  bench.pump();
  assertEquals(bench.sent, 35);
  for (const payload of payloads.slice(15)) bench.subscribers[0]!.onMessage(viewOf(payload));
  bench.pump();
  assertEquals([bench.sent, bench.isDone], [50, false]);
  for (const payload of payloads.slice(35)) bench.subscribers[0]!.onMessage(viewOf(payload));
  assertEquals([bench.isDone, bench.received, bench.outOfOrder, bench.duplicates], [
    true,
    50,
    0,
    0,
  ]);
  assertEquals(bench.latency.count, 50);
});

test("BenchLoad publishes at QoS 1 only what the client has room for", () => {
  const bench = load("pair", "-q", "1", "-n", "50");
  const { client, payloads } = recorder(5);
  bench.publishers[0]!.attach(client);
  bench.start();
  assertEquals(payloads.length, 5);
});

test("BenchLoad sees what is missing, twice and out of order", () => {
  const bench = load("fanin", "--publishers", "2", "-n", "32", "--subscribers", "1");
  const [first, second] = [recorder(), recorder()];
  bench.publishers[0]!.attach(first.client);
  bench.publishers[1]!.attach(second.client);
  bench.start();
  assertEquals([first.payloads.length, second.payloads.length], [16, 16]);
  const [subscriber] = bench.subscribers;
  const get = (payload: Uint8Array): void => subscriber!.onMessage(viewOf(payload));
  get(first.payloads[0]!);
  get(second.payloads[0]!);
  assertEquals([bench.outOfOrder, bench.duplicates], [0, 0]);
  get(second.payloads[0]!);
  assertEquals([bench.outOfOrder, bench.duplicates], [1, 1]);
  get(first.payloads[2]!);
  assertEquals([bench.outOfOrder, bench.duplicates], [2, 1]);
  get(first.payloads[1]!);
  assertEquals([bench.outOfOrder, bench.duplicates], [3, 2]);
  // Of somebody else who uses the same topics.
  get(new Uint8Array(3));
  get(new Uint8Array(64).fill(0xff));
  assertEquals([bench.received, bench.expected], [5, 32]);
});

test("a window holds fewer messages where they are large", () => {
  const windows = [["64"], ["100000"], ["5000000"], ["5000000", "-w", "9"]].map(
    ([size, ...rest]) => {
      const read = readBench(parseOptions(BENCH_TABLE, ["pair", "-s", size!, ...rest]).parsed);
      return (read as BenchArguments).window;
    },
  );
  assertEquals(windows, [256, 10, 1, 9]);
});

test("BenchLoad publishes by the clock whether or not anything arrives", () => {
  const bench = load("pair", "-R", "1000", "-w", "1");
  const { client, payloads } = recorder();
  bench.publishers[0]!.attach(client);
  const startMs = performance.now();
  bench.start();
  while (performance.now() - startMs < 20) bench.pump();
  bench.pump();
  const elapsedMs = performance.now() - startMs;
  assert(payloads.length >= 19 && payloads.length <= elapsedMs + 1, String(payloads.length));
});
