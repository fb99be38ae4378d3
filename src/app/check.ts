import type { AuthOptions } from "../auth/mod.ts";
import { SILENT_LOGGER, SystemClock } from "../base/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { MemoryStore } from "../storage/mod.ts";
import { problemReport } from "./application.ts";
import { Authentication } from "./auth.ts";
import type { ConfigArguments } from "./config_options.ts";
import { readWholeConfiguration } from "./configuration.ts";

const EXIT_FINE = 0;
const EXIT_PROBLEMS = 1;

/** `broker check`: prints every problem of the configuration; resolves with the exit status. */
export async function check(runtime: Runtime, args: ConfigArguments): Promise<number> {
  const { configuration, problems } = await readWholeConfiguration(runtime, args);
  if (configuration === undefined) {
    runtime.writeStderr(problemReport(problems));
    return EXIT_PROBLEMS;
  }
  const wrong = await authenticationProblems(runtime, configuration.auth);
  if (wrong.length > 0) {
    runtime.writeStderr(problemReport(wrong));
    return EXIT_PROBLEMS;
  }
  for (const warning of configuration.warnings) runtime.writeStderr(`Warning: ${warning}\n`);
  runtime.writeStdout("The configuration is fine\n");
  return EXIT_FINE;
}

/** What the start would say of users, keys and files; nothing of it is kept. */
async function authenticationProblems(
  runtime: Runtime,
  options: AuthOptions,
): Promise<readonly string[]> {
  const { records } = new MemoryStore();
  const context = { runtime, clock: new SystemClock(), logger: SILENT_LOGGER, records };
  try {
    const authentication = await Authentication.open(context, options);
    authentication.close();
    return [];
  } catch (error) {
    return (error instanceof Error ? error.message : String(error)).split("\n");
  }
}
