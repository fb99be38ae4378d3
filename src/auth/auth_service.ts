import type { Clock, Logger, MaybePromise } from "../base/mod.ts";
import type {
  AuthenticationResult,
  Authenticator,
  Credentials,
  EnhancedExchange,
  RecordStore,
} from "../ports/mod.ts";
import { AccountTable } from "./account_table.ts";
import { AnonymousAuthenticator } from "./anonymous_authenticator.ts";
import { AuthenticatorChain } from "./authenticator_chain.ts";
import { BoundedWork, type WorkFigures } from "./bounded_work.ts";
import { CertificateAuthenticator } from "./certificate_authenticator.ts";
import { readConfiguredUsers } from "./configured_users.ts";
import { type HttpAuthCounters, HttpAuthenticator } from "./http_authenticator.ts";
import type { AuthOptions } from "./options.ts";
import { PasswordAuthenticator, type PasswordCounters } from "./password_authenticator.ts";
import { readPasswordFile } from "./password_file.ts";
import { FixedTable, type PasswordTable } from "./password_table.ts";
import { ScramAuthenticator } from "./scram/scram_authenticator.ts";

/** What the files contain that the options name; undefined where they name none. */
export interface AuthFiles {
  readonly passwordFile: string | undefined;
  readonly publicKeyFile: string | undefined;
}

export interface AuthServiceParts {
  readonly records: RecordStore;
  readonly secret: Uint8Array;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What authentication has done since the start, and what it is busy with now. */
export interface AuthFigures {
  readonly passwords: Readonly<PasswordCounters>;
  readonly hashing: WorkFigures;
  readonly http: Readonly<HttpAuthCounters>;
  readonly httpQuestions: WorkFigures;
}

/** Takes over a configuration that was prepared; nothing can fail any more. */
export type AuthChange = () => void;

/**
 * Says who may connect, by a chain that can be exchanged while clients come and go: certificate, users of the
 * configuration, password file, accounts of the store by user name and by client identifier, token, callback, anonymous.
 * The certificate is first, for whoever has shown one on a listener that names its clients by it needs nothing else.
 */
export class AuthService implements Authenticator {
  readonly users: AccountTable;
  readonly clientIds: AccountTable;
  readonly #parts: AuthServiceParts;
  readonly #hashing = new BoundedWork({ runningMax: 1, waitingMax: 0 });
  readonly #httpQuestions = new BoundedWork({ runningMax: 1, waitingMax: 0 });
  readonly #passwords: PasswordCounters = { matched: 0, mismatched: 0, feigned: 0 };
  readonly #http: HttpAuthCounters = { asked: 0, allowed: 0, denied: 0, failed: 0 };
  #chain = new AuthenticatorChain([]);

  constructor(parts: AuthServiceParts) {
    this.#parts = parts;
    const shared = { ...parts, work: this.#hashing };
    this.users = new AccountTable({ ...shared, kind: "user" });
    this.clientIds = new AccountTable({ ...shared, kind: "client" });
  }

  get figures(): AuthFigures {
    return {
      passwords: this.#passwords,
      hashing: this.#hashing.figures,
      http: this.#http,
      httpQuestions: this.#httpQuestions.figures,
    };
  }

  authenticate(credentials: Credentials): MaybePromise<AuthenticationResult> {
    return this.#chain.authenticate(credentials);
  }

  enhanced(method: string): EnhancedExchange | undefined {
    return this.#chain.enhanced(method);
  }

  /** Builds everything anew; what is in force stays until the change is called. Rejects with what is wrong. */
  async prepare(options: AuthOptions, files: AuthFiles): Promise<AuthChange> {
    const chain = await this.#createChain(options, files);
    return () => {
      this.#hashing.limits = limitsOf(options.maxHashing, options.maxHashingWaiting);
      if (options.http !== undefined) {
        this.#httpQuestions.limits = limitsOf(options.http.maxConcurrent, options.http.maxWaiting);
      }
      this.#chain = chain;
    };
  }

  async #createChain(options: AuthOptions, files: AuthFiles): Promise<AuthenticatorChain> {
    const { secret, clock, logger, records } = this.#parts;
    const { jwt, http, accounts, switchedOff } = options;
    const users = await readConfiguredUsers(options.users, secret);
    const passwords = new PasswordAuthenticator({
      tables: this.#tables(options, files, users.table),
      work: this.#hashing,
      counters: this.#passwords,
      secret,
    });
    const members: Authenticator[] = [
      new CertificateAuthenticator(),
      passwords,
      new ScramAuthenticator({
        configured: users.verifiers,
        superusers: users.superusers,
        records: accounts && !switchedOff.includes("users") ? records : undefined,
        secret,
        logger,
      }),
    ];
    if (jwt !== undefined) {
      // The library is large, and most brokers never see a token.
      const { JwtAuthenticator, readJwtKeys } = await import("./jwt.ts");
      members.push(new JwtAuthenticator(jwt, readJwtKeys(jwt, files.publicKeyFile), clock));
    }
    if (http !== undefined) {
      const work = this.#httpQuestions;
      members.push(new HttpAuthenticator({ options: http, work, counters: this.#http }));
    }
    const areNamesVouchedFor = jwt !== undefined || http !== undefined;
    return new AuthenticatorChain(
      members,
      new AnonymousAuthenticator({ passwords, areNamesVouchedFor }),
    );
  }

  #tables(options: AuthOptions, files: AuthFiles, configured: FixedTable): PasswordTable[] {
    const tables: PasswordTable[] = configured.size > 0 ? [configured] : [];
    const { passwordFile } = options;
    if (passwordFile !== undefined) {
      const hashes = readPasswordFile(files.passwordFile ?? "", passwordFile);
      const accounts = [...hashes].map(([name, hash]) =>
        [name, { hash, isSuperuser: false }] as const
      );
      tables.push(new FixedTable("password_file", new Map(accounts)));
    }
    if (!options.accounts) return tables;
    if (!options.switchedOff.includes("users")) tables.push(this.users);
    if (!options.switchedOff.includes("clients")) tables.push(this.clientIds);
    return tables;
  }
}

function limitsOf(runningMax: number, waitingMax: number): {
  readonly runningMax: number;
  readonly waitingMax: number;
} {
  return { runningMax, waitingMax };
}
