import { isMainThread, parentPort, Worker, workerData } from "node:worker_threads";
import { lowerThreadPriority } from "../../runtime/mod.ts";
import { copyDatabase } from "./backup.ts";
import { WriterHost } from "./writer_host.ts";
import type { WriterLink, WriterReply, WriterRequest } from "./writer_protocol.ts";

/** What a thread of ours is for; tells it from the program itself, which may be the same file. */
type ThreadTask =
  | { readonly task: "storage-writer" }
  | { readonly task: "storage-backup"; readonly path: string; readonly file: string };

/**
 * Where processors are scarce, traffic comes before what is written of it: whoever waits for a commit waits for the disk
 * anyway, and others for nothing.
 */
const STEPS_BEHIND_TRAFFIC = 5;

/**
 * A writer in a thread of its own. Batches lie in shared memory and are never copied or sent: on Deno the transfer of
 * 256 KiB takes 11 ms, a small message 13 µs.
 */
export class ThreadLink implements WriterLink {
  readonly #worker: Worker;
  #isEnding = false;
  onReply: (reply: WriterReply) => void = dropReply;

  /** `entry`: URL of a module that calls `runStorageThread`, be it the program's own. */
  constructor(entry: string) {
    this.#worker = startThread(entry, { task: "storage-writer" });
    this.#worker.on("message", (reply: WriterReply) => this.onReply(reply));
    this.#worker.on("error", (error: unknown) => this.#died(String(error)));
    this.#worker.on("exit", () => this.#died("it ended by itself"));
  }

  send(request: WriterRequest): void {
    this.#worker.postMessage(request);
  }

  async end(): Promise<void> {
    this.#isEnding = true;
    await this.#worker.terminate();
  }

  #died(reason: string): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.onReply({ kind: "gone", error: `the writer's thread is gone: ${reason}` });
  }
}

/** Copies a database in a thread of its own. */
export async function copyInThread(entry: string, path: string, file: string): Promise<void> {
  const worker = startThread(entry, { task: "storage-backup", path, file });
  try {
    const problem = await new Promise<string>((resolve, reject) => {
      worker.on("message", resolve);
      worker.on("error", reject);
      worker.on("exit", () => reject(new Error("Cannot back up: the thread ended by itself")));
    });
    if (problem !== "") throw new Error(problem);
  } finally {
    await worker.terminate();
  }
}

/** Whether this thread was started by a store, and has nothing else to do than `runStorageThread`. */
export function isStorageThread(): boolean {
  return !isMainThread && taskOf(workerData) !== undefined;
}

/** Does what the store wants that started this thread, until it ends it. */
export function runStorageThread(): void {
  const port = parentPort;
  const task = taskOf(workerData);
  if (port === null || task === undefined) {
    throw new Error("Cannot serve a store: this thread was not started by one");
  }
  lowerThreadPriority(STEPS_BEHIND_TRAFFIC);
  if (task.task === "storage-backup") {
    port.postMessage(backUp(task.path, task.file));
    return;
  }
  const host = new WriterHost((reply) => port.postMessage(reply));
  port.on("message", (request: WriterRequest) => host.handle(request));
}

function startThread(entry: string, workerData: ThreadTask): Worker {
  return new Worker(new URL(entry), { workerData });
}

function taskOf(data: unknown): ThreadTask | undefined {
  const { task } = (data ?? {}) as { readonly task?: unknown };
  return task === "storage-writer" || task === "storage-backup" ? data as ThreadTask : undefined;
}

/** Returns what went wrong; empty: nothing. */
function backUp(path: string, file: string): string {
  try {
    copyDatabase(path, file);
    return "";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

function dropReply(): void {}
