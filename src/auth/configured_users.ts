import type { UserOptions } from "./options.ts";
import { userNameProblem } from "./password_file.ts";
import {
  createPasswordHash,
  parsePasswordHash,
  type PasswordHash,
  PasswordHashError,
  SCRYPT_LOG_N_MIN,
} from "./password_hash.ts";
import { type Account, FixedTable } from "./password_table.ts";
import { prepareText } from "./scram/prepare_text.ts";
import { scramSaltFor } from "./scram/scram_authenticator.ts";
import { createScramVerifier, ScramError, type ScramVerifier } from "./scram/verifier.ts";

/** Users in the configuration that cannot be; one line for each problem, with the key. */
export class ConfiguredUserError extends Error {
  override readonly name = "ConfiguredUserError";
}

export interface ConfiguredUsers {
  readonly table: FixedTable;
  /** Of those whose password is known, by the name that SCRAM compares. */
  readonly verifiers: ReadonlyMap<string, ScramVerifier>;
  readonly superusers: ReadonlySet<string>;
}

/** Rejects with a `ConfiguredUserError`. */
export async function readConfiguredUsers(
  users: readonly UserOptions[],
  secret: Uint8Array,
): Promise<ConfiguredUsers> {
  const accounts = new Map<string, Account>();
  const verifiers = new Map<string, ScramVerifier>();
  const superusers = new Set<string>();
  const problems: string[] = [];
  for (const [index, user] of users.entries()) {
    const { username, isSuperuser } = user;
    const hash = await hashOf(user);
    const isTaken = accounts.has(username);
    const problem = isTaken ? "another entry has the same username" : userNameProblem(username);
    if (problem !== undefined || typeof hash === "string") {
      problems.push(`auth.user.${index}: ${problem ?? String(hash)}`);
      continue;
    }
    accounts.set(username, { hash, isSuperuser });
    const prepared = prepareText(username);
    const verifier = prepared === undefined ? undefined : await verifierOf(user, secret, prepared);
    if (prepared === undefined || verifier === undefined) continue;
    verifiers.set(prepared, verifier);
    if (isSuperuser) superusers.add(prepared);
  }
  if (problems.length > 0) throw new ConfiguredUserError(problems.join("\n"));
  return { table: new FixedTable("config", accounts), verifiers, superusers };
}

/** A text: what is wrong. */
async function hashOf({ passwordHash, password }: UserOptions): Promise<PasswordHash | string> {
  if ((passwordHash === undefined) === (password === undefined)) {
    return "exactly one of password_hash and password is needed";
  }
  if (password === "") return "password is empty";
  // In memory only, and made of what stands in the configuration in clear: there is nothing to make expensive.
  if (password !== undefined) {
    return await createPasswordHash(new TextEncoder().encode(password), SCRYPT_LOG_N_MIN);
  }
  try {
    return parsePasswordHash(passwordHash ?? "");
  } catch (error) {
    if (!(error instanceof PasswordHashError)) throw error;
    return `password_hash: ${error.message}; "broker passwd" prints one`;
  }
}

/** Undefined: only a hash is known, or SCRAM cannot use the password. */
async function verifierOf(
  { password }: UserOptions,
  secret: Uint8Array,
  name: string,
): Promise<ScramVerifier | undefined> {
  if (password === undefined) return undefined;
  try {
    return await createScramVerifier(password, scramSaltFor(secret, name));
  } catch (error) {
    if (error instanceof ScramError) return undefined;
    throw error;
  }
}
