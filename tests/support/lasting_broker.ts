/** A whole broker in memory whose store is on a disk that fails when the test says so. */
import { copyFileSync, existsSync, mkdtempSync } from "node:fs";
import { join } from "node:path";
import type { MqttOptions } from "../../src/broker/mod.ts";
import type { Store } from "../../src/ports/mod.ts";
import { DATABASE_NAME, type StoreTimers } from "../../src/storage/mod.ts";
import { DiskFaults, openFailingStore } from "./failing_store.ts";
import { MemoryBroker, type MemoryBrokerParts } from "./memory_broker.ts";
import { MemoryRuntime } from "./memory_socket.ts";

/** How often promises and turns take turns until both are at rest. */
const ROUNDS = 12;

export class LastingBroker {
  readonly memory: MemoryBroker;
  readonly store: Store;
  readonly faults: DiskFaults;
  readonly #folder: string;

  private constructor(folder: string, memory: MemoryBroker, store: Store, faults: DiskFaults) {
    this.#folder = folder;
    this.memory = memory;
    this.store = store;
    this.faults = faults;
  }

  /** Starts on what is in the folder. */
  static async start(
    folder: string,
    options: Partial<MqttOptions> = {},
    faults = new DiskFaults(),
    parts: Pick<
      MemoryBrokerParts,
      "authenticator" | "authorizer" | "interceptors" | "storingGivesWay"
    > = {},
  ): Promise<LastingBroker> {
    const runtime = new MemoryRuntime();
    const { store, damage } = await openFailingStore(folder, {
      timers: timersOf(runtime),
      faults,
      durability: "os",
    });
    if (damage !== undefined) throw new Error(`Cannot go on: the database is damaged`);
    const memory = new MemoryBroker({ ...parts, runtime, store, options });
    return new LastingBroker(folder, memory, store, faults);
  }

  /** Lets `ms` pass, with all that they bring about. */
  async pass(ms: number): Promise<void> {
    const { runtime } = this.memory;
    for (let round = 0; round < ROUNDS; round++) {
      runtime.settle();
      await Promise.resolve();
    }
    // In small steps, so that the writer's answers, which are promises, come in their time.
    for (let left = ms; left > 0; left -= 50) {
      runtime.advance(Math.min(left, 50));
      for (let round = 0; round < ROUNDS; round++) {
        await Promise.resolve();
        runtime.settle();
      }
    }
  }

  /** What the disk would hold, were the process killed now; a folder below this one's. */
  copyAsKilled(): string {
    const copy = mkdtempSync(join(this.#folder, "killed-"));
    for (const side of ["", "-wal"]) {
      const file = join(this.#folder, DATABASE_NAME + side);
      if (existsSync(file)) copyFileSync(file, join(copy, DATABASE_NAME + side));
    }
    return copy;
  }

  /** Ends it as it is, without a farewell; what it still writes is nobody's business. */
  async abandon(): Promise<void> {
    this.faults.heal();
    this.memory.runtime.advance(10_000);
    let isClosed = false;
    // One whose database is damaged cannot write its last changes.
    const closed = this.store.close().catch(() => undefined).then(() => isClosed = true);
    while (!isClosed) await this.pass(50);
    await closed;
  }

  async stop(): Promise<void> {
    const stopped = this.memory.broker.stop();
    await this.pass(5000);
    await stopped;
    await this.store.close();
  }
}

function timersOf(runtime: MemoryRuntime): StoreTimers {
  return {
    after: (delayMs, fn) => {
      const interval = runtime.every(delayMs, () => {
        interval.stop();
        fn();
      });
    },
    defer: (fn) => runtime.defer(fn),
    nowMs: () => runtime.clock.nowMs(),
    monotonicMs: () => runtime.clock.monotonicMs(),
  };
}
