import type { Runtime } from "../../runtime/mod.ts";
import { SinkError } from "../../sinks/mod.ts";

/** How long somebody waits for a disk or a thread that does not answer, in milliseconds. */
const PATIENCE_MS = 5000;

/**
 * What `work` comes to; rejects with a `SinkError` where that takes too long, and nobody learns then what becomes of it.
 * `what`: "Cannot …".
 */
export function withPatience(
  runtime: Pick<Runtime, "every">,
  what: string,
  work: Promise<void>,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = runtime.every(PATIENCE_MS, () => {
      timer.stop();
      reject(new SinkError(`${what}: no answer in ${PATIENCE_MS} ms`, { isRetryable: true }));
    });
    work.then(resolve, reject).finally(() => timer.stop());
  });
}
