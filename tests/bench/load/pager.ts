/**
 * Reads all pages of a list again and again, as a program: `pager.ts URL LIMIT`. Prints how long pages took and how many
 * rows they had, as a line of JSON every second, until it is ended. The last page, which is shorter, is not timed, unless
 * it is the only one.
 */
import process from "node:process";
import { LatencyHistogram } from "../../../src/base/mod.ts";

export interface PagerLine {
  readonly pages: number;
  readonly rows: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const [url = "", limit = "100"] = process.argv.slice(2);
const headers = { authorization: `Basic ${btoa("admin:public")}` };
const latency = new LatencyHistogram();
let [pages, rows] = [0, 0];

async function readAll(): Promise<void> {
  for (let page = 1;; page++) {
    const startMs = performance.now();
    const response = await fetch(`${url}?_page=${page}&_limit=${limit}`, { headers });
    const text = await response.text();
    const us = Math.round((performance.now() - startMs) * 1000);
    const { data } = JSON.parse(text) as { data: unknown[] };
    const isLast = data.length < Number(limit);
    if (!isLast || page === 1) latency.record(us);
    pages++;
    rows += data.length;
    if (isLast) return;
  }
}

setInterval(() => {
  const line = { pages, rows, p50Us: latency.quantileUs(0.5), p99Us: latency.quantileUs(0.99) };
  process.stdout.write(`${JSON.stringify(line)}\n`);
}, 1000);
for (;;) await readAll();
