/** A broker that ends and is there again, with what it has kept. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertEquals } from "@std/assert";
import { type RunningBroker, startBroker, type StartOptions } from "./start_broker.ts";

/** In good order, or by SIGKILL. */
export type End = "stop" | "kill";
export const ENDS: readonly End[] = ["stop", "kill"];

/** What the data directory is on, where that is more than a folder. */
export interface Disk {
  /** For the broker's environment. */
  environment(dataDir: string): Promise<Readonly<Record<string, string>>>;
  /** The broker was killed: leaves in the data directory what the disk has. */
  cut(dataDir: string): Promise<void>;
}

export interface RestartOptions extends StartOptions {
  readonly disk?: Disk | undefined;
}

/** One broker after the other on the same data directory. */
export class RestartableBroker {
  readonly dataDir: string;
  readonly #options: RestartOptions;
  #running: RunningBroker | undefined;

  constructor(dataDir: string, options: RestartOptions) {
    this.dataDir = dataDir;
    this.#options = options;
  }

  /** The one that runs. */
  get running(): RunningBroker {
    if (this.#running === undefined) throw new Error("Cannot use the broker: it is down");
    return this.#running;
  }

  get port(): number {
    return this.running.port;
  }

  async start(): Promise<void> {
    const { dataDir } = this;
    const { disk, ...options } = this.#options;
    const environment = { ...options.environment, ...await disk?.environment(dataDir) };
    this.#running = await startBroker({ ...options, environment, dataDir });
  }

  async end(how: End): Promise<void> {
    const broker = this.running;
    this.#running = undefined;
    if (how === "kill") {
      await broker.kill();
      await this.#options.disk?.cut(this.dataDir);
    } else assertEquals(await broker.stop(), { code: 0, signal: undefined }, broker.stderr());
  }

  async restart(how: End): Promise<void> {
    await this.end(how);
    await this.start();
  }

  get isUp(): boolean {
    return this.#running !== undefined;
  }
}

/** Runs `use` with a folder that is gone afterwards. */
export async function withDataDir(use: (dataDir: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-data-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs `use` with a broker that keeps things, and stops the last one; it must end in good order. */
export function withRestarts(
  options: RestartOptions,
  use: (broker: RestartableBroker) => Promise<void>,
): Promise<void> {
  return withDataDir(async (dataDir) => {
    const broker = new RestartableBroker(dataDir, options);
    await broker.start();
    try {
      await use(broker);
    } catch (error) {
      const log = broker.isUp ? broker.running.stderr() : "";
      if (broker.isUp) await broker.end("kill");
      const text = error instanceof Error ? error.message : String(error);
      throw new Error(`${text}\n\nThe broker said:\n${log}`, { cause: error });
    }
    if (broker.isUp) await broker.end("stop");
  });
}
