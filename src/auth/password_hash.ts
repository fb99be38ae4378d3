import { createHash, pbkdf2, randomBytes, scrypt, timingSafeEqual } from "node:crypto";
import { fromBase64, toBase64 } from "./base64.ts";

/**
 * A password as it is kept: what was done with it, and what came out.
 *
 * Ours is scrypt, written as the PHC string format has it: `$scrypt$ln=15,r=8,p=1$SALT$KEY`, base64 without padding,
 * N = 2^ln. The other kinds are those of mosquitto's password files: `$7$ITERATIONS$SALT$KEY` is PBKDF2 with SHA-512,
 * `$6$SALT$KEY` one SHA-512 of password and salt, both in base64 with padding, and
 * `$argon2id$v=19$m=KIB,t=PASSES,p=LANES$SALT$KEY` is PHC again.
 */
export type PasswordHash = HashTerms & { readonly salt: Uint8Array; readonly key: Uint8Array };

/** What makes a hash expensive. */
export type HashTerms =
  | { readonly kind: "scrypt"; readonly logN: number; readonly r: number; readonly p: number }
  | { readonly kind: "pbkdf2"; readonly iterations: number }
  | { readonly kind: "sha512" }
  | {
    readonly kind: "argon2id";
    readonly memoryKib: number;
    readonly passes: number;
    readonly lanes: number;
  };

/** A text is no password hash. The message never quotes it: it may be a password. */
export class PasswordHashError extends Error {
  override readonly name = "PasswordHashError";
}

/** What new passwords cost: 32 MiB and, on a machine of 2024, a fifteenth of a second. */
export const SCRYPT_LOG_N = 15;
export const SCRYPT_LOG_N_MIN = 10;
export const SCRYPT_LOG_N_MAX = 20;
const SCRYPT_R = 8;
const SCRYPT_P = 1;
const SALT_BYTES = 16;
const KEY_BYTES = 32;
/** mosquitto does them in its only thread, so that more would hold up its other clients. */
const MOSQUITTO_ITERATIONS = 50_000;
/** mosquitto takes no other lengths. */
const MOSQUITTO_SALT_BYTES = 12;
const MOSQUITTO_KEY_BYTES = 64;
/** Of the memory that one verification may take. */
const MEMORY_MAX_BYTES = 1 << 30;
const ITERATIONS_MAX = 10_000_000;
const PASSES_MAX = 100;
const LANES_MAX = 64;
/** How long argon2id, which has no thread of its own, may keep the others waiting, in milliseconds. */
const ARGON2_TURN_MS = 2;

/** Reads what `formatPasswordHash` or mosquitto_passwd has written. Throws `PasswordHashError`. */
export function parsePasswordHash(text: string): PasswordHash {
  const fields = text.split("$");
  if (fields.length < 3 || fields[0] !== "") throw problem("it is no hash but plain text");
  switch (fields[1]) {
    case "scrypt":
      return readScrypt(fields);
    case "7":
      return readPbkdf2(fields);
    case "6":
      return { kind: "sha512", ...readBytes(fields, 2, 64) };
    case "argon2id":
      return readArgon2(fields);
    default:
      throw problem("its kind is not known; allowed: scrypt, argon2id, 7 and 6");
  }
}

/** The text that `parsePasswordHash` reads. */
export function formatPasswordHash(hash: PasswordHash): string {
  const { salt, key } = hash;
  switch (hash.kind) {
    case "scrypt":
      return `$scrypt$ln=${hash.logN},r=${hash.r},p=${hash.p}$${bare(salt)}$${bare(key)}`;
    case "argon2id":
      return `$argon2id$v=19$m=${hash.memoryKib},t=${hash.passes},p=${hash.lanes}` +
        `$${bare(salt)}$${bare(key)}`;
    case "pbkdf2":
      return `$7$${hash.iterations}$${toBase64(salt)}$${toBase64(key)}`;
    case "sha512":
      return `$6$${toBase64(salt)}$${toBase64(key)}`;
  }
}

/** Hashes a new password with a salt of its own. `logN`: of the cost, 10 to 20. */
export async function createPasswordHash(
  password: Uint8Array,
  logN: number = SCRYPT_LOG_N,
): Promise<PasswordHash> {
  const terms = { kind: "scrypt", logN, r: SCRYPT_R, p: SCRYPT_P } as const;
  const salt = new Uint8Array(randomBytes(SALT_BYTES));
  return { ...terms, salt, key: await deriveKey(terms, password, salt, KEY_BYTES) };
}

/** The same in the strongest form that mosquitto reads, too, for files that both use. */
export async function createMosquittoHash(password: Uint8Array): Promise<PasswordHash> {
  const terms = { kind: "pbkdf2", iterations: MOSQUITTO_ITERATIONS } as const;
  const salt = new Uint8Array(randomBytes(MOSQUITTO_SALT_BYTES));
  return { ...terms, salt, key: await deriveKey(terms, password, salt, MOSQUITTO_KEY_BYTES) };
}

/** Whether `password` is the one behind `hash`; takes as long either way. Runs beside the event loop. */
export async function matchesPassword(hash: PasswordHash, password: Uint8Array): Promise<boolean> {
  const key = await deriveKey(hash, password, hash.salt, hash.key.length);
  return timingSafeEqual(key, hash.key);
}

function deriveKey(
  terms: HashTerms,
  password: Uint8Array,
  salt: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  switch (terms.kind) {
    case "scrypt": {
      const { logN, r, p } = terms;
      // The limit counts the working area of each lane, too.
      const maxmem = 128 * r * ((1 << logN) + p) * 2;
      return inThread((done) =>
        scrypt(password, salt, length, { N: 1 << logN, r, p, maxmem }, done)
      );
    }
    case "pbkdf2":
      return inThread((done) => pbkdf2(password, salt, terms.iterations, length, "sha512", done));
    case "sha512":
      return Promise.resolve(
        new Uint8Array(createHash("sha512").update(password).update(salt).digest()),
      );
    case "argon2id":
      return argon2id(terms, password, salt, length);
  }
}

async function argon2id(
  { memoryKib, passes, lanes }: HashTerms & { readonly kind: "argon2id" },
  password: Uint8Array,
  salt: Uint8Array,
  length: number,
): Promise<Uint8Array> {
  // Loaded where a password file needs it.
  const { argon2idAsync } = await import("@noble/hashes/argon2.js");
  return await argon2idAsync(password, salt, {
    m: memoryKib,
    t: passes,
    p: lanes,
    dkLen: length,
    asyncTick: ARGON2_TURN_MS,
  });
}

function inThread(
  start: (done: (error: Error | null | undefined, key: Uint8Array) => void) => void,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    // Where there is no error, one runtime says null and the other undefined.
    start((error, key) => error instanceof Error ? reject(error) : resolve(key));
  });
}

function readScrypt(fields: readonly string[]): PasswordHash {
  const terms = readNumbers(fields[2], /^ln=(\d+),r=(\d+),p=(\d+)$/);
  const [logN, r, p] = terms;
  within("ln", logN, 1, SCRYPT_LOG_N_MAX);
  within("r", r, 1, 1024);
  within("p", p, 1, LANES_MAX);
  within("memory", 128 * r * 2 ** logN, 0, MEMORY_MAX_BYTES);
  return { kind: "scrypt", logN, r, p, ...readBytes(fields, 3, undefined) };
}

function readPbkdf2(fields: readonly string[]): PasswordHash {
  const [iterations] = readNumbers(fields[2], /^(\d+)$/);
  within("iterations", iterations, 1, ITERATIONS_MAX);
  return { kind: "pbkdf2", iterations, ...readBytes(fields, 3, undefined) };
}

function readArgon2(fields: readonly string[]): PasswordHash {
  if (fields[2] !== "v=19") throw problem("argon2id is read in version 19 only");
  const [memoryKib, passes, lanes] = readNumbers(fields[3], /^m=(\d+),t=(\d+),p=(\d+)$/);
  within("p", lanes, 1, LANES_MAX);
  within("m", memoryKib, 8 * lanes, MEMORY_MAX_BYTES / 1024);
  within("t", passes, 1, PASSES_MAX);
  return { kind: "argon2id", memoryKib, passes, lanes, ...readBytes(fields, 4, undefined) };
}

function readNumbers(text: string | undefined, form: RegExp): [number, number, number] {
  const found = form.exec(text ?? "");
  if (found === null) throw problem("its parameters cannot be read");
  const [, first, second, third] = found;
  return [Number(first), Number(second), Number(third)];
}

function within(name: string, value: number, min: number, max: number): void {
  if (value >= min && value <= max) return;
  throw problem(`its parameter ${name} is ${value}, allowed are ${min} to ${max}`);
}

/** Salt and key, which are the last two fields. */
function readBytes(
  fields: readonly string[],
  at: number,
  keyBytes: number | undefined,
): { salt: Uint8Array; key: Uint8Array } {
  if (fields.length !== at + 2) throw problem(`it has ${fields.length - 1} fields, not ${at + 1}`);
  const salt = fromBase64(fields[at] as string);
  const key = fromBase64(fields[at + 1] as string);
  if (salt === undefined || salt.length === 0) throw problem("its salt is no base64");
  if (key === undefined || key.length < 16 || key.length > 512) {
    throw problem("its key is no base64 of 16 to 512 bytes");
  }
  if (keyBytes !== undefined && key.length !== keyBytes) {
    throw problem(`its key has ${key.length} bytes, not ${keyBytes}`);
  }
  return { salt, key };
}

function bare(bytes: Uint8Array): string {
  return toBase64(bytes).replace(/=+$/, "");
}

function problem(detail: string): PasswordHashError {
  return new PasswordHashError(`Cannot read password hash: ${detail}`);
}
