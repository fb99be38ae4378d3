const NODE_BYTES = 6;
/** How many fractions the identifiers of one millisecond have, before their last part tells them apart. */
const STEPS = 1000;
const MICROSECONDS = 1000n;

let node: string | undefined;
let made = 0;

/**
 * A new identifier for a message: 32 upper-case hexadecimal digits, no two of them alike. They stand for eight bytes of
 * microseconds since 1970, six random bytes of this process, and a counter of two, so that identifiers sort by
 * time, to the millisecond. `timeMs`: wall clock.
 */
export function createMessageId(timeMs: number): string {
  node ??= hex(...crypto.getRandomValues(new Uint8Array(NODE_BYTES)));
  const step = made % STEPS;
  const round = Math.floor(made / STEPS) & 0xffff;
  made++;
  const micros = BigInt(Math.floor(timeMs)) * MICROSECONDS + BigInt(step);
  const time = micros.toString(16).toUpperCase().padStart(16, "0");
  return time + node + hex(round >> 8, round & 0xff);
}

function hex(...bytes: number[]): string {
  return bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, "0")).join("");
}
