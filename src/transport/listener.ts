import type { ByteSocket, ByteSocketHandler } from "../runtime/mod.ts";

/** How bytes travel. */
export const LISTENER_TYPES = ["tcp", "tls", "ws", "wss", "unix"] as const;
export type ListenerType = (typeof LISTENER_TYPES)[number];

/** What of a client's certificate takes the place of what it says of itself: its common name. */
export type PeerCertAs = "none" | "username" | "client_id";

/** The keys of a `tls` or `wss` listener, and of whoever else speaks TLS. Files are PEM; they are watched. */
export interface TlsOptions {
  /** With the chain of intermediate certificates behind it. */
  readonly certFile: string;
  readonly keyFile: string;
  readonly keyPassword: string | undefined;
  /** Whose signature is good on a client's certificate; undefined: those that the runtime knows. */
  readonly caFile: string | undefined;
  /** Certificates that count no more; of every authority in the chain, as TLS libraries want it. */
  readonly crlFile: string | undefined;
  /** Ask the client for a certificate; one that is shown must be good. */
  readonly verifyPeer: boolean;
  /** Refuse clients that show none. Only with `verifyPeer`. */
  readonly failIfNoPeerCert: boolean;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** As OpenSSL writes it, for TLS 1.2; undefined: what the runtime takes for safe. */
  readonly ciphers: string | undefined;
}

/** What the broker must know of the listener that a connection came through. */
export interface ListenerTerms {
  /** "tcp:default", unique among the listeners. */
  readonly name: string;
  readonly type: ListenerType;
  /** Whether clients without a user name may connect here. */
  readonly allowAnonymous: boolean;
  readonly peerCertAs: PeerCertAs;
  /** Put in front of every topic of its clients; "": nothing. */
  readonly mountpoint: string;
}

/** One entry of `[[listener]]`: where connections are accepted, and on which terms. */
export interface ListenerOptions extends ListenerTerms {
  /** An address or a host name, an IPv6 address without its brackets. "" for `unix`. */
  readonly host: string;
  /** 0: the system picks a free one. */
  readonly port: number;
  /** Of `unix`. */
  readonly socketPath: string | undefined;
  /** Permissions of the file at `socketPath`. */
  readonly socketMode: number;
  /** Path of the upgrade request, of `ws` and `wss`. */
  readonly wsPath: string;
  /**
   * Whose pages may connect from a browser: "https://example.org", or "*" for all. Pages of the very host that the
   * listener is called by always may, and so may whoever names no origin, for a browser always does.
   */
  readonly origins: readonly string[];
  /** Of `tls` and `wss`. */
  readonly tls: TlsOptions | undefined;
  /** Every connection begins with a PROXY header, version 1 or 2. */
  readonly proxyProtocol: boolean;
  /** CIDR blocks whose word on where a connection comes from is believed. */
  readonly trustedProxies: readonly string[];
  /** A connection above it is closed as soon as it was accepted. */
  readonly maxConnections: number;
  /** The same, for each address; 0: no limit. */
  readonly maxConnectionsPerAddress: number;
  /** New connections in a second, above which they are closed as soon as they were accepted; 0: no limit. */
  readonly connectRate: number;
}

/** Who takes the connections of a listener. */
export interface ListenerOwner {
  accept(socket: ByteSocket, listener: ListenerContext): ByteSocketHandler;
  /**
   * Whether anybody may come in from this address. Asked once for each connection, as soon as it is known where it
   * really comes from; after a no the connection is dropped, and nothing that it sends is looked at.
   */
  admits(address: string): boolean;
  /** A connection was given up before its first MQTT byte. `isSilent`: the peer just went away. */
  noteFailedHandshake(
    listener: ListenerTerms,
    address: string,
    reason: string,
    isSilent: boolean,
  ): void;
  /** A connection was turned away because the listener has enough of them. */
  noteRefusedConnection(): void;
  /** The system could not give us a connection. */
  noteAcceptError(error: unknown): void;
}

/** The listener of a connection, as its owner sees it. */
export interface ListenerContext {
  readonly options: ListenerTerms;
  /** The connection is gone. */
  release(): void;
}

/** What a listener has done so far. */
export interface ListenerFigures {
  /** Open now, those included whose handshake is not over. */
  readonly connections: number;
  /** All that were not turned away. */
  readonly accepted: number;
  /** Turned away: too many, or too many at a time. */
  readonly refused: number;
  /** Given up before the first MQTT byte: TLS, WebSocket upgrade, PROXY header. */
  readonly failedHandshakes: number;
}

/** What of a listener counts from a change on, for connections that come from then on. */
export type ListenerChange = Pick<
  ListenerOptions,
  "allowAnonymous" | "maxConnections" | "maxConnectionsPerAddress" | "connectRate"
>;

export function withChange(options: ListenerOptions, change: ListenerChange): ListenerOptions {
  const { allowAnonymous, maxConnections, maxConnectionsPerAddress, connectRate } = change;
  return { ...options, allowAnonymous, maxConnections, maxConnectionsPerAddress, connectRate };
}

/** A listener that accepts. */
export interface Listener {
  /** As they count now. */
  readonly options: ListenerOptions;
  /** As a client would write it. */
  readonly url: string;
  /** The port that is really bound; 0 for `unix`. */
  readonly port: number;
  /** As they are now: read anew at each use. */
  readonly figures: ListenerFigures;
  /** Connections that are there stay, and go on under the terms that they came by. */
  change(change: ListenerChange): void;
  /** Looks at once whether there is another certificate, as otherwise happens every few seconds. */
  reload(): void;
  /** Accepts no more; accepted connections live on. */
  close(): void;
}
