import type { Clock, Logger } from "../base/mod.ts";
import type { HostFigures, ProcessFigures } from "../runtime/mod.ts";
import type { LocalAlarms } from "./alarms.ts";
import { LagMeter } from "./lag_meter.ts";

/** Section `[alarms]`. */
export interface AlarmsOptions {
  readonly cpuCheckIntervalMs: number;
  /** Percent of the processors that are busy: raised from `cpuHigh` on, over below `cpuLow`. */
  readonly cpuHigh: number;
  readonly cpuLow: number;
  readonly memoryCheckIntervalMs: number;
  /** Percent of the machine's memory. */
  readonly memoryHigh: number;
  /** Percent of the machine's memory that messages take which wait for one client. */
  readonly clientMemoryHigh: number;
  readonly sessionsCheckIntervalMs: number;
  /** Percent of the connections or sessions that there may be. */
  readonly sessionsHigh: number;
  readonly sessionsLow: number;
  /** By how much the event loop is late, at its 99th percentile over a minute. */
  readonly lagHighMs: number;
  readonly lagLowMs: number;
}

/** How many there are, and how many there may be; 0: no limit. */
export interface Occupancy {
  readonly count: number;
  readonly max: number;
}

export interface AlarmWatchParts {
  readonly alarms: Pick<LocalAlarms, "raise" | "clear">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** As they are now. */
  readonly options: () => AlarmsOptions;
  /** Undefined is what the system does not tell; there is no alarm about it then. */
  readonly host: () => HostFigures;
  readonly process: () => Pick<ProcessFigures, "cpu">;
  /** Bytes of all messages that wait for clients. */
  readonly queuedBytes: () => number;
  /** The client for whom most of them wait. */
  readonly largestQueue: () => Promise<Queue | undefined>;
  readonly connections: () => Occupancy;
  readonly sessions: () => Occupancy;
}

export interface Queue {
  readonly clientId: string;
  readonly bytes: number;
}

/** How often `tick` is to be called; what it comes later than that is the lag of the event loop. */
export const TICK_MS = 100;
const LAG_CHECK_MS = 10_000;

interface Busy {
  readonly busyMs: number;
  readonly totalMs: number;
}

/** Raises and ends alarms by what the machine and the broker are like. */
export class AlarmWatch {
  readonly #parts: AlarmWatchParts;
  readonly #lag: LagMeter;
  readonly #lastMs = new Map<string, number>();
  #cpu: Busy | undefined;
  #isSearching = false;

  constructor(parts: AlarmWatchParts) {
    this.#parts = parts;
    this.#lag = new LagMeter(TICK_MS, parts.clock.monotonicMs());
    this.#cpu = this.#readCpu();
    const nowMs = parts.clock.monotonicMs();
    for (const what of ["cpu", "memory", "sessions", "lag"]) this.#lastMs.set(what, nowMs);
  }

  /** Every `TICK_MS`. */
  tick(): void {
    const nowMs = this.#parts.clock.monotonicMs();
    const { cpuCheckIntervalMs, memoryCheckIntervalMs, sessionsCheckIntervalMs } = this.#parts
      .options();
    this.#lag.tick(nowMs);
    if (this.#isDue("cpu", cpuCheckIntervalMs, nowMs)) this.#checkCpu();
    if (this.#isDue("memory", memoryCheckIntervalMs, nowMs)) this.#checkMemory();
    if (this.#isDue("sessions", sessionsCheckIntervalMs, nowMs)) this.#checkSessions();
    if (this.#isDue("lag", LAG_CHECK_MS, nowMs)) this.#checkLag();
  }

  #isDue(what: string, intervalMs: number, nowMs: number): boolean {
    if (nowMs - (this.#lastMs.get(what) ?? 0) < intervalMs) return false;
    this.#lastMs.set(what, nowMs);
    return true;
  }

  #checkCpu(): void {
    const before = this.#cpu;
    const now = this.#cpu = this.#readCpu();
    if (before === undefined || now === undefined || now.totalMs <= before.totalMs) return;
    const percent = (now.busyMs - before.busyMs) * 100 / (now.totalMs - before.totalMs);
    const { cpuHigh, cpuLow } = this.#parts.options();
    this.#judge(
      { id: "cpu_high_watermark", description: String(percent) },
      { isHigh: percent >= cpuHigh, isLow: percent < cpuLow },
    );
  }

  /** Of the machine; where the system does not tell, the time of this process by that on the wall. */
  #readCpu(): Busy | undefined {
    const { host, process, clock } = this.#parts;
    const { cpu } = host();
    if (cpu !== undefined) return cpu;
    const own = process().cpu;
    if (own === undefined) return undefined;
    return { busyMs: own.userMs + own.systemMs, totalMs: clock.monotonicMs() };
  }

  #checkMemory(): void {
    const { memory } = this.#parts.host();
    if (memory === undefined) return;
    const { totalBytes, availableBytes } = memory;
    const percent = (totalBytes - availableBytes) * 100 / totalBytes;
    const isHigh = percent >= this.#parts.options().memoryHigh;
    this.#judge(
      {
        id: "system_memory_high_watermark",
        description: String(percent),
      },
      { isHigh, isLow: !isHigh },
    );
    void this.#checkClients(totalBytes * this.#parts.options().clientMemoryHigh / 100);
  }

  async #checkClients(bytesMax: number): Promise<void> {
    if (this.#isSearching) return;
    this.#isSearching = true;
    try {
      // Not even all together have so much: nobody has to be looked at.
      const isPossible = this.#parts.queuedBytes() > bytesMax;
      const largest = isPossible ? await this.#parts.largestQueue() : undefined;
      const isHigh = largest !== undefined && largest.bytes > bytesMax;
      this.#judge(
        {
          id: "process_memory_high_watermark",
          description: largest?.clientId ?? "",
        },
        { isHigh, isLow: !isHigh },
      );
    } catch (error) {
      this.#parts.logger.warn("Cannot look for clients with much memory", { error: String(error) });
    } finally {
      this.#isSearching = false;
    }
  }

  #checkSessions(): void {
    const { connections, sessions } = this.#parts;
    const fullest = [connections(), sessions()]
      .map(({ count, max }) => ({ count, percent: max === 0 ? 0 : count * 100 / max }))
      .reduce((a, b) => b.percent > a.percent ? b : a);
    const { sessionsHigh, sessionsLow } = this.#parts.options();
    this.#judge(
      {
        id: "too_many_processes",
        description: String(fullest.count),
      },
      { isHigh: fullest.percent >= sessionsHigh, isLow: fullest.percent < sessionsLow },
    );
  }

  #checkLag(): void {
    const ms = this.#lag.percentile(99);
    const { lagHighMs, lagLowMs } = this.#parts.options();
    this.#judge(
      {
        id: "event_loop_lag",
        description: `${Math.round(ms)} ms`,
      },
      { isHigh: ms > lagHighMs, isLow: ms < lagLowMs },
    );
  }

  /** Between low and high all stays as it is. Without a title: that is how figures are told from objects. */
  #judge(
    alarm: { readonly id: string; readonly description: string },
    { isHigh, isLow }: { readonly isHigh: boolean; readonly isLow: boolean },
  ): void {
    if (isHigh) this.#parts.alarms.raise({ ...alarm, title: "", severity: "warning" });
    else if (isLow) this.#parts.alarms.clear(alarm.id);
  }
}
