import { stat } from "node:fs/promises";
import {
  type AuthChange,
  type AuthFiles,
  type AuthOptions,
  AuthService,
  installationSecret,
  SCRAM_KIND,
} from "../auth/mod.ts";
import type { Clock, Logger } from "../base/mod.ts";
import type { RecordStore } from "../ports/mod.ts";
import type { IntervalHandle, Runtime } from "../runtime/mod.ts";
import type { ListenerOptions } from "../transport/mod.ts";

export interface AuthContext {
  readonly runtime: Pick<Runtime, "readTextFile" | "every">;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly records: RecordStore;
}

/** Kinds of records that `broker passwd` writes while the broker runs. */
const ACCOUNT_KINDS = ["user", "client", SCRAM_KIND];
/** How often files are looked at, in milliseconds. */
const WATCH_INTERVAL_MS = 2000;
const SECRET_BYTES_MIN = 32;

/** Who may connect, as the configuration has it, with the files that it names: they are read again when they change. */
export class Authentication {
  readonly service: AuthService;
  readonly #context: AuthContext;
  #options: AuthOptions;
  /** Of the files as they were when they were read last. */
  #stamp = "";
  #isLooking = false;
  readonly #watch: IntervalHandle;

  private constructor(context: AuthContext, secret: Uint8Array, options: AuthOptions) {
    this.#context = context;
    this.#options = options;
    this.service = new AuthService({ ...context, secret });
    this.#watch = context.runtime.every(WATCH_INTERVAL_MS, () => void this.#look());
  }

  /** Rejects where a file or an entry cannot be used. The caller closes it. */
  static async open(context: AuthContext, options: AuthOptions): Promise<Authentication> {
    const secret = await installationSecret(context.records);
    const authentication = new Authentication(context, secret, options);
    try {
      const apply = await authentication.prepare(options);
      apply();
    } catch (error) {
      authentication.close();
      throw error;
    }
    return authentication;
  }

  /** Reads everything anew, accounts in the store too. What is in force stays until the change is called. */
  async prepare(options: AuthOptions): Promise<AuthChange> {
    const stamp = await stampOf(options);
    const files = await this.#readFiles(options);
    const change = await this.service.prepare(options, files);
    // Accounts are taken over as they are: each of them is whole by itself.
    await this.#context.records.reload(ACCOUNT_KINDS);
    return () => {
      this.#options = options;
      this.#stamp = stamp;
      change();
    };
  }

  close(): void {
    this.#watch.stop();
  }

  async #readFiles({ passwordFile, jwt }: AuthOptions): Promise<AuthFiles> {
    return {
      passwordFile: await this.#read(passwordFile, "auth.password_file"),
      publicKeyFile: await this.#read(jwt?.publicKeyFile, "auth.jwt.public_key_file"),
    };
  }

  async #read(path: string | undefined, key: string): Promise<string | undefined> {
    if (path === undefined) return undefined;
    try {
      return await this.#context.runtime.readTextFile(path);
    } catch (error) {
      throw new Error(`Cannot read ${key} "${path}": ${textOf(error)}`, { cause: error });
    }
  }

  /** A file that was changed counts from now on; one that cannot be used changes nothing. */
  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const options = this.#options;
    const { logger } = this.#context;
    try {
      const stamp = await stampOf(options);
      // A reload may have come in between, and has read everything itself.
      if (stamp === this.#stamp || options !== this.#options) return;
      this.#stamp = stamp;
      const change = await this.service.prepare(options, await this.#readFiles(options));
      if (options !== this.#options) return;
      change();
      logger.info("Read the files of [auth] again, because they were changed");
    } catch (error) {
      logger.error("Cannot use changed files of [auth]: what was read before stays in force");
      for (const line of textOf(error).split("\n")) logger.error(line);
    } finally {
      this.#isLooking = false;
    }
  }
}

/** What differs when a file is another one; a file that is not there has a stamp, too. */
async function stampOf({ passwordFile, jwt }: AuthOptions): Promise<string> {
  const paths = [passwordFile, jwt?.publicKeyFile].filter((path) => path !== undefined);
  const stamps = paths.map(async (path) => {
    try {
      const { mtimeMs, size, ino } = await stat(path);
      return `${mtimeMs} ${size} ${ino}`;
    } catch (error) {
      return textOf(error);
    }
  });
  return (await Promise.all(stamps)).join("|");
}

/** What an operator may have overlooked; lines for the log. */
export function authWarnings(
  { users, passwordFile, jwt, http }: AuthOptions,
  listeners: readonly ListenerOptions[],
): readonly string[] {
  const warnings: string[] = [];
  const isConfigured = users.length > 0 || passwordFile !== undefined || jwt !== undefined ||
    http !== undefined;
  const open = listeners.filter(({ allowAnonymous }) => allowAnonymous).map(({ name }) => name);
  if (isConfigured && open.length > 0) {
    warnings.push(
      `Clients without a user name may still connect to ${open.join(", ")}: ` +
        `auth.allow_anonymous = false keeps them out`,
    );
  }
  if (jwt === undefined) return warnings;
  if (!jwt.verifyClaims.some(([, value]) => /%[uc]/.test(value)) && jwt.from === "password") {
    warnings.push(
      "auth.jwt.verify_claims binds a token to nobody: whoever has one may take any user name; " +
        'verify_claims = { sub = "%u" } changes that',
    );
  }
  if (jwt.secret !== undefined && jwt.secret.length < SECRET_BYTES_MIN) {
    warnings.push(`auth.jwt.secret is shorter than ${SECRET_BYTES_MIN} characters`);
  }
  return warnings;
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
