/**
 * Pairs of clients that send at a steady rate, whatever comes of it, as a program: `steady.ts PORT RATE SECONDS`. Prints
 * how long messages took, how many were sent and how many never came, as a line of JSON.
 */
import process from "node:process";
import { LatencyHistogram } from "../../../src/base/mod.ts";
import { sleep } from "./clock.ts";
import type { ProbeResult } from "./probe.ts";
import { SteadyPairs } from "./steady_pairs.ts";

const WARM_UP_MS = 500;

async function run(port: number, rate: number, seconds: number): Promise<ProbeResult> {
  const latency = new LatencyHistogram();
  const pairs = await SteadyPairs.open(port, (us) => latency.record(us));
  const stop = pairs.send(rate, "turns");
  await sleep(WARM_UP_MS);
  const [startMs, before] = [performance.now(), pairs.published];
  latency.reset();
  await sleep(seconds * 1000);
  const perSecond = Math.round((pairs.published - before) / ((performance.now() - startMs) / 1000));
  stop();
  const lost = await pairs.drain();
  return {
    count: latency.count,
    perSecond,
    lost,
    p50Us: latency.quantileUs(0.5),
    p99Us: latency.quantileUs(0.99),
    maxUs: latency.maxUs,
  };
}

const [port, rate, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const result = await run(port, rate, seconds);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
