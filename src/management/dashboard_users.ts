import {
  type BoundedWork,
  createPasswordHash,
  formatPasswordHash,
  matchesPassword,
  NotDone,
  parsePasswordHash,
} from "../auth/mod.ts";
import type { JsonValue, RecordStore } from "../ports/mod.ts";
import { checkText } from "./apps.ts";
import { ManagementError } from "./management_error.ts";
import type { DashboardUsersService } from "./service.ts";
import { storeError } from "./store_error.ts";
import type { DashboardUserView } from "./views.ts";

export interface DashboardUsersParts {
  readonly records: RecordStore;
  /** Passwords are checked there, not too many at a time. */
  readonly work: BoundedWork;
  /** Password of the administrator until it is changed; undefined: there is no such account until somebody adds it. */
  readonly defaultPassword: () => string | undefined;
}

interface User {
  readonly hash: string;
  readonly tags: string;
}

const KIND = "dashboard_user";
const ADMINISTRATOR = "admin";
const ADMINISTRATOR_TAGS = "administrator";
const USERS_MAX = 1000;
const ENCODER = new TextEncoder();

/** Who may use the dashboard. Passwords are kept as hashes; the administrator is there from the beginning. */
export class LocalDashboardUsers implements DashboardUsersService {
  readonly #parts: DashboardUsersParts;

  constructor(parts: DashboardUsersParts) {
    this.#parts = parts;
  }

  list(): Promise<readonly DashboardUserView[]> {
    const stored = this.#parts.records.list(KIND);
    const views = [...stored].map(([name, value]) => ({ name, tags: userOf(value)?.tags ?? "" }));
    if (this.#isDefault(ADMINISTRATOR)) {
      views.unshift({ name: ADMINISTRATOR, tags: ADMINISTRATOR_TAGS });
    }
    return Promise.resolve(views);
  }

  async add(name: string, password: string, tags: string): Promise<void> {
    const cannot = `Cannot add user ${JSON.stringify(name)}`;
    if (name === "" || password === "") {
      throw new ManagementError("invalid", `${cannot}: name or password is empty`);
    }
    checkText("user", "name", name);
    checkText("user", "password", password);
    checkText("user", "tags", tags);
    this.#checkAbsent(name, cannot);
    const { size } = this.#parts.records.list(KIND);
    if (size >= USERS_MAX) {
      throw new ManagementError(
        "too-large",
        `${cannot}: there are ${size}, allowed are ${USERS_MAX}`,
      );
    }
    const hash = await this.#hash(password);
    // Somebody else may have been faster while the password was hashed.
    this.#checkAbsent(name, cannot);
    await this.#put(name, { hash, tags });
  }

  async changeTags(name: string, tags: string): Promise<void> {
    checkText("user", "tags", tags);
    const user = this.#find(name);
    if (user !== undefined) return await this.#put(name, { ...user, tags });
    const password = this.#isDefault(name) ? this.#parts.defaultPassword() : undefined;
    if (password === undefined) throw unknown(name);
    await this.#put(name, { hash: await this.#hash(password), tags });
  }

  async changePassword(name: string, oldPassword: string, newPassword: string): Promise<void> {
    const cannot = `Cannot change the password of ${JSON.stringify(name)}`;
    if (newPassword === "") throw new ManagementError("invalid", `${cannot}: the new one is empty`);
    checkText("user", "password", newPassword);
    const verdict = await this.authenticate(name, oldPassword);
    if (verdict === "unknown") throw unknown(name);
    if (verdict === "wrong") {
      throw new ManagementError("forbidden", `${cannot}: the old one is wrong`);
    }
    const hash = await this.#hash(newPassword);
    const tags = this.#find(name)?.tags ?? ADMINISTRATOR_TAGS;
    await this.#put(name, { hash, tags });
  }

  async remove(name: string): Promise<void> {
    if (name === ADMINISTRATOR) {
      throw new ManagementError(
        "forbidden",
        `Cannot remove user "${name}": the administrator stays`,
      );
    }
    if (this.#find(name) === undefined) throw unknown(name);
    try {
      await this.#parts.records.remove(KIND, name);
    } catch (error) {
      throw storeError("remove a user", error);
    }
  }

  async authenticate(name: string, password: string): Promise<"right" | "wrong" | "unknown"> {
    const user = this.#find(name);
    if (user === undefined && !this.#isDefault(name)) return "unknown";
    if (user === undefined) {
      return password === this.#parts.defaultPassword() ? "right" : "wrong";
    }
    const hash = parsePasswordHash(user.hash);
    const isRight = await this.#bounded(() => matchesPassword(hash, ENCODER.encode(password)));
    return isRight ? "right" : "wrong";
  }

  #find(name: string): User | undefined {
    const value = this.#parts.records.get(KIND, name);
    return value === undefined ? undefined : userOf(value);
  }

  /** The account is there though nobody has stored it. */
  #isDefault(name: string): boolean {
    return name === ADMINISTRATOR && this.#find(name) === undefined &&
      this.#parts.defaultPassword() !== undefined;
  }

  #checkAbsent(name: string, cannot: string): void {
    if (this.#find(name) === undefined && !this.#isDefault(name)) return;
    throw new ManagementError("conflict", `${cannot}: there is one`);
  }

  async #hash(password: string): Promise<string> {
    return formatPasswordHash(
      await this.#bounded(() => createPasswordHash(ENCODER.encode(password))),
    );
  }

  async #bounded<T>(work: () => Promise<T>): Promise<T> {
    const result = await this.#parts.work.run(work);
    if (!(result instanceof NotDone)) return result;
    throw new ManagementError("unavailable", "Cannot check a password: too many wait for it");
  }

  async #put(name: string, user: User): Promise<void> {
    try {
      await this.#parts.records.put(KIND, name, { hash: user.hash, tags: user.tags });
    } catch (error) {
      throw storeError("change a user", error);
    }
  }
}

function unknown(name: string): ManagementError {
  return new ManagementError("not-found", `There is no user ${JSON.stringify(name)}`);
}

function userOf(value: JsonValue): User | undefined {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return undefined;
  const { hash, tags } = value as { readonly hash?: JsonValue; readonly tags?: JsonValue };
  return typeof hash === "string" && typeof tags === "string" ? { hash, tags } : undefined;
}
