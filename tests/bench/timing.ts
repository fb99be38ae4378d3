/**
 * How the small benches measure: several rounds of many operations after a warm-up, the median of the rounds, one
 * line for each case.
 *
 * Options of every bench: `--json` for one line of JSON, `--only TEXT` for the cases whose name has the text,
 * `--rounds N` and `--round-ms N` for longer or shorter measurements.
 */
import process from "node:process";
import { parseArgs } from "@std/cli";

/** One case: a duration, or a size that was measured beside. */
export interface BenchCase {
  readonly name: string;
  readonly value: number;
  readonly unit: "ns" | "bytes";
  /** Between the fastest and the slowest round, as a share of the median. */
  readonly spread: number;
}

/** What a bench prints with `--json`. */
export interface BenchReport {
  readonly area: string;
  readonly runtime: string;
  readonly cases: readonly BenchCase[];
}

const NAME_WIDTH = 66;

/** The runtime and its version. */
export function runtimeLabel(): string {
  const { Bun: bun, Deno: deno } = globalThis as {
    Bun?: { version: string };
    Deno?: { version: { deno: string } };
  };
  if (bun !== undefined) return `bun ${bun.version}`;
  return deno === undefined ? "unknown" : `deno ${deno.version.deno}`;
}

/** Bytes of the heap in use, after a collection where the runtime lets us ask for one. */
export function heapUsed(): number {
  const { gc, Bun: bun } = globalThis as { gc?: () => void; Bun?: { gc(force: boolean): void } };
  bun?.gc(true);
  gc?.();
  return process.memoryUsage().heapUsed;
}

function medianOf(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[sorted.length >> 1] ?? NaN;
}

/** The cases of one file. */
export class Bench {
  readonly #area: string;
  readonly #isJson: boolean;
  readonly #only: string;
  readonly #rounds: number;
  readonly #roundMs: number;
  readonly #cases: BenchCase[] = [];
  /** Everything that is computed ends here, so that nothing is optimised away. */
  #sink = 0;

  constructor(area: string) {
    const options = parseArgs(process.argv.slice(2), {
      string: ["only", "rounds", "round-ms"],
      boolean: ["json"],
      default: { only: "", rounds: "5", "round-ms": "40" },
    });
    this.#area = area;
    this.#isJson = options.json;
    this.#only = options.only;
    this.#rounds = Number(options.rounds);
    this.#roundMs = Number(options["round-ms"]);
    if (!this.#isJson) this.#print(`${area} on ${runtimeLabel()}`);
  }

  /** Whether a case of this name is asked for: to spare its preparation. */
  wants(name: string): boolean {
    return name.includes(this.#only);
  }

  /**
   * Times `run`, which does `operations` operations and returns a number that depends on all of them. It is
   * called often enough to fill each round.
   */
  measure(name: string, operations: number, run: () => number): void {
    if (!this.wants(name)) return;
    const calls = this.#warmUp(run);
    const times: number[] = [];
    for (let round = 0; round < this.#rounds; round++) {
      const startMs = performance.now();
      for (let call = 0; call < calls; call++) this.#sink += run();
      times.push((performance.now() - startMs) * 1e6 / (calls * operations));
    }
    const value = medianOf(times);
    const spread = (Math.max(...times) - Math.min(...times)) / value;
    this.#add({ name, value, unit: "ns", spread });
  }

  /** Notes a size, such as the heap that an item takes. */
  size(name: string, bytes: number): void {
    if (this.wants(name)) this.#add({ name, value: bytes, unit: "bytes", spread: 0 });
  }

  /** Says something about the last case; left out of JSON. */
  note(text: string): void {
    if (!this.#isJson) this.#print(`    ${text}`);
  }

  finish(): void {
    if (this.#isJson) {
      const report: BenchReport = {
        area: this.#area,
        runtime: runtimeLabel(),
        cases: this.#cases,
      };
      this.#print(JSON.stringify(report));
    }
    // Whoever reads the sum needs all that went into it.
    if (Number.isNaN(this.#sink)) throw new Error(`Cannot trust "${this.#area}": no sum`);
  }

  /** Runs until the code is compiled and settled; returns how many calls fill a round. */
  #warmUp(run: () => number): number {
    let calls = 0;
    const startMs = performance.now();
    let elapsedMs = 0;
    do {
      this.#sink += run();
      calls++;
      elapsedMs = performance.now() - startMs;
    } while (elapsedMs < this.#roundMs);
    return Math.max(1, Math.ceil(calls * this.#roundMs / elapsedMs));
  }

  #add(result: BenchCase): void {
    this.#cases.push(result);
    if (this.#isJson) return;
    const { name, value, unit, spread } = result;
    const figure = value.toFixed(value < 100 ? 1 : 0).padStart(9);
    const rate = unit === "bytes"
      ? ""
      : `${Math.round(1e9 / value).toLocaleString("en").padStart(13)}/s  ±${
        (spread * 50).toFixed(0)
      } %`;
    this.#print(`${name.padEnd(NAME_WIDTH)} ${figure} ${unit}${rate}`);
  }

  #print(line: string): void {
    process.stdout.write(`${line}\n`);
  }
}
