import process from "node:process";
import type { Runtime } from "../runtime/mod.ts";
import type { Server, ServerContext } from "./application.ts";
import {
  type Command,
  COMMAND_TABLES,
  helpText,
  parseCommandLine,
  UsageError,
} from "./command_line.ts";
import { COMMIT, VERSION } from "./version.ts";

const EXIT_FINE = 0;

/**
 * Does what the arguments ask for; resolves with the exit status. Each command is loaded when it is asked for, so that
 * none of them waits for what only others need.
 */
export async function runCommand(
  runtime: Runtime,
  createServer: (context: ServerContext) => Server | Promise<Server>,
): Promise<number> {
  const command = readCommand(runtime);
  if (typeof command === "number") return command;
  if (command.name !== "exec") runtime.renouncePrograms();
  switch (command.name) {
    case "help":
      runtime.writeStdout(helpText(command.about));
      return EXIT_FINE;
    case "version":
      runtime.writeStdout(versionText(runtime));
      return EXIT_FINE;
    case "check": {
      const { check } = await import("./check.ts");
      return await check(runtime, command.arguments);
    }
    case "healthcheck": {
      const { checkHealth } = await import("./healthcheck.ts");
      return await checkHealth(runtime, command.arguments);
    }
    case "backup": {
      const { backUp } = await import("./backup.ts");
      return await backUp(runtime, command.arguments);
    }
    case "acl": {
      const { explainAccess } = await import("./explain.ts");
      return await explainAccess(runtime, command.arguments);
    }
    case "passwd": {
      const { passwd } = await import("./passwd.ts");
      const { TerminalInput } = await import("./terminal.ts");
      const input = new TerminalInput((text) => runtime.writeStderr(text));
      return await passwd(runtime, command.arguments, input);
    }
    case "exec": {
      const { execute } = await import("./exec.ts");
      return await execute(runtime, command.arguments, createServer);
    }
    case "pub": {
      const { publish } = await import("./pub.ts");
      return await publish(runtime, command.arguments, process.stdin);
    }
    case "bench": {
      const { bench } = await import("./bench.ts");
      return await bench(runtime, command.arguments);
    }
    case "sub": {
      const { subscribe } = await import("./sub.ts");
      return await subscribe(runtime, command.arguments);
    }
    case "import": {
      const { importConfiguration } = await import("./import.ts");
      return await importConfiguration(runtime, command.arguments);
    }
    case "completions": {
      const { completionScript } = await import("./completions.ts");
      runtime.writeStdout(completionScript(command.arguments.shell, COMMAND_TABLES));
      return EXIT_FINE;
    }
    case "run": {
      const { runBroker } = await import("./application.ts");
      return await runBroker(runtime, command.arguments, createServer);
    }
  }
}

function versionText({ name, version }: Runtime): string {
  const commit = COMMIT === undefined ? "" : `, commit ${COMMIT}`;
  return `broker ${VERSION} (${name} ${version})${commit}\n`;
}

/** An exit status when the command line makes no sense, which has been said then. */
function readCommand(runtime: Runtime): Command | number {
  try {
    return parseCommandLine(runtime.args);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    const lines = error.problems.map((problem) => `broker: ${problem}\n`);
    const about = error.command === undefined ? "broker" : `broker ${error.command}`;
    runtime.writeStderr(`${lines.join("")}Try "${about} --help"\n`);
    return error.exitStatus;
  }
}
