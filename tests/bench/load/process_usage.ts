/** What a process has used, from `/proc` where there is one. */
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";

/** Linux counts in these for every program, whatever the kernel's own tick is. */
const TICKS_PER_SECOND = 100;

function readProc(pid: number, name: string): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/${name}`, "utf8");
  } catch {
    return undefined;
  }
}

/** CPU seconds of all threads, user and system; undefined where nobody can tell. */
export function cpuSeconds(pid: number): number | undefined {
  const times = cpuTimes(pid);
  return times === undefined ? undefined : times.userS + times.systemS;
}

/** CPU seconds of all threads: in the program itself, and in the kernel for it. */
export interface CpuTimes {
  readonly userS: number;
  readonly systemS: number;
}

/** Undefined where nobody can tell. */
export function cpuTimes(pid: number): CpuTimes | undefined {
  const stat = readProc(pid, "stat");
  if (stat !== undefined) {
    // The name of the program stands in parentheses and may contain anything.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    const [user, system] = [Number(fields[11]), Number(fields[12])];
    return { userS: user / TICKS_PER_SECOND, systemS: system / TICKS_PER_SECOND };
  }
  if (pid !== process.pid) return undefined;
  const { user, system } = process.cpuUsage();
  return { userS: user / 1e6, systemS: system / 1e6 };
}

/** CPU seconds of all threads that are there, to the nanosecond; undefined where nobody can tell. */
export function threadSeconds(pid: number): number | undefined {
  try {
    return readdirSync(`/proc/${pid}/task`).reduce((sum, thread) => {
      const [ranNs = NaN] = (readProc(pid, `task/${thread}/schedstat`) ?? "0").split(" ").map(
        Number,
      );
      return sum + ranNs / 1e9;
    }, 0);
  } catch {
    return undefined;
  }
}

/** CPU seconds of the whole machine since it was started: with something to do, and all; undefined where nobody can tell. */
export function machineSeconds(): { readonly busyS: number; readonly allS: number } | undefined {
  let text: string;
  try {
    text = readFileSync("/proc/stat", "utf8");
  } catch {
    return undefined;
  }
  // user nice system idle iowait …
  const times = (/^cpu +(.*)$/m.exec(text)?.[1] ?? "").split(" ").map(Number);
  const cores = text.match(/^cpu\d/gm)?.length ?? 0;
  const idleS = ((times[3] ?? NaN) + (times[4] ?? NaN)) / TICKS_PER_SECOND;
  // What is busy is counted by the tick, what is idle exactly.
  const allS = performance.now() / 1000 * cores;
  return { busyS: allS - idleS, allS };
}

/** Resident memory; undefined where nobody can tell. */
export function rssBytes(pid: number): number | undefined {
  const status = readProc(pid, "status");
  const kib = /^VmRSS:\s+(\d+) kB$/m.exec(status ?? "")?.[1];
  return kib === undefined ? undefined : Number(kib) * 1024;
}

/** How many files, and so connections, this process may have open; undefined where nobody can tell. */
export function openFilesMax(): number | undefined {
  const limits = readProc(process.pid, "limits");
  const soft = /^Max open files\s+(\d+)/m.exec(limits ?? "")?.[1];
  return soft === undefined ? undefined : Number(soft);
}
