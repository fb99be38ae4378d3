/**
 * A checksum over `length` bytes that begin at a multiple of 4, whose last word is filled up with zeros: any
 * change within one word of them changes it. `seed` says where the bytes belong, so that they are not taken for
 * another row's.
 *
 * SQLite notices damage to its structure, but not to what is in a row.
 */
export function checksumWords(
  words: Int32Array,
  start: number,
  length: number,
  seed: number,
): number {
  let sum = mix(seed, length);
  const end = (start >> 2) + ((length + 3) >> 2);
  for (let index = start >> 2; index < end; index++) sum = mix(sum, words[index] as number);
  return sum;
}

/** The same over bytes that begin anywhere. */
export function checksumBytes(bytes: Uint8Array, start: number, seed: number): number {
  const { length } = bytes;
  let sum = mix(seed, length - start);
  for (let at = start; at < length; at += 4) {
    const word = (bytes[at] as number) | (bytes[at + 1] ?? 0) << 8 | (bytes[at + 2] ?? 0) << 16 |
      (bytes[at + 3] ?? 0) << 24;
    sum = mix(sum, word);
  }
  return sum;
}

/** One-to-one in each argument. */
function mix(sum: number, word: number): number {
  const product = Math.imul(sum ^ word, 0x9e3779b1);
  return product ^ (product >>> 15);
}

/** What the body of a row is sealed with: its table, and its key in one or two numbers. */
export function checksumSeed(table: number, high: number, low: number): number {
  return mix(mix(mix(0, table), high | 0), low | 0);
}
