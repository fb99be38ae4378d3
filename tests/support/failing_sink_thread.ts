/** A thread of SQLite sinks that breaks as soon as it has something to do. */
import { parentPort } from "node:worker_threads";

parentPort?.on("message", () => {
  throw new Error("broken on purpose");
});
