import { createHash } from "node:crypto";

/** SHA-1 of some ASCII text, as base64. For where a protocol wants it; it protects nothing. */
export function sha1Base64(text: string): string {
  return createHash("sha1").update(text, "latin1").digest("base64");
}

export type DigestName = "md5" | "sha1" | "sha256";

/** The digest of a text in UTF-8, as lower-case hexadecimal. MD5 and SHA-1 are for whoever asks for them; they protect nothing. */
export function hexDigest(name: DigestName, text: string): string {
  return createHash(name).update(text, "utf8").digest("hex");
}
