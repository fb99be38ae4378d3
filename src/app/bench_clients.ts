import {
  type ClientLoop,
  type ClientTarget,
  MqttClient,
  type MqttClientHandler,
} from "../client/mod.ts";
import type { ConnectPacket } from "../mqtt/mod.ts";
import type { BenchArguments } from "./bench_arguments.ts";
import { CONNECT_TIMEOUT_MS } from "./open_client.ts";

/** A client that the server has accepted. */
export interface Connected<Handler> {
  readonly handler: Handler;
  readonly client: MqttClient;
  readonly index: number;
  /** From the first step to CONNACK. */
  readonly tookMs: number;
}

/** Makes many connections, some at a time. */
export class BenchClients {
  readonly #loop: ClientLoop;
  readonly #args: BenchArguments;
  readonly #target: ClientTarget;
  readonly #prefix: string;

  constructor(loop: ClientLoop, args: BenchArguments, target: ClientTarget, pid: number) {
    this.#loop = loop;
    this.#args = args;
    this.#target = target;
    this.#prefix = `${args.idPrefix ?? "bench-"}${pid}-`;
  }

  /**
   * Connects one client for each handler, and calls `onConnected` for each in any order. Rejects when one cannot, after
   * those that were begun.
   */
  async connect<Handler extends MqttClientHandler>(
    handlers: readonly Handler[],
    word: string,
    onConnected: (connected: Connected<Handler>) => Promise<void> | void,
  ): Promise<void> {
    let next = 0;
    const worker = async (): Promise<void> => {
      while (next < handlers.length) {
        const index = next++;
        const handler = handlers[index] as Handler;
        const client = this.#newClient(`${this.#prefix}${word}${index}`, handler);
        const startMs = performance.now();
        try {
          await client.connect(this.#target);
          await onConnected({ handler, client, index, tookMs: performance.now() - startMs });
        } catch (error) {
          next = handlers.length;
          throw error;
        }
      }
    };
    const workers = Array.from({ length: this.#args.concurrency }, worker);
    const outcomes = await Promise.allSettled(workers);
    for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  }

  #newClient(clientId: string, handler: MqttClientHandler): MqttClient {
    const connect: ConnectPacket = { ...this.#args.connect, clientId };
    return new MqttClient(this.#loop, {
      connect,
      timeoutMs: CONNECT_TIMEOUT_MS,
      inflightMax: this.#args.window,
      keepsMessages: false,
    }, handler);
  }
}
