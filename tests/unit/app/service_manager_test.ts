import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { LineLogger } from "../../../src/base/mod.ts";
import { ServiceManager } from "../../../src/app/service_manager.ts";
import { ManualClock } from "../../support/manual_clock.ts";

/** A service manager that notes what it is told, and a runtime that notes which timers there are. */
class FakeManager {
  readonly told: string[] = [];
  readonly logged: string[] = [];
  readonly intervals: number[] = [];
  isClosed = false;
  /** What the next datagram has to wait for. */
  gate: Promise<void> = Promise.resolve();

  async open(environment: Record<string, string>): Promise<ServiceManager | undefined> {
    const logger = new LineLogger(
      { level: "warn", format: "text" },
      new ManualClock(),
      (line) => this.logged.push(line),
    );
    const runtime = {
      pid: 4711,
      environment: () => environment,
      openNotifySocket: (address: string) => {
        if (address !== "/run/notify") return Promise.reject(new Error("no such socket"));
        return Promise.resolve({
          send: (text: string) => this.gate.then(() => void this.told.push(text)),
          monotonicUs: () => 12n,
          close: () => this.isClosed = true,
        });
      },
      every: (intervalMs: number) => {
        this.intervals.push(intervalMs);
        return { stop: () => this.intervals.splice(this.intervals.indexOf(intervalMs), 1) };
      },
    };
    return await ServiceManager.find({ runtime, logger });
  }
}

const ADDRESS = { NOTIFY_SOCKET: "/run/notify" };

test("ServiceManager.find() finds none where the environment names none, or no way there", async () => {
  const fake = new FakeManager();
  assertEquals(await fake.open({}), undefined);
  assertEquals(await fake.open({ NOTIFY_SOCKET: "" }), undefined);
  assertEquals(fake.logged, []);
  assertEquals(await fake.open({ NOTIFY_SOCKET: "vsock:2:1" }), undefined);
  assertEquals(fake.logged.length, 1);
});

test("ServiceManager tells everything in order, each in one datagram", async () => {
  const fake = new FakeManager();
  const manager = await fake.open(ADDRESS);
  const { promise, resolve } = Promise.withResolvers<void>();
  fake.gate = promise;
  manager!.status("two\nlines,  one");
  manager!.ready("Serving");
  manager!.reloading();
  manager!.stopping();
  assertEquals(fake.told, []);
  resolve();
  await manager!.close();
  assertEquals(fake.told, [
    "STATUS=two lines, one\n",
    "READY=1\nSTATUS=Serving\n",
    "RELOADING=1\nMONOTONIC_USEC=12\nSTATUS=Reading the configuration again\n",
    "STOPPING=1\nSTATUS=Stopping\n",
  ]);
  assertEquals(fake.isClosed, true);
});

/** What stands in the environment, and how often there is a sign of life. */
const WATCHDOGS: ReadonlyArray<[environment: Record<string, string>, everyMs: number[]]> = [
  [{}, []],
  [{ WATCHDOG_USEC: "30000000" }, [15_000]],
  [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "4711" }, [15_000]],
  [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "" }, [15_000]],
  [{ WATCHDOG_USEC: "30000000", WATCHDOG_PID: "1" }, []],
  [{ WATCHDOG_USEC: "1" }, [1]],
  [{ WATCHDOG_USEC: "18446744073709551615" }, [2 ** 31 - 1]],
  [{ WATCHDOG_USEC: "0" }, []],
  [{ WATCHDOG_USEC: "soon" }, []],
];

for (const [environment, everyMs] of WATCHDOGS) {
  test(`ServiceManager gives signs of life at ${JSON.stringify(environment)}: ${everyMs}`, async () => {
    const fake = new FakeManager();
    const manager = await fake.open({ ...ADDRESS, ...environment });
    assertEquals(fake.intervals, []);
    manager!.ready("Serving");
    manager!.ready("Serving");
    assertEquals(fake.intervals, everyMs);
    await manager!.close();
    assertEquals(fake.intervals, []);
  });
}

test("ServiceManager logs once that nobody hears it", async () => {
  const fake = new FakeManager();
  const manager = await fake.open(ADDRESS);
  fake.gate = Promise.reject(new Error("gone"));
  fake.gate.catch(() => undefined);
  manager!.ready("Serving");
  manager!.stopping();
  await manager!.close();
  assertEquals(fake.logged.length, 1);
});
