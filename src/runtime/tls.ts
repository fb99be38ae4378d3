/** What TLS needs to be told, and what it tells; the rest is in the `node_tls` files. */
import type { ByteSocketHandler, TcpListenOptions } from "./runtime.ts";

/** All of it PEM, not file names. */
export interface TlsMaterial {
  /** The server's certificate, then those of the authorities between it and a root. */
  readonly cert: string;
  readonly key: string;
  readonly keyPassword: string | undefined;
  /** Authorities whose clients are let in. */
  readonly ca: string | undefined;
  /** For every authority of a client's chain, each signed by one of `ca`. */
  readonly crl: string | undefined;
  /** Whether clients are asked for a certificate; one that is shown must be good. */
  readonly verifyPeer: boolean;
  /** Whether the handshake fails for a client that shows none. */
  readonly failIfNoPeerCert: boolean;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  /** In the words of OpenSSL. */
  readonly ciphers: string | undefined;
}

/** A part of the material by its key in the configuration. */
export type TlsPart = "cert" | "key" | "key_password" | "ca" | "crl" | "ciphers";

/** What is wrong with the material, and with which part of it. */
export class TlsMaterialError extends Error {
  readonly part: TlsPart;

  constructor(part: TlsPart, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "TlsMaterialError";
    this.part = part;
  }
}

/** Material that has been checked and is ready for handshakes. Only its runtime sees into it. */
export interface TlsContext {
  /** When the server's certificate ends, in milliseconds since 1970. */
  readonly expiresMs: number;
  /** Of the server's certificate. */
  readonly fingerprint256: string;
}

/** Bytes in front of the handshake, such as a PROXY header. */
export interface Preamble {
  /**
   * Takes the next bytes. Answers how many of them belong to the preamble when it is complete, else undefined. Throws
   * when it cannot be one; the connection is then dropped.
   */
  push(chunk: Uint8Array): number | undefined;
}

export interface TlsHandler extends ByteSocketHandler {
  /** Read before the handshake. */
  readonly preamble?: Preamble | undefined;
}

export interface TlsListenOptions extends TcpListenOptions {
  /** Asked for each handshake, so that a certificate can be replaced at any time. */
  readonly context: () => TlsContext;
  /**
   * A connection came to its end before its handshake did, or showed a certificate that is not good. `isSilent`: the
   * peer just went away. The handler's `onClose` follows.
   */
  readonly onHandshakeError: (address: string, reason: string, isSilent: boolean) => void;
}
