import { SystemClock } from "../base/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import {
  Application,
  type CreateServer,
  EXIT_WRONG_CONFIGURATION,
  problemReport,
} from "./application.ts";
import { readConfiguration } from "./configuration.ts";
import type { ExecArguments } from "./exec_arguments.ts";
import { GuestLifetime } from "./guest.ts";
import type { GuestCredentials } from "./guest_environment.ts";
import { Recorder } from "./recorder.ts";

/** The broker could not do its part; the command may not even have begun. */
export const EXIT_NO_BROKER = 125;
const PASSWORD_BYTES = 18;
/**
 * A machine that runs tests is busy: nobody wants to hear of it between their results, and its time is the command's.
 */
const QUIET = [
  ["alarms", "cpu_check_interval", "1d"],
  ["alarms", "memory_check_interval", "1d"],
  ["alarms", "lag_high", "60s"],
  ["node", "warm_up", "false"],
] as const;

/** An ephemeral broker for as long as a command runs; resolves with the command's exit status. */
export async function execute(
  runtime: Runtime,
  args: ExecArguments,
  createServer: CreateServer,
): Promise<number> {
  const credentials = args.hasCredentials ? makeCredentials() : undefined;
  const prepared = await prepare(runtime, args, credentials);
  if ("problems" in prepared) {
    runtime.writeStderr(problemReport(prepared.problems));
    return EXIT_WRONG_CONFIGURATION;
  }
  const recorder = openRecorder(runtime, args);
  if (typeof recorder === "string") return failed(runtime, recorder);
  const guest = new GuestLifetime(runtime, args, {
    credentials,
    settled: () => recorder?.settled() ?? Promise.resolve(),
  });
  const application = new Application({
    runtime,
    clock: new SystemClock(),
    arguments: prepared.args,
    lifetime: guest,
    eventSinks: recorder === undefined ? [] : [recorder],
    createServer,
  });
  const status = await application.run();
  const lost = recorder?.close();
  if (lost !== undefined) return failed(runtime, lost);
  if (status === EXIT_WRONG_CONFIGURATION) return status;
  // Something else than the command may have ended the broker: an API, or a start that failed.
  return await guest.status() ?? EXIT_NO_BROKER;
}

/** Undefined: nothing is recorded. A text: why it cannot be. */
function openRecorder(
  runtime: Runtime,
  { recordFile, recordsSys }: ExecArguments,
): Recorder | string | undefined {
  if (recordFile === undefined) return undefined;
  try {
    return new Recorder(runtime, recordFile, { recordsSys });
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return `Cannot record messages in "${recordFile}": ${reason}`;
  }
}

function failed(runtime: Runtime, reason: string): number {
  runtime.writeStderr(`broker: ${reason}\n`);
  return EXIT_NO_BROKER;
}

/** What the broker is started with: quiet, with a WebSocket, and with whom it lets in. */
async function prepare(
  runtime: Runtime,
  args: ExecArguments,
  credentials: GuestCredentials | undefined,
): Promise<{ readonly args: ExecArguments } | { readonly problems: readonly string[] }> {
  const quiet = { ...args, logLevel: args.logLevel ?? defaultLevel(runtime, args) };
  const { loaded, problems } = await readConfiguration(runtime, quiet);
  if (loaded === undefined) return { problems };
  const { listeners, auth } = loaded.written;
  const sets = QUIET.filter(([section, key]) => !loaded.reader.isWritten([section, key]))
    .map(([section, key, value]) => `${section}.${key}=${value}`);
  if (!listeners.some(({ type, isEnabled }) => type === "ws" && isEnabled)) {
    sets.push(`listener.${listeners.length}.type=ws`);
  }
  if (credentials !== undefined) {
    const user = `auth.user.${auth.users.length}`;
    sets.push(`${user}.username=${credentials.username}`);
    sets.push(`${user}.password=${credentials.password}`, "auth.allow_anonymous=false");
  }
  // In front: whoever writes such a key means it.
  return { args: { ...quiet, sets: [...sets, ...args.sets] } };
}

/** The command's output is what counts: what is fine needs no word. Undefined: the operator has said it in other ways. */
function defaultLevel(runtime: Runtime, { sets }: ExecArguments): string | undefined {
  const isSet = sets.some((set) => /^\s*log\s*\.\s*level\s*=/.test(set)) ||
    runtime.environment()["BROKER_LOG__LEVEL"] !== undefined;
  return isSet ? undefined : "warn";
}

function makeCredentials(): GuestCredentials {
  const bytes = crypto.getRandomValues(new Uint8Array(PASSWORD_BYTES));
  const password = btoa(String.fromCharCode(...bytes)).replaceAll("+", "-").replaceAll("/", "_");
  return { username: "exec", password };
}
