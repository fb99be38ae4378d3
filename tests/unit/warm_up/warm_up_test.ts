import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { type Clock, type LogFields, SILENT_LOGGER } from "../../../src/base/mod.ts";
import { encodeUtf8, ReasonCode } from "../../../src/mqtt/mod.ts";
import {
  type ByteSocket,
  type ByteSocketHandler,
  ConnectError,
  loadRuntime,
  type SocketListener,
} from "../../../src/runtime/mod.ts";
import { connectFrame, LOADS } from "../../../src/warm_up/load.ts";
import { WarmUp, type WarmUpParts, type WarmUpRuntime } from "../../../src/warm_up/mod.ts";
import { within } from "../../support/deadline.ts";
import { DEFAULT_LIMITS, DEFAULT_OPTIONS } from "../../support/memory_broker.ts";

const runtime = await loadRuntime();

/** Runs ahead with each look at it, so that a load ends after some bursts. */
class HastyClock implements Clock {
  #ms = 0;

  nowMs(): number {
    return Date.now();
  }

  monotonicMs(): number {
    return this.#ms += 2;
  }
}

class Rig {
  readonly ports: number[] = [];
  readonly lines: string[] = [];
  connected = 0;
  /** Asked before each burst and each step. */
  isWanted = (): boolean => false;
  onListening = (): Promise<void> => Promise.resolve();

  parts(own: Partial<WarmUpRuntime> = {}): WarmUpParts {
    const log = (message: string, fields?: LogFields): void => {
      this.lines.push(`${message} ${JSON.stringify(fields ?? {})}`);
    };
    return {
      runtime: {
        every: (intervalMs, fn) => runtime.every(Math.min(intervalMs, 5000), fn),
        defer: (fn) => runtime.defer(fn),
        yieldTurn: (fn) => runtime.yieldTurn(fn),
        memory: () => runtime.memory(),
        collectGarbage: () => runtime.collectGarbage(),
        dropsCodeWithGarbage: runtime.dropsCodeWithGarbage,
        connectTcp: (options, take) => {
          this.connected++;
          return runtime.connectTcp(options, take);
        },
        listenTcp: async (options, accept): Promise<SocketListener> => {
          const listener = await runtime.listenTcp(options, accept);
          this.ports.push(listener.port);
          await this.onListening();
          return listener;
        },
        ...own,
      },
      clock: new HastyClock(),
      logger: { ...SILENT_LOGGER, info: log, debug: log },
      options: DEFAULT_OPTIONS,
      limits: DEFAULT_LIMITS,
      version: "0.0.0",
      isWanted: () => this.isWanted(),
    };
  }
}

/** Waits until nobody listens there any more. */
async function refused(port: number): Promise<void> {
  for (let isOpen = true; isOpen;) isOpen = await canConnect(port);
}

async function canConnect(port: number): Promise<boolean> {
  const handler: ByteSocketHandler = {
    onBytes: () => {},
    onProgress: () => {},
    onWritable: () => {},
    onClose: () => {},
  };
  const options = { host: "127.0.0.1", port, timeoutMs: 5000 };
  try {
    (await runtime.connectTcp(options, () => handler)).abort();
    return true;
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    // A reset comes from a listener that is just being closed.
    if (error.code === "ECONNREFUSED" || error.code === "ECONNRESET") {
      return error.code === "ECONNRESET";
    }
    throw error;
  }
}

test("all loads run on each of two brokers, and no port is left open", async () => {
  const rig = new Rig();
  assertEquals(await new WarmUp(rig.parts()).run(), "done");
  const clients = LOADS.reduce(
    (sum, each) => sum + each.groups * (each.publishers + each.subscribers),
    0,
  );
  assertEquals(rig.connected, 2 * clients);
  assertEquals(rig.ports.length, 2);
  for (const port of rig.ports) await within(refused(port), `the end of port ${port}`);
});

for (const dropsCodeWithGarbage of [false, true]) {
  const when = dropsCodeWithGarbage ? "before the last loads" : "after all";
  test(`garbage is collected ${when} where code ${dropsCodeWithGarbage ? "goes" : "does not go"} with it`, async () => {
    const order: string[] = [];
    const own: Partial<WarmUpRuntime> = {
      dropsCodeWithGarbage,
      collectGarbage: () => void order.push("collected"),
      listenTcp: async (options, accept) => {
        const { host, port, close } = await runtime.listenTcp(options, accept);
        const note = (): void => {
          order.push("closed");
          close();
        };
        return { host, port, close: note };
      },
    };
    assertEquals(await new WarmUp(new Rig().parts(own)).run(), "done");
    const closed = ["closed", "closed"];
    assertEquals(order, dropsCodeWithGarbage ? ["collected", ...closed] : [...closed, "collected"]);
  });
}

test("it ends when somebody needs the broker", async () => {
  const rig = new Rig();
  rig.isWanted = () => rig.connected > 30;
  assertEquals(await new WarmUp(rig.parts()).run(), "left");
  assertEquals(rig.connected, 31);
  for (const port of rig.ports) await within(refused(port), `the end of port ${port}`);
});

test("it does not even begin where somebody is there before", async () => {
  const rig = new Rig();
  rig.isWanted = () => true;
  assertEquals(await new WarmUp(rig.parts()).run(), "left");
  assertEquals(rig.ports, []);
});

test("it ends when it is stopped", async () => {
  const rig = new Rig();
  const warmUp = new WarmUp(rig.parts());
  rig.isWanted = () => {
    if (rig.connected > 10) warmUp.stop();
    return false;
  };
  assertEquals(await warmUp.run(), "left");
  for (const port of rig.ports) await within(refused(port), `the end of port ${port}`);
});

test("a stop need not wait for its beginning", async () => {
  const rig = new Rig();
  const warmUp = new WarmUp(rig.parts({ every: () => ({ stop: () => {} }) }));
  const end = warmUp.run();
  warmUp.stop();
  assertEquals(await within(end, "the end of the warm-up"), "left");
  assertEquals(rig.ports, []);
});

test("where there is no port for it, it fails and says why", async () => {
  const rig = new Rig();
  const listenTcp = () => Promise.reject(new Error("no such address"));
  assertEquals(await new WarmUp(rig.parts({ listenTcp })).run(), "failed");
  assertStringIncludes(rig.lines.join("\n"), 'Cannot warm up {"error":"Error: no such address"}');
});

test("where its clients cannot connect, it fails and leaves no port open", async () => {
  const rig = new Rig();
  const connectTcp = () => Promise.reject(new ConnectError("127.0.0.1", "not today", undefined));
  assertEquals(await new WarmUp(rig.parts({ connectTcp })).run(), "failed");
  for (const port of rig.ports) await within(refused(port), `the end of port ${port}`);
});

test("nobody else gets in", async () => {
  const rig = new Rig();
  const answers: number[] = [];
  rig.onListening = async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const socket = await runtime.connectTcp(
      { host: "127.0.0.1", port: rig.ports.at(-1) ?? 0, timeoutMs: 5000 },
      () => ({
        onBytes: (chunk) => {
          answers.push(...chunk);
          resolve();
        },
        onProgress: () => {},
        onWritable: () => {},
        onClose: () => resolve(),
      }),
    );
    const frame = connectFrame("somebody", encodeUtf8("guessed"), 5);
    socket.write(frame, 0, frame.length);
    await promise;
    socket.abort();
  };
  assertEquals(await new WarmUp(rig.parts()).run(), "done");
  // Of two brokers, each: CONNACK, no session, and why.
  const refusals = answers.filter((byte) => byte === ReasonCode.badUserNameOrPassword);
  assertEquals(refusals.length, 2, `answers: ${answers.join(" ")}`);
});

test("the clients of all loads are there until the end", async () => {
  const rig = new Rig();
  const connections = new Set<ByteSocket>();
  const connectTcp: WarmUpRuntime["connectTcp"] = (options, take) =>
    runtime.connectTcp(options, (socket) => {
      connections.add(socket);
      const handler = take(socket);
      const onClose = handler.onClose.bind(handler);
      handler.onClose = (cause, detail): void => {
        connections.delete(socket);
        onClose(cause, detail);
      };
      return handler;
    });
  let most = 0;
  rig.isWanted = () => {
    most = Math.max(most, connections.size);
    return false;
  };
  assertEquals(await new WarmUp(rig.parts({ connectTcp })).run(), "done");
  const clients = LOADS.reduce(
    (sum, each) => sum + each.groups * (each.publishers + each.subscribers),
    0,
  );
  assertEquals(most, 2 * clients);
});

test("a connection that is lost while nothing is awaited from it ends it all", async () => {
  const rig = new Rig();
  const taken: ByteSocket[] = [];
  const connectTcp: WarmUpRuntime["connectTcp"] = (options, take) =>
    runtime.connectTcp(options, (socket) => {
      taken.push(socket);
      // The first one goes when many others are there.
      if (taken.length === 100) taken[0]?.abort();
      return take(socket);
    });
  assertEquals(await new WarmUp(rig.parts({ connectTcp })).run(), "failed");
  assertStringIncludes(rig.lines.join("\n"), "a connection was lost");
  for (const port of rig.ports) await within(refused(port), `the end of port ${port}`);
});
