import { join } from "node:path";
import { copyDatabase, DATABASE_NAME } from "../storage/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { EXIT_FAILED, EXIT_WRONG_CONFIGURATION, problemReport } from "./application.ts";
import type { BackupArguments } from "./run_arguments.ts";
import { readConfiguration } from "./configuration.ts";

/** Copies the database of the data directory while a broker uses it or not; resolves with the exit status. */
export async function backUp(runtime: Runtime, args: BackupArguments): Promise<number> {
  const { configuration, problems } = await readConfiguration(runtime, args);
  if (configuration === undefined) {
    runtime.writeStderr(problemReport(problems));
    return EXIT_WRONG_CONFIGURATION;
  }
  const database = join(configuration.node.dataDir, DATABASE_NAME);
  try {
    copyDatabase(database, args.file);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    runtime.writeStderr(`broker: ${text}\n`);
    return EXIT_FAILED;
  }
  runtime.writeStdout(`"${args.file}" is a copy of "${database}"\n`);
  return 0;
}
