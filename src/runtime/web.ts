/** Web servers, as far as HTTP itself goes; what is served is for the layers above. */
import type { PeerCertificate } from "./runtime.ts";
import type { TlsMaterial } from "./tls.ts";

export interface WebServerOptions {
  /** Without brackets. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: TlsMaterial | undefined;
  /** A connection above it is closed as soon as it was accepted. */
  readonly maxConnections: number;
  /** From the accept to the end of the first request's head. */
  readonly headerTimeoutMs: number;
  /** From the end of the head to the end of the body; and without progress, for a reply to be taken. */
  readonly requestTimeoutMs: number;
  /** From the end of a reply to the end of the next request's head. */
  readonly idleTimeoutMs: number;
  /** Something failed that no client can be told of, such as a handshake; the server goes on. */
  readonly onError: (error: unknown) => void;
}

/** The connection that a request came on; the same object for all its requests, so that things may be kept by it. */
export interface WebConnection {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly isSecure: boolean;
  readonly serverName: string | undefined;
  readonly peerCertificate: PeerCertificate | undefined;
}

/** One request, with its body still on the way. */
export interface WebRequest {
  /** Upper case. */
  readonly method: string;
  /** Path and query exactly as sent: nothing decoded, nothing joined. Begins with "/", or is "*". */
  readonly target: string;
  readonly httpVersion: "1.0" | "1.1";
  readonly connection: WebConnection;
  /** By lower-case name; repeated ones joined by ", ". */
  header(name: string): string | undefined;
  headers(): Iterable<readonly [name: string, value: string]>;
  /**
   * The whole body, also of a GET; undefined when it is longer than `maxBytes`, of which no more is then read.
   * Rejects when the client goes away before its end. To be called once.
   */
  readBody(maxBytes: number): Promise<Uint8Array | undefined>;
}

export type WebReplyBody = string | Uint8Array | AsyncIterable<string | Uint8Array> | undefined;

export interface WebReply {
  readonly status: number;
  /** The length and the date are added. */
  readonly headers: Iterable<readonly [name: string, value: string]>;
  /** A sequence is asked for the next piece when the client has taken the last one. */
  readonly body: WebReplyBody;
}

/** A rejection is answered with 500 and nothing else. */
export type WebHandler = (request: WebRequest) => WebReply | Promise<WebReply>;

export interface WebServerFigures {
  /** Open now. */
  readonly connections: number;
  readonly accepted: number;
  /** Closed at once, because there were too many. */
  readonly refused: number;
  /** What could not be understood as HTTP. */
  readonly malformed: number;
  /** Closed because something took too long. */
  readonly timedOut: number;
}

export interface WebServer {
  /** The port that is really bound. */
  readonly port: number;
  /** As they are now. */
  readonly figures: WebServerFigures;
  /** For the handshakes from now on. Throws `TlsMaterialError` when it cannot be used; nothing has changed then. */
  setTls(tls: TlsMaterial): void;
  /** Accepts no more, lets requests end for `graceMs`, then drops what is left. */
  close(graceMs: number): Promise<void>;
}
