/** What the writer's thread of a store under test runs: it dies of changes of records where a file `die` is beside its database. */
import { existsSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { parentPort } from "node:worker_threads";
import { runStorageThread, type WriterRequest } from "../../src/storage/mod.ts";

let marker = "";

runStorageThread();
parentPort?.on("message", (request: WriterRequest) => {
  if (request.kind === "open") marker = join(dirname(request.path), "die");
  if (request.kind !== "records" || !existsSync(marker)) return;
  rmSync(marker);
  throw new Error("it was told to die");
});
