import type { Runtime, SignalName } from "../runtime/mod.ts";

export interface SignalHandlers {
  /** SIGTERM or SIGINT, the first of them. */
  onStop(signal: SignalName): void;
  /** SIGHUP. */
  onReload(): void;
}

/** What a shell reports of a program that a signal ended: 128 and the signal's number. */
const EXIT_CODES = { SIGINT: 130, SIGTERM: 143 } as const;

/** The first signal to stop asks, the second one does not: it ends the program where it stands. */
export function handleSignals(
  runtime: Pick<Runtime, "onSignal" | "exit">,
  handlers: SignalHandlers,
): void {
  let isStopping = false;
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    runtime.onSignal(name, () => {
      if (isStopping) runtime.exit(EXIT_CODES[name]);
      isStopping = true;
      handlers.onStop(name);
    });
  }
  runtime.onSignal("SIGHUP", () => handlers.onReload());
}
