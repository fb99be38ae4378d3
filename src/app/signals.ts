import { constants } from "node:os";
import type { Runtime, SignalName } from "../runtime/mod.ts";

export interface SignalHandlers {
  /** SIGTERM or SIGINT, the first of them. */
  onStop(signal: SignalName): void;
  /** SIGHUP. */
  onReload(): void;
}

/** The first signal to stop asks, the second one does not: it ends the program where it stands. */
export function handleSignals(
  runtime: Pick<Runtime, "onSignal" | "exit">,
  handlers: SignalHandlers,
): void {
  let isStopping = false;
  for (const name of ["SIGTERM", "SIGINT"] as const) {
    runtime.onSignal(name, () => {
      if (isStopping) runtime.exit(signalStatus(name));
      isStopping = true;
      handlers.onStop(name);
    });
  }
  runtime.onSignal("SIGHUP", () => handlers.onReload());
}

/** What a shell reports of a program that a signal ended: 128 and the signal's number. */
export function signalStatus(name: string): number {
  const numbers: Readonly<Record<string, number>> = constants.signals;
  return 128 + (numbers[name] ?? 0);
}
