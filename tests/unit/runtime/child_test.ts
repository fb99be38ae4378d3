import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { promisify } from "node:util";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { type Child, loadRuntime, SpawnError } from "../../../src/runtime/mod.ts";
import { denoProgram } from "../../support/programs.ts";

const runtime = await loadRuntime();
const environment = { PATH: process.env["PATH"] ?? "" };

function shell(script: string): Promise<Child> {
  const command = "/bin/sh";
  return runtime.spawn({ command, args: ["-c", script], environment, stdin: "pipe" });
}

test("spawn() hands over arguments, the environment and nothing else of it", async () => {
  const child = await runtime.spawn({
    command: "sh",
    args: ["-c", 'test "$1$A" = "x y1" && test -z "$HOME"', "sh", "x y"],
    environment: { ...environment, A: "1" },
    stdin: "pipe",
  });
  assertEquals(await child.ended, { status: 0, signal: undefined });
});

test("spawn() tells the exit status, and the signal that ended the child", async () => {
  assertEquals(await (await shell("exit 7")).ended, { status: 7, signal: undefined });
  assertEquals(await (await shell("kill -KILL $$")).ended, {
    status: undefined,
    signal: "SIGKILL",
  });
});

test("a child that handles a signal ends with its own status, not by the signal", async () => {
  const child = await shell('trap "exit 3" TERM; kill -TERM $$; exit 4');
  assertEquals(await child.ended, { status: 3, signal: undefined });
});

test("signal() reaches the child, and nobody once it has ended", async () => {
  const child = await shell("read -r line");
  child.signal("SIGTERM");
  assertEquals(await child.ended, { status: undefined, signal: "SIGTERM" });
  child.signal("SIGTERM");
});

test("write() and endInput() reach the child, and do not mind one that is gone", async () => {
  const child = await shell('read -r line; read -r none; test "$line$none" = hello');
  await child.write("hel");
  await child.write("lo\n");
  await child.endInput();
  assertEquals(await child.ended, { status: 0, signal: undefined });
  const gone = await shell("exit 0");
  await gone.ended;
  for (let count = 0; count < 3; count++) await gone.write("hello\n");
  await gone.endInput();
});

test("spawn() says why there is no child", async () => {
  const folder = await mkdtemp(join(tmpdir(), "broker-test-"));
  try {
    const file = join(folder, "file");
    await writeFile(file, "exit 0\n", { mode: 0o644 });
    const cases = [
      ["no-such-program", "not-found"],
      [join(folder, "none"), "not-found"],
      [
        join(file, "x"),
        "not-found",
      ],
      [file, "not-executable"],
      [folder, "not-executable"],
    ] as const;
    for (const [command, problem] of cases) {
      const error = await assertRejects(
        () => runtime.spawn({ command, args: [], environment, stdin: "inherit" }),
        SpawnError,
      );
      assertEquals(error.problem, problem, command);
      assertStringIncludes(error.message, `Cannot run "${command}"`);
    }
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("spawn() runs a script that does not name its shell", async () => {
  const folder = await mkdtemp(join(tmpdir(), "broker-test-"));
  try {
    const command = join(folder, "script");
    await writeFile(command, "exit 5\n", { mode: 0o755 });
    const child = await runtime.spawn({ command, args: [], environment, stdin: "inherit" });
    assertEquals(await child.ended, { status: 5, signal: undefined });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("renouncePrograms() takes Deno's permission away, whatever it was given", async () => {
  const folder = await mkdtemp(join(tmpdir(), "broker-test-"));
  try {
    const file = join(folder, "renounce.ts");
    const runtimeUrl = new URL("../../../src/runtime/mod.ts", import.meta.url).href;
    await writeFile(
      file,
      `import { loadRuntime } from ${JSON.stringify(runtimeUrl)};
const runtime = await loadRuntime();
runtime.renouncePrograms();
const options = { command: "true", args: [], environment: {}, stdin: "inherit" };
await runtime.spawn(options).then(() => console.log("spawned"), (e) => console.log(e.problem));
`,
    );
    const { stdout } = await promisify(execFile)(denoProgram(), ["run", "-A", "--no-check", file]);
    assertEquals(stdout.trim(), "not-allowed");
  } finally {
    await rm(folder, { recursive: true });
  }
});
