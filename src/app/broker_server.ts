import { ALLOW_ALL, AuthenticatorChain } from "../auth/mod.ts";
import { Broker } from "../broker/mod.ts";
import { type Configuration, formatBind } from "../config/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { type Listener, type ListenerOptions, openTcpListener } from "../transport/mod.ts";
import type { Server, ServerContext } from "./application.ts";
import type { ReadyListener } from "./ready.ts";
import { VERSION } from "./version.ts";

/** Builds the broker out of its parts; nothing is open yet. */
export function createServer(context: ServerContext): Server {
  const { runtime, clock, logger, configuration } = context;
  const broker = new Broker({
    options: configuration.mqtt,
    version: VERSION,
    runtime,
    clock,
    logger,
    authenticator: new AuthenticatorChain([]),
    authorizer: ALLOW_ALL,
  });
  return new BrokerServer(runtime, broker, configuration.listeners);
}

/** The broker with its listeners. */
class BrokerServer implements Server {
  readonly #runtime: Runtime;
  readonly #broker: Broker;
  readonly #options: readonly ListenerOptions[];
  readonly #open: Listener[] = [];

  constructor(runtime: Runtime, broker: Broker, options: readonly ListenerOptions[]) {
    this.#runtime = runtime;
    this.#broker = broker;
    this.#options = options;
  }

  async start(): Promise<readonly ReadyListener[]> {
    // Before the listeners: the deadlines of the first connection count already.
    this.#broker.start();
    try {
      for (const options of this.#options) this.#open.push(await this.#listen(options));
    } catch (error) {
      await this.stop();
      throw error;
    }
    return this.#open.map(({ type, url, port }) => ({ type, url, port }));
  }

  reconfigure(configuration: Configuration): void {
    this.#broker.reconfigure(configuration.mqtt);
  }

  async stop(): Promise<void> {
    for (const listener of this.#open.splice(0)) listener.close();
    await this.#broker.stop();
  }

  async #listen(options: ListenerOptions): Promise<Listener> {
    try {
      return await openTcpListener(this.#runtime, options, this.#broker);
    } catch (error) {
      throw new Error(`Cannot listen on ${formatBind(options)}: ${reasonOf(error)}`, {
        cause: error,
      });
    }
  }
}

/** What the commonest errors mean; the runtimes word them differently, one of them not at all. */
const REASONS: Readonly<Record<string, string>> = {
  EADDRINUSE: "the address is already in use",
  EADDRNOTAVAIL: "this machine has no such address",
  EACCES: "not permitted, as for a port that is kept for the system",
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  if (typeof code !== "string" || error.message.includes(code)) return error.message;
  return `${REASONS[code] ?? error.message} (${code})`;
}
