import type { ByteSocket, ByteSocketHandler } from "../runtime/mod.ts";

/** One entry of `[[listener]]`: where connections are accepted, and on which terms. */
export interface ListenerOptions {
  readonly type: "tcp";
  /** An address or a host name, an IPv6 address without its brackets. */
  readonly host: string;
  /** 0: the system picks a free one. */
  readonly port: number;
  /** A connection above it is closed as soon as it was accepted. */
  readonly maxConnections: number;
  /** Whether clients without a user name may connect here. */
  readonly allowAnonymous: boolean;
}

/** Who takes the connections of a listener. */
export interface ListenerOwner {
  accept(
    socket: ByteSocket,
    listener: { readonly allowAnonymous: boolean; release(): void },
  ): ByteSocketHandler;
  /** A connection was turned away because the listener has `maxConnections`. */
  noteRefusedConnection(): void;
  /** The system could not give us a connection. */
  noteAcceptError(error: unknown): void;
}

/** A listener that accepts. */
export interface Listener {
  readonly type: ListenerOptions["type"];
  /** As a client would write it. */
  readonly url: string;
  /** The port that is really bound. */
  readonly port: number;
  /** Accepts no more; accepted connections live on. */
  close(): void;
}
