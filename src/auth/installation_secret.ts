import { randomBytes } from "node:crypto";
import type { RecordStore } from "../ports/mod.ts";
import { fromBase64, toBase64 } from "./base64.ts";

const KIND = "auth";
const KEY = "secret";
const SECRET_BYTES = 32;

/**
 * The secret of this installation, made at its first start and kept in the store: for what must look random to everybody
 * else, and always the same. It never leaves the program. Rejects where it cannot be stored.
 */
export async function installationSecret(records: RecordStore): Promise<Uint8Array> {
  const stored = records.get(KIND, KEY);
  const bytes = typeof stored === "string" ? fromBase64(stored) : undefined;
  if (bytes?.length === SECRET_BYTES) return bytes;
  const fresh = new Uint8Array(randomBytes(SECRET_BYTES));
  await records.put(KIND, KEY, toBase64(fresh));
  return fresh;
}
