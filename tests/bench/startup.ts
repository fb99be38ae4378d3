/**
 * How long a broker takes from its start as a program to its first CONNACK, and what it then holds in memory:
 * `deno run -A tests/bench/startup.ts`, or the same with `bun`.
 *
 * A client tries to connect from the moment of the start on, as a test would that waits for its broker. All programs
 * are started in turn, so that a machine that changes its speed does so to all of them.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, readFileSync, realpathSync, statSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { parseArgs } from "@std/cli";
import { PROJECT_ROOT } from "../support/project_files.ts";
import { findRuntimes, machineLine } from "./load/programs.ts";
import { formatTable } from "./load/table.ts";

const USAGE = `startup.ts [options] [PROGRAM...]
  PROGRAM              an executable of the broker; "deno-source", "bun-source", "mosquitto"; without
                       any: both runtimes from source, and mosquitto where it is installed
  --rounds 21          starts of each
  --durable            with a database on disk, which is there from the second start on
  --set KEY=VALUE      configuration, repeatable
  --max-ms 120         above this median of any of our brokers the exit status is 1
  --json`;

const options = parseArgs(process.argv.slice(2), {
  string: ["rounds", "set", "max-ms"],
  boolean: ["durable", "json", "help"],
  collect: ["set"],
  default: { rounds: "21" },
});

/** Between two tries to connect; it is in the figures, by half of it on average. */
const TRY_EVERY_MS = 0.5;
const PATIENCE_MS = 10_000;
/** After the first CONNACK, until memory is looked at. */
const IDLE_MS = 1000;
/** MQTT 3.1.1, clean session, client identifier "s". */
const CONNECT_FRAME = Uint8Array.of(
  ...[0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 2, 0, 60, 0, 1, 0x73],
);

interface Candidate {
  readonly name: string;
  /** The broker on this port, keeping what it keeps in this folder. */
  command(port: number, folder: string): Promise<readonly string[]> | readonly string[];
  /** The file that is copied to have it; undefined: there are many. */
  readonly file: string | undefined;
}

interface Finding {
  readonly name: string;
  readonly medianMs: number;
  readonly p95Ms: number;
  readonly fastestMs: number;
  readonly residentMb: number;
  /** Without what it shares with other programs. */
  readonly privateMb: number;
  readonly sizeMb: number | undefined;
}

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function brokerArguments(port: number, folder: string): string[] {
  const place = options.durable ? ["--set", `node.data_dir=${folder}`] : ["--ephemeral"];
  const binds = [`listener.0.bind=127.0.0.1:${port}`, "http.0.bind=127.0.0.1:0"];
  const settings = [...binds, ...options.set].flatMap((setting) => ["--set", setting]);
  return ["run", ...place, ...settings];
}

async function mosquittoCommand(port: number, folder: string): Promise<string[]> {
  const path = join(folder, "mosquitto.conf");
  const lines = [`listener ${port} 127.0.0.1`, "allow_anonymous true"];
  if (options.durable) lines.push("persistence true", `persistence_location ${folder}/`);
  await writeFile(path, `${lines.join("\n")}\n`);
  return ["mosquitto", "-c", path];
}

async function candidates(): Promise<Candidate[]> {
  const runtimes = await findRuntimes();
  const words: readonly string[] = options._.map(String);
  const wanted = words.length > 0
    ? words
    : [...runtimes.map(({ name }) => `${name}-source`), ...(hasMosquitto() ? ["mosquitto"] : [])];
  return wanted.map((name): Candidate => {
    if (name === "mosquitto") return { name, command: mosquittoCommand, file: mosquittoFile() };
    const runtime = runtimes.find((each) => `${each.name}-source` === name);
    if (runtime === undefined) {
      const file = realpathSync(name);
      return { name, command: (port, folder) => [file, ...brokerArguments(port, folder)], file };
    }
    const before = [runtime.command, ...runtime.before, "main.ts"];
    return {
      name,
      command: (port, folder) => [...before, ...brokerArguments(port, folder)],
      file: undefined,
    };
  });
}

function mosquittoFile(): string | undefined {
  return ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto"].find((path) => existsSync(path));
}

function hasMosquitto(): boolean {
  return mosquittoFile() !== undefined;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** A connection, or undefined where nobody listens yet. */
function tryToConnect(port: number): Promise<Socket | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: "127.0.0.1" });
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(undefined));
  });
}

/** When the CONNACK has come. */
async function firstConnack(port: number, child: ChildProcess): Promise<number> {
  const deadline = performance.now() + PATIENCE_MS;
  let socket: Socket | undefined;
  while (socket === undefined) {
    if (child.exitCode !== null || performance.now() > deadline) {
      throw new Error(`Cannot connect: the broker ended (${child.exitCode}) or does not listen`);
    }
    socket = await tryToConnect(port);
    if (socket === undefined) await new Promise((resolve) => setTimeout(resolve, TRY_EVERY_MS));
  }
  socket.setNoDelay(true);
  const answer = new Promise<Uint8Array>((resolve, reject) => {
    socket.once("data", resolve);
    socket.once("close", () => reject(new Error("Cannot connect: the broker hangs up")));
  });
  socket.write(CONNECT_FRAME);
  const bytes = await answer;
  const at = performance.now();
  if (bytes[0] !== 0x20 || bytes[3] !== 0) throw new Error(`Cannot connect: answer ${bytes}`);
  socket.destroy();
  return at;
}

interface Start {
  readonly ms: number;
  readonly residentMb: number;
  readonly privateMb: number;
}

async function startOnce(candidate: Candidate, folder: string, isLast: boolean): Promise<Start> {
  const port = await freePort();
  const [program = "", ...args] = await candidate.command(port, folder);
  const begin = performance.now();
  const child = spawn(program, args, { cwd: PROJECT_ROOT, stdio: "ignore" });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  try {
    const ms = await firstConnack(port, child) - begin;
    if (isLast) await new Promise((resolve) => setTimeout(resolve, IDLE_MS));
    return { ms, ...memoryOf(isLast ? child.pid : undefined) };
  } finally {
    if (child.exitCode === null && child.pid !== undefined) process.kill(child.pid, "SIGTERM");
    await exited;
  }
}

function memoryOf(pid: number | undefined): { residentMb: number; privateMb: number } {
  if (pid === undefined || process.platform !== "linux") return { residentMb: NaN, privateMb: NaN };
  const text = readFileSync(`/proc/${pid}/smaps_rollup`, "utf8");
  const sum = (pattern: RegExp): number =>
    [...text.matchAll(pattern)].reduce((total, found) => total + Number(found[1]) / 1024, 0);
  return {
    residentMb: sum(/^Rss:\s+(\d+)/gm),
    privateMb: sum(/^Private_(?:Clean|Dirty):\s+(\d+)/gm),
  };
}

function findingOf({ name, file }: Candidate, starts: readonly Start[]): Finding {
  const times = starts.map(({ ms }) => ms).sort((a, b) => a - b);
  const at = (share: number): number =>
    times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? NaN;
  const { residentMb = NaN, privateMb = NaN } = starts.at(-1) ?? {};
  const sizeMb = file === undefined ? undefined : statSync(file).size / 1e6;
  const [medianMs, p95Ms, fastestMs] = [at(0.5), at(0.95), at(0)];
  return { name, medianMs, p95Ms, fastestMs, residentMb, privateMb, sizeMb };
}

async function measure(chosen: readonly Candidate[], rounds: number): Promise<Finding[]> {
  const starts = chosen.map((): Start[] => []);
  const folders = await Promise.all(
    chosen.map(() => mkdtemp(join(tmpdir(), "broker-startup-"))),
  );
  try {
    // One that does not count: files come into the system's cache, code into the runtime's.
    for (let round = -1; round < rounds; round++) {
      for (const [index, candidate] of chosen.entries()) {
        const start = await startOnce(candidate, folders[index] ?? "", round === rounds - 1);
        if (round >= 0) starts[index]?.push(start);
      }
    }
  } finally {
    for (const folder of folders) await rm(folder, { recursive: true, force: true });
  }
  return chosen.map((candidate, index) => findingOf(candidate, starts[index] ?? []));
}

function show(findings: readonly Finding[]): void {
  const head = [
    "",
    "median ms",
    "p95 ms",
    "fastest ms",
    "resident MB",
    "private MB",
    "file MB",
    "",
  ];
  const figure = (value: number | undefined): string => value?.toFixed(1) ?? "";
  print(formatTable(
    head,
    findings.map((each) => [
      each.name,
      ...[each.medianMs, each.p95Ms, each.fastestMs, each.residentMb, each.privateMb, each.sizeMb]
        .map(figure),
      "",
    ]),
  ));
}

if (options.help) {
  print(USAGE);
  process.exit(0);
}
const findings = await measure(await candidates(), Math.max(1, Number(options.rounds)));
if (options.json) {
  print(JSON.stringify(findings));
} else {
  print(machineLine());
  show(findings);
}
const maxMs = Number(options["max-ms"] ?? Infinity);
const ours = findings.filter(({ name }) => name !== "mosquitto");
process.exit(ours.every(({ medianMs }) => medianMs <= maxMs) ? 0 : 1);
