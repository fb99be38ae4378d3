import type { ProtocolVersion } from "../mqtt/mod.ts";

/** What a client showed to be let in. */
export interface Credentials {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly password: Uint8Array | undefined;
  readonly remoteAddress: string;
  readonly version: ProtocolVersion;
  /** Whether the listener that it came through takes clients that nobody vouches for. */
  readonly allowAnonymous: boolean;
}

/** Who a client is, once an authenticator has said so. */
export interface Identity {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly remoteAddress: string;
}

/** The broker itself, as the sender of `$SYS` and the like. */
export const BROKER_IDENTITY: Identity = Object.freeze({
  clientId: "",
  username: undefined,
  remoteAddress: "",
});
