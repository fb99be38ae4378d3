import { getPriority } from "node:os";
import process from "node:process";
import { test } from "node:test";
import { Worker } from "node:worker_threads";
import { assertEquals } from "@std/assert";

test("a thread lets others go first, and only itself", async () => {
  const before = getPriority(0);
  const thread = new Worker(new URL("../../support/priority_thread.ts", import.meta.url));
  const said = await new Promise((resolve, reject) => {
    thread.on("message", resolve);
    thread.on("error", reject);
  });
  await thread.terminate();
  // Elsewhere the system knows of whole programs only, of which it would be the priority of all threads.
  const expected = process.platform === "linux"
    ? { isLower: true, niceness: 3 }
    : { isLower: false, niceness: before };
  assertEquals(said, expected);
  assertEquals(getPriority(0), before);
});
