import { assertEquals } from "@std/assert";
import process from "node:process";
import { type RunningBroker, startBroker } from "../support/start_broker.ts";
import type { Target } from "./play.ts";

/** A broker that somebody else runs, for judging another one by hand: its port on loopback. */
export const FOREIGN_PORT = process.env["CONFORMANCE_PORT"];

/** What a case wants of its broker. */
export interface Wishes {
  /** In the form of `--set`. */
  readonly settings: readonly string[];
  readonly waits?: boolean;
}

/** The brokers under test: one for each combination of wishes. */
export class Targets {
  readonly #brokers = new Map<string, Promise<RunningBroker>>();

  /** A broker of this kind; started when it is first wanted. */
  async get({ settings, waits = false }: Wishes): Promise<Target> {
    if (FOREIGN_PORT !== undefined) return { host: "127.0.0.1", port: Number(FOREIGN_PORT) };
    const key = `${waits} ${settings.join(" ")}`;
    const known = this.#brokers.get(key);
    if (known !== undefined) return { host: "127.0.0.1", port: (await known).port };
    const starting = startBroker({ args: settings.flatMap((setting) => ["--set", setting]) });
    this.#brokers.set(key, starting);
    return { host: "127.0.0.1", port: (await starting).port };
  }

  /** Stops them all. Each must end in good order, whatever the cases did to it. */
  async stop(): Promise<void> {
    for (const starting of this.#brokers.values()) {
      const broker = await starting;
      assertEquals(await broker.stop(), { code: 0, signal: undefined }, broker.stderr());
    }
  }
}
