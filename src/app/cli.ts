import type { AuthOptions } from "../auth/mod.ts";
import { SILENT_LOGGER, SystemClock } from "../base/mod.ts";
import { loadRuntime, type Runtime } from "../runtime/mod.ts";
import { isStorageThread, MemoryStore, runStorageThread } from "../storage/mod.ts";
import {
  Application,
  EXIT_WRONG_CONFIGURATION,
  problemReport,
  type Server,
  type ServerContext,
} from "./application.ts";
import { Authentication } from "./auth.ts";
import { backUp } from "./backup.ts";
import { createServer } from "./broker_server.ts";
import { type Command, helpText, parseCommandLine, UsageError } from "./command_line.ts";
import type { ConfigArguments } from "./config_options.ts";
import { explainAccess } from "./explain.ts";
import { readWholeConfiguration } from "./configuration.ts";
import { passwd } from "./passwd.ts";
import { TerminalInput } from "./terminal.ts";
import { VERSION } from "./version.ts";

const EXIT_FINE = 0;
const EXIT_PROBLEMS = 1;

/**
 * The program, from its arguments to its exit status. `programUrl`: of the module that calls this, where the threads of
 * the program start, too.
 */
export async function main(programUrl: string): Promise<void> {
  if (isStorageThread()) return runStorageThread();
  const runtime = await loadRuntime();
  runtime.exit(await runCommand(runtime, (context) => createServer(context, programUrl)));
}

/** Does what the arguments ask for; resolves with the exit status. */
export async function runCommand(
  runtime: Runtime,
  createServer: (context: ServerContext) => Server,
): Promise<number> {
  const command = readCommand(runtime);
  switch (command?.name) {
    case undefined:
      return EXIT_WRONG_CONFIGURATION;
    case "help":
      runtime.writeStdout(helpText(command.about));
      return EXIT_FINE;
    case "version":
      runtime.writeStdout(`broker ${VERSION} (${runtime.name} ${runtime.version})\n`);
      return EXIT_FINE;
    case "check":
      return await check(runtime, command.arguments);
    case "backup":
      return await backUp(runtime, command.arguments);
    case "acl":
      return await explainAccess(runtime, command.arguments);
    case "passwd": {
      const input = new TerminalInput((text) => runtime.writeStderr(text));
      return await passwd(runtime, command.arguments, input);
    }
    case "run": {
      const clock = new SystemClock();
      const application = new Application({
        runtime,
        clock,
        arguments: command.arguments,
        createServer,
      });
      return await application.run();
    }
  }
}

/** Undefined when the command line makes no sense, which has been said then. */
function readCommand(runtime: Runtime): Command | undefined {
  try {
    return parseCommandLine(runtime.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const lines = error.problems.map((problem) => `broker: ${problem}\n`);
    runtime.writeStderr(`${lines.join("")}Try "broker --help"\n`);
    return undefined;
  }
}

async function check(runtime: Runtime, args: ConfigArguments): Promise<number> {
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
