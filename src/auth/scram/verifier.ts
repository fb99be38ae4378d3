import { createHash, createHmac, pbkdf2 } from "node:crypto";
import type { JsonValue } from "../../ports/mod.ts";
import { fromBase64, toBase64 } from "../base64.ts";
import { prepareText } from "./prepare_text.ts";

/** What a server keeps of a password for SCRAM-SHA-256 (RFC 5802, RFC 7677): enough to check a proof, not to make one. */
export interface ScramVerifier {
  readonly salt: Uint8Array;
  readonly iterations: number;
  readonly storedKey: Uint8Array;
  readonly serverKey: Uint8Array;
}

/** A text or record is no verifier, or a password cannot be one. The message quotes neither. */
export class ScramError extends Error {
  override readonly name = "ScramError";
}

/** RFC 7677 asks for 4096 at least; clients pay for them at every connection. */
export const SCRAM_ITERATIONS = 10_000;
export const SCRAM_ITERATIONS_MIN = 4096;
export const SCRAM_ITERATIONS_MAX = 1_000_000;
export const SCRAM_SALT_BYTES = 16;
const HASH_BYTES = 32;

/** Rejects with a `ScramError` for a password with characters that SCRAM does not allow. */
export async function createScramVerifier(
  password: string,
  salt: Uint8Array,
  iterations: number = SCRAM_ITERATIONS,
): Promise<ScramVerifier> {
  const prepared = prepareText(password);
  if (prepared === undefined || prepared === "") {
    throw new ScramError("Cannot use password for SCRAM: it has characters that are not allowed");
  }
  const salted = await saltedPassword(prepared, salt, iterations);
  const storedKey = sha256(hmac(salted, "Client Key"));
  return { salt, iterations, storedKey, serverKey: hmac(salted, "Server Key") };
}

function saltedPassword(text: string, salt: Uint8Array, iterations: number): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    pbkdf2(text, salt, iterations, HASH_BYTES, "sha256", (error, key) => {
      if (error instanceof Error) reject(error);
      else resolve(key);
    });
  });
}

/** `SCRAM-SHA-256$ITERATIONS:SALT$STOREDKEY:SERVERKEY`, the form in which PostgreSQL, too, writes them. */
export function formatScramVerifier(verifier: ScramVerifier): string {
  const { salt, iterations, storedKey, serverKey } = verifier;
  return `SCRAM-SHA-256$${iterations}:${toBase64(salt)}$${toBase64(storedKey)}:${
    toBase64(serverKey)
  }`;
}

/** Reads what `formatScramVerifier` has written. Throws `ScramError`. */
export function parseScramVerifier(value: JsonValue | undefined): ScramVerifier {
  const form = /^SCRAM-SHA-256\$(\d{1,7}):([^$:]+)\$([^$:]+):([^$:]+)$/;
  const found = typeof value === "string" ? form.exec(value) : null;
  const [salt, storedKey, serverKey] = (found ?? []).slice(2).map(fromBase64);
  const iterations = Number(found?.[1]);
  const isSound = salt !== undefined && salt.length > 0 && storedKey?.length === HASH_BYTES &&
    serverKey?.length === HASH_BYTES && iterations >= 1 && iterations <= SCRAM_ITERATIONS_MAX;
  if (!isSound) throw new ScramError("Cannot read SCRAM verifier: it is not as it has to be");
  return { salt, iterations, storedKey, serverKey };
}

export function hmac(key: Uint8Array, text: string): Uint8Array {
  return createHmac("sha256", key).update(text).digest();
}

export function sha256(bytes: Uint8Array): Uint8Array {
  return createHash("sha256").update(bytes).digest();
}
