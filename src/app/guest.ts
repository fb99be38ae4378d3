import { isatty } from "node:tty";
import {
  type Child,
  type ChildEnd,
  type Runtime,
  type SignalName,
  SpawnError,
} from "../runtime/mod.ts";
import type { ExecArguments } from "./exec_arguments.ts";
import { type GuestCredentials, guestEnvironment } from "./guest_environment.ts";
import type { Lifetime, LifetimeControls } from "./lifetime.ts";
import { type ReadyReport, writeReadyFile } from "./ready.ts";
import { signalStatus } from "./signals.ts";

const STANDARD_STREAMS = [0, 1, 2];
const SIGNALS = ["SIGTERM", "SIGINT", "SIGHUP"] as const;
/** What a shell answers of a command that it cannot run. */
const EXIT_NOT_FOUND = 127;
const EXIT_NOT_EXECUTABLE = 126;
/**
 * Is told which process the command is, and waits for a word more. Where its input ends without that, the broker was
 * killed, and the command goes, too; signals that are meant for the command do not end this.
 */
const WATCH = 'trap "" HUP INT QUIT TERM; read -r pid || exit; ' +
  'read -r word || kill -TERM "$pid" 2>/dev/null';

export interface GuestOptions {
  readonly credentials: GuestCredentials | undefined;
  /** Resolves when the broker has read what a command sent before it ended. */
  readonly settled: () => Promise<void>;
}

/** The broker of `exec`: serves until its command ends, and hands on the signals that come. */
export class GuestLifetime implements Lifetime {
  readonly #runtime: Runtime;
  readonly #args: ExecArguments;
  readonly #options: GuestOptions;
  #controls: LifetimeControls | undefined;
  #child: Child | undefined;
  #end: Promise<number> | undefined;
  #status: number | undefined;

  constructor(runtime: Runtime, args: ExecArguments, options: GuestOptions) {
    this.#runtime = runtime;
    this.#args = args;
    this.#options = options;
  }

  begin(controls: LifetimeControls): void {
    this.#controls = controls;
    for (const name of SIGNALS) this.#runtime.onSignal(name, () => this.#onSignal(name));
  }

  async onReady(report: ReadyReport): Promise<void> {
    const { command, commandArguments: args, readyFile } = this.#args;
    await writeReadyFile(this.#runtime, report, readyFile);
    // A signal came while the broker started: there is nobody any more who wants the command.
    if (this.#status !== undefined) return;
    const environment = guestEnvironment(
      this.#runtime.environment(),
      report,
      this.#options.credentials,
    );
    // First, so that there is hardly a moment in which the command is alone.
    const watch = await this.#watch(environment);
    try {
      const child = await this.#runtime.spawn({ command, args, environment, stdin: "inherit" });
      this.#child = child;
      await watch?.write(`${child.pid}\n`);
      this.#end = this.#attend(child, watch);
      // While it was started.
      if (this.#status !== undefined) child.signal("SIGTERM");
    } catch (error) {
      await watch?.endInput();
      if (!(error instanceof SpawnError)) throw error;
      const isThere = error.problem === "not-executable";
      if (!isThere && error.problem !== "not-found") throw error;
      this.#runtime.writeStderr(`broker: ${error.message}\n`);
      this.#finish(isThere ? EXIT_NOT_EXECUTABLE : EXIT_NOT_FOUND, "no command");
    }
  }

  /** The exit status of the command, once it has ended; undefined: it has never begun. */
  async status(): Promise<number | undefined> {
    return await this.#end ?? this.#status;
  }

  async #attend(child: Child, watch: Child | undefined): Promise<number> {
    const status = statusOf(await child.ended);
    await watch?.write("done\n");
    await watch?.endInput();
    await watch?.ended;
    await this.#options.settled();
    this.#finish(status, "the command has ended");
    return status;
  }

  /** Undefined where there is no shell: the command then outlives a broker that is killed. */
  async #watch(environment: Record<string, string>): Promise<Child | undefined> {
    try {
      const args = ["-c", WATCH];
      return await this.#runtime.spawn({ command: "/bin/sh", args, environment, stdin: "pipe" });
    } catch (error) {
      if (error instanceof SpawnError) return undefined;
      throw error;
    }
  }

  #onSignal(name: SignalName): void {
    if (this.#child === undefined) this.#finish(signalStatus(name), name);
    // Behind a terminal, the keys for it reach the command without us.
    else if (name === "SIGTERM" || !isOnTerminal()) this.#child.signal(name);
  }

  #finish(status: number, signal: string): void {
    this.#status ??= status;
    this.#controls?.stop({ signal, isRestart: false });
  }
}

function statusOf({ status, signal }: ChildEnd): number {
  return status ?? signalStatus(signal);
}

function isOnTerminal(): boolean {
  return STANDARD_STREAMS.some((stream) => isatty(stream));
}
