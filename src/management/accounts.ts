import { AccountError, type AccountTable } from "../auth/mod.ts";
import { ManagementError, type ManagementErrorCode } from "./management_error.ts";
import type { AccountsService } from "./service.ts";
import { storeError } from "./store_error.ts";
import type { AccountView } from "./views.ts";

const CODES: Readonly<Record<AccountError["reason"], ManagementErrorCode>> = {
  invalid: "invalid",
  conflict: "conflict",
  "not-found": "not-found",
  "too-many": "too-large",
  unavailable: "unavailable",
};

/** Accounts of one kind, by user name or by client identifier. */
export class LocalAccounts implements AccountsService {
  readonly #table: AccountTable;

  constructor(table: AccountTable) {
    this.#table = table;
  }

  list(): Promise<readonly AccountView[]> {
    const views = this.#table.names().map((name) => this.#table.info(name));
    return Promise.resolve(views.filter((view) => view !== undefined));
  }

  get(name: string): Promise<AccountView | undefined> {
    return Promise.resolve(this.#table.info(name));
  }

  async add(name: string, password: string): Promise<void> {
    await inOurWords("add the account", () => this.#table.add(name, password));
  }

  async changePassword(name: string, password: string): Promise<void> {
    await inOurWords("change the account", () => this.#table.changePassword(name, password));
  }

  async remove(name: string): Promise<boolean> {
    return await inOurWords("remove the account", () => this.#table.remove(name));
  }
}

async function inOurWords<T>(what: string, change: () => Promise<T>): Promise<T> {
  try {
    return await change();
  } catch (error) {
    if (!(error instanceof AccountError)) throw storeError(what, error);
    throw new ManagementError(CODES[error.reason], error.message, { cause: error });
  }
}
