import { isMainThread } from "node:worker_threads";

/**
 * The program, from its arguments to its exit status. `programUrl`: of the module that calls this, where the threads of
 * the program start, too: each loads what it needs, and nothing before that.
 */
export async function main(programUrl: string): Promise<void> {
  if (!isMainThread) return await runThread();
  const { loadRuntime } = await import("../runtime/mod.ts");
  const { runCommand } = await import("./cli.ts");
  const runtime = await loadRuntime();
  const status = await runCommand(runtime, async (context) => {
    const { createServer } = await import("./broker_server.ts");
    return createServer(context, programUrl);
  });
  runtime.exit(status);
}

async function runThread(): Promise<void> {
  const { isStorageThread, runStorageThread } = await import("../storage/mod.ts");
  if (isStorageThread()) return runStorageThread();
  const { runSinkThread } = await import("../sinks/mod.ts");
  runSinkThread();
}
