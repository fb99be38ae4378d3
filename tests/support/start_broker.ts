/** Starts the real program, from source on either runtime or as a binary, for black-box tests. */
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable, Writable } from "node:stream";
import { assertEquals } from "@std/assert";
import { within } from "./deadline.ts";
import { bunProgram, denoProgram } from "./programs.ts";
import { PROJECT_ROOT, readProjectFile } from "./project_files.ts";

/** What the broker says of itself when it accepts: the ready file and the `ready` line. */
export interface ReadyReport {
  readonly pid: number;
  readonly version: string;
  readonly runtime: string;
  readonly listeners: readonly { type: string; url: string; port: number }[];
  readonly http: readonly { url: string; port: number; apis: readonly string[] }[];
}

/** How a program ended. */
export interface Exit {
  /** undefined: by a signal. */
  readonly code: number | undefined;
  readonly signal: string | undefined;
}

export interface StartOptions {
  /** "deno-source", "bun-source" or the path of a binary. Default: `$TEST_TARGET`. */
  readonly target?: string;
  /** Added behind `run`. */
  readonly args?: readonly string[];
  /** TOML text, given by `--config`. */
  readonly config?: string;
  /** Where the broker keeps things, for whoever wants them kept. The caller owns the folder. */
  readonly dataDir?: string;
  readonly environment?: Readonly<Record<string, string>>;
  /** What its standard input holds; default: nothing. */
  readonly input?: string | Uint8Array;
  /** Its standard input stays open: see `RunningProgram.write`. */
  readonly keepsInput?: boolean;
}

export interface RunningBroker {
  readonly ready: ReadyReport;
  /** Of the first listener. */
  readonly port: number;
  readonly url: string;
  /** Of the first web server. */
  readonly httpPort: number;
  readonly httpUrl: string;
  readonly pid: number;
  /** The path that was given with `--ready-file`; it goes when the broker ends. */
  readonly readyFile: string;
  readonly exited: Promise<Exit>;
  /** What it has written so far. */
  stdout(): string;
  stderr(): string;
  signal(name: "SIGTERM" | "SIGINT" | "SIGHUP"): void;
  /** Waits until standard error holds `text`, so many times if that is more than one. */
  logged(text: string, times?: number): Promise<void>;
  /** SIGTERM, and the exit. */
  stop(): Promise<Exit>;
  /** SIGKILL, and the exit. */
  kill(): Promise<Exit>;
}

/**
 * Starts a broker on free ports of loopback, ephemeral unless it has a data directory, and waits for its `ready`
 * line. The caller stops it. Rejects with what it wrote when it ends before it is ready.
 */
export async function startBroker(options: StartOptions = {}): Promise<RunningBroker> {
  const folder = await mkdtemp(join(tmpdir(), "broker-test-"));
  const readyFile = join(folder, "ready.json");
  const place = placeArguments(options.dataDir);
  const args = ["run", ...place, "--ready-file", readyFile];
  // Hundreds of brokers that live for a moment.
  args.push("--set", "node.warm_up=false", ...options.args ?? []);
  if (options.config !== undefined) {
    const path = join(folder, "broker.toml");
    await writeFile(path, options.config);
    args.push("--config", path);
  }
  const tidyUp = (): Promise<void> => rm(folder, { recursive: true, force: true });
  const program = await Program.start(args, options).catch(async (error) => {
    await tidyUp();
    throw error;
  });
  const exited = program.exited.finally(tidyUp);
  // The one who waits for it learns of a failure; nobody has to.
  exited.catch(() => undefined);
  const ready = await within(readyReport(program), "the broker's ready line").catch((error) => {
    program.signal("SIGKILL");
    throw error;
  });
  const listener = ready.listeners[0];
  if (listener === undefined) throw new Error("Cannot use the broker: it has no listener");
  const end = (signal: "SIGTERM" | "SIGKILL"): Promise<Exit> => {
    program.signal(signal);
    return within(exited, `the broker's end after ${signal}`);
  };
  return {
    ready,
    readyFile,
    exited,
    port: listener.port,
    url: listener.url,
    httpPort: ready.http[0]?.port ?? 0,
    httpUrl: ready.http[0]?.url ?? "",
    pid: ready.pid,
    stdout: () => program.stdout.text,
    stderr: () => program.stderr.text,
    signal: (name) => program.signal(name),
    logged: (text, times) =>
      within(program.stderr.until(text, times), `"${text}" on standard error`),
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}

function placeArguments(dataDir: string | undefined): string[] {
  if (dataDir === undefined) return ["--ephemeral"];
  const free = ["listener.0.bind=127.0.0.1:0", "http.0.bind=127.0.0.1:0"];
  return [`node.data_dir=${dataDir}`, ...free].flatMap((setting) => ["--set", setting]);
}

/** Runs `use` with a broker of its own and stops it; it must end in good order. */
export async function withBroker(
  options: StartOptions,
  use: (broker: RunningBroker) => Promise<void>,
): Promise<void> {
  const broker = await startBroker(options);
  try {
    await use(broker);
  } catch (error) {
    await broker.kill();
    const log = broker.stderr();
    throw new Error(
      `${error instanceof Error ? error.message : error}\n\nThe broker said:\n${log}`,
      {
        cause: error,
      },
    );
  }
  assertEquals(await broker.stop(), { code: 0, signal: undefined }, broker.stderr());
}

/** Starts a broker and kills it after so many milliseconds. True: it was ready by then. */
export async function startAndKill(options: StartOptions, afterMs: number): Promise<boolean> {
  const args = ["run", ...placeArguments(options.dataDir), ...options.args ?? []];
  const program = await Program.start(args, options);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isTime = new Promise((resolve) => timer = setTimeout(resolve, afterMs));
  await Promise.race([isTime, program.exited]);
  clearTimeout(timer);
  program.signal("SIGKILL");
  const { signal, code } = await within(program.exited, "the broker's end after SIGKILL");
  if (signal === undefined) {
    throw new Error(`Cannot kill the broker: it ended (${code})\n${program.stderr.text}`);
  }
  return program.stdout.text.startsWith("ready ");
}

/** Runs the program with these arguments to its end. For `--version`, `check` and the like. */
export async function runToEnd(
  args: readonly string[],
  options: Omit<StartOptions, "args" | "config"> = {},
): Promise<Exit & { stdout: string; stderr: string }> {
  const program = await Program.start(args, options);
  try {
    const exit = await within(program.exited, `the end of "${args.join(" ")}"`);
    return { ...exit, stdout: program.stdout.text, stderr: program.stderr.text };
  } finally {
    program.signal("SIGKILL");
  }
}

/** A program that was started with any command. */
export interface RunningProgram {
  readonly pid: number;
  /** Once nobody has its standard output and error open any more. */
  readonly exited: Promise<Exit>;
  stdout(): string;
  stderr(): string;
  signal(name: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGKILL"): void;
  /** Waits until standard output holds `text`, so many times if that is more than one. */
  said(text: string, times?: number): Promise<void>;
  /** From now on nobody reads its standard output. */
  closeStdout(): void;
  /** To its standard input; undefined ends it. */
  write(text: string | undefined): void;
}

/** Starts the program with these arguments. The caller sees to its end. */
export async function startProgram(
  args: readonly string[],
  options: Omit<StartOptions, "args" | "config"> = {},
): Promise<RunningProgram> {
  const program = await Program.start(args, options);
  return {
    pid: program.pid,
    exited: within(program.exited, `the end of "${args.join(" ")}"`),
    stdout: () => program.stdout.text,
    stderr: () => program.stderr.text,
    signal: (name) => program.signal(name),
    said: (text, times) =>
      within(program.stdout.until(text, times), `"${text}" on standard output`),
    closeStdout: () => program.closeStdout(),
    write: (text) => program.write(text),
  };
}

/** Ours without what would configure the broker under test. */
function ownEnvironment(): Record<string, string | undefined> {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith("BROKER_"));
  return Object.fromEntries(entries);
}

/** What stands in front of the arguments of the program under test, from any folder and with any command. */
export async function programCommand(): Promise<string[]> {
  const target = process.env["TEST_TARGET"] || "deno-source";
  const [program, before] = await commandOf(target, "exec");
  const main = join(PROJECT_ROOT, "main.ts");
  return [program, ...before.map((word) => word === "main.ts" ? main : word)];
}

/** The program and the arguments in front that a target means. */
async function commandOf(
  target: string,
  command: string | undefined,
): Promise<[program: string, args: string[]]> {
  if (target === "bun-source") return [await bunProgram(), ["main.ts"]];
  if (target !== "deno-source") return [target, []];
  // As `deno task start` or `deno task exec` does it, with no more permissions.
  const { tasks } = JSON.parse(readProjectFile("deno.json")) as {
    tasks: { start: { command: string }; exec: { command: string } };
  };
  const words = (command === "exec" ? tasks.exec : tasks.start).command.split(" ");
  return [denoProgram(), words.slice(1, words.indexOf("main.ts") + 1)];
}

async function readyReport(program: Program): Promise<ReadyReport> {
  const line = program.stdout.until("\n");
  const ended = program.exited.then((exit) => {
    const how = exit.code ?? exit.signal;
    throw new Error(`Cannot start the broker: it ended (${how})\n${program.stderr.text}`);
  });
  await Promise.race([line, ended]);
  const found = /^ready (\{.*\})\n/.exec(program.stdout.text);
  if (found === null) {
    throw new Error(`Cannot start the broker: standard output is "${program.stdout.text}"`);
  }
  return JSON.parse(found[1] ?? "") as ReadyReport;
}

/** A child process with its output at hand. */
class Program {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly exited: Promise<Exit>;
  readonly #pid: number | undefined;
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  #isRunning = true;

  constructor(child: ChildProcessByStdio<Writable, Readable, Readable>) {
    this.#child = child;
    this.#pid = child.pid;
    this.stdout = new Output(child.stdout);
    this.stderr = new Output(child.stderr);
    this.exited = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("exit", () => this.#isRunning = false);
      child.once("close", (code, signal) => {
        resolve({ code: code ?? undefined, signal: signal ?? undefined });
      });
    });
  }

  get pid(): number {
    return this.#pid ?? 0;
  }

  /** Not `child.kill`: after that Deno 2.9.6 takes the child for ended by this very signal. */
  signal(name: "SIGTERM" | "SIGINT" | "SIGHUP" | "SIGKILL"): void {
    if (this.#isRunning && this.#pid !== undefined) process.kill(this.#pid, name);
  }

  write(text: string | undefined): void {
    if (text === undefined) this.#child.stdin.end();
    else this.#child.stdin.write(text);
  }

  /** From now on nobody reads what it writes. */
  closeStdout(): void {
    this.#child.stdout.destroy();
  }

  static async start(args: readonly string[], options: StartOptions): Promise<Program> {
    const target = options.target ?? (process.env["TEST_TARGET"] || "deno-source");
    const [program, before] = await commandOf(target, args[0]);
    const child = spawn(program, [...before, ...args], {
      cwd: PROJECT_ROOT,
      stdio: ["pipe", "pipe", "pipe"],
      env: { ...ownEnvironment(), NO_COLOR: "1", ...options.environment },
    });
    // A program that does not read all of it is no failure.
    child.stdin.on("error", () => child.stdin.destroy());
    if (options.keepsInput !== true) child.stdin.end(options.input);
    return new Program(child);
  }
}

/** The text of a stream so far, and waiting for a piece of it. */
class Output {
  text = "";
  #waiting: (() => void)[] = [];

  constructor(stream: Readable) {
    stream.setEncoding("utf8");
    stream.on("data", (text: string) => {
      this.text += text;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const wake of waiting) wake();
    });
  }

  async until(text: string, times = 1): Promise<void> {
    while (this.text.split(text).length <= times) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}
