import { createHmac } from "node:crypto";
import type { Clock } from "../base/mod.ts";
import type { JsonValue, RecordStore } from "../ports/mod.ts";
import { type BoundedWork, NotDone } from "./bounded_work.ts";
import { userNameProblem } from "./password_file.ts";
import {
  createPasswordHash,
  formatPasswordHash,
  matchesPassword,
  parsePasswordHash,
  PasswordHashError,
} from "./password_hash.ts";
import type { Account, PasswordTable } from "./password_table.ts";
import { prepareText } from "./scram/prepare_text.ts";
import { SCRAM_KIND } from "./scram/scram_authenticator.ts";

/** Why an account was not changed. "unavailable": too many passwords wait to be hashed. */
export type AccountErrorReason = "invalid" | "conflict" | "not-found" | "too-many" | "unavailable";

/** An account that was not changed; nothing has happened. */
export class AccountError extends Error {
  override readonly name = "AccountError";
  readonly reason: AccountErrorReason;

  constructor(reason: AccountErrorReason, message: string) {
    super(message);
    this.reason = reason;
  }
}

/** What may be said of an account. */
export interface AccountInfo {
  readonly name: string;
  readonly isSuperuser: boolean;
  readonly createdAtMs: number | undefined;
  /**
   * 64 hexadecimal digits, the same as long as the password is not set anew: a MAC of the stored hash under the
   * installation's secret, so that nothing can be guessed with it.
   */
  readonly verifierDigest: string;
}

export interface AccountTableParts {
  readonly records: RecordStore;
  /** Kind of record, and what clients are known by. */
  readonly kind: "user" | "client";
  readonly work: BoundedWork;
  readonly clock: Clock;
  readonly secret: Uint8Array;
  /** Of new passwords; see `createPasswordHash`. */
  readonly logN?: number;
}

/** Of one kind. */
export const ACCOUNTS_MAX = 1_000_000;
const PASSWORD_BYTES_MAX = 65_535;
/** Accounts that are looked at to learn what checking a password costs. */
const SAMPLE_SIZE = 64;
const ENCODER = new TextEncoder();

/**
 * Accounts in the store, by user name or by client identifier: what `broker passwd` and the HTTP APIs change and what
 * CONNECT is judged by. Changes are durable when their promise resolves, and count from then on.
 */
export class AccountTable implements PasswordTable {
  readonly method = "store";
  readonly isComplete = false;
  readonly by: "username" | "client_id";
  readonly #parts: AccountTableParts;

  constructor(parts: AccountTableParts) {
    this.#parts = parts;
    this.by = parts.kind === "user" ? "username" : "client_id";
  }

  get size(): number {
    return this.#all.size;
  }

  get sampleSize(): number {
    return Math.min(this.size, SAMPLE_SIZE);
  }

  find(name: string): Account | undefined {
    const value = this.#parts.records.get(this.#parts.kind, name);
    return value === undefined ? undefined : accountOf(value);
  }

  sample(index: number): Account | undefined {
    let at = 0;
    for (const value of this.#all.values()) if (at++ === index) return accountOrNone(value);
    return undefined;
  }

  /** In the order in which they were added. */
  names(): readonly string[] {
    return [...this.#all.keys()];
  }

  info(name: string): AccountInfo | undefined {
    const value = this.#all.get(name);
    if (value === undefined) return undefined;
    const { hash, isSuperuser, createdAtMs } = fieldsOf(value);
    const mac = createHmac("sha256", this.#parts.secret)
      .update(`verifier ${this.#parts.kind} ${JSON.stringify(name)} ${hash}`);
    return { name, isSuperuser, createdAtMs, verifierDigest: mac.digest("hex") };
  }

  /** Rejects with an `AccountError`: "conflict" where there is one, "invalid" for a name or password that cannot be. */
  async add(name: string, password: string, isSuperuser = false): Promise<void> {
    const problem = userNameProblem(name);
    if (problem !== undefined) throw new AccountError("invalid", this.#cannot("add", problem));
    this.#checkAbsent(name);
    const hash = await this.#hash("add", password);
    // Somebody else may have been faster while the password was hashed.
    this.#checkAbsent(name);
    await this.#put(name, hash, isSuperuser, this.#parts.clock.nowMs());
  }

  /** Rejects with an `AccountError`: "not-found", "invalid". What else is kept of the account stays. */
  async changePassword(name: string, password: string): Promise<void> {
    if (!this.#all.has(name)) throw this.#unknown(name);
    const hash = await this.#hash("change", password);
    const old = this.#all.get(name);
    if (old === undefined) throw this.#unknown(name);
    const { isSuperuser, createdAtMs } = fieldsOf(old);
    // First, so that at no moment the old password is good for SCRAM alone.
    await this.#dropVerifier(name);
    await this.#put(name, hash, isSuperuser, createdAtMs);
  }

  /** Rejects with "not-found". */
  async setSuperuser(name: string, isSuperuser: boolean): Promise<void> {
    const value = this.#all.get(name);
    if (value === undefined) throw this.#unknown(name);
    const { hash, createdAtMs } = fieldsOf(value);
    await this.#put(name, hash, isSuperuser, createdAtMs);
  }

  /** False: there was none. */
  async remove(name: string): Promise<boolean> {
    await this.#dropVerifier(name);
    return await this.#parts.records.remove(this.#parts.kind, name);
  }

  async #put(
    name: string,
    hash: string,
    isSuperuser: boolean,
    createdAtMs: number | undefined,
  ): Promise<void> {
    const value = { hash, isSuperuser, ...(createdAtMs === undefined ? {} : { createdAtMs }) };
    await this.#parts.records.put(this.#parts.kind, name, value);
  }

  /** What SCRAM knows of a user was made of the old password. */
  async #dropVerifier(name: string): Promise<void> {
    const prepared = this.#parts.kind === "user" ? prepareText(name) : undefined;
    if (prepared !== undefined) await this.#parts.records.remove(SCRAM_KIND, prepared);
  }

  /** Takes as long for a wrong password as for the right one. Rejects with "unavailable" where too many wait. */
  async verify(name: string, password: string): Promise<boolean> {
    const account = this.find(name);
    if (account === undefined) return false;
    const done = await this.#parts.work.run(() =>
      matchesPassword(account.hash, ENCODER.encode(password))
    );
    if (done instanceof NotDone) throw this.#busy("verify");
    return done;
  }

  get #all(): ReadonlyMap<string, JsonValue> {
    return this.#parts.records.list(this.#parts.kind);
  }

  async #hash(action: string, password: string): Promise<string> {
    const bytes = ENCODER.encode(password);
    if (bytes.length === 0 || bytes.length > PASSWORD_BYTES_MAX) {
      const found =
        `the password has ${bytes.length} bytes, allowed are 1 to ${PASSWORD_BYTES_MAX}`;
      throw new AccountError("invalid", this.#cannot(action, found));
    }
    const hash = await this.#parts.work.run(() => createPasswordHash(bytes, this.#parts.logN));
    if (hash instanceof NotDone) throw this.#busy(action);
    return formatPasswordHash(hash);
  }

  #checkAbsent(name: string): void {
    if (this.#all.has(name)) {
      const found = `there is one named ${JSON.stringify(name)}`;
      throw new AccountError("conflict", this.#cannot("add", found));
    }
    if (this.size >= ACCOUNTS_MAX) {
      throw new AccountError("too-many", this.#cannot("add", `there are ${ACCOUNTS_MAX} already`));
    }
  }

  #unknown(name: string): AccountError {
    const found = `there is none named ${JSON.stringify(name)}`;
    return new AccountError("not-found", this.#cannot("change", found));
  }

  #busy(action: string): AccountError {
    const found = "too many passwords wait to be hashed";
    return new AccountError("unavailable", this.#cannot(action, found));
  }

  #cannot(action: string, detail: string): string {
    return `Cannot ${action} ${this.#parts.kind} account: ${detail}`;
  }
}

interface AccountFields {
  readonly hash: string;
  readonly isSuperuser: boolean;
  readonly createdAtMs: number | undefined;
}

/** What is not as we write it is an account that nobody gets in by. */
function fieldsOf(value: JsonValue): AccountFields {
  const record = typeof value === "object" && value !== null && !Array.isArray(value)
    ? value as { readonly [name: string]: JsonValue }
    : {};
  const { hash, isSuperuser, createdAtMs } = record;
  return {
    hash: typeof hash === "string" ? hash : "",
    isSuperuser: isSuperuser === true,
    createdAtMs: typeof createdAtMs === "number" ? createdAtMs : undefined,
  };
}

function accountOf(value: JsonValue): Account {
  const { hash, isSuperuser } = fieldsOf(value);
  return { hash: parsePasswordHash(hash), isSuperuser };
}

function accountOrNone(value: JsonValue): Account | undefined {
  try {
    return accountOf(value);
  } catch (error) {
    if (error instanceof PasswordHashError) return undefined;
    throw error;
  }
}
