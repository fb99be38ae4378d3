/** What the tests of authentication share. */
import {
  type AuthFiles,
  type AuthOptions,
  AuthService,
  type HttpAuthOptions,
  type JwtOptions,
} from "../../../src/auth/mod.ts";
import { type Logger, SILENT_LOGGER } from "../../../src/base/mod.ts";
import type { AuthenticationResult, Credentials, RecordStore } from "../../../src/ports/mod.ts";
import { MemoryStore } from "../../../src/storage/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";

export const NO_AUTH: AuthOptions = {
  passwordFile: undefined,
  users: [],
  accounts: true,
  switchedOff: [],
  jwt: undefined,
  http: undefined,
  maxHashing: 2,
  maxHashingWaiting: 100,
};

export const JWT: JwtOptions = {
  secret: undefined,
  isSecretBase64: false,
  publicKeyFile: undefined,
  algorithms: [],
  verifyClaims: [],
  from: "password",
  leewayS: 0,
  aclClaim: "acl",
};

export const HTTP: HttpAuthOptions = {
  url: "http://127.0.0.1:9/auth",
  method: "POST",
  timeoutMs: 5000,
  headers: [],
  body: "form",
  fields: [["clientid", "%c"], ["username", "%u"], ["password", "%P"]],
  onError: "deny",
  maxConcurrent: 4,
  maxWaiting: 4,
};

export function utf8(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** A client of 5.0 from elsewhere, on a listener that takes no anonymous ones. */
export function credentials(
  changes: Partial<Omit<Credentials, "password">> & { readonly password?: string | undefined } = {},
): Credentials {
  const { password, ...rest } = changes;
  return {
    clientId: "c",
    isClientIdAssigned: false,
    username: undefined,
    password: password === undefined ? undefined : utf8(password),
    remoteAddress: "192.0.2.1",
    version: 5,
    allowAnonymous: false,
    listenerName: "tcp:default",
    peerCertificate: undefined,
    peerCertAs: "none",
    ...rest,
  };
}

export interface AuthRig {
  readonly service: AuthService;
  readonly records: RecordStore;
  readonly clock: ManualClock;
  /** Lets a client knock, and says in a few words how it went. */
  knock(changes?: Parameters<typeof credentials>[0]): Promise<string>;
}

const NO_FILES: AuthFiles = { passwordFile: undefined, publicKeyFile: undefined };

export async function authRig(
  options: Partial<AuthOptions> = {},
  files: Partial<AuthFiles> = {},
  logger: Logger = SILENT_LOGGER,
): Promise<AuthRig> {
  const { records } = new MemoryStore();
  const clock = new ManualClock();
  const service = new AuthService({ records, secret: utf8("s".repeat(32)), clock, logger });
  const change = await service.prepare({ ...NO_AUTH, ...options }, { ...NO_FILES, ...files });
  change();
  return {
    service,
    records,
    clock,
    knock: async (changes) => outcomeOf(await service.authenticate(credentials(changes))),
  };
}

/** "password_file alice", "denied 86 by config: wrong password". */
export function outcomeOf(answer: AuthenticationResult): string {
  if (answer === "ignore") return "ignored";
  if ("denied" in answer) {
    return `denied ${answer.denied.toString(16)} by ${answer.stage}: ${answer.reason}`;
  }
  const name = answer.username === undefined ? "" : ` ${answer.username}`;
  return `${answer.method}${name}${answer.isSuperuser === true ? " (superuser)" : ""}`;
}
