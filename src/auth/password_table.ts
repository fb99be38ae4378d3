import type { IdentityMethod } from "../ports/mod.ts";
import type { PasswordHash } from "./password_hash.ts";

/** What is kept of somebody with a password. */
export interface Account {
  readonly hash: PasswordHash;
  readonly isSuperuser: boolean;
}

/** Accounts by name, wherever they are kept. */
export interface PasswordTable {
  /** How clients are let in that are found here. */
  readonly method: IdentityMethod;
  /** Whether names are user names or client identifiers. */
  readonly by: "username" | "client_id";
  /**
   * Whether everybody who names himself has to be known: a user name that nobody knows is then refused where anonymous
   * clients are allowed, too, as mosquitto does it with a password file. An empty table is one, for it lets nobody in.
   */
  readonly isComplete: boolean;
  readonly size: number;
  /** Throws a `PasswordHashError` where something else is kept than a hash. */
  find(name: string): Account | undefined;
  /** How many accounts `sample` knows: some, so that what checking a password costs here can be learned from them. */
  readonly sampleSize: number;
  sample(index: number): Account | undefined;
}

/** A table that never changes: of the configuration, or of one reading of a file. */
export class FixedTable implements PasswordTable {
  readonly by = "username";
  readonly isComplete = true;
  readonly method: IdentityMethod;
  readonly #accounts: ReadonlyMap<string, Account>;
  readonly #inOrder: readonly Account[];

  constructor(method: IdentityMethod, accounts: ReadonlyMap<string, Account>) {
    this.method = method;
    this.#accounts = accounts;
    this.#inOrder = [...accounts.values()];
  }

  get size(): number {
    return this.#inOrder.length;
  }

  find(name: string): Account | undefined {
    return this.#accounts.get(name);
  }

  get sampleSize(): number {
    return this.#inOrder.length;
  }

  sample(index: number): Account | undefined {
    return this.#inOrder[index];
  }
}
