/** Waiting for an event in a test: it comes, or the test fails and says what did not come. */

/** Only a failing test ever waits so long; a busy machine needs a good part of it. */
export const PATIENCE_MS = 20_000;

/** Waits until the wall clock is past a moment: nothing else ages what is kept while no broker runs. */
export async function clockPasses(untilMs: number): Promise<void> {
  while (Date.now() <= untilMs) {
    await new Promise((resolve) => setTimeout(resolve, untilMs - Date.now() + 1));
  }
}

/** The answer of `promise`, or a failure that names `what` after `patienceMs`. */
export async function within<T>(
  promise: Promise<T>,
  what: string,
  patienceMs: number = PATIENCE_MS,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(
      () => reject(new Error(`Cannot wait any longer for ${what}: ${patienceMs} ms are over`)),
      patienceMs,
    );
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
