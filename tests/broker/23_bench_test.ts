/** `broker bench`: that it measures what it says, and says what it measures. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { runToEnd, startProgram, withBroker } from "../support/start_broker.ts";

interface Figures {
  readonly latencyUs: Readonly<Record<string, number>>;
  readonly [name: string]: unknown;
}

const CASES: readonly [args: string[], expected: Record<string, unknown>][] = [
  [["pair", "-n", "1000"], { mode: "pair", publishers: 1, subscribers: 1, qos: 0, received: 1000 }],
  [["pair", "-n", "1000", "-c", "3", "-q", "1", "-V", "5"], {
    publishers: 3,
    received: 1000,
    version: "5.0",
  }],
  [["pair", "-n", "500", "-q", "2", "-s", "20000"], { qos: 2, size: 20_000, received: 500 }],
  [["fanout", "-n", "100", "--subscribers", "20"], { sent: 100, received: 2000 }],
  [["fanin", "-n", "1000", "--publishers", "10", "--subscribers", "2", "-q", "1"], {
    publishers: 10,
    received: 2000,
  }],
  [["pair", "--duration", "1", "-R", "200", "-V", "31"], { version: "3.1", sent: 200 }],
];

test("bench counts every message, and none is missing, twice or out of order", () =>
  withBroker({}, async ({ port }) => {
    for (const [args, expected] of CASES) {
      const { code, stdout, stderr } = await runToEnd([
        "bench",
        ...args,
        "-p",
        String(port),
        "--json",
      ]);
      assertEquals([code, stderr], [0, ""], args.join(" "));
      const figures = JSON.parse(stdout) as Figures;
      const all = { missing: 0, outOfOrder: 0, duplicates: 0, refused: 0, connectionsLost: 0 };
      for (const [name, value] of Object.entries({ ...all, ...expected })) {
        assertEquals(figures[name], value, `${args.join(" ")}: ${name}`);
      }
      const { p50, p99, max } = figures.latencyUs;
      assert(0 < p50! && p50! <= p99! && p99! <= max! && max! < 30_000_000, stdout);
    }
  }));

test("bench conn counts connections, and prints a table without --json", () =>
  withBroker({}, async ({ port }) => {
    const { code, stdout } = await runToEnd(["bench", "conn", "-c", "50", "-p", String(port)]);
    assertEquals(code, 0);
    assertMatch(
      stdout,
      /^conn {7}50 connected, 0 lost, MQTT 3\.1\.1\nrate {7}\d+ per second, in [\d.]+ s\nlatency {4}p50 /,
    );
    const pair = await runToEnd(["bench", "pair", "-n", "10", "-p", String(port)]);
    assertMatch(
      pair.stdout,
      /^pair {7}1 publishing, 1 subscribed, QoS 0, 64 bytes, MQTT 3\.1\.1\n/,
    );
    assertMatch(
      pair.stdout,
      /\nmessages {3}10 sent, 10 received, 0 missing, 0 out of order, 0 twice/,
    );
  }));

test("bench tells of messages that do not come", () => {
  const deny = '[[acl.rule]]\npermit = "deny"\naction = "publish"\ntopics = ["bench/#"]\n';
  return withBroker({ config: deny }, async ({ port }) => {
    const args = ["bench", "pair", "-n", "10", "-q", "1", "-V", "5", "-p", String(port), "--json"];
    const { code, stdout } = await runToEnd(args);
    const { sent, received, missing, refused } = JSON.parse(stdout) as Figures;
    assertEquals([code, sent, received, missing, refused], [1, 10, 0, 10, 10]);
  });
});

test("bench ends when the server goes away, or was never there", async () => {
  let port = 0;
  await withBroker({}, async (broker) => {
    port = broker.port;
    const watcher = await TestClient.connect(port);
    await watcher.subscribe("bench/#");
    const program = await startProgram(["bench", "pair", "--rate", "100", "-p", String(port)]);
    await watcher.receive();
    await broker.kill();
    assertEquals((await program.exited).code, 1);
    assertMatch(program.stdout(), /\nlost {7}2 connections\n$/);
  }).catch((error) => {
    // The broker was killed on purpose.
    if (!String(error).includes("SIGKILL")) throw error;
  });
  const { code, stdout, stderr } = await runToEnd(["bench", "pair", "-p", String(port)]);
  assertEquals([code, stdout, stderr], [1, "", "Error: Connection refused\n"]);
});

for (
  const [args, problem] of [
    [[], "bench needs one of pair, fanout, fanin, conn"],
    [["pairs"], "bench needs one of pair, fanout, fanin, conn"],
    [["conn", "-q", "1"], 'option --qos is not for "bench conn"'],
    [["pair", "-s", "1"], 'option --size is "1", allowed are 12 to 100000000'],
  ] as const
) {
  test(`bench ${args.join(" ")} ends with status 2`, async () => {
    const { code, stdout, stderr } = await runToEnd(["bench", ...args]);
    assertEquals([code, stdout, stderr], [
      2,
      "",
      `broker: ${problem}\nTry "broker bench --help"\n`,
    ]);
  });
}
