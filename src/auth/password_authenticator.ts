import { createHmac } from "node:crypto";
import { ReasonCode } from "../mqtt/mod.ts";
import type {
  AuthenticationResult,
  Authenticator,
  Credentials,
  Denied,
  IdentityMethod,
} from "../ports/mod.ts";
import { type BoundedWork, NotDone, workFor } from "./bounded_work.ts";
import { matchesPassword, PasswordHashError } from "./password_hash.ts";
import type { Account, PasswordTable } from "./password_table.ts";
import { subjectOf } from "./client_id_subject.ts";

export interface PasswordCounters {
  matched: number;
  mismatched: number;
  /** Passwords of names that nobody knows, which cost the same work. */
  feigned: number;
}

export interface PasswordParts {
  /** In the order in which they are asked. */
  readonly tables: readonly PasswordTable[];
  readonly work: BoundedWork;
  readonly counters: PasswordCounters;
  /** Of this installation, known to nobody else. */
  readonly secret: Uint8Array;
}

/** Checks passwords: the first table that knows the client decides. Whom none knows is ignored. */
export class PasswordAuthenticator implements Authenticator {
  readonly #parts: PasswordParts;

  constructor(parts: PasswordParts) {
    this.#parts = parts;
  }

  authenticate(credentials: Credentials): AuthenticationResult | Promise<AuthenticationResult> {
    const { password } = credentials;
    // Without one somebody else may vouch, but nobody gets in as an anonymous client of a name that is taken.
    if (password === undefined) return "ignore";
    for (const table of this.#parts.tables) {
      const name = nameFor(table, credentials);
      if (name === undefined) continue;
      let account: Account | undefined;
      try {
        account = table.find(name);
      } catch (error) {
        if (!(error instanceof PasswordHashError)) throw error;
        return denied(ReasonCode.notAuthorized, table.method, error.message);
      }
      if (account !== undefined) return this.#check(credentials, password, table, account);
    }
    return "ignore";
  }

  async #check(
    credentials: Credentials,
    password: Uint8Array,
    table: PasswordTable,
    { hash, isSuperuser }: Account,
  ): Promise<AuthenticationResult> {
    const { work, counters } = this.#parts;
    const { method } = table;
    const isMatch = await work.run(() => matchesPassword(hash, password), workFor(credentials));
    if (isMatch instanceof NotDone) return declined(isMatch, method);
    if (!isMatch) {
      counters.mismatched++;
      return denied(ReasonCode.badUserNameOrPassword, method, "wrong password");
    }
    counters.matched++;
    const { clientId, username, remoteAddress } = credentials;
    const subject = table.by === "client_id" ? { subject: subjectOf(clientId) } : {};
    const identity = { clientId, username, remoteAddress, method, ...subject };
    return isSuperuser ? { ...identity, isSuperuser } : identity;
  }

  /** Whether this name, or this client identifier, belongs to somebody with a password, or has to. */
  isTaken(credentials: Credentials): boolean {
    return this.#parts.tables.some((table) => {
      const name = nameFor(table, credentials);
      if (name === undefined) return false;
      if (table.isComplete) return true;
      try {
        return table.find(name) !== undefined;
      } catch (error) {
        if (error instanceof PasswordHashError) return true;
        throw error;
      }
    });
  }

  /**
   * Refuses somebody whom nobody knows, after the work that a wrong password costs: from the time that it takes nobody
   * learns who has an account. Which account's cost that is depends on the name, and stays the same for it.
   */
  async refuseUnknown(credentials: Credentials, refusal: Denied): Promise<Denied> {
    const { work, counters } = this.#parts;
    const { password } = credentials;
    const account = password === undefined ? undefined : this.#sampleFor(credentials);
    if (password === undefined || account === undefined) return refusal;
    counters.feigned++;
    const done = await work.run(
      () => matchesPassword(account.hash, password),
      workFor(credentials),
    );
    return done instanceof NotDone ? declined(done, "password") : refusal;
  }

  #sampleFor(credentials: Credentials): Account | undefined {
    const tables = this.#parts.tables.filter((table) => nameFor(table, credentials) !== undefined);
    const size = tables.reduce((sum, { sampleSize }) => sum + sampleSize, 0);
    if (size === 0) return undefined;
    const { username, clientId } = credentials;
    const mac = createHmac("sha256", this.#parts.secret).update(`sample ${username ?? clientId}`);
    let index = mac.digest().readUInt32BE(0) % size;
    for (const table of tables) {
      if (index < table.sampleSize) return table.sample(index);
      index -= table.sampleSize;
    }
    return undefined;
  }
}

/** What the table would know this client by; undefined: it has no such name. */
function nameFor(table: PasswordTable, credentials: Credentials): string | undefined {
  if (table.by === "username") return credentials.username;
  return credentials.isClientIdAssigned ? undefined : credentials.clientId;
}

function declined({ why }: NotDone, stage: string): Denied {
  const reason = why === "busy" ? "too many passwords wait to be checked" : "the client has gone";
  return denied(ReasonCode.serverBusy, stage, reason);
}

function denied(code: ReasonCode, stage: IdentityMethod | string, reason: string): Denied {
  return { denied: code, stage, reason };
}
