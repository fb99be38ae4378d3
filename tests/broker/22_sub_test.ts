/** `broker sub`: what it prints, also next to mosquitto_sub; how it ends. */
import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { within } from "../support/deadline.ts";
import { hasMosquitto } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import {
  type RunningBroker,
  runToEnd,
  startBroker,
  startProgram,
  withBroker,
} from "../support/start_broker.ts";

interface Outcome {
  readonly code: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

function where({ port }: { readonly port: number }): string[] {
  return ["-h", "127.0.0.1", "-p", String(port)];
}

async function sub(broker: RunningBroker, args: readonly string[]): Promise<Outcome> {
  const { code, stdout, stderr } = await runToEnd(["sub", ...where(broker), ...args]);
  return { code, stdout, stderr };
}

async function mosquittoSub(broker: RunningBroker, args: readonly string[]): Promise<Outcome> {
  const child = spawn("mosquitto_sub", [...where(broker), ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => stdout += text);
  child.stderr.setEncoding("utf8").on("data", (text: string) => stderr += text);
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const code = await within(ended, "the end of mosquitto_sub");
  return { code: code ?? undefined, stdout, stderr };
}

/** Three retained messages under "fmt/", one with all properties of MQTT 5, one binary. */
async function retainMessages(broker: RunningBroker): Promise<void> {
  const client = await TestClient.connect(broker.port);
  await client.publish("fmt/a", 'hello "w" \\ ü/x', {
    qos: 1,
    retain: true,
    properties: {
      contentType: "text/plain",
      responseTopic: "re/1",
      correlationData: Buffer.from('co"rr'),
      payloadFormatIndicator: true,
      userProperties: { k1: "v1", k2: "v 2" },
    },
  });
  await client.publish("fmt/b", '{"temperature":27.5,"x":[1, 2],"s":"aé"}', {
    qos: 1,
    retain: true,
  });
  await client.publish("fmt/c", "bin\u0000\u0001x", { qos: 0, retain: true });
  await client.disconnect();
}

/** Of %j, %J, %I and the like: what is never the same twice. */
const FORMATS = [
  "%%|%A|%C|%D|%F|%l|%m|%P|%p|%q|%R|%r|%S|%t|%x|%X",
  "[%10t][%-10t][%10.3t][%-10.3t][%.3t][%010t]",
  "[%10l][%010l][%-10l][%-010l][%3m][%03m][%-3m]",
  "[%10E][%010E][%-10E][%3F][%03F][%-3F][%5S][%05S][%-5S]",
  "[%12C][%-12C][%12.4C][%12R][%-12R][%.2R][%3A]",
  "[%50p][%-50p][%q][%3q][%r][%5r][%5P][%5D]",
  "\\\\ \\0 \\a\\e\\n\\r\\t\\v |x|a@@b",
  "@a@A@b@B@C @d @D @e @F @g @G @h @I @j @l @m @p @P @u @U @V @w @W @x @y @Y @z @E @O @q @f @1@n@t",
];

const COMPARED: readonly string[][] = [
  ...FORMATS.map((format) => ["-V", "5", "-t", "fmt/#", "-C", "3", "-F", format]),
  ["-V", "5", "-q", "2", "-t", "fmt/a", "-C", "1", "-F", FORMATS[0]!],
  [
    "-t",
    "fmt/b",
    "-C",
    "1",
    "-F",
    "[%5S][%05S]",
    "-D",
    "subscribe",
    "subscription-identifier",
    "7",
  ],
  ["-V", "311", "-t", "fmt/#", "-C", "3", "-v"],
  ["-V", "31", "-t", "fmt/#", "-C", "3"],
  ["-V", "5", "-t", "fmt/#", "-C", "3", "-v", "-N"],
  ["-V", "mqttv5", "-t", "fmt/#", "-C", "3", "-F", "%t", "-N"],
  ["-t", "fmt/#", "-T", "fmt/a", "-T", "+/c", "-C", "1", "-v"],
  ["-t", "fmt/#", "-E", "-d", "-i", "cid"],
  ["-V", "5", "-q", "1", "-t", "fmt/a", "-U", "fmt/b", "-t", "x/+", "-C", "1", "-d", "-i", "cid"],
  ["-V", "5", "-q", "2", "-t", "fmt/a", "-C", "1", "-d", "-i", "cid"],
  ["-V", "5", "-t", "fmt/#", "-C", "3", "-v", "--retain-as-published", "-x", "10", "-i", "cid"],
  ["-t", "fmt/#", "-R", "-W", "1", "-v"],
  ["-t", "fmt/c", "-F", "%J %t", "-C", "1"],
];

test(
  "sub prints, byte for byte, and ends as mosquitto_sub does",
  { skip: hasMosquitto() ? false : "mosquitto's clients are not installed" },
  () =>
    withBroker({}, async (broker) => {
      await retainMessages(broker);
      for (const args of COMPARED) {
        const [ours, theirs] = [await sub(broker, args), await mosquittoSub(broker, args)];
        assertEquals(ours, theirs, args.join(" "));
      }
    }),
);

const JSON_A =
  String.raw`"topic":"fmt/a","qos":1,"retain":1,"payloadlen":16,"mid":1,"properties":` +
  String.raw`{"content-type":"text/plain","response-topic":"re/1","correlation-data":"co\"rr",` +
  String.raw`"payload-format-indicator":1,"user-properties":{"k1":"v1","k2":"v 2"}},"payload":`;

test("sub prints messages as JSON, and their times", () =>
  withBroker({}, async (broker) => {
    await retainMessages(broker);
    const args = ["-V", "5", "-q", "2", "-C", "1"];
    const { stdout } = await sub(broker, [...args, "-t", "fmt/a", "-F", "%j"]);
    const [, time, rest] = /^\{"tst":"([^"]*)",(.*)\}\n$/.exec(stdout) ?? [];
    assertEquals(rest, `${JSON_A}${JSON.stringify('hello "w" \\ ü/x')}`);
    assertMatch(time ?? "", /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}[+-]\d{4}$/);
    assert(Math.abs(Date.parse(time!) - Date.now()) < 60_000, time);
    const json = await sub(broker, [...args, "-t", "fmt/b", "-F", "%J"]);
    assertMatch(json.stdout, /,"payload":\{"temperature":27\.5,"x":\[1,2\],"s":"aé"\}\}\n$/);
    const pretty = await sub(broker, [...args, "-t", "fmt/b", "-F", "%J", "--pretty"]);
    assertMatch(
      pretty.stdout,
      /\t"payload":\t\{\n\t\t"temperature":\t27\.5,\n\t\t"x":\t\[1, 2\],\n\t\t"s":\t"aé"\n\t\}\n\}\n$/,
    );
    const times = await sub(broker, [...args, "-t", "fmt/b", "-F", "%U|%I|@s|@N"]);
    assertMatch(times.stdout, /^(\d{10})\.(\d{9})\|[-\d]{10}T[:\d]{8}[+-]\d{4}\|\1\|\2\n$/);
    const binary = await sub(broker, [...args, "-t", "fmt/c", "-F", "%j"]);
    assertMatch(binary.stdout, /"payload":"bin\\u0000\\u0001x"\}\n$/);
  }));

test("sub prints payloads as they are, whatever is in them", () =>
  withBroker({}, async (broker) => {
    const payload = Uint8Array.from({ length: 100_000 }, (_, index) => index & 0x7f);
    const client = await TestClient.connect(broker.port);
    await client.publish("large", payload, { qos: 1, retain: true });
    const { code, stdout } = await sub(broker, ["-t", "large", "-N", "-C", "1"]);
    assertEquals([code, stdout], [0, new TextDecoder().decode(payload)]);
    await client.publish("empty", "", { qos: 1 });
    client.cut();
  }));

test("sub ends with 27 when its time is over, and tells of it", () =>
  withBroker({}, async (broker) => {
    assertEquals(await sub(broker, ["-t", "a", "-W", "1"]), {
      code: 27,
      stdout: "",
      stderr: "Timed out\n",
    });
  }));

test("sub -c keeps a session, which has what came meanwhile", () =>
  withBroker({}, async (broker) => {
    for (const version of ["311", "5"]) {
      const session = ["-V", version, "-c", "-i", `keeper-${version}`, "-q", "1", "-t", "kept"];
      assertEquals((await sub(broker, [...session, "-E"])).code, 0);
      const client = await TestClient.connect(broker.port);
      for (const text of ["one", "two"]) await client.publish("kept", text, { qos: 1 });
      await client.disconnect();
      assertEquals((await sub(broker, [...session, "-C", "2"])).stdout, "one\ntwo\n");
    }
  }));

test("sub --remove-retained removes what it sees, and --retained-only ends with the rest", () =>
  withBroker({}, async (broker) => {
    await retainMessages(broker);
    const args = ["-t", "fmt/#", "-T", "fmt/b", "--remove-retained", "-C", "2", "-v", "-T", "x"];
    const removed = await sub(broker, args);
    assertEquals(removed.code, 0);
    assertEquals(removed.stdout.split("\n").map((line) => line.slice(0, 5)), [
      "fmt/a",
      "fmt/c",
      "",
    ]);
    const left = await sub(broker, ["-t", "fmt/#", "-v", "-W", "1"]);
    assertEquals(left.stdout.split(" ")[0], "fmt/b");
    const program = await startProgram([
      "sub",
      ...where(broker),
      "-t",
      "#",
      "-v",
      "--retained-only",
    ]);
    await program.said("fmt/b");
    const client = await TestClient.connect(broker.port);
    await client.publish("fresh", "x", { qos: 1 });
    assertEquals((await within(program.exited, "the end")).code, 0);
    assertEquals(program.stdout().includes("fresh"), false);
    client.cut();
  }));

test("sub says what a broker refuses", () => {
  const config = '[[acl.rule]]\npermit = "deny"\naction = "subscribe"\ntopics = ["no/#"]\n';
  return withBroker({ config }, async (broker) => {
    assertEquals(await sub(broker, ["-t", "no/1"]), {
      code: 12,
      stdout: "",
      stderr: "All subscription requests were denied.\n",
    });
    assertEquals((await sub(broker, ["-t", "no/1", "-t", "yes", "-E"])).code, 0);
  });
});

test("sub subscribes again when the broker is back", async () => {
  const first = await startBroker();
  const program = await startProgram(["sub", ...where(first), "-t", "a", "-d"]);
  await program.said("Subscribed");
  const bind = `listener.0.bind="127.0.0.1:${first.port}"`;
  await first.kill();
  await withBroker({ args: ["--set", bind] }, async (broker) => {
    await program.said("Subscribed", 2);
    const client = await TestClient.connect(broker.port);
    await client.publish("a", "after all", { qos: 1 });
    await program.said("after all\n");
    client.cut();
    program.signal("SIGINT");
    assertEquals((await within(program.exited, "the end")).code, 0);
    assertMatch(program.stdout(), /sending DISCONNECT\n$/);
  });
});

test("sub ends when nobody reads what it prints", () =>
  withBroker({}, async (broker) => {
    const program = await startProgram(["sub", ...where(broker), "-t", "a", "-v"]);
    program.closeStdout();
    const client = await TestClient.connect(broker.port);
    let isOver = false;
    const over = program.exited.then(() => isOver = true);
    while (!isOver) await client.publish("a", "x".repeat(1000), { qos: 1 });
    await over;
    assertEquals((await program.exited).code, 0);
    client.cut();
  }));

const WRONG: readonly [args: string[], problem: string][] = [
  [[], "a topic filter is needed: -t FILTER"],
  [["-t", "a/#/b"], 'topic filter "a/#/b" has "#" before its last level'],
  [["-t", "a", "-F", "%Z"], "format \"%Z\": Invalid format specifier 'Z'"],
  [["-t", "a", "-F", "%5"], 'format "%5": Incomplete format specifier'],
  [["-t", "a", "-F", "\\z"], "format \"\\z\": Invalid escape specifier 'z'"],
  [["-t", "a", "--retain-as-published"], "option --retain-as-published is for MQTT 5"],
  [["-t", "a", "-c"], "option --disable-clean-session needs --id"],
];

for (const [args, problem] of WRONG) {
  test(`sub ${args.join(" ")} ends with status 1`, async () => {
    const { code, stdout, stderr } = await runToEnd(["sub", ...args]);
    assertEquals([code, stdout, stderr], [1, "", `broker: ${problem}\nTry "broker sub --help"\n`]);
  });
}
