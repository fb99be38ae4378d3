import { readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Server, ServerContext } from "../../../src/app/application.ts";
import { createServer } from "../../../src/app/broker_server.ts";
import { runCommand } from "../../../src/app/cli.ts";
import type { Opened } from "../../../src/app/ready.ts";
import { VERSION } from "../../../src/app/version.ts";
import type { Configuration } from "../../../src/config/mod.ts";
import { withFolder } from "../../support/storage_rig.ts";
import { Exited, FakeRuntime } from "./fake_runtime.ts";

/** A server that notes what it is told. */
class FakeServer implements Server {
  readonly configurations: Configuration[] = [];
  onStart: () => Promise<void> = () => Promise.resolve();
  onStop: () => Promise<void> = () => Promise.resolve();

  constructor(readonly runtime: FakeRuntime, { configuration }: ServerContext) {
    this.configurations.push(configuration);
  }

  async start(): Promise<Opened> {
    await this.onStart();
    this.runtime.record.push("start");
    return { listeners: [{ type: "tcp", url: "mqtt://127.0.0.1:1883", port: 1883 }], http: [] };
  }

  settle(): void {
    this.runtime.record.push("settle");
  }

  prepare(configuration: Configuration): Promise<() => void> {
    return Promise.resolve(() => this.configurations.push(configuration));
  }

  async stop(): Promise<void> {
    this.runtime.record.push("stop");
    await this.onStop();
  }
}

interface Started {
  readonly runtime: FakeRuntime;
  readonly server: FakeServer;
  readonly status: Promise<number>;
}

/** A program with a fake server, ready. */
async function start(
  args: readonly string[],
  files: Record<string, string> = {},
): Promise<Started> {
  const runtime = new FakeRuntime(args);
  for (const [path, text] of Object.entries(files)) runtime.files.set(path, text);
  let server: FakeServer | undefined;
  const status = runCommand(runtime, (context) => server = new FakeServer(runtime, context));
  await runtime.written("Listening");
  return { runtime, server: server!, status };
}

/** As `main.ts` has it; a thread of its store starts there, too. */
function realServer(context: ServerContext): Server {
  return createServer(context, new URL("../../../main.ts", import.meta.url).href);
}

function never(): Server {
  throw new Error("nothing may be started");
}

test("runCommand() prints the version and the help", async () => {
  const runtime = new FakeRuntime(["--version"]);
  assertEquals(await runCommand(runtime, never), 0);
  assertEquals(runtime.stdout, `broker ${VERSION} (deno 9.9.9)\n`);
  const help = new FakeRuntime(["check", "--help"]);
  assertEquals(await runCommand(help, never), 0);
  assert(help.stdout.includes("Usage: broker check"));
  assertEquals(runtime.stderr + help.stderr, "");
});

test("runCommand() gives up starting programs, but for exec", async () => {
  for (const [args, isKept] of [[["exec", "--", "true"], true], [["--version"], false]] as const) {
    const runtime = new FakeRuntime(args);
    await runCommand(runtime, (context) => {
      const server = new FakeServer(runtime, context);
      server.onStart = () => Promise.reject(new Error("not today"));
      return server;
    });
    assertEquals(runtime.mayStartPrograms, isKept, args[0]);
  }
});

test("runCommand() ends with 2 at a command line that makes no sense", async () => {
  const runtime = new FakeRuntime(["bench", "--zzz"]);
  assertEquals(await runCommand(runtime, never), 2);
  assertEquals(
    runtime.stderr,
    'broker: unknown option "--zzz"\nbroker: bench needs one of pair, fanout, fanin, conn\n' +
      'Try "broker bench --help"\n',
  );
  assertEquals(runtime.stdout, "");
});

const WRONG = "[mqtt]\nmax_qos = 3\nmax_inflight = 0\n";
const REPORT = "Cannot use the configuration: 3 problems\n" +
  "b.toml:2:11: mqtt.max_qos: found 3; allowed: 0, 1, 2\n" +
  "b.toml:3:16: mqtt.max_inflight: found 0; allowed: integer from 1 to 65535\n" +
  '--set log.level: log.level: found "loud"; allowed: "error", "warn", "info", "debug", "trace"\n';

for (
  const [command, status] of [[["run"], 2], [["check"], 1], [["backup", "f"], 2]] as const
) {
  test(`${command[0]} ends with ${status} and every problem of the configuration`, async () => {
    const runtime = new FakeRuntime([...command, "-c", "b.toml", "--set", "log.level=loud"]);
    runtime.files.set("b.toml", WRONG);
    assertEquals(await runCommand(runtime, never), status);
    assertEquals(runtime.stderr, REPORT);
    assertEquals(runtime.stdout, "");
  });

  test(`${command[0]} ends with ${status} when the file cannot be read`, async () => {
    const runtime = new FakeRuntime([...command, "-c", "none.toml"]);
    assertEquals(await runCommand(runtime, never), status);
    assertEquals(
      runtime.stderr,
      "Cannot use the configuration: 1 problem\n" +
        "none.toml: Cannot read configuration file: ENOENT: no such file, open 'none.toml'\n",
    );
  });

  test(`${command[0]} ends with ${status} at a variable that matches no key`, async () => {
    const runtime = new FakeRuntime([...command]);
    runtime.variables = { BROKER_MQTT__MAXQOS: "1" };
    assertEquals(await runCommand(runtime, never), status);
    assert(runtime.stderr.includes('did you mean "BROKER_MQTT__MAX_QOS"?'), runtime.stderr);
  });
}

const NAMED_FILES =
  "[auth]\npassword_file = 'users'\n[[listener]]\ntype = 'tls'\ncert = 'c.pem'\n" +
  "key = 'k.pem'\n[[bridge]]\nname = 'b'\naddress = 'mqtt://x'\n[bridge.tls]\nca = 'unused.pem'\n";

for (const [command, status] of [["run", 2], ["check", 1]] as const) {
  test(`${command} ends with ${status} and the place of every file that cannot be read`, async () => {
    const runtime = new FakeRuntime([command, "-c", "b.toml"]);
    runtime.files.set("b.toml", NAMED_FILES);
    runtime.files.set("k.pem", "");
    assertEquals(await runCommand(runtime, never), status);
    const problem = (at: string, key: string, file: string): string =>
      `b.toml:${at}: ${key}: found "${file}", which cannot be read: ENOENT: no such file, ` +
      `open '${file}'; allowed: path of a file\n`;
    assertEquals(
      runtime.stderr,
      "Cannot use the configuration: 2 problems\n" +
        problem("5:8", "listener.0.cert", "c.pem") +
        problem("2:17", "auth.password_file", "users"),
    );
  });
}

test("check reads users and keys, and names what is wrong in them", async () => {
  const runtime = new FakeRuntime(["check", "--set", "auth.password_file=users"]);
  runtime.files.set("users", "alice:geheim\n");
  assertEquals(await runCommand(runtime, never), 1);
  assert(runtime.stderr.includes("users"), runtime.stderr);
  assert(!runtime.stderr.includes("geheim"), runtime.stderr);
  assertEquals([runtime.stdout, runtime.intervals.size], ["", 0]);
});

test("check ends with 0 and says so, with a warning where there is one", async () => {
  const runtime = new FakeRuntime(["check", "--set", "listener.0.bind=0.0.0.0:1883"]);
  assertEquals(await runCommand(runtime, never), 0);
  assertEquals(runtime.stdout, "The configuration is fine\n");
  assert(runtime.stderr.startsWith("Warning: Listener 0.0.0.0:1883 refuses"), runtime.stderr);
});

test("run reports ready by file and by line once the listeners accept, then stops at SIGTERM", async () => {
  const { runtime, status } = await start(["--ready-file", "ready.json"]);
  const report = {
    pid: 4711,
    version: VERSION,
    runtime: "deno 9.9.9",
    listeners: [{ type: "tcp", url: "mqtt://127.0.0.1:1883", port: 1883 }],
    http: [],
  };
  assertEquals(runtime.stdout, `ready ${JSON.stringify(report)}\n`);
  assertEquals(JSON.parse(runtime.files.get("ready.json")!), report);
  runtime.signal("SIGTERM");
  assertEquals(await status, 0);
  assertEquals(runtime.record, ["start", "write ready.json", "stdout ready", "settle", "stop"]);
  assertEquals(runtime.stdout.split("\n").length, 2);
});

test("run stops at a signal that comes while the listeners open", async () => {
  const runtime = new FakeRuntime([]);
  const gate = Promise.withResolvers<void>();
  const status = runCommand(runtime, (context) => {
    const server = new FakeServer(runtime, context);
    server.onStart = () => gate.promise;
    queueMicrotask(() => runtime.signal("SIGINT"));
    return server;
  });
  gate.resolve();
  assertEquals(await status, 0);
  assertEquals(runtime.record, ["start", "stdout ready", "settle", "stop"]);
});

test("run ends at once at a second signal while it stops", async () => {
  const { runtime, server, status } = await start([]);
  server.onStop = () => new Promise(() => undefined);
  runtime.signal("SIGINT");
  await runtime.written("Stopping");
  let code: number | undefined;
  try {
    runtime.signal("SIGINT");
  } catch (error) {
    if (!(error instanceof Exited)) throw error;
    code = error.code;
  }
  assertEquals(code, 130);
  const undecided = Symbol();
  assertEquals(await Promise.race([status, Promise.resolve(undecided)]), undecided);
});

test("run ends with 1 and nothing open when the ready file cannot be written", async () => {
  const runtime = new FakeRuntime(["--ready-file", "/missing/ready.json"]);
  const status = await runCommand(runtime, (context) => new FakeServer(runtime, context));
  assertEquals(status, 1);
  assertEquals(runtime.record, ["start", "stop"]);
  assert(runtime.stderr.includes("Cannot write ready file"), runtime.stderr);
  assertEquals(runtime.stdout, "");
});

test("run logs as the configuration says, each entry on one line of standard error", async () => {
  const { runtime, status } = await start(["--log-format", "json", "--log-level=debug"]);
  runtime.signal("SIGTERM");
  await status;
  const entries = runtime.stderr.trimEnd().split("\n").map((line) => JSON.parse(line));
  assertEquals(entries.map(({ message }) => message), [
    "Broker started",
    "Listening",
    "Stopping",
    "Stopped",
  ]);
});

test("run ends with 1 when the last changes could not be written", async () => {
  const { runtime, server, status } = await start([]);
  server.onStop = () => Promise.reject(new Error("the disk is full"));
  runtime.signal("SIGTERM");
  assertEquals(await status, 1);
  assert(runtime.stderr.includes('not on disk error="the disk is full"'), runtime.stderr);
});

test("a reload puts limits and log into force and says what waits for a restart", async () => {
  const { runtime, server, status } = await start(["-c", "b.toml"], { "b.toml": "" });
  const next = '[node]\nname = "other"\n[log]\nformat = "json"\n[mqtt]\nmax_qos = 1\n' +
    "[[listener]]\nmountpoint = 'x/'\n";
  runtime.files.set("b.toml", next);
  runtime.signal("SIGHUP");
  await runtime.written("a restart is needed");
  const [old, reloaded] = server.configurations;
  assertEquals(reloaded, {
    ...old!,
    log: { level: "info", format: "json" },
    mqtt: { ...old!.mqtt, maxQos: 1 },
  });
  const [changed, restart] = runtime.stderr.trimEnd().split("\n").slice(-2).map((line) =>
    JSON.parse(line)
  );
  assertEquals(changed.changed, "log.format,mqtt.max_qos");
  assertEquals(restart.keys, "node.name,listener.0.mountpoint");
  runtime.signal("SIGTERM");
  await status;
});

test("a reload says again what still waits for a restart", async () => {
  const { runtime, status } = await start(["-c", "b.toml"], { "b.toml": "" });
  runtime.files.set("b.toml", '[node]\nname = "other"\n');
  for (let count = 1; count <= 2; count++) {
    runtime.signal("SIGHUP");
    await runtime.written("restart is needed keys=node.name\n");
    const again = runtime.stderr.split("restart is needed").length - 1;
    assertEquals(again, count);
    runtime.stderr = runtime.stderr.replaceAll("keys=node.name\n", "keys=NODE\n");
  }
  runtime.signal("SIGTERM");
  await status;
});

test("a reload that is asked for during the start waits for its end", async () => {
  const runtime = new FakeRuntime(["-c", "b.toml"]);
  runtime.files.set("b.toml", "");
  let server: FakeServer | undefined;
  const status = runCommand(runtime, (context) => {
    server = new FakeServer(runtime, context);
    server.onStart = async () => {
      runtime.files.set("b.toml", "mqtt.max_qos = 1");
      runtime.signal("SIGHUP");
      // Longer than a reload takes, of which every step is done at once here.
      for (let turns = 0; turns < 1000; turns++) await Promise.resolve();
    };
    return server;
  });
  await runtime.written("changed=mqtt.max_qos\n");
  assert(/Broker started[^]*Reloaded/.test(runtime.stderr), runtime.stderr);
  assertEquals(server!.configurations.map(({ mqtt }) => mqtt.maxQos), [2, 1]);
  runtime.signal("SIGTERM");
  await status;
});

test("a reload of a file with any problem changes nothing", async () => {
  const { runtime, server, status } = await start(["-c", "b.toml"], { "b.toml": "" });
  runtime.files.set("b.toml", '[log]\nlevel = "error"\n[mqtt]\nmax_qos = 3\nmax_inflight = 5\n');
  runtime.signal("SIGHUP");
  await runtime.written("max_qos");
  assert(runtime.stderr.includes("Cannot reload: the old configuration stays in force"));
  assertEquals(server.configurations.length, 1);
  runtime.files.delete("b.toml");
  runtime.signal("SIGHUP");
  await runtime.written("Cannot read configuration file");
  assertEquals(server.configurations.length, 1);
  // Level "info" is still in force.
  runtime.signal("SIGTERM");
  await status;
  assert(runtime.stderr.includes("Stopped"));
});

test("two signals to reload at once are both served, and the last file counts", async () => {
  const { runtime, server, status } = await start(["-c", "b.toml"], { "b.toml": "" });
  const reads: string[] = [];
  const readTextFile = runtime.readTextFile.bind(runtime);
  runtime.readTextFile = async (path) => {
    const text = await readTextFile(path);
    reads.push(text);
    if (reads.length === 1) {
      runtime.files.set("b.toml", "mqtt.max_qos = 0");
      runtime.signal("SIGHUP");
      runtime.signal("SIGHUP");
    }
    return text;
  };
  runtime.files.set("b.toml", "mqtt.max_qos = 1");
  runtime.signal("SIGHUP");
  for (let count = 1; count <= 2; count++) {
    await runtime.written("changed=mqtt.max_qos\n");
    runtime.stderr = runtime.stderr.replaceAll("changed=mqtt.max_qos\n", "changed\n");
  }
  runtime.signal("SIGTERM");
  await status;
  assertEquals(reads, ["mqtt.max_qos = 1", "mqtt.max_qos = 0"]);
  assertEquals(server.configurations.map(({ mqtt }) => mqtt.maxQos), [2, 1, 0]);
});

test("the real server opens every listener and closes them at the end", async () => {
  const runtime = new FakeRuntime(["--set", "listener.1.bind=[::1]:0", "--ephemeral"]);
  const status = runCommand(runtime, realServer);
  await runtime.written("ready");
  const { listeners } = JSON.parse(runtime.stdout.slice("ready ".length));
  assertEquals(listeners, [
    { type: "tcp", url: "mqtt://127.0.0.1:40000", port: 40_000 },
    { type: "tcp", url: "mqtt://[::1]:40001", port: 40_001 },
  ]);
  runtime.signal("SIGTERM");
  assertEquals(await status, 0);
  assertEquals(runtime.listeners.size, 0);
  assertEquals(runtime.intervals.size, 0);
});

test("the real server leaves nothing open when a listener cannot be bound", async () => {
  const runtime = new FakeRuntime(["--ephemeral", "--set", "listener.1.bind=127.0.0.1:7"]);
  runtime.taken.add("127.0.0.1:7");
  assertEquals(await runCommand(runtime, realServer), 1);
  assert(
    runtime.stderr.includes(
      "Cannot listen on 127.0.0.1:7: the address is already in use (EADDRINUSE)",
    ),
    runtime.stderr,
  );
  assertEquals(runtime.listeners.size, 0);
  assertEquals(runtime.intervals.size, 0);
  assertEquals(runtime.record, ["listen 127.0.0.1:0", "close 127.0.0.1:0"]);
  assertEquals(runtime.stdout, "");
});

test("the real server has its database to itself, until it ends", () =>
  withFolder(async (folder) => {
    const args = ["--set", `node.data_dir=${folder}`, "--set", "listener.0.bind=127.0.0.1:0"];
    const first = new FakeRuntime(args);
    const status = runCommand(first, realServer);
    await first.written("ready");
    const second = new FakeRuntime(args);
    assertEquals(await runCommand(second, realServer), 1);
    assert(
      second.stderr.includes(
        `Cannot use node.data_dir "${folder}": another broker is using it`,
      ),
      second.stderr,
    );
    assertEquals(second.record, []);
    first.signal("SIGTERM");
    assertEquals(await status, 0);
    const third = new FakeRuntime(args);
    const statusOfThird = runCommand(third, realServer);
    await third.written("ready");
    third.signal("SIGTERM");
    assertEquals(await statusOfThird, 0);
  }));

test("the real server sets a damaged database aside and says so", () =>
  withFolder(async (folder) => {
    await writeFile(join(folder, "broker.db"), "no database\n".repeat(1000));
    const args = ["--set", `node.data_dir=${folder}`, "--set", "listener.0.bind=127.0.0.1:0"];
    const runtime = new FakeRuntime(args);
    const status = runCommand(runtime, realServer);
    await runtime.written("ready");
    const aside = (await readdir(folder)).find((name) => name.startsWith("broker-damaged-"));
    const [line] = runtime.stderr.split("\n");
    assert(line!.includes("The database was damaged and has been set aside"), line);
    assert(line!.includes(join(folder, aside!)), line);
    assert(line!.includes('kept="0 sessions, 0 subscriptions, 0 queued messages,'), line);
    runtime.signal("SIGTERM");
    assertEquals(await status, 0);
  }));

test("backup copies the database, and never over a file", () =>
  withFolder(async (folder) => {
    const set = ["--set", `node.data_dir=${folder}`];
    const copy = join(folder, "copy.db");
    const without = new FakeRuntime(["backup", copy, ...set]);
    assertEquals(await runCommand(without, never), 1);
    assert(without.stderr.includes("there is no such database"), without.stderr);
    const broker = new FakeRuntime([...set, "--set", "listener.0.bind=127.0.0.1:0"]);
    const status = runCommand(broker, realServer);
    await broker.written("ready");
    const first = new FakeRuntime(["backup", copy, ...set]);
    assertEquals([await runCommand(first, never), first.stderr], [0, ""]);
    assertEquals(first.stdout, `"${copy}" is a copy of "${join(folder, "broker.db")}"\n`);
    assert((await stat(copy)).size > 0);
    const second = new FakeRuntime(["backup", copy, ...set]);
    assertEquals(await runCommand(second, never), 1);
    assertEquals(second.stderr, `broker: Cannot back up to "${copy}": it exists\n`);
    broker.signal("SIGTERM");
    assertEquals(await status, 0);
  }));
