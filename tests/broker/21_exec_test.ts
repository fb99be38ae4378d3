import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { Buffer } from "node:buffer";
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { hasMosquitto } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { type RunningProgram, runToEnd, startProgram } from "../support/start_broker.ts";

const withBash = { skip: spawnSync("bash", ["--version"]).error !== undefined };
const withMosquitto = { skip: !hasMosquitto() };
/** Says what it is told, and stays until it is ended. */
const STAY = 'echo "$MQTT_URL $MQTT_HOST $MQTT_PORT $MQTT_WS_URL $BROKER_HTTP_URL"; ' +
  "echo up; exec tail -f /dev/null";

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

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-test-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** `broker exec` with a shell script, once the script has said "up". */
async function execShell(script: string, ...options: string[]): Promise<RunningProgram> {
  const program = await startProgram(["exec", ...options, "--", "sh", "-c", script]);
  await program.said("up\n");
  return program;
}

async function linesOf(file: string): Promise<Record<string, unknown>[]> {
  return (await readFile(file, "utf8")).split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

test("exec gives its command a broker for as long as it runs, and nothing on standard output", async () => {
  const program = await execShell(STAY);
  const found =
    /^mqtt:\/\/127\.0\.0\.1:(\d+) 127\.0\.0\.1 \1 ws:\/\/127\.0\.0\.1:(\d+)\/mqtt (\S+)\nup\n$/
      .exec(program.stdout());
  const [, port, wsPort, httpUrl] = found ?? [];
  assertEquals(found === null, false, program.stdout());
  const client = await TestClient.connect(Number(port));
  assertEquals(await isRefused(Number(wsPort)), false);
  const response = await fetch(`${httpUrl}/readyz`);
  assertEquals(response.status, 200);
  await response.body?.cancel();
  program.signal("SIGTERM");
  assertEquals(await program.exited, { code: 143, signal: undefined });
  assertEquals((await client.expect("disconnect")).reasonCode, 0x8b);
  assertEquals([await isRefused(Number(port)), await isRefused(Number(wsPort))], [true, true]);
  assertEquals(program.stderr(), "");
});

for (const [script, code] of [["exit 0", 0], ["exit 7", 7], ["kill -KILL $$", 137]] as const) {
  test(`exec ends with ${code} after "${script}"`, async () => {
    const { code: status, stdout, stderr } = await runToEnd(["exec", "--", "sh", "-c", script]);
    assertEquals([status, stdout, stderr], [code, "", ""]);
  });
}

test("exec says what it cannot run: 127 where there is nothing, 126 what is not executable", async () => {
  for (const [command, code] of [["no-such-command", 127], ["./README.md", 126]] as const) {
    const { code: status, stdout, stderr } = await runToEnd(["exec", "--", command, "x"]);
    assertEquals([status, stdout], [code, ""]);
    assertStringIncludes(stderr, `broker: Cannot run "${command}": `);
  }
});

test("exec ends with 125 where there is no broker, 2 where its configuration is wrong", async () => {
  const bind = ["--set", "listener.0.bind=192.0.2.1:1"];
  const noBroker = await runToEnd(["exec", ...bind, "--", "echo", "never"]);
  assertEquals([noBroker.code, noBroker.stdout], [125, ""]);
  assertStringIncludes(noBroker.stderr, "Cannot listen on 192.0.2.1:1");
  const wrong = await runToEnd(["exec", "--set", "mqtt.max_qos=7", "--", "echo", "never"]);
  assertEquals([wrong.code, wrong.stdout], [2, ""]);
  assertStringIncludes(wrong.stderr, "mqtt.max_qos");
});

test("exec leaves standard input and error to the command", async () => {
  const program = await startProgram(["exec", "--", "sh", "-c", "cat; echo oops >&2"], {
    input: "line 1\nline 2",
  });
  assertEquals(await program.exited, { code: 0, signal: undefined });
  assertEquals([program.stdout(), program.stderr()], ["line 1\nline 2", "oops\n"]);
});

for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  test(`exec hands ${name} on, as often as it comes, and the command decides what it means`, async () => {
    const script = `trap 'echo got' ${name.slice(3)}; echo up; ` +
      'until test -e "$0"; do sleep 0.02; done; exit 3';
    await withFolder(async (folder) => {
      const file = join(folder, "done");
      const program = await startProgram(["exec", "--", "sh", "-c", script, file]);
      await program.said("up\n");
      program.signal(name);
      await program.said("got\n");
      program.signal(name);
      await program.said("got\ngot\n");
      await writeFile(file, "");
      assertEquals(await program.exited, { code: 3, signal: undefined });
    });
  });
}

test("a command does not outlive a broker that is killed", async () => {
  const program = await execShell(STAY);
  // The first moments, in which the broker still sees to this, are over when it has answered.
  const client = await TestClient.connect(Number(program.stdout().split(" ")[2]));
  program.signal("SIGKILL");
  await client.expectClosed();
  // Its output is closed when everybody has ended that could have written to it.
  assertEquals(await program.exited, { code: undefined, signal: "SIGKILL" });
});

test("exec --auth lets in who has the password that it made, and nobody else", async () => {
  const program = await execShell(
    'echo "$MQTT_PORT $MQTT_USERNAME $MQTT_PASSWORD $MQTT_URL"; echo up; exec tail -f /dev/null',
    "--auth",
  );
  const [port = "", username = "", password = "", url] = program.stdout().split(/\s/);
  assertEquals(url, `mqtt://${username}:${password}@127.0.0.1:${port}`);
  assertMatch(password, /^[\w-]{24}$/);
  const login = { username, password: Buffer.from(password) };
  await (await TestClient.connect(Number(port), login)).disconnect();
  for (const wrong of [{}, { username, password: Buffer.from("x") }, { ...login, username: "x" }]) {
    const client = await TestClient.open(Number(port));
    client.sendConnect(wrong);
    const { reasonCode } = await client.expect("connack");
    assertEquals([0x86, 0x87].includes(reasonCode ?? 0), true, String(reasonCode));
  }
  program.signal("SIGTERM");
  await program.exited;
});

test("exec takes the options of run, and its command may be a broker, too", async () => {
  const inner = 'echo "$MQTT_PORT"; env | grep -c ^BROKER_HTTP_URL=';
  const args = ["--log-level=info", "--set=log.format=json", "--set=mqtt.max_qos=1"];
  const outer = await runToEnd(["exec", ...args, "--", "sh", "-c", inner]);
  assertEquals(outer.code, 0);
  assertMatch(outer.stdout, /^\d+\n1\n$/);
  const messages = outer.stderr.trimEnd().split("\n").map((line) => JSON.parse(line).message);
  assertEquals(messages.includes("Listening"), true, outer.stderr);
  const environment = { BROKER_HTTP_URL: "http://127.0.0.1:1", BROKER_LOG__LEVEL: "info" };
  const nested = await runToEnd(["exec", "--", "true"], { environment });
  assertEquals(nested.code, 0, nested.stderr);
  assertStringIncludes(nested.stderr, "Listening");
});

test(
  "exec --record has every message of a command that ends at once",
  withMosquitto,
  () =>
    withFolder(async (folder) => {
      const file = join(folder, "messages.jsonl");
      const count = 20_000;
      const program = await startProgram([
        "exec",
        "--record",
        file,
        "--",
        "sh",
        "-c",
        'mosquitto_pub -h "$MQTT_HOST" -p "$MQTT_PORT" -t many -l -i one -u joe',
      ], { input: Array.from({ length: count }, (_, index) => `${index}\n`).join("") });
      assertEquals(await program.exited, { code: 0, signal: undefined });
      const lines = await linesOf(file);
      assertEquals(lines.length, count);
      assertEquals(lines.map(({ payload }) => Number(payload)), Array.from(lines.keys()));
      const { time, ...last } = lines.at(-1)!;
      assertMatch(String(time), /^20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      const expected = { topic: "many", payload: "19999", qos: 0, retain: false };
      assertEquals(last, { ...expected, ["client_id"]: "one", username: "joe" });
      assertEquals(await readdir(folder), ["messages.jsonl"]);
    }),
);

/** Sends everything while the broker stands still, and ends as soon as it can go on. */
const ALL_AT_ONCE = [
  'exec 3<>"/dev/tcp/$MQTT_HOST/$MQTT_PORT"',
  "printf '\\x10\\x0d\\x00\\x04MQTT\\x04\\x02\\x00\\x00\\x00\\x01c' >&3",
  "head -c 4 <&3 >/dev/null",
  "kill -STOP $PPID",
  "printf '\\x30\\x05\\x00\\x01txy%.0s' {1..5000} >&3",
  "exec 3>&-",
  "kill -CONT $PPID",
].join("\n");

test(
  "exec --record has what nobody had read yet when the command ended",
  withBash,
  () =>
    withFolder(async (folder) => {
      const file = join(folder, "messages.jsonl");
      const args = ["exec", "--record", file, "--", "bash", "-c", ALL_AT_ONCE];
      assertEquals((await runToEnd(args)).code, 0);
      assertEquals((await linesOf(file)).length, 5000);
    }),
);

test("exec --record has wills and retained messages, and $SYS only where it is asked for", () =>
  withFolder(async (folder) => {
    for (const sys of [[], ["--record-sys"]]) {
      const file = join(folder, "messages.jsonl");
      const options = ["--record", file, ...sys, "--set", "mqtt.sys_interval=1s"];
      const program = await execShell(STAY, ...options);
      const port = Number(program.stdout().split(" ")[2]);
      const will = { topic: "will", payload: Buffer.from([255]), qos: 1 as const };
      const client = await TestClient.connect(port, { clientId: "c", will });
      await client.publish("a", "x", { qos: 1, retain: true });
      client.cut();
      await within(
        (async () => {
          while (!(await readFile(file, "utf8")).includes("will")) await readdir(folder);
        })(),
        "the will in the file",
      );
      program.signal("SIGTERM");
      await program.exited;
      const lines = await linesOf(file);
      const own = lines.filter(({ topic }) => !String(topic).startsWith("$SYS/"));
      assertEquals(own.map(({ time: _, ...line }) => line), [
        { topic: "a", payload: "x", qos: 1, retain: true, ["client_id"]: "c", username: null },
        {
          topic: "will",
          ["payload_base64"]: "/w==",
          qos: 1,
          retain: false,
          ["client_id"]: "c",
          username: null,
        },
      ]);
      assertEquals(lines.length > own.length, sys.length > 0);
    }
  }));
