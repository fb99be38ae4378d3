import { test } from "node:test";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import process from "node:process";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { readProjectFile } from "../support/project_files.ts";
import { withFolder } from "../support/storage_rig.ts";
import { runToEnd, startBroker, withBroker } from "../support/start_broker.ts";

const { version } = JSON.parse(readProjectFile("package.json")) as { version: string };

/** True where nothing accepts on the port. */
async function isRefused(port: number): Promise<boolean> {
  const answer = new Promise<boolean>((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("error", () => resolve(true));
    socket.once("connect", () => {
      socket.destroy();
      resolve(false);
    });
  });
  return await within(answer, `an answer from port ${port}`);
}

test("--version names program, version, runtime, and the commit of an executable", async () => {
  const { code, stdout, stderr } = await runToEnd(["--version"]);
  assertEquals([code, stderr], [0, ""]);
  assertMatch(
    stdout,
    new RegExp(
      `^broker ${version.replaceAll(".", "\\.")} \\((deno|bun) [\\d.]+\\)(, commit [-\\w.+]+)?\\n$`,
    ),
  );
});

for (const args of [["--help"], ["run", "--help"], ["check", "--help"]]) {
  test(`${args.join(" ")} tells what there is on standard output`, async () => {
    const { code, stdout, stderr } = await runToEnd(args);
    assertEquals([code, stderr], [0, ""]);
    assertStringIncludes(stdout, "--config");
  });
}

test("an unknown option ends with status 2 and names it", async () => {
  const { code, stdout, stderr } = await runToEnd(["run", "--no-such-option"]);
  assertEquals([code, stdout], [2, ""]);
  assertStringIncludes(stderr, "no-such-option");
});

test("the ready line is the only output, equals the ready file and names real ports", () =>
  withBroker({}, async (broker) => {
    const file = JSON.parse(await readFile(broker.readyFile, "utf8"));
    assertEquals(file, { ...broker.ready });
    assertEquals(broker.stdout(), `ready ${JSON.stringify(file)}\n`);
    assertEquals(file.version, version);
    assertMatch(file.runtime, /^(?:deno|bun) \d+\.\d+\.\d+/);
    assertEquals(file.listeners, [
      { type: "tcp", url: `mqtt://127.0.0.1:${broker.port}`, port: broker.port },
    ]);
    assertEquals(broker.port > 0, true);
    process.kill(file.pid, 0);
  }));

test("every listener of the configuration accepts", () => {
  const listener = '[[listener]]\nbind = "127.0.0.1:0"\n';
  return withBroker({ config: `${listener}${listener}` }, async ({ ready }) => {
    assertEquals(ready.listeners.length, 2);
    const clients: TestClient[] = [];
    for (const { port } of ready.listeners) clients.push(await TestClient.connect(port));
    await clients[0]!.subscribe("t");
    await clients[1]!.publish("t", "x");
    assertEquals(String((await clients[0]!.receive()).payload), "x");
  });
});

test("a port in use ends the start with a message that names it", () =>
  withBroker({}, async ({ port }) => {
    const args = ["run", "--ephemeral", "--set", `listener.0.bind="127.0.0.1:${port}"`];
    const { code, stdout, stderr } = await runToEnd(args);
    assertEquals([code === 0, stdout], [false, ""]);
    assertStringIncludes(stderr, `127.0.0.1:${port}`);
  }));

test("SIGTERM says goodbye to 5.0 clients, closes the others and the port, and ends with 0", async () => {
  const broker = await startBroker();
  const [five, four] = [
    await TestClient.connect(broker.port),
    await TestClient.connect(broker.port, { version: 4 }),
  ];
  broker.signal("SIGTERM");
  assertEquals((await five.expect("disconnect")).reasonCode, 0x8b);
  await five.expectClosed();
  await four.expectClosed();
  assertEquals(await within(broker.exited, "the end"), { code: 0, signal: undefined });
  assertEquals(await isRefused(broker.port), true);
});

test("SIGINT ends it, too", async () => {
  const broker = await startBroker();
  broker.signal("SIGINT");
  assertEquals(await within(broker.exited, "the end"), { code: 0, signal: undefined });
});

test("SIGHUP reads the configuration again and keeps the connections", () =>
  withBroker({ config: "[mqtt]\nmax_keep_alive = 30\n" }, async (broker) => {
    const client = await TestClient.connect(broker.port);
    broker.signal("SIGHUP");
    await broker.logged("eload");
    await client.expectNothing();
  }));

test("all problems of a configuration are told at once, with their places; the status is 2", async () => {
  const args = ["run", "--ephemeral", "--set", "mqtt.max_qoss=1", "--set", "mqtt.max_qos=7"];
  const { code, stdout, stderr } = await runToEnd([...args, "--set", "log.level=loud"]);
  assertEquals([code, stdout], [2, ""]);
  for (const part of ["max_qoss", "max_qos", "7", "loud", "debug"]) {
    assertStringIncludes(stderr, part);
  }
});

test("a file that is not there ends with status 2 and names it", async () => {
  const { code, stderr } = await runToEnd(["run", "--config", "no/such/file.toml"]);
  assertEquals(code, 2);
  assertStringIncludes(stderr, "no/such/file.toml");
});

test("check accepts the configuration that comes with the program, and names what is wrong", async () => {
  const good = await runToEnd(["check", "--config", "config/broker.toml"]);
  assertEquals(good.code, 0, good.stderr);
  const bad = await runToEnd([
    "check",
    "--config",
    "config/broker.toml",
    "--set",
    "mqtt.max_quos=1",
  ]);
  assertEquals(bad.code, 1);
  assertStringIncludes(`${bad.stdout}${bad.stderr}`, "max_quos");
});

test("the environment configures, and a flag wins over it", () =>
  withBroker({
    environment: { BROKER_MQTT__MAX_KEEP_ALIVE: "30", BROKER_MQTT__RECEIVE_MAXIMUM: "7" },
    args: ["--set", "mqtt.receive_maximum=8"],
  }, async ({ port }) => {
    const { connack } = await TestClient.connect(port, { keepalive: 60 });
    assertEquals(connack.properties?.serverKeepAlive, 30);
    assertEquals(connack.properties?.receiveMaximum, 8);
  }));

test("--log-format json writes one object for each line of the log", async () => {
  const broker = await startBroker({ args: ["--log-format", "json", "--log-level", "debug"] });
  const client = await TestClient.connect(broker.port);
  await client.disconnect();
  await broker.stop();
  const lines = broker.stderr().trim().split("\n");
  for (const line of lines) assertEquals(typeof JSON.parse(line).level, "string");
});

test("passwd list and remove say that there is no database, and make none", () =>
  withFolder(async (folder) => {
    const set = ["--set", `node.data_dir=${folder}/data`];
    for (const args of [["list"], ["remove", "alice"]]) {
      const { code, stdout, stderr } = await runToEnd(["passwd", ...args, ...set]);
      assertEquals([code, stdout], [1, ""]);
      assertStringIncludes(stderr, `there is no database "${folder}/data/broker.db"`);
    }
    assertEquals(await readdir(folder), []);
  }));
