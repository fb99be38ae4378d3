/**
 * Preloaded into every Deno test file by tests/run.ts: writes down what nobody caught.
 *
 * Once a file has called `test` of `node:test`, Deno's own handlers take an exception at the top
 * level of the file, a rejection that nobody awaits and a throwing timer for handled, and the run is
 * green (Deno 2.9.6). These listeners are registered first and see all three.
 */
import { appendFileSync } from "node:fs";
import process from "node:process";

const path = process.env["UNCAUGHT_LOG"];

function note(what: string, error: unknown): void {
  const text = error instanceof Error ? error.stack ?? error.message : String(error);
  if (path !== undefined) appendFileSync(path, `${JSON.stringify({ what, text })}\n`);
}

globalThis.addEventListener("unhandledrejection", (event) => {
  note("nobody handled a rejection", event.reason);
});
globalThis.addEventListener("error", (event) => note("nobody caught an error", event.error));
