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
  /** Somebody needs the broker; asked before each step. */
  readonly isOver: () => boolean;
}

interface Publisher {
  readonly client: Client;
  readonly burst: Uint8Array;
}

interface Group {
  readonly publishers: Publisher[];
  /** Messages that have to come or to be acknowledged before the next burst. */
  outstanding: number;
}

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

const CONNECT_TIMEOUT_MS = 2000;
/** A load that takes so long goes nowhere: something was lost. */
const RUN_TIMEOUT_MS = 5000;

/** The clients of one load, from the first connection to the last; in between they send whenever they are told to. */
export class LoadRun implements ClientOwner {
  readonly #load: Load;
  readonly #name: string;
  readonly #target: LoadTarget;
  readonly #clients = new Map<Client, Group>();
  readonly #groups: Group[] = [];
  #busyGroups = 0;
  #endMs = 0;
  /** An answer, or the end of a run. */
  #awaited: Waiting | undefined;
  /** What went wrong while nothing was awaited. */
  #failure: Error | undefined;

  /** `name`: no other load of the broker has it. */
  constructor(load: Load, name: string, target: LoadTarget) {
    this.#load = load;
    this.#name = name;
    this.#target = target;
  }

  /** Incomplete where it is over before. Rejects when a client cannot connect or is refused. */
  async connect(): Promise<void> {
    for (let index = 0; index < this.#load.groups && !this.#target.isOver(); index++) {
      this.#groups.push(await this.#gather(`${this.#name}-${index}`));
    }
  }

  /** Sends messages for so long, and until all of them have arrived. Rejects when any are lost, or a connection is. */
  async run(durationMs: number): Promise<void> {
    const limit = this.#target.runtime.every(
      RUN_TIMEOUT_MS,
      () => this.#fail(new Error(`no end after ${RUN_TIMEOUT_MS} ms`)),
    );
    try {
      this.#busyGroups = this.#groups.length;
      this.#endMs = this.#target.clock.monotonicMs() + durationMs;
      await this.#wait(() => this.#groups.forEach((group) => this.#next(group)));
    } finally {
      limit.stop();
    }
  }

  close(): void {
    const clients = [...this.#clients.keys()];
    this.#clients.clear();
    for (const { socket } of clients) socket.abort();
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
    this.#failure = error;
    this.#awaited?.reject(error);
  }

  /** Until what `begin` has begun is done; see `#awaited`. */
  #wait(begin: () => void): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#awaited = { resolve, reject };
      begin();
    });
  }

  /** Incomplete where it is over before. */
  async #gather(name: string): Promise<Group> {
    const { subscribers, publishers } = this.#load;
    const group: Group = { publishers: [], outstanding: 0 };
    // Many publishers have a topic each, and whoever subscribes takes them all.
    const filter = publishers > 1 ? `warm/${name}/+/temp` : `warm/${name}/0/temp`;
    for (let i = 0; i < subscribers && !this.#target.isOver(); i++) {
      const subscriber = await this.#connect(group, `${name}-subscriber-${i}`);
      await this.#ask(subscriber, subscribeFrame(filter, this.#load));
    }
    for (let i = 0; i < publishers && !this.#target.isOver(); i++) {
      const client = await this.#connect(group, `${name}-publisher-${i}`);
      group.publishers.push({ client, burst: burstOf(`warm/${name}/${i}/temp`, this.#load) });
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
    return this.#wait(() => client.send(frame));
  }

  #next(group: Group): void {
    const { clock, isOver } = this.#target;
    if (isOver() || clock.monotonicMs() >= this.#endMs) {
      this.#busyGroups--;
      if (this.#busyGroups === 0) this.#awaited?.resolve();
      return;
    }
    const { publishers, subscribers, qos, burst: messages } = this.#load;
    group.outstanding = publishers * messages * (subscribers + (qos === 0 ? 0 : 1));
    for (const { client, burst } of group.publishers) client.send(burst);
  }
}
