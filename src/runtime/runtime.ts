/**
 * What the broker asks of the program that runs it: TCP, timers, files, signals, process figures.
 * `Deno.` and `Bun.` occur in this folder and nowhere else.
 */

import type { Child, ChildOptions } from "./child.ts";
import type {
  Takeover,
  TcpConnectOptions,
  TlsConnectOptions,
  UnixConnectOptions,
} from "./connect.ts";
import type { HttpClient, HttpClientOptions } from "./http_client.ts";
import type { TlsContext, TlsHandler, TlsListenOptions, TlsMaterial } from "./tls.ts";
import type { WebHandler, WebServer, WebServerOptions } from "./web.ts";

/** Why a connection ended, as far as the transport can tell. */
export type CloseCause = "peer" | "local" | "error";

/** The owner of a socket. None of these may throw. */
export interface ByteSocketHandler {
  /** Bytes have come. They belong to the runtime again when this returns. */
  onBytes(chunk: Uint8Array): void;
  /** The system has taken a part of the write that is pending: the peer is there and reads. */
  onProgress(): void;
  /** The write that was pending is done; its bytes are free again. */
  onWritable(): void;
  /** The connection is over. Called exactly once, nothing follows. `detail`: the system's words for an error. */
  onClose(cause: CloseCause, detail: string | undefined): void;
}

/** What a certificate says of the one who showed it. */
export interface PeerCertificate {
  readonly commonName: string | undefined;
  /** "CN=device 7,O=Example", the most special part first. */
  readonly distinguishedName: string;
  /** Hexadecimal, upper case. */
  readonly serialNumber: string;
  /** SHA-256 of the whole certificate, hexadecimal, upper case, with colons. */
  readonly fingerprint256: string;
  /** Signed by somebody we trust. A proxy's word for it counts. */
  readonly isVerified: boolean;
}

/** One connection, whatever it travels over. */
export interface ByteSocket {
  /**
   * Asked of the system each time, and empty once the connection is over: to be read once and kept. Behind a proxy
   * what the proxy says, from the first bytes on. "" for a connection that has no address.
   */
  readonly remoteAddress: string;
  readonly remotePort: number;
  /** What the peer showed to prove who it is; known from the first bytes on. */
  readonly peerCertificate: PeerCertificate | undefined;
  /** The name by which the peer called us (SNI); known from the first bytes on. */
  readonly serverName: string | undefined;
  /**
   * Of the chunk that `onBytes` is called with: it was made for this call and is never written again, so that whoever
   * wants may keep it. Another chunk of the same connection may be otherwise.
   */
  readonly chunksAreStable: boolean;
  /**
   * Hands `bytes[start..end)` to the system. True: all taken, the bytes are free again. False: the write is
   * pending, the bytes must stay as they are until `onWritable`, and `write` must not be called before it.
   */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /** Asks for no more bytes. A chunk that is already under way may still come. */
  pause(): void;
  resume(): void;
  /**
   * Ends our side once the pending write is done, discards what the peer still sends and waits a short
   * time for its end, so that the last bytes reach it. `onClose` follows.
   */
  close(): void;
  /** Drops the connection at once, with whatever is unsent. `onClose` follows in a later turn. */
  abort(): void;
}

export interface TcpListenOptions {
  /** Address to bind, without brackets. */
  readonly host: string;
  /** 0: a free one. */
  readonly port: number;
  /** A connection could not be accepted or set up; the listener goes on. */
  readonly onError: (error: unknown) => void;
}

export interface UnixListenOptions {
  /** Where the socket shall be. A file there must not be: see `Runtime.removeStaleSocket`. */
  readonly path: string;
  /** Permissions of the socket. */
  readonly mode: number;
  readonly onError: (error: unknown) => void;
}

export interface SocketListener {
  /** The path of a Unix socket. */
  readonly host: string;
  /** The port that is really bound; 0 for a Unix socket. */
  readonly port: number;
  /** Accepts no more. Accepted connections live on. */
  close(): void;
}

export interface IntervalHandle {
  stop(): void;
}

export interface ProcessMemory {
  readonly rssBytes: number;
  readonly heapUsedBytes: number;
}

/** What the system tells of the process; undefined is what it does not tell, or may not. */
export interface ProcessFigures {
  readonly memory: {
    readonly rssBytes: number;
    readonly heapUsedBytes: number;
    readonly heapTotalBytes: number | undefined;
    /** Outside the heap, held by objects on it. */
    readonly externalBytes: number | undefined;
  };
  /** Processor time since the start. */
  readonly cpu: { readonly userMs: number; readonly systemMs: number } | undefined;
  /** Of the machine, over 1, 5 and 15 minutes. */
  readonly load: readonly [number, number, number] | undefined;
  /** Files that the process may have open. */
  readonly openFilesMax: number | undefined;
}

/** What the system tells of the machine; undefined is what it does not tell, or may not. */
export interface HostFigures {
  /** Of all processors together since the machine is up: time at work, and all of it. */
  readonly cpu: { readonly busyMs: number; readonly totalMs: number } | undefined;
  /** Available is also what the system would give back when somebody needs it. */
  readonly memory: { readonly totalBytes: number; readonly availableBytes: number } | undefined;
}

/** The way to the service manager that started this program: the notification socket of systemd. */
export interface NotifySocket {
  /** Sends one datagram. Rejects with the system's error; the next one may come through all the same. */
  send(text: string): Promise<void>;
  /** The system's monotonic clock in microseconds, at least what it is now; undefined: this runtime cannot tell. */
  monotonicUs(): bigint | undefined;
  close(): void;
}

export type SignalName = "SIGTERM" | "SIGINT" | "SIGHUP";

export interface Runtime {
  readonly name: "deno" | "bun";
  readonly version: string;
  readonly pid: number;
  /** Arguments of the command line, without the program. */
  readonly args: readonly string[];
  /** Rejects with the system's error when the address cannot be bound. */
  listenTcp(
    options: TcpListenOptions,
    accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener>;
  /** Rejects with `ConnectError`. */
  connectTcp(options: TcpConnectOptions, take: Takeover): Promise<ByteSocket>;
  /** Rejects with `ConnectError`. */
  connectUnix(options: UnixConnectOptions, take: Takeover): Promise<ByteSocket>;
  /** The connection stands when the handshake is over. Rejects with `ConnectError`. */
  connectTls(options: TlsConnectOptions, take: Takeover): Promise<ByteSocket>;
  /** Rejects with the system's error when the address cannot be bound. */
  serveWeb(options: WebServerOptions, handler: WebHandler): Promise<WebServer>;
  /** For requests that this program sends. Opens nothing yet. */
  createHttpClient(options: HttpClientOptions): Promise<HttpClient>;
  /** Rejects with the system's error when there cannot be a socket at that path. */
  listenUnix(
    options: UnixListenOptions,
    accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener>;
  /**
   * Removes the Unix socket at `path` that an earlier run has left. Rejects when somebody listens there, or when it is
   * something else than a socket.
   */
  removeStaleSocket(path: string): Promise<void>;
  /** As `listenTcp`; a connection is handed over when it is accepted, its bytes come after the handshake. */
  listenTls(
    options: TlsListenOptions,
    accept: (socket: ByteSocket) => TlsHandler,
  ): Promise<SocketListener>;
  /** Rejects with `TlsMaterialError`. */
  createTlsContext(material: TlsMaterial): Promise<TlsContext>;
  /**
   * The notification socket at a path, or with "@" in front the abstract one of that name, which Deno cannot reach.
   * Rejects with the reason where there is no way to it.
   */
  openNotifySocket(address: string): Promise<NotifySocket>;
  /** Something that changes whenever another file, or other text, is at `path`. Rejects when there is none. */
  fileStamp(path: string): Promise<string>;
  /** Calls `fn` every `intervalMs` until stopped. */
  every(intervalMs: number, fn: () => void): IntervalHandle;
  /** Calls `fn` at the end of this turn of the event loop, after the chunks that are already there. */
  defer(fn: () => void): void;
  /** Calls `fn` after the other sockets had their turn. */
  yieldTurn(fn: () => void): void;
  environment(): Readonly<Record<string, string>>;
  readTextFile(path: string): Promise<string>;
  /** Writes beside `path` and renames, so that nobody ever reads half of it. */
  writeFileAtomic(path: string, text: string, mode?: number): Promise<void>;
  onSignal(name: SignalName, fn: () => void): void;
  /** Starts another program. Rejects with `SpawnError`. */
  spawn(options: ChildOptions): Promise<Child>;
  /** From now on `spawn` is refused, where the runtime can see to that: no mistake of ours can start a program then. */
  renouncePrograms(): void;
  /** A reader that does not keep up loses text, one that is gone all of it: for words to people. */
  writeStdout(text: string): void;
  /**
   * All of `bytes`, however long the reader takes; nothing else happens meanwhile. False: there is no reader any more.
   * For data.
   */
  writeStdoutBytes(bytes: Uint8Array): boolean;
  writeStderr(text: string): void;
  memory(): ProcessMemory;
  /** Frees now what a burst has left on the heap, where the runtime can be asked to; it stands still for some 20 ms. */
  collectGarbage(): void;
  /** With garbage goes compiled code that knew of it: ways that are to be fast have to be gone once more after that. */
  readonly dropsCodeWithGarbage: boolean;
  /** Not for the hot path: each part is asked of the system. */
  figures(): ProcessFigures;
  hostFigures(): HostFigures;
  exit(code: number): never;
}

/** How long a connection that we ended may take to end its side, in milliseconds. */
export const LINGER_MS = 2000;
