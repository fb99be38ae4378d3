import type { Runtime } from "../runtime/mod.ts";
import { type ReadyReport, writeReadyFile } from "./ready.ts";
import { handleSignals } from "./signals.ts";

/** Why the program ends. */
export interface StopReason {
  /** For the log. */
  readonly signal: string;
  /** Whoever supervises it shall start it again. */
  readonly isRestart: boolean;
}

/** What a lifetime can do to the program. */
export interface LifetimeControls {
  /** The first reason counts. */
  stop(reason: StopReason): void;
  reload(): void;
}

/** What a broker lives for: what happens when it is ready, and what ends it. */
export interface Lifetime {
  /** Before anything is open, so that nothing can come too early for an end in good order. */
  begin(controls: LifetimeControls): void;
  /** Everything accepts. Rejects: the broker stops, and has failed. */
  onReady(report: ReadyReport): Promise<void>;
}

/** The broker of `run`: tells that it is ready, and serves until a signal comes. */
export class ServiceLifetime implements Lifetime {
  readonly #runtime: Runtime;
  readonly #readyFile: string | undefined;

  constructor(runtime: Runtime, readyFile: string | undefined) {
    this.#runtime = runtime;
    this.#readyFile = readyFile;
  }

  begin(controls: LifetimeControls): void {
    handleSignals(this.#runtime, {
      onStop: (signal) => controls.stop({ signal, isRestart: false }),
      onReload: () => controls.reload(),
    });
  }

  /** The file first: whoever waits for the line may then read it. */
  async onReady(report: ReadyReport): Promise<void> {
    await writeReadyFile(this.#runtime, report, this.#readyFile);
    this.#runtime.writeStdout(`ready ${JSON.stringify(report)}\n`);
  }
}
