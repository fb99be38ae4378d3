import { createHash } from "node:crypto";

/** SHA-1 of some ASCII text, as base64. For where a protocol wants it; it protects nothing. */
export function sha1Base64(text: string): string {
  return createHash("sha1").update(text, "latin1").digest("base64");
}
