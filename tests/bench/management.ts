/**
 * What listing costs the traffic: `deno run -A tests/bench/management.ts`, or the same with `bun`.
 *
 * A broker has so many clients, and a pair of further ones sends a message about every millisecond. The 99th percentile
 * of its latency is taken alone, and beside somebody who reads all pages of the list of clients over HTTP again and
 * again. With `--rate` there are ten pairs which together send so many messages a second, as in
 *
 *     management.ts --clients 10000 --limits 10000 --list /api/v3/connections --rate 100000
 *
 * `--json` prints the figures as JSON.
 */
import process from "node:process";
import { parseArgs } from "@std/cli";
import {
  BROKER_CORE,
  canPin,
  chooseRuntimes,
  findRuntimes,
  GENERATOR_CORE,
  generatorRuntime,
  machineLine,
  RunningProgram,
  runScript,
  type RuntimeProgram,
} from "./load/programs.ts";
import type { PagerLine } from "./load/pager.ts";
import type { ProbeResult } from "./load/probe.ts";
import { formatTable } from "./load/table.ts";

const USAGE = `management.ts [options]
  --runtime bun,deno   what the broker runs on (default: all that are installed)
  --clients 100000     clients in the list
  --limits 100,1000    rows of a page; each is measured
  --list /api/clients  the list, on the broker's web server
  --rate 0             messages per second; 0: one about every millisecond
  --seconds 5          length of each measurement
  --rounds 3           measurements of each kind, in turn; the median counts
  --json`;

const options = parseArgs(process.argv.slice(2), {
  string: ["runtime", "clients", "limits", "list", "rate", "seconds", "rounds"],
  boolean: ["json", "help"],
  default: {
    clients: "100000",
    limits: "100,1000",
    list: "/api/clients",
    rate: "0",
    seconds: "5",
    rounds: "3",
  },
});

interface Finding {
  readonly runtime: string;
  readonly limit: number;
  readonly alone: ProbeResult;
  readonly beside: ProbeResult;
  readonly ratio: number;
  readonly rowsPerSecond: number;
  readonly pageP50Us: number;
  readonly pageP99Us: number;
}

const isPinned = canPin();
const generatorPlace = isPinned ? { core: GENERATOR_CORE } : {};

function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

function median<T>(values: readonly T[], by: (value: T) => number): T {
  const sorted = [...values].sort((a, b) => by(a) - by(b));
  const found = sorted[sorted.length >> 1];
  if (found === undefined) throw new Error("Cannot take the median of nothing");
  return found;
}

async function probe(generator: RuntimeProgram, port: number): Promise<ProbeResult> {
  const script = options.rate === "0"
    ? ["load/probe.ts", `${port}`, "0", options.seconds]
    : ["load/steady.ts", `${port}`, options.rate, options.seconds];
  return JSON.parse(await runScript(generator, script, generatorPlace)) as ProbeResult;
}

/** Runs `use` beside a pager; returns what the pager did in that time, too. */
async function besidePager<T>(
  generator: RuntimeProgram,
  url: string,
  limit: number,
  use: () => Promise<T>,
): Promise<[T, PagerLine]> {
  const script = ["tests/bench/load/pager.ts", url, `${limit}`];
  // The probe is not to wait for its core behind the pager: only the broker may make it wait.
  const place = { ...generatorPlace, isBackground: isPinned };
  const pager = RunningProgram.start(generator, script, place);
  const first = await pager.nextLine();
  if (first === undefined) throw new Error(`Cannot page: ${pager.errors}`);
  const before = JSON.parse(first) as PagerLine;
  let last = before;
  const reading = (async () => {
    for (let line = await pager.nextLine(); line !== undefined; line = await pager.nextLine()) {
      last = JSON.parse(line) as PagerLine;
    }
  })();
  try {
    const result = await use();
    const [pages, rows] = [last.pages - before.pages, last.rows - before.rows];
    return [result, { ...last, pages, rows }];
  } finally {
    pager.signal("SIGKILL");
    await reading;
  }
}

async function measure(
  runtime: RuntimeProgram,
  generator: RuntimeProgram,
  limits: readonly number[],
): Promise<Finding[]> {
  const script = ["tests/bench/load/crowded_broker.ts", options.clients];
  const broker = RunningProgram.start(runtime, script, isPinned ? { core: BROKER_CORE } : {});
  const line = await broker.nextLine();
  if (line === undefined) throw new Error(`Cannot start the broker: ${broker.errors}`);
  const { port, httpPort } = JSON.parse(line) as { port: number; httpPort: number };
  const url = `http://127.0.0.1:${httpPort}${options.list}`;
  try {
    const findings: Finding[] = [];
    for (const limit of limits) {
      const alone: ProbeResult[] = [];
      const beside: [ProbeResult, PagerLine][] = [];
      for (let round = 0; round < Number(options.rounds); round++) {
        alone.push(await probe(generator, port));
        beside.push(await besidePager(generator, url, limit, () => probe(generator, port)));
      }
      const one = median(alone, ({ p99Us }) => p99Us);
      const [other, pages] = median(beside, ([{ p99Us }]) => p99Us);
      findings.push({
        runtime: `${runtime.name} ${runtime.version}`,
        limit,
        alone: one,
        beside: other,
        ratio: other.p99Us / one.p99Us,
        rowsPerSecond: Math.round(pages.rows / Number(options.seconds)),
        pageP50Us: pages.p50Us,
        pageP99Us: pages.p99Us,
      });
    }
    return findings;
  } finally {
    broker.signal("SIGKILL");
    await broker.exited;
  }
}

/** Whether the load was what it was to be. */
function remarkOf({ perSecond, lost = 0 }: ProbeResult): string {
  if (perSecond === undefined) return "";
  const rate = `${perSecond.toLocaleString("en")} messages/s`;
  return lost > 0 ? `${rate}, ${lost} LOST` : rate;
}

async function main(): Promise<void> {
  if (options.help) {
    print(USAGE);
    return;
  }
  const runtimes = await findRuntimes();
  const generator = generatorRuntime(runtimes);
  const limits = options.limits.split(",").map(Number);
  const findings: Finding[] = [];
  for (const runtime of chooseRuntimes(runtimes, options.runtime)) {
    findings.push(...await measure(runtime, generator, limits));
  }
  if (options.json) {
    print(JSON.stringify(findings));
    return;
  }
  print(machineLine());
  print(formatTable(
    [
      "broker",
      "rows",
      "p50 alone",
      "p50 beside",
      "p99 alone",
      "p99 beside",
      "ratio",
      "rows/s",
      "page p50",
      "page p99",
      "remark",
    ],
    findings.map((
      { runtime, limit, alone, beside, ratio, rowsPerSecond, pageP50Us, pageP99Us },
    ) => [
      runtime,
      `${limit}`,
      `${alone.p50Us} µs`,
      `${beside.p50Us} µs`,
      `${alone.p99Us} µs`,
      `${beside.p99Us} µs`,
      ratio.toFixed(2),
      rowsPerSecond.toLocaleString("en"),
      `${(pageP50Us / 1000).toFixed(1)} ms`,
      `${(pageP99Us / 1000).toFixed(1)} ms`,
      remarkOf(beside),
    ]),
  ));
}

await main();
