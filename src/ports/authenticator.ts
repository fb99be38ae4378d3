import type { MaybePromise } from "../base/mod.ts";
import type { ReasonCode } from "../mqtt/mod.ts";
import type { Credentials, Identity } from "./records.ts";

/** A refusal; `reasonCode` goes into the CONNACK. */
export interface Denied {
  readonly denied: ReasonCode;
}

/** "ignore": somebody else may know this client. */
export type AuthenticationResult = Identity | Denied | "ignore";

export interface Authenticator {
  authenticate(credentials: Credentials): MaybePromise<AuthenticationResult>;
}
