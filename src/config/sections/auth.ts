import {
  AUTH_MODULES,
  type AuthOptions,
  type HttpAuthOptions,
  JWT_ALGORITHMS,
  type JwtOptions,
  parsePasswordHash,
  type UserOptions,
} from "../../auth/mod.ts";
import type { SessionOwnerPolicy } from "../../broker/mod.ts";
import { boolean, durationMs, durationS, integer } from "../kind.ts";
import {
  choice,
  filePath,
  httpUrl,
  list,
  orEmpty,
  orNone,
  secret,
  text,
  textPairs,
} from "../kind_text.ts";
import type { Kind } from "../kind.ts";
import { key, optional, optionalTable, required, section, tables } from "../schema.ts";

/** `[auth]` as it is written. */
export interface AuthKeys extends AuthOptions {
  readonly allowAnonymous: boolean | undefined;
  readonly sessionOwner: SessionOwnerPolicy;
}

const NAME_MAX_LENGTH = 65_535;
const MINUTE_MS = 60_000;

const USER = section<UserOptions>("at reload", {
  username: required("username", text({ maxLength: NAME_MAX_LENGTH })),
  passwordHash: optional("password_hash", passwordHash()),
  password: optional("password", secret()),
  isSuperuser: key("superuser", boolean(), false),
});

const JWT = section<JwtOptions>("at reload", {
  secret: optional("secret", secret()),
  isSecretBase64: key("secret_base64", boolean(), false),
  publicKeyFile: optional("public_key_file", filePath()),
  algorithms: key("algorithms", list(choice(JWT_ALGORITHMS)), []),
  verifyClaims: key("verify_claims", textPairs({ isSecret: false }), {}),
  from: key("from", choice(["password", "username"]), "password"),
  leewayS: key("leeway", durationS({ min: 0, max: 3600 }), 0),
  aclClaim: key("acl_claim", orEmpty(text({ maxLength: 256 })), "acl"),
});

const HTTP_AUTH = section<HttpAuthOptions>("at reload", {
  url: required("url", httpUrl()),
  method: key("method", choice(["GET", "POST"]), "POST"),
  timeoutMs: key("timeout", durationMs({ min: 1, max: MINUTE_MS }), "5s"),
  headers: key("headers", textPairs({ isSecret: true }), {}),
  body: key("body", choice(["form", "json"]), "form"),
  fields: key("fields", textPairs({ isSecret: false }), {
    clientid: "%c",
    username: "%u",
    password: "%P",
  }),
  onError: key("on_error", choice(["deny", "ignore"]), "deny"),
  maxConcurrent: key("max_concurrent", integer({ min: 1, max: 10_000 }), 64),
  maxWaiting: key("max_waiting", integer({ min: 0, max: 1_000_000 }), 1000),
});

/** `[auth]` */
export const AUTH = section<AuthKeys>("at reload", {
  allowAnonymous: optional("allow_anonymous", boolean()),
  passwordFile: key("password_file", orNone(filePath()), ""),
  accounts: key("accounts", boolean(), true),
  switchedOff: key("switched_off", list(choice(AUTH_MODULES)), []),
  sessionOwner: key("session_owner", choice(["refuse", "fresh"]), "refuse"),
  maxHashing: key("max_hashing", integer({ min: 1, max: 64 }), 2),
  maxHashingWaiting: key("max_hashing_waiting", integer({ min: 0, max: 1_000_000 }), 250),
  users: tables("user", USER),
  jwt: optionalTable("jwt", JWT),
  http: optionalTable("http", HTTP_AUTH),
});

function passwordHash(): Kind<string> {
  return {
    ...secret(),
    allowed: 'hash as "broker passwd" or mosquitto_passwd prints it, secret',
    read: (value) => {
      const reading = secret().read(value);
      if (!reading.ok) return reading;
      try {
        parsePasswordHash(reading.value);
        return reading;
      } catch (error) {
        return { ok: false, remark: error instanceof Error ? error.message : "not usable" };
      }
    },
  };
}
