import { cpus, freemem, loadavg, totalmem } from "node:os";
import { readFileSync } from "node:fs";
import process from "node:process";
import type { HostFigures, ProcessFigures } from "./runtime.ts";

/** Most may be denied to a program that runs with few permissions: what is denied is undefined. */
export function processFigures(): ProcessFigures {
  const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
  return {
    memory: {
      rssBytes: rss,
      heapUsedBytes: heapUsed,
      heapTotalBytes: heapTotal,
      externalBytes: external,
    },
    cpu: allowed(() => {
      const { user, system } = process.cpuUsage();
      return { userMs: user / 1000, systemMs: system / 1000 };
    }),
    load: allowed(() => {
      const [one = 0, five = 0, fifteen = 0] = loadavg();
      return [one, five, fifteen] as const;
    }),
    openFilesMax: allowed(openFilesMax),
  };
}

/** As `processFigures`: Deno tells none of it unless it has `--allow-sys`. */
export function hostFigures(): HostFigures {
  return {
    cpu: allowed(() => {
      let busyMs = 0;
      let idleMs = 0;
      for (const { times: { user, nice, sys, irq, idle } } of cpus()) {
        busyMs += user + nice + sys + irq;
        idleMs += idle;
      }
      return busyMs > 0 ? { busyMs, totalMs: busyMs + idleMs } : undefined;
    }),
    // Both runtimes count as free what the system can give back.
    memory: allowed(() => ({ totalBytes: totalmem(), availableBytes: freemem() })),
  };
}

function openFilesMax(): number | undefined {
  const line = /^Max open files\s+(\d+)/m.exec(readFileSync("/proc/self/limits", "utf8"));
  return line === null ? undefined : Number(line[1]);
}

function allowed<T>(ask: () => T): T | undefined {
  try {
    return ask();
  } catch (error) {
    // Whatever the runtime calls it: there is no such figure here.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
