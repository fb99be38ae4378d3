import type { Clock } from "../base/mod.ts";
import { encodeUtf8 } from "../mqtt/mod.ts";
import type { ByteSocket, Runtime } from "../runtime/mod.ts";
import { Client, type ClientOwner } from "./client.ts";
import { burstOf, connectFrame, type Load, subscribeFrame } from "./load.ts";

/** Where a load goes, and when it is enough. */
export interface LoadTarget {
  readonly runtime: Pick<Runtime, "connectTcp" | "every">;
  readonly port: number;
  readonly password: string;
  readonly clock: Clock;
  /** How long messages are sent, from the last connection on. */
  readonly durationMs: number;
  /** Somebody needs the broker; asked before each step. */
  readonly isOver: () => boolean;
}

interface Group {
  readonly publishers: Client[];
  readonly burst: Uint8Array;
  /** Messages that have to come or to be acknowledged before the next burst. */
  outstanding: number;
}

const CONNECT_TIMEOUT_MS = 2000;
/** A load that takes so long goes nowhere: something was lost. */
const RUN_TIMEOUT_MS = 5000;

/** One load from its first connection to its last. */
export class LoadRun implements ClientOwner {
  readonly #load: Load;
  readonly #target: LoadTarget;
  readonly #clients = new Map<Client, Group>();
  readonly #end = Promise.withResolvers<void>();
  #busyGroups = 0;
  #endMs = 0;
  #awaited: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;

  constructor(load: Load, target: LoadTarget) {
    this.#load = load;
    this.#target = target;
  }

  /** Rejects when a client cannot connect or is refused, and when messages are lost. No connection is left in the end. */
  async run(): Promise<void> {
    const limit = this.#target.runtime.every(
      RUN_TIMEOUT_MS,
      () => this.#fail(new Error(`no end after ${RUN_TIMEOUT_MS} ms`)),
    );
    // Whoever is connecting hears of it first.
    this.#end.promise.catch(() => undefined);
    try {
      const groups: Group[] = [];
      for (let index = 0; index < this.#load.groups; index++) {
        if (this.#target.isOver()) return;
        groups.push(await this.#gather(index));
      }
      this.#busyGroups = groups.length;
      this.#endMs = this.#target.clock.monotonicMs() + this.#target.durationMs;
      for (const group of groups) this.#next(group);
      await this.#end.promise;
    } finally {
      limit.stop();
      const clients = [...this.#clients.keys()];
      this.#clients.clear();
      for (const { socket } of clients) socket.abort();
    }
  }

  onAnswer(_client: Client, hasFailed: boolean): void {
    if (hasFailed) this.#fail(new Error("a client was refused"));
    else this.#awaited?.resolve();
  }

  onProgress(client: Client, count: number): void {
    const group = this.#clients.get(client);
    if (group === undefined) return;
    group.outstanding -= count;
    if (group.outstanding === 0) this.#next(group);
  }

  onClose(client: Client): void {
    if (this.#clients.has(client)) this.#fail(new Error("a connection was lost"));
  }

  #fail(error: Error): void {
    this.#awaited?.reject(error);
    this.#end.reject(error);
  }

  /** Incomplete where the load is over before. */
  async #gather(index: number): Promise<Group> {
    const topic = `warm/${index}/telemetry/temp`;
    const group: Group = { publishers: [], burst: burstOf(topic, this.#load), outstanding: 0 };
    for (let i = 0; i < this.#load.subscribers && !this.#target.isOver(); i++) {
      const subscriber = await this.#connect(group, `subscriber-${index}-${i}`);
      await this.#ask(subscriber, subscribeFrame(`warm/${index}/+/temp`, this.#load));
    }
    for (let i = 0; i < this.#load.publishers && !this.#target.isOver(); i++) {
      group.publishers.push(await this.#connect(group, `publisher-${index}-${i}`));
    }
    return group;
  }

  async #connect(group: Group, clientId: string): Promise<Client> {
    const { runtime, port, password } = this.#target;
    let client: Client | undefined;
    const take = (socket: ByteSocket): Client => client = new Client(socket, this);
    const options = { host: "127.0.0.1", port, timeoutMs: CONNECT_TIMEOUT_MS };
    await runtime.connectTcp(options, take);
    if (client === undefined) throw new Error("the connection was not taken over");
    this.#clients.set(client, group);
    await this.#ask(client, connectFrame(clientId, encodeUtf8(password), this.#load.version));
    return client;
  }

  /** Sends a request; resolves when its answer is here. */
  #ask(client: Client, frame: Uint8Array): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#awaited = { resolve, reject };
      client.send(frame);
    });
  }

  #next(group: Group): void {
    const { clock, isOver } = this.#target;
    if (isOver() || clock.monotonicMs() >= this.#endMs) {
      this.#busyGroups--;
      if (this.#busyGroups === 0) this.#end.resolve();
      return;
    }
    const { publishers, subscribers, qos, burst } = this.#load;
    group.outstanding = publishers * burst * (subscribers + (qos === 0 ? 0 : 1));
    for (const publisher of group.publishers) publisher.send(group.burst);
  }
}
