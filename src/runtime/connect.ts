import type { ByteSocket, ByteSocketHandler } from "./runtime.ts";

/** Takes a connection when it stands; bytes come after that. Called once at most, before the promise resolves. */
export type Takeover = (socket: ByteSocket) => ByteSocketHandler;

export interface ConnectOptions {
  /** The longest that it may take until the connection can be used, in milliseconds. */
  readonly timeoutMs: number;
}

export interface TcpConnectOptions extends ConnectOptions {
  /** A name, or an address without brackets. */
  readonly host: string;
  readonly port: number;
}

export interface UnixConnectOptions extends ConnectOptions {
  readonly path: string;
}

/** What of a server's certificate counts: signed by somebody we trust, made for its name. */
export type ServerVerification = "full" | "signature" | "none";

export interface TlsConnectOptions extends TcpConnectOptions {
  /** What the server is called: sent to it (SNI) unless it is an address, and its certificate must be for it. */
  readonly serverName: string;
  readonly verification: ServerVerification;
  /** PEM: whom we trust. Undefined: those that the runtime brings along. */
  readonly ca: string | undefined;
  /** PEM: what we show the server if it asks, and the key that belongs to it; without `key` it stands in `cert`, too. */
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly keyPassword: string | undefined;
  /** Protocols to offer (ALPN), the best first. */
  readonly protocols: readonly string[];
  readonly minVersion: TlsVersion;
  readonly maxVersion: TlsVersion;
  /** In the words of OpenSSL. */
  readonly ciphers: string | undefined;
}

export type TlsVersion = "TLSv1.2" | "TLSv1.3";

/** There is no connection, and why. */
export class ConnectError extends Error {
  override readonly name = "ConnectError";
  /** The system's name for the error, "ETLS" where TLS failed; undefined: it has none. */
  readonly code: string | undefined;
  /** Without where it was to go. */
  readonly reason: string;

  constructor(place: string, reason: string, code: string | undefined, options?: ErrorOptions) {
    super(`Cannot connect to ${place}: ${reason}`, options);
    this.code = code;
    this.reason = reason;
  }
}

/** What the commonest errors mean; the runtimes have no words for them, or different ones. */
const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused",
  ECONNRESET: "connection reset by peer",
  EHOSTUNREACH: "no route to host",
  ENETUNREACH: "network is unreachable",
  ENOENT: "no such file or directory",
  ENOTFOUND: "the name of the host is not known",
  ETIMEDOUT: "it took too long",
  EACCES: "permission denied",
};

/** Of Deno's error for a name that cannot be found, which has no code. */
const LOOKUP_FAILED = /failed to lookup address information/;

/** The error of a runtime as ours. `place`: where the connection was to go. */
export function toConnectError(place: string, error: unknown): ConnectError {
  if (error instanceof ConnectError) return error;
  const message = error instanceof Error ? error.message : String(error);
  const given = (error as { readonly code?: unknown }).code;
  const code = LOOKUP_FAILED.test(message) || given === "EAI_AGAIN"
    ? "ENOTFOUND"
    : typeof given === "string"
    ? given
    : undefined;
  const known = code === undefined ? undefined : REASONS[code];
  return new ConnectError(place, known ?? message, code, { cause: error });
}

/**
 * What `pending` resolves with, or a ConnectError when it fails or takes too long; what comes after that is given to
 * `discard`.
 */
export async function connectWithin<T>(
  place: string,
  timeoutMs: number,
  pending: Promise<T>,
  discard: (late: T) => void,
): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const isLate = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), timeoutMs);
  });
  const boxed = pending.then((connection) => ({ connection }));
  try {
    const first = await Promise.race([boxed, isLate]);
    if (first !== undefined) return first.connection;
  } catch (error) {
    throw toConnectError(place, error);
  } finally {
    clearTimeout(timer);
  }
  // Nobody waits for it any more: its failure is no news.
  boxed.then(({ connection }) => discard(connection), () => undefined);
  throw new ConnectError(place, REASONS["ETIMEDOUT"] as string, "ETIMEDOUT");
}

/** "example.org:1883", "[::1]:1883". */
export function placeText(host: string, port: number): string {
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
