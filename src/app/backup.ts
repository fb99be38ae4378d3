import { join } from "node:path";
import { copyDatabase, DATABASE_NAME } from "../storage/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { EXIT_FAILED, EXIT_WRONG_CONFIGURATION, problemReport } from "./application.ts";
import type { BackupArguments } from "./run_arguments.ts";
import { readConfiguration } from "./configuration.ts";
import { keptFilesIn } from "./kept_files.ts";

/** Copies the database of the data directory while a broker uses it or not; resolves with the exit status. */
export async function backUp(runtime: Runtime, args: BackupArguments): Promise<number> {
  const { configuration, problems } = await readConfiguration(runtime, args);
  if (configuration === undefined) {
    runtime.writeStderr(problemReport(problems));
    return EXIT_WRONG_CONFIGURATION;
  }
  const database = join(configuration.node.dataDir, DATABASE_NAME);
  try {
    // Before and at the moment of the copy: a file is there before a setting names it, and until none does.
    const before = keptFilesIn(configuration.node.dataDir);
    copyDatabase(database, args.file, () => {
      const now = keptFilesIn(configuration.node.dataDir);
      return [...new Map([...before, ...now].map((record) => [record.key, record])).values()];
    });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    runtime.writeStderr(`broker: ${text}\n`);
    return EXIT_FAILED;
  }
  runtime.writeStdout(`"${args.file}" is a copy of "${database}"\n`);
  return 0;
}
