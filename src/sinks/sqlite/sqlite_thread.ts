import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { SinkError } from "../sink.ts";
import type { SqliteReply, SqliteRequest } from "./protocol.ts";
import { SqliteHost } from "./sqlite_host.ts";

const TASK = "sink-sqlite";

type RequestOf<R> = R extends SqliteRequest ? Omit<R, "id"> : never;

interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: SinkError) => void;
}

/** One thread for all databases, so that no disk ever keeps the broker waiting. It is there while one of them is open. */
export class SqliteThread {
  readonly #entry: string;
  /** Sinks by the path of their database. */
  readonly #users = new Map<string, number>();
  readonly #waiting = new Map<number, Waiting>();
  #worker: Worker | undefined;
  #lastId = 0;

  /** `entry`: URL of a module that calls `runSinkThread`, be it the program's own. */
  constructor(entry: string) {
    this.#entry = entry;
  }

  /** Somebody is going to use the database of that path, until `release`. */
  acquire(path: string): void {
    this.#users.set(path, (this.#users.get(path) ?? 0) + 1);
  }

  /** Rejects with a `SinkError`. */
  async ask(request: RequestOf<SqliteRequest>): Promise<void> {
    const worker = this.#worker ??= this.#start();
    const id = ++this.#lastId;
    await new Promise<void>((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      worker.postMessage({ ...request, id });
    });
  }

  /** The last one closes the database, the last database ends the thread. */
  async release(path: string): Promise<void> {
    const count = this.#users.get(path) ?? 0;
    if (count > 1) {
      this.#users.set(path, count - 1);
      return;
    }
    this.#users.delete(path);
    if (this.#worker !== undefined) {
      await this.ask({ kind: "close", path }).catch((error: unknown) => {
        // A thread that is gone has nothing open any more.
        if (this.#worker !== undefined) throw error;
      });
    }
    // A thread that is ended answers nobody any more: whoever is the last to have an answer ends it.
    if (this.#users.size > 0 || this.#waiting.size > 0) return;
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(new URL(this.#entry), { workerData: { task: TASK } });
    worker.on("message", (reply: SqliteReply) => this.#answer(reply));
    worker.on("error", (error: unknown) => this.#died(worker, String(error)));
    worker.on("exit", () => this.#died(worker, "it ended by itself"));
    return worker;
  }

  #answer({ id, error, isRetryable }: SqliteReply): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error === undefined) waiting?.resolve();
    else waiting?.reject(new SinkError(error, { isRetryable }));
  }

  /** The next request starts another one. */
  #died(worker: Worker, reason: string): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const failure = new SinkError(`the thread is gone: ${reason}`, { isRetryable: true });
    for (const { reject } of this.#waiting.values()) reject(failure);
    this.#waiting.clear();
  }
}

/** Whether this thread was started by a sink, and has nothing else to do than `runSinkThread`. */
export function isSinkThread(): boolean {
  const { task } = (workerData ?? {}) as { readonly task?: unknown };
  return !isMainThread && task === TASK;
}

/** Writes rows for the sinks of the program, until they end it. */
export function runSinkThread(): void {
  const port = parentPort;
  if (port === null) throw new Error("Cannot serve sinks: this thread was not started by one");
  const host = new SqliteHost();
  port.on("message", (request: SqliteRequest) => port.postMessage(host.handle(request)));
}
