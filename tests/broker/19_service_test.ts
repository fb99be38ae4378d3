import { test } from "node:test";
import { spawnSync } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { platform } from "node:os";
import process from "node:process";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { NotifySocket } from "../support/notify_socket.ts";
import { runToEnd, startBroker, withBroker } from "../support/start_broker.ts";

/** Only systemd speaks this protocol, and there is systemd on Linux only. */
const isLinux = platform() === "linux";
const skip = isLinux ? false : "only on Linux";
const WATCHDOG_US = 200_000;
/** From source, it has not the permission to know the clock. */
const isDenoSource = (process.env["TEST_TARGET"] ?? "deno-source") === "deno-source";

async function withManager(
  use: (manager: NotifySocket, environment: Record<string, string>) => Promise<void>,
): Promise<void> {
  const manager = await NotifySocket.open();
  const { address, runtimeFolder } = manager;
  try {
    await use(manager, {
      NOTIFY_SOCKET: address,
      RUNTIME_DIRECTORY: runtimeFolder,
      WATCHDOG_USEC: String(WATCHDOG_US),
    });
    assertEquals(await readdir(runtimeFolder), []);
  } finally {
    await manager.close();
  }
}

test(
  "the service manager learns of start, reload and stop",
  { skip },
  () =>
    withManager(async (manager, environment) => {
      const broker = await startBroker({ environment });
      assertEquals((await manager.next("STATUS")).STATUS, "Starting");
      const ready = await manager.next("READY");
      assertEquals(ready.READY, "1");
      assertStringIncludes(ready.STATUS ?? "", broker.url);
      assertStringIncludes(ready.STATUS ?? "", broker.httpUrl);

      broker.signal("SIGHUP");
      const reloading = await manager.next("RELOADING");
      assertEquals(reloading.RELOADING, "1");
      await assertClock(reloading.MONOTONIC_USEC);
      assertEquals((await manager.next("READY")).STATUS, ready.STATUS);

      broker.signal("SIGTERM");
      assertEquals((await manager.next("STOPPING")).STOPPING, "1");
      assertEquals(await within(broker.exited, "the end"), { code: 0, signal: undefined });
      assert(!broker.stderr().includes("service manager"), broker.stderr());
    }),
);

/** Never earlier than the clock that systemd compares it with, or the reload counts as an old one. */
async function assertClock(micros: string | undefined): Promise<void> {
  if (isDenoSource) return assertEquals(micros, undefined);
  const uptimeMs = Number((await readFile("/proc/uptime", "utf8")).split(" ")[0]) * 1000;
  const distanceMs = Number(micros) / 1000 - uptimeMs;
  assert(distanceMs > -10_000 && distanceMs < 2100, `${micros} µs at ${uptimeMs} ms`);
}

test(
  "READY comes when the listeners accept",
  { skip },
  () =>
    withManager(async (manager, environment) => {
      const started = startBroker({ environment });
      const { STATUS = "" } = await manager.next("READY");
      const port = /mqtt:\/\/127\.0\.0\.1:(\d+)/.exec(STATUS)?.[1];
      const client = await TestClient.connect(Number(port));
      await client.publish("t", "x");
      await (await started).stop();
    }),
);

test(
  "signs of life come while the broker runs, where they are asked for",
  { skip },
  () =>
    withManager(async (manager, environment) => {
      await withBroker({ environment }, async () => {
        for (let i = 0; i < 3; i++) assertEquals((await manager.next("WATCHDOG")).WATCHDOG, "1");
      });
    }),
);

test(
  "signs of life that another process is to give are not given",
  { skip },
  () =>
    withManager(async (manager, environment) => {
      const foreign = { ...environment, WATCHDOG_USEC: "2000", WATCHDOG_PID: "1" };
      await withBroker({ environment: foreign }, async (broker) => {
        await manager.next("READY");
        broker.signal("SIGHUP");
        await broker.logged("Reloaded");
      });
      const rest = await manager.until("STOPPING");
      assertEquals(rest.filter((each) => "WATCHDOG" in each), []);
    }),
);

test(
  "why it cannot start is its status",
  { skip },
  () =>
    withManager(async (manager, environment) => {
      await withBroker({}, async ({ port }) => {
        const args = ["run", "--ephemeral", "--set", `listener.0.bind=127.0.0.1:${port}`];
        const { code } = await runToEnd(args, { environment });
        assertEquals(code, 1);
        assertEquals((await manager.next("STATUS")).STATUS, "Starting");
        assertStringIncludes((await manager.next("STATUS")).STATUS ?? "", `127.0.0.1:${port}`);
      });
    }),
);

test("a service manager that is not there is named in the log, and nothing else", { skip }, () => {
  const environment = { NOTIFY_SOCKET: "/no/such/socket", WATCHDOG_USEC: "20000" };
  return withBroker({ environment }, async (broker) => {
    await broker.logged("service manager");
    const client = await TestClient.connect(broker.port);
    await client.publish("t", "x");
    assertEquals(broker.stderr().split("service manager").length, 2, broker.stderr());
  });
});

const hasPython = spawnSync("python3", ["--version"]).status === 0;

test("an abstract socket is used where the runtime can", { skip: skip || !hasPython }, async () => {
  const manager = await NotifySocket.open("abstract");
  try {
    const environment = { NOTIFY_SOCKET: manager.address };
    await withBroker({ environment }, async (broker) => {
      if (broker.ready.runtime.startsWith("bun")) await manager.next("READY");
      else await broker.logged("Cannot reach the service manager");
    });
  } finally {
    await manager.close();
  }
});
