import type { MaybePromise } from "../base/mod.ts";
import type { ReasonCode } from "../mqtt/mod.ts";
import type { Credentials, Identity } from "./records.ts";

/** A refusal; `reasonCode` goes into the CONNACK. */
export interface Denied {
  readonly denied: ReasonCode;
  /** For the log, never for the client: who refused, and why. */
  readonly stage?: string;
  readonly reason?: string;
}

/** "ignore": somebody else may know this client. */
export type AuthenticationResult = Identity | Denied | "ignore";

/** What an exchange says next: go on, let in, or refuse. `data` is authentication data for the client. */
export type ExchangeStep =
  | { readonly continue: Uint8Array }
  | { readonly done: Identity; readonly data?: Uint8Array }
  | Denied;

/** One run of a method of enhanced authentication, for one client [MQTT-4.12]. One step at a time. */
export interface EnhancedExchange {
  /** `data`: what CONNECT brought, or the AUTH packet that asks for re-authentication. */
  begin(credentials: Credentials, data: Uint8Array | undefined): MaybePromise<ExchangeStep>;
  /** With the data of the client's next AUTH packet. */
  next(data: Uint8Array | undefined): MaybePromise<ExchangeStep>;
}

export interface Authenticator {
  authenticate(credentials: Credentials): MaybePromise<AuthenticationResult>;
  /** A new exchange by the method that a client asked for; undefined: the method is not known. */
  enhanced?(method: string): EnhancedExchange | undefined;
}
