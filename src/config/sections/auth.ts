import { boolean } from "../kind.ts";
import { optional, section } from "../schema.ts";

/** `[auth]` as it is written. */
export interface AuthKeys {
  readonly allowAnonymous: boolean | undefined;
}

/** `[auth]` */
export const AUTH = section<AuthKeys>("after restart", {
  allowAnonymous: optional("allow_anonymous", boolean()),
}, ["password_file", "user", "jwt", "http"]);
