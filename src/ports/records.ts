import type { ProtocolVersion } from "../mqtt/mod.ts";
import type { PeerCertificate } from "../runtime/mod.ts";
import type { PeerCertAs } from "../transport/mod.ts";

/** What a client showed to be let in. */
export interface Credentials {
  readonly clientId: string;
  /** The client named no identifier: `clientId` is one that the broker made up. */
  readonly isClientIdAssigned: boolean;
  readonly username: string | undefined;
  /** Undefined: none was sent; empty: one without bytes was. The bytes stay as they are. */
  readonly password: Uint8Array | undefined;
  readonly remoteAddress: string;
  readonly version: ProtocolVersion;
  /** Whether the listener that it came through takes clients that nobody vouches for. */
  readonly allowAnonymous: boolean;
  /** As in the log and the HTTP APIs: "tcp:default". */
  readonly listenerName: string;
  /** What the client showed during the TLS handshake. */
  readonly peerCertificate: PeerCertificate | undefined;
  /** What the listener takes from the common name of a verified certificate; it is in its place already. */
  readonly peerCertAs: PeerCertAs;
  /** Whether the connection is gone meanwhile: expensive work for it need not begin any more. */
  readonly hasLeft?: () => boolean;
}

/** Which way a client was let in. */
export type IdentityMethod =
  | "anonymous"
  | "config"
  | "password_file"
  | "store"
  | "jwt"
  | "http"
  | "certificate"
  | "scram"
  | "internal";

/**
 * A rule that came with an identity, from a claim of its token or the answer of a callback. It is judged before the
 * configured ones. Topics are as they were written: placeholders are the authorizer's matter. Without topics it denies
 * whatever no rule before it is about, of any topic, and no configured rule is asked.
 */
export interface IdentityRule {
  readonly permit: "allow" | "deny";
  readonly action: "publish" | "subscribe" | "all";
  readonly topics: readonly string[];
}

/** Who a client is, once an authenticator has said so. */
export interface Identity {
  readonly clientId: string;
  readonly username: string | undefined;
  readonly remoteAddress: string;
  readonly method: IdentityMethod;
  /**
   * What was vouched for, where that is not the user name, which is then only what the client claims: the subject of
   * a token, or a client identifier that has a password or a certificate of its own. Sessions belong to it.
   */
  readonly subject?: string;
  /** No access rule is asked. */
  readonly isSuperuser?: boolean;
  /** In the order in which they are judged. */
  readonly aclRules?: readonly IdentityRule[];
  /** Wall clock in milliseconds at which the connection ends. */
  readonly expiresAtMs?: number;
}

/** The broker itself, as the sender of `$SYS` and the like. */
export const BROKER_IDENTITY: Identity = Object.freeze({
  clientId: "",
  username: undefined,
  remoteAddress: "",
  method: "internal",
  isSuperuser: true,
});
