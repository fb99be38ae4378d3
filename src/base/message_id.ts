const NODE_BYTES = 6;
/** How many fractions the identifiers of one millisecond have, before their last part tells them apart. */
const STEPS = 1000;
const HALF = 0x1_0000_0000;
const HEX_OF_BYTE: readonly string[] = Array.from(
  { length: 256 },
  (_, byte) => byte.toString(16).toUpperCase().padStart(2, "0"),
);

let node: string | undefined;
let made = 0;

/**
 * A new identifier for a message: 32 upper-case hexadecimal digits, no two of them alike. They stand for eight bytes of
 * microseconds since 1970, six random bytes of this process, and a counter of two, so that identifiers sort by
 * time, to the millisecond. `timeMs`: wall clock.
 */
export function createMessageId(timeMs: number): string {
  node ??= Array.from(crypto.getRandomValues(new Uint8Array(NODE_BYTES)), hexOfByte).join("");
  const round = Math.floor(made / STEPS) & 0xffff;
  // Exact until the year 2255: 53 bits.
  const micros = Math.floor(timeMs) * STEPS + made % STEPS;
  made++;
  const time = hexOfHalf(Math.floor(micros / HALF)) + hexOfHalf(micros % HALF);
  return time + node + hexOfByte(round >> 8) + hexOfByte(round & 0xff);
}

/** Of 32 bits. */
function hexOfHalf(value: number): string {
  return hexOfByte(value >>> 24) + hexOfByte(value >>> 16 & 0xff) + hexOfByte(value >>> 8 & 0xff) +
    hexOfByte(value & 0xff);
}

function hexOfByte(byte: number): string {
  return HEX_OF_BYTE[byte] as string;
}
