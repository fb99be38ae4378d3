/** The programs of a bench: the broker on either runtime and the load generator, each on a core of its own. */
import { type ChildProcessByStdio, execFileSync, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import process from "node:process";
import type { Readable } from "node:stream";
import { denoProgram, versionOf } from "../../support/programs.ts";
import { PROJECT_ROOT } from "../../support/project_files.ts";

/** A runtime that is installed here. */
export interface RuntimeProgram {
  readonly name: "deno" | "bun";
  readonly version: string;
  readonly command: string;
  /** Arguments in front of a script. */
  readonly before: readonly string[];
}

/** The runtimes on this machine: what this program runs on, `$DENO`, `$BUN` and the PATH. */
export async function findRuntimes(): Promise<RuntimeProgram[]> {
  const bun = "Bun" in globalThis ? process.execPath : process.env["BUN"] || "bun";
  const found: RuntimeProgram[] = [];
  const bunVersion = await versionOf(bun);
  if (bunVersion !== undefined) {
    found.push({ name: "bun", version: bunVersion, command: bun, before: [] });
  }
  const denoVersion = /^deno (\S+)/.exec(await versionOf(denoProgram()) ?? "")?.[1];
  if (denoVersion !== undefined) {
    const before = ["run", "-A", "--no-check"];
    found.push({ name: "deno", version: denoVersion, command: denoProgram(), before });
  }
  return found;
}

/** Those of `runtimes` that `names` (such as "bun,deno") wants, or all. */
export function chooseRuntimes(
  runtimes: readonly RuntimeProgram[],
  names: string | undefined,
): RuntimeProgram[] {
  if (names === undefined) return [...runtimes];
  return names.split(",").map((name) => {
    const found = runtimes.find((runtime) => runtime.name === name);
    if (found === undefined) throw new Error(`Cannot find the runtime "${name}"`);
    return found;
  });
}

/** The runtime for the load generator: the faster one of those that are here. */
export function generatorRuntime(runtimes: readonly RuntimeProgram[]): RuntimeProgram {
  const found = runtimes.find(({ name }) => name === "bun") ?? runtimes[0];
  if (found === undefined) throw new Error("Cannot find a runtime for the load generator");
  return found;
}

/** Whether programs can be tied to cores: with one core, or without `taskset`, the system places them. */
export function canPin(): boolean {
  if (process.platform !== "linux" || availableParallelism() < 2) return false;
  return (process.env["PATH"] ?? "").split(":").some((folder) => existsSync(`${folder}/taskset`));
}

export const BROKER_CORE = 0;
export const GENERATOR_CORE = 1;

export interface RunOptions {
  /** undefined: wherever the system puts it. */
  readonly core?: number | undefined;
  /** Gives way to everything else on its core. */
  readonly isBackground?: boolean;
  /** Path of a configuration for the broker. */
  readonly config?: string;
  /** Where the broker keeps what outlives it; undefined: nowhere. */
  readonly dataDir?: string;
}

function commandLine(command: string[], { core, isBackground }: RunOptions): [string, string[]] {
  const parts = isBackground === true ? ["chrt", "-i", "0", ...command] : command;
  const [program, ...args] = core === undefined ? parts : ["taskset", "-c", `${core}`, ...parts];
  return [program as string, args];
}

/** Environment of this program without what would configure a broker. */
function environment(): Record<string, string | undefined> {
  const own = Object.entries(process.env).filter(([name]) => !name.startsWith("BROKER_"));
  return { ...Object.fromEntries(own), NO_COLOR: "1" };
}

/** A program that was started, what it writes, and its end. */
export class RunningProgram {
  readonly pid: number;
  readonly exited: Promise<number | undefined>;
  #lines: string[] = [];
  #errors = "";
  #isRunning = true;
  #wake: (() => void) | undefined;
  #rest = "";

  constructor(child: ChildProcessByStdio<null, Readable, Readable>) {
    this.pid = child.pid ?? 0;
    child.stdout.setEncoding("utf8");
    child.stderr.setEncoding("utf8");
    child.stdout.on("data", (text: string) => this.#addOutput(text));
    child.stderr.on("data", (text: string) => this.#errors = (this.#errors + text).slice(-10_000));
    this.exited = new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (code) => {
        this.#isRunning = false;
        this.#wake?.();
        resolve(code ?? undefined);
      });
    });
  }

  static start(
    runtime: RuntimeProgram,
    script: readonly string[],
    options: RunOptions,
    root = PROJECT_ROOT,
  ): RunningProgram {
    const command = [runtime.command, ...runtime.before, ...script];
    const [program, args] = commandLine(command, options);
    return new RunningProgram(
      spawn(program, args, { cwd: root, stdio: ["ignore", "pipe", "pipe"], env: environment() }),
    );
  }

  get isRunning(): boolean {
    return this.#isRunning;
  }

  /** The end of what it wrote to standard error. */
  get errors(): string {
    return this.#errors;
  }

  /** The next line of standard output; undefined when it ended. */
  async nextLine(): Promise<string | undefined> {
    while (this.#lines.length === 0 && this.#isRunning) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    return this.#lines.shift();
  }

  /** Not `child.kill`: after that Deno 2.9.6 takes the child for ended by this very signal. */
  signal(name: "SIGTERM" | "SIGKILL", pid = this.pid): void {
    if (this.#isRunning && pid !== 0) process.kill(pid, name);
  }

  #addOutput(text: string): void {
    const lines = (this.#rest + text).split("\n");
    this.#rest = lines.pop() ?? "";
    this.#lines.push(...lines);
    this.#wake?.();
  }
}

/** A broker to be measured. */
export interface BenchBroker {
  readonly host: string;
  readonly port: number;
  /** undefined: it runs elsewhere. */
  readonly pid: number | undefined;
  /** Where its metrics are; undefined: it has none. */
  readonly metricsUrl?: string;
  stop(): Promise<void>;
}

/** A free port is taken; on every address of loopback, so that one client machine has ports enough. */
const BROKER_ARGS = [
  "main.ts",
  "run",
  "--log-level",
  "error",
  "--set",
  "listener.0.bind=0.0.0.0:0",
  "--set",
  "http.0.bind=127.0.0.1:0",
  "--set",
  "listener.0.allow_anonymous=true",
];
const STOP_MS = 10_000;

/** Starts our broker from source. `settings` are `KEY=VALUE` of the configuration. */
export async function startBenchBroker(
  runtime: RuntimeProgram,
  settings: readonly string[],
  options: RunOptions,
  root = PROJECT_ROOT,
): Promise<BenchBroker> {
  const { config, dataDir } = options;
  const script = [
    ...BROKER_ARGS,
    ...(dataDir === undefined ? ["--ephemeral"] : ["--set", `node.data_dir=${dataDir}`]),
    ...(config === undefined ? [] : ["--config", config]),
    ...settings.flatMap((setting) => ["--set", setting]),
  ];
  const program = RunningProgram.start(runtime, script, options, root);
  const line = await program.nextLine();
  if (line === undefined || !line.startsWith("ready ")) {
    throw new Error(`Cannot start the broker: it says "${line}"\n${program.errors}`);
  }
  const ready = JSON.parse(line.slice(6)) as {
    pid: number;
    listeners: { port: number }[];
    http: { url: string }[];
  };
  const port = ready.listeners[0]?.port;
  if (port === undefined) throw new Error(`Cannot start the broker: no listener in ${line}`);
  const stop = async (): Promise<void> => {
    program.signal("SIGTERM", ready.pid);
    const timer = setTimeout(() => program.signal("SIGKILL", ready.pid), STOP_MS);
    await program.exited;
    clearTimeout(timer);
  };
  const metricsUrl = `${ready.http[0]?.url}/metrics`;
  return { host: "127.0.0.1", port, pid: ready.pid, metricsUrl, stop };
}

/** Runs one of our bench scripts to its end; the last line that it wrote. Rejects when it fails. */
export async function runScript(
  runtime: RuntimeProgram,
  script: readonly string[],
  options: RunOptions,
): Promise<string> {
  const path = join("tests", "bench", script[0] ?? "");
  const program = RunningProgram.start(runtime, [path, ...script.slice(1)], options);
  let last = "";
  for (let line = await program.nextLine(); line !== undefined; line = await program.nextLine()) {
    last = line;
  }
  const code = await program.exited;
  if (code !== 0) throw new Error(`Cannot run ${path}: exit ${code}\n${program.errors}`);
  return last;
}

/** One line about the machine, for whoever reads the figures later. */
export function machineLine(): string {
  const cores = availableParallelism();
  let model: string = process.arch;
  if (process.platform === "linux") {
    const info = execFileSync("grep", ["-m1", "model name", "/proc/cpuinfo"], { encoding: "utf8" });
    model = info.slice(info.indexOf(":") + 1).trim();
  }
  return `${model}, ${cores} ${cores === 1 ? "core" : "cores"}, ${process.platform}`;
}
