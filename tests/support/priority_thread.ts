/** A thread that makes itself less important and says what came of it: see `thread_priority_test.ts`. */
import { getPriority } from "node:os";
import { parentPort } from "node:worker_threads";
import { lowerThreadPriority } from "../../src/runtime/mod.ts";

parentPort?.postMessage({ isLower: lowerThreadPriority(3), niceness: getPriority(0) });
