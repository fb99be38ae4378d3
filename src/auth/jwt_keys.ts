import { createPublicKey } from "node:crypto";
import {
  createLocalJWKSet,
  errors,
  type JSONWebKeySet,
  type JWK,
  type JWTVerifyGetKey,
} from "jose";
import { fromBase64 } from "./base64.ts";
import type { JwtAlgorithm, JwtOptions } from "./options.ts";
import { JWT_ALGORITHMS } from "./options.ts";

/** Keys that cannot be used. The message quotes no key. */
export class JwtKeyError extends Error {
  override readonly name = "JwtKeyError";
}

/** What signatures are judged with. */
export interface JwtKeys {
  /** Never empty; an algorithm is listed only where there is a key of its kind. */
  readonly algorithms: readonly JwtAlgorithm[];
  readonly keyFor: JWTVerifyGetKey;
}

const KEYS_MAX = 100;

/**
 * `fileText`: of `publicKeyFile`, where there is one. Throws `JwtKeyError`.
 *
 * A secret serves the HS algorithms and nothing else, the keys of the file all others: a token that was signed with a
 * public key as if it were a secret finds no key that it could be checked with.
 */
export function readJwtKeys(options: JwtOptions, fileText: string | undefined): JwtKeys {
  const secret = options.secret === undefined ? undefined : secretBytes(options);
  const file = options.publicKeyFile;
  const keys = fileText === undefined || file === undefined ? [] : readKeyFile(fileText, file);
  if (secret === undefined && keys.length === 0) {
    throw new JwtKeyError("Cannot use auth.jwt: neither secret nor public_key_file is set");
  }
  const usable = JWT_ALGORITHMS.filter((name) =>
    isSymmetric(name) ? secret !== undefined : keys.some((key) => fits(key, name))
  );
  for (const name of options.algorithms) {
    if (usable.includes(name)) continue;
    const missing = isSymmetric(name) ? "secret" : "public_key_file with a key of its kind";
    throw new JwtKeyError(`Cannot use auth.jwt: algorithm "${name}" needs ${missing}`);
  }
  const algorithms = options.algorithms.length === 0 ? usable : options.algorithms;
  const set = createLocalJWKSet({ keys } as JSONWebKeySet);
  const keyFor: JWTVerifyGetKey = (header, token) => {
    if (!isSymmetric(header.alg)) return set(header, token);
    if (secret === undefined) throw new errors.JWKSNoMatchingKey();
    return secret;
  };
  return { algorithms, keyFor };
}

function isSymmetric(algorithm: string): boolean {
  return algorithm.startsWith("HS");
}

function secretBytes({ secret = "", isSecretBase64 }: JwtOptions): Uint8Array {
  const bytes = isSecretBase64
    ? fromBase64(secret.replaceAll("-", "+").replaceAll("_", "/"))
    : new TextEncoder().encode(secret);
  if (bytes === undefined) throw new JwtKeyError("Cannot use auth.jwt.secret: it is no base64");
  if (bytes.length === 0) throw new JwtKeyError("Cannot use auth.jwt.secret: it is empty");
  return bytes;
}

/** PEM of one public key or certificate, or a key set, told apart by how they begin. */
function readKeyFile(text: string, file: string): readonly JWK[] {
  const problem = (detail: string): JwtKeyError =>
    new JwtKeyError(`Cannot use auth.jwt.public_key_file "${file}": ${detail}`);
  if (text.trimStart().startsWith("{")) return readKeySet(text, problem);
  if (/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(text)) {
    throw problem("there is a private key in it; the broker needs the public one only");
  }
  let jwk: JWK;
  try {
    jwk = createPublicKey(text).export({ format: "jwk" }) as JWK;
  } catch {
    throw problem("it is neither PEM of a public key or certificate nor a JSON Web Key Set");
  }
  if (!hasFittingAlgorithm(jwk)) throw problem(`no algorithm is known for its key (${jwk.kty})`);
  return [jwk];
}

function readKeySet(text: string, problem: (detail: string) => JwtKeyError): readonly JWK[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch {
    throw problem("it is no JSON");
  }
  const { keys } = parsed as { readonly keys?: unknown };
  if (!Array.isArray(keys) || keys.length === 0) throw problem("there is no array of keys in it");
  if (keys.length > KEYS_MAX) throw problem(`it has ${keys.length} keys, allowed are ${KEYS_MAX}`);
  return keys.map((key: unknown, index) => {
    if (typeof key !== "object" || key === null) throw problem(`keys[${index}] is no object`);
    const jwk = key as JWK;
    if (jwk.kty === "oct") throw problem(`keys[${index}] is a secret, which belongs into secret`);
    if (jwk.d !== undefined) throw problem(`keys[${index}] is a private key`);
    if (!hasFittingAlgorithm(jwk)) throw problem(`no algorithm is known for keys[${index}]`);
    return jwk;
  });
}

function hasFittingAlgorithm(key: JWK): boolean {
  return JWT_ALGORITHMS.some((name) => !isSymmetric(name) && fits(key, name));
}

const CURVES: Readonly<Record<string, string>> = {
  ES256: "P-256",
  ES384: "P-384",
  ES512: "P-521",
  EdDSA: "Ed25519",
};

function fits(key: JWK, algorithm: JwtAlgorithm): boolean {
  if (key.alg !== undefined && key.alg !== algorithm) return false;
  const curve = CURVES[algorithm];
  return curve === undefined ? key.kty === "RSA" : key.crv === curve;
}
