/**
 * Hash of the UTF-8 bytes of a topic, not negative and below 2^30, so that it is a small integer to every
 * engine. Four bytes at a time: one multiplication each, and the loads do not wait for it.
 *
 * It is no protection against chosen collisions; who keeps a table by it bounds its chains.
 */
export function hashTopicBytes(
  bytes: Uint8Array,
  start: number,
  end: number,
  seed: number,
): number {
  let hash = seed ^ (end - start);
  let i = start;
  for (; i + 4 <= end; i += 4) {
    const word = (bytes[i] as number) | ((bytes[i + 1] as number) << 8) |
      ((bytes[i + 2] as number) << 16) | ((bytes[i + 3] as number) << 24);
    hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ word, 0x9e3779b1);
  }
  for (; i < end; i++) {
    hash = Math.imul(((hash << 5) | (hash >>> 27)) ^ (bytes[i] as number), 0x9e3779b1);
  }
  hash = Math.imul(hash ^ (hash >>> 15), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) & 0x3fffffff;
}

/** Whether bytes[start..end) are exactly `topicBytes`. */
export function isSameTopic(
  topicBytes: Uint8Array,
  bytes: Uint8Array,
  start: number,
  end: number,
): boolean {
  const { length } = topicBytes;
  if (length !== end - start) return false;
  // From the end: topics of one broker differ there and begin alike.
  for (let i = length - 1; i >= 0; i--) {
    if (topicBytes[i] !== bytes[start + i]) return false;
  }
  return true;
}
