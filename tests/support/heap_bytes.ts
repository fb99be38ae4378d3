/** How much a test holds on to. */
import process from "node:process";
import v8 from "node:v8";
import vm from "node:vm";

/** Bytes of the heap that are still used after a collection. */
export function heapBytes(): number {
  const { Bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  if (Bun !== undefined) Bun.gc(true);
  else {
    v8.setFlagsFromString("--expose-gc");
    (vm.runInNewContext("gc") as () => void)();
  }
  return process.memoryUsage().heapUsed;
}
