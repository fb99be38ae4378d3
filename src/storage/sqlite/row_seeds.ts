import { BodyKind } from "../codec/body.ts";
import { checksumSeed } from "../codec/checksum.ts";

/** What the checksum of a queued message begins with: it belongs to this place and no other. */
export function queuedSeed(key: number, seq: number): number {
  // 40 bits of place and 23 of key; the upper ones of the place are put beside the key.
  return checksumSeed(BodyKind.queued, key ^ Math.floor(seq / 2 ** 32) << 24, seq);
}
