import { test } from "node:test";
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { within } from "../support/deadline.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { PROJECT_ROOT } from "../support/project_files.ts";
import type { ReadyReport } from "../support/start_broker.ts";

/*
 * The executable is all that there is: it is copied to a machine that has nothing. What is tested here is only so of
 * an executable; from source the program needs its files.
 */

const target = process.env["TEST_TARGET"] ?? "deno-source";
const skip = /^(?:deno|bun)-source$/.test(target) ? "only of an executable" : false;
const isRoot = process.getuid?.() === 0;
/** "nobody", everywhere. */
const NOBODY = 65534;
const ARGUMENTS = ["--ephemeral"];

/** A copy of the executable in a folder that all may read, and an empty one beside it. */
async function withCopy(
  use: (program: string, empty: string) => Promise<void>,
): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-alone-"));
  const [program, empty] = [join(folder, "broker"), join(folder, "empty")];
  try {
    await chmod(folder, 0o755);
    await copyFile(target, program);
    await chmod(program, 0o755);
    await mkdir(empty);
    await use(program, empty);
    assertEquals(await readdir(empty), []);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface Started {
  readonly ready: ReadyReport;
  readonly child: ChildProcess;
}

/** Started with nothing in its environment. */
async function start(
  [program = "", ...args]: readonly string[],
  options: { cwd: string; uid?: number; gid?: number },
): Promise<Started> {
  const child = spawn(program, args, { ...options, env: {}, stdio: ["ignore", "pipe", "pipe"] });
  let [output, errors] = ["", ""];
  const ready = new Promise<ReadyReport>((resolve, reject) => {
    child.stderr?.on("data", (chunk) => errors += chunk);
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`It ended (${code}): ${output}${errors}`)));
    child.stdout?.on("data", (chunk) => {
      output += chunk;
      if (output.endsWith("\n")) resolve(JSON.parse(output.slice("ready ".length)));
    });
  });
  return { ready: await within(ready, "the ready line"), child };
}

/** A message through it, an answer of its web server, and its end in good order. */
async function useAndStop({ ready, child }: Started): Promise<void> {
  const ended = new Promise((resolve) => child.once("exit", resolve));
  const client = await TestClient.connect(ready.listeners[0]!.port);
  await client.subscribe("t");
  await client.publish("t", "x");
  assertEquals(String((await client.receive()).payload), "x");
  const reply = await fetch(`${ready.http[0]!.url}/healthz`);
  assertEquals([reply.status, (await reply.json()).status], [200, "alive"]);
  // Not child.kill: after that Deno 2.9.6 takes the child for ended by this very signal.
  process.kill(ready.pid, "SIGTERM");
  assertEquals(await within(ended, "the end"), 0);
}

async function temporaryFiles(): Promise<readonly string[]> {
  return (await readdir(tmpdir())).filter((name) => name.includes("compile"));
}

test(
  "it runs in an empty folder, with nothing in its environment, and leaves nothing",
  { skip },
  () =>
    withCopy(async (program, empty) => {
      const before = await temporaryFiles();
      await useAndStop(await start([program, ...ARGUMENTS], { cwd: empty }));
      assertEquals(await temporaryFiles(), before);
    }),
);

test(
  "it runs as nobody",
  { skip: skip || (!isRoot && "only root can") },
  () =>
    withCopy(async (program, empty) => {
      const options = { cwd: empty, uid: NOBODY, gid: NOBODY };
      await useAndStop(await start([program, ...ARGUMENTS], options));
    }),
);

/** Without a PATH it has to be named wholly. */
const UNSHARE = "/usr/bin/unshare";
const canMount = isRoot &&
  spawnSync(UNSHARE, ["-m", "mount", "-o", "remount,ro,bind", "/"]).status === 0;

test("it runs where nothing can be written", {
  skip: skip || (!canMount && "no file system can be made read-only here"),
}, () =>
  withCopy(async (program, empty) => {
    const script = 'mount -o remount,ro,bind / && ! touch "$0.x" 2>/dev/null && exec "$0" "$@"';
    const command = [UNSHARE, "-m", "sh", "-c", script, program, ...ARGUMENTS];
    await useAndStop(await start(command, { cwd: empty }));
  }));

test(
  "it keeps its database in a folder beside it, in a thread from within itself",
  { skip },
  () =>
    withCopy(async (program, empty) => {
      const settings = [
        "node.data_dir=kept",
        "listener.0.bind=127.0.0.1:0",
        "http.0.bind=127.0.0.1:0",
      ];
      const command = [program, ...settings.flatMap((setting) => ["--set", setting])];
      const first = await start(command, { cwd: empty });
      const client = await TestClient.connect(first.ready.listeners[0]!.port);
      await client.publish("kept", "x", { retain: true, qos: 1 });
      await useAndStop(first);
      const second = await start(command, { cwd: empty });
      const later = await TestClient.connect(second.ready.listeners[0]!.port);
      await later.subscribe("kept");
      assertEquals((await later.receive()).topic, "kept");
      await useAndStop(second);
      assert((await readdir(join(empty, "kept"))).includes("broker.db"));
      await rm(join(empty, "kept"), { recursive: true });
    }),
);

const isCheckout = existsSync(join(PROJECT_ROOT, ".git"));

test(
  "--version tells the commit that it was made from",
  { skip: skip || (!isCheckout && "nobody knows the commit") },
  () =>
    withCopy((program, empty) => {
      const { stdout, status } = spawnSync(program, ["--version"], { cwd: empty, env: {} });
      assertEquals(status, 0);
      assertMatch(String(stdout), /^broker \S+ \((?:deno|bun) \S+\), commit [-\w.+]{7,}\n$/);
      return Promise.resolve();
    }),
);
