import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { SILENT_LOGGER } from "../../../src/base/mod.ts";
import {
  type Alarm,
  type AlarmsOptions,
  AlarmWatch,
  type AlarmWatchParts,
  TICK_MS,
} from "../../../src/management/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";

const OPTIONS: AlarmsOptions = {
  cpuCheckIntervalMs: 60_000,
  cpuHigh: 80,
  cpuLow: 60,
  memoryCheckIntervalMs: 60_000,
  memoryHigh: 70,
  clientMemoryHigh: 5,
  sessionsCheckIntervalMs: 30_000,
  sessionsHigh: 80,
  sessionsLow: 60,
  lagHighMs: 500,
  lagLowMs: 200,
};

class Rig {
  readonly clock = new ManualClock();
  readonly raised = new Map<string, string>();
  options = OPTIONS;
  cpu: { busyMs: number; totalMs: number } | undefined = { busyMs: 0, totalMs: 0 };
  ownMs: number | undefined = 0;
  memory: { totalBytes: number; availableBytes: number } | undefined;
  queues: readonly { clientId: string; bytes: number }[] = [];
  searches = 0;
  connections = { count: 0, max: 100 };
  sessions = { count: 0, max: 0 };
  readonly watch: AlarmWatch;

  constructor(changes: Partial<AlarmWatchParts> = {}) {
    this.watch = new AlarmWatch({
      alarms: {
        raise: ({ id, description }: Alarm) => void this.raised.set(id, description),
        clear: (id) => this.raised.delete(id),
      },
      clock: this.clock,
      logger: SILENT_LOGGER,
      options: () => this.options,
      host: () => ({ cpu: this.cpu, memory: this.memory }),
      process: () => ({
        cpu: this.ownMs === undefined ? undefined : { userMs: this.ownMs, systemMs: 0 },
      }),
      queuedBytes: () => this.queues.reduce((sum, { bytes }) => sum + bytes, 0),
      largestQueue: () => {
        this.searches++;
        return Promise.resolve([...this.queues].sort((a, b) => b.bytes - a.bytes)[0]);
      },
      connections: () => this.connections,
      sessions: () => this.sessions,
      ...changes,
    });
  }

  pass(ms: number, lateMs = 0): void {
    for (let passed = 0; passed < ms; passed += TICK_MS + lateMs) {
      this.clock.advance(TICK_MS + lateMs);
      this.watch.tick();
    }
  }

  /** A minute in which the processors are so busy. */
  cpuMinute(percent: number): string | undefined {
    const { busyMs = 0, totalMs = 0 } = this.cpu ?? {};
    this.cpu = { busyMs: busyMs + percent * 10, totalMs: totalMs + 1000 };
    this.pass(60_000);
    return this.raised.get("cpu_high_watermark");
  }
}

test("busy processors: raised from high on, over below low, and nothing changes in between", () => {
  const rig = new Rig();
  const seen = [79, 80, 95, 60, 59, 70].map((percent) => rig.cpuMinute(percent));
  assertEquals(seen, [undefined, "80", "95", "95", undefined, undefined]);
});

test("processors are looked at no earlier than at the interval, which may change", () => {
  const rig = new Rig();
  rig.cpu = { busyMs: 90, totalMs: 100 };
  rig.pass(59_900);
  assertEquals(rig.raised.size, 0);
  rig.options = { ...OPTIONS, cpuCheckIntervalMs: 1000 };
  rig.pass(100);
  assertEquals([...rig.raised], [["cpu_high_watermark", "90"]]);
});

test("where the system says nothing of its processors, the time of the process counts", () => {
  // The clock and what it read first are made before `cpu` is known.
  const clock = new ManualClock();
  let ownMs = 1000;
  const rig = new Rig({
    clock,
    host: () => ({ cpu: undefined, memory: undefined }),
    process: () => ({ cpu: { userMs: ownMs, systemMs: 0 } }),
  });
  ownMs += 54_000;
  clock.advance(60_000);
  rig.watch.tick();
  assertEquals(rig.raised.get("cpu_high_watermark"), "90");
});

test("memory of the machine; where it is not known there is no alarm", () => {
  const rig = new Rig();
  const minute = (availableBytes: number): string | undefined => {
    rig.memory = { totalBytes: 1000, availableBytes };
    rig.pass(60_000);
    return rig.raised.get("system_memory_high_watermark");
  };
  rig.pass(60_000);
  assertEquals(rig.raised.size, 0);
  assertEquals([301, 300, 10, 301].map(minute), [undefined, "70", "99", undefined]);
});

test("messages for one client: nobody is looked at unless all together have so much", async () => {
  const rig = new Rig();
  rig.memory = { totalBytes: 1000, availableBytes: 1000 };
  const minute = async (...bytes: number[]): Promise<string | undefined> => {
    rig.queues = bytes.map((each, index) => ({ clientId: `c${index}`, bytes: each }));
    rig.pass(60_000);
    // The search is a promise, and so is what comes after it.
    for (let turn = 0; turn < 5; turn++) await Promise.resolve();
    return rig.raised.get("process_memory_high_watermark");
  };
  assertEquals(await minute(20, 30), undefined);
  assertEquals(rig.searches, 0);
  assertEquals(await minute(20, 31), undefined);
  assertEquals(rig.searches, 1);
  assertEquals(await minute(20, 51), "c1");
  assertEquals(await minute(), undefined);
  assertEquals(rig.searches, 2);
});

test("connections and sessions: what is fullest counts, and no limit is never full", () => {
  const rig = new Rig();
  const check = (connections: number, sessions: number, max: number): string | undefined => {
    rig.connections = { count: connections, max: 100 };
    rig.sessions = { count: sessions, max };
    rig.pass(30_000);
    return rig.raised.get("too_many_processes");
  };
  assertEquals(check(79, 1_000_000, 0), undefined);
  assertEquals(check(80, 80, 0), "80");
  assertEquals(check(60, 60, 0), "80");
  assertEquals(check(59, 60, 0), undefined);
  assertEquals(check(10, 850, 1000), "850");
});

test("a late event loop: at the 99th percentile over a minute, a long stop as all that it delays", () => {
  const rig = new Rig();
  rig.pass(60_000);
  assertEquals(rig.raised.get("event_loop_lag"), undefined);
  // Half a second by itself is one of a hundred and more.
  rig.clock.advance(600);
  rig.watch.tick();
  rig.pass(10_000);
  assertEquals(rig.raised.get("event_loop_lag"), undefined);
  // Two seconds: whatever came in the first one and a half waited for longer than half a second.
  rig.clock.advance(2000);
  rig.watch.tick();
  rig.pass(10_000);
  assertEquals(rig.raised.has("event_loop_lag"), true);
  rig.pass(70_000);
  assertEquals(rig.raised.has("event_loop_lag"), false);
});
