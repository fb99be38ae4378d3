/** `broker pub`: what arrives, what it says, how it ends. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import {
  type RunningBroker,
  runToEnd,
  startBroker,
  type StartOptions,
  startProgram,
  withBroker,
} from "../support/start_broker.ts";

const USER_CONFIG = `
[auth]
allow_anonymous = false
[[auth.user]]
username = "u"
password = "p"
[[acl.rule]]
permit = "deny"
action = "publish"
topics = ["no/#"]
[mqtt]
max_packet_size = "10KB"
max_qos = 1
retain_available = false
`;
const USER = ["-u", "u", "-P", "p"];

interface Outcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

async function pub(
  broker: RunningBroker,
  args: readonly string[],
  input?: StartOptions["input"],
): Promise<Outcome> {
  const options = input === undefined ? {} : { input };
  const where = ["-h", "127.0.0.1", "-p", String(broker.port)];
  const { code, stdout, stderr } = await runToEnd(["pub", ...where, ...args], options);
  return { code, stdout, stderr };
}

const FINE: Outcome = { code: 0, stdout: "", stderr: "" };

/** What a subscriber of `#` gets, as [topic, payload, qos, retain]. */
async function received(
  args: readonly string[],
  count: number,
  input?: StartOptions["input"],
): Promise<unknown[]> {
  const messages: unknown[] = [];
  await withBroker({}, async (broker) => {
    const client = await TestClient.connect(broker.port);
    await client.subscribe("#", { qos: 2, rap: true });
    assertEquals(await pub(broker, args, input), FINE);
    for (let index = 0; index < count; index++) {
      const { topic, payload, qos, retain } = await client.receive();
      messages.push([topic, String(payload), qos, retain]);
    }
    client.cut();
  });
  return messages;
}

for (const version of ["31", "311", "5", "mqttv5"]) {
  for (const qos of [0, 1, 2]) {
    test(`pub -V ${version} -q ${qos}`, async () => {
      const args = ["-V", version, "-q", String(qos), "-t", "a/b", "-m", "hello wörld", "-r"];
      assertEquals(await received(args, 1), [["a/b", "hello wörld", qos, true]]);
    });
  }
}

test("pub -l publishes lines, also empty ones and the last without an end, in their order", async () => {
  const lines = Array.from({ length: 2000 }, (_, index) => `line ${index}`);
  const input = `${lines.join("\n")}\n\nCR stays\r\nend`;
  const expected = [...lines, "", "CR stays\r", "end"];
  for (const qos of [0, 1, 2]) {
    const messages = await received(["-t", "l", "-l", "-q", String(qos)], expected.length, input);
    assertEquals(messages, expected.map((line) => ["l", line, qos, false]));
  }
});

test("pub -s, -f, -n and --repeat", async () => {
  const large = "x".repeat(300_000);
  assertEquals(await received(["-t", "s", "-s"], 1, large), [["s", large, 0, false]]);
  const folder = await mkdtemp(join(tmpdir(), "broker-pub-"));
  const file = join(folder, "payload");
  await writeFile(file, "of a file\n");
  const repeated = ["-t", "f", "-f", file, "--repeat", "3", "-q", "1", "--repeat-delay", "0.05"];
  assertEquals(await received(repeated, 3), new Array(3).fill(["f", "of a file\n", 1, false]));
  await rm(folder, { recursive: true });
  assertEquals(await received(["-t", "n", "-n", "-r"], 1), [["n", "", 0, true]]);
});

test("pub sends the properties of MQTT 5 that it is given", () =>
  withBroker({}, async (broker) => {
    const client = await TestClient.connect(broker.port);
    await client.subscribe("#");
    const properties = [
      ["payload-format-indicator", "1"],
      ["message-expiry-interval", "60"],
      ["content-type", "text/plain"],
      ["response-topic", "answers/1"],
      ["correlation-data", "c7"],
      ["user-property", "b", "1"],
      ["user-property", "a", "2"],
    ];
    const args = properties.flatMap((words) => ["-D", "publish", ...words]);
    assertEquals(await pub(broker, ["-t", "p", "-m", "x", ...args]), FINE);
    const { properties: got } = await client.receive();
    assertEquals(got?.payloadFormatIndicator, true);
    assertEquals([got?.contentType, got?.responseTopic, String(got?.correlationData)], [
      "text/plain",
      "answers/1",
      "c7",
    ]);
    assertEquals(got?.messageExpiryInterval, 60);
    assertEquals(Object.entries({ ...got?.userProperties }), [["b", "1"], ["a", "2"]]);
    client.cut();
  }));

test("pub tells of refusals in the words and with the statuses of mosquitto_pub", () =>
  withBroker({ config: USER_CONFIG }, async (broker) => {
    const plain = ["-t", "a", "-m", "x"];
    assertEquals(await pub(broker, plain), {
      code: 5,
      stdout: "",
      stderr: "Connection error: Connection Refused: not authorised.\n",
    });
    assertEquals(await pub(broker, ["-V", "5", ...plain]), {
      code: 135,
      stdout: "",
      stderr: "Connection error: Not authorized\n",
    });
    assertEquals(await pub(broker, [...USER, "-V", "5", "-q", "1", "-t", "no/1", "-m", "x"]), {
      code: 135,
      stdout: "",
      stderr: "Warning: Publish 1 failed: Not authorized.\n",
    });
    assertEquals(await pub(broker, [...USER, "-q", "1", "-t", "a", "-s"], "x".repeat(20_000)), {
      code: 7,
      stdout: "",
      stderr: "Error: The connection was lost.\n",
    });
    const tooLarge = await pub(broker, [...USER, "-V", "5", "-t", "a", "-s"], "x".repeat(20_000));
    assertEquals([tooLarge.code, tooLarge.stdout], [25, ""]);
    assertMatch(
      tooLarge.stderr,
      /^Error: Cannot publish: a packet of 20\d\d\d bytes, the server takes 10/,
    );
    for (const [args, code] of [[["-q", "2"], 28], [["-r"], 10]] as const) {
      const outcome = await pub(broker, [...USER, "-V", "5", ...plain, ...args]);
      assertEquals([outcome.code, outcome.stdout], [code, ""]);
    }
    assertEquals(await pub(broker, ["--quiet", ...plain]), { code: 5, stdout: "", stderr: "" });
  }));

test("pub -d tells of every packet", () =>
  withBroker({}, async (broker) => {
    const { code, stdout, stderr } = await pub(broker, [
      "-d",
      "-i",
      "me",
      "-q",
      "1",
      "-t",
      "a",
      "-m",
      "x",
    ]);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(stdout.split("\n"), [
      "Client me sending CONNECT",
      "Client me received CONNACK (0)",
      "Client me sending PUBLISH (d0, q1, r0, m1, 'a', ... (1 bytes))",
      "Client me received PUBACK (Mid: 1, RC:0)",
      "Client me sending DISCONNECT",
      "",
    ]);
  }));

test("pub -l goes on when the broker is back, with what was not acknowledged", async () => {
  const first = await startBroker();
  const args = [
    "pub",
    "-h",
    "127.0.0.1",
    "-p",
    String(first.port),
    "-t",
    "l",
    "-l",
    "-q",
    "1",
    "-d",
  ];
  const program = await startProgram(args, { keepsInput: true });
  program.write("one\n");
  await program.said("received PUBACK");
  await first.kill();
  program.write("two\nthree\n");
  const bind = `listener.0.bind="127.0.0.1:${first.port}"`;
  await withBroker({ args: ["--set", bind] }, async ({ port }) => {
    await program.said("received PUBACK", 3);
    program.write("four\n");
    program.write(undefined);
    assertEquals((await program.exited).code, 0);
    assertEquals(program.stderr(), "");
    const published = program.stdout().match(/received PUBACK \(Mid: \d+, RC:0\)/g);
    assertEquals(published?.length, 4);
    assertEquals(port, first.port);
  });
});

const WRONG: readonly [args: string[], problem: string][] = [
  [["-m", "x"], "a topic is needed: -t TOPIC"],
  [["-t", "a"], "a message is needed: one of -m TEXT, -f FILE, -l, -s, -n"],
  [["-t", "a", "-m", "x", "-n"], "options -m, -f, -l, -s and -n are ways to give the same message"],
  [["-t", "a/#", "-m", "x"], 'topic "a/#" is no topic name'],
  [["-t", "a", "-m", "x", "-q", "3"], 'option --qos is "3", allowed are 0, 1, 2'],
];

for (const [args, problem] of WRONG) {
  test(`pub ${args.join(" ")} ends with status 1`, async () => {
    const { code, stdout, stderr } = await runToEnd(["pub", ...args]);
    assertEquals([code, stdout, stderr], [1, "", `broker: ${problem}\nTry "broker pub --help"\n`]);
  });
}

test("pub that finds nobody ends with status 1", async () => {
  let port = 0;
  await withBroker({}, (broker) => Promise.resolve(void (port = broker.port)));
  const args = ["pub", "-h", "127.0.0.1", "-p", String(port), "-t", "a", "-m", "x"];
  const { code, stderr } = await runToEnd(args);
  assertEquals([code, stderr], [1, "Error: Connection refused\n"]);
  const empty = await runToEnd(["pub", "-t", "a", "-s"]);
  assertEquals([empty.code, empty.stderr.includes("it is empty")], [1, true]);
});
