/** The time, as load generators take it. */

/** Microseconds that wrap after 71 minutes: what a payload carries. */
export function nowUs(): number {
  return (performance.now() * 1000) >>> 0;
}

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
