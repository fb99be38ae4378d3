import type { Target } from "./play.ts";

/** A running broker and how to end it, when it is ours to end. */
export interface RunningTarget extends Target {
  stop(): Promise<void>;
}

/** The broker on CONFORMANCE_PORT. */
export function openTarget(): Promise<RunningTarget> {
  const port = Number(process.env["CONFORMANCE_PORT"]);
  return Promise.resolve({ host: "127.0.0.1", port, stop: () => Promise.resolve() });
}
