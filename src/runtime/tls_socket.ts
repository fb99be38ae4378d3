import type { Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { type ByteSocket, type CloseCause, LINGER_MS, type PeerCertificate } from "./runtime.ts";
import type { Preamble, TlsHandler } from "./tls.ts";

/** The library encrypts at once whatever it gets, so a large write goes in pieces, each when the last has gone. */
const PIECE_BYTES = 65_536;

/** What a server and a client do differently. */
export interface TlsSide {
  /** Begins a handshake on the connection. */
  shakeHands(raw: Socket): TlsHandshake;
  /** The connection can be used. */
  onEstablished(socket: TlsByteSocket): void;
  /** It came to its end before that. `isSilent`: the peer just went away. `onClose` of the handler follows. */
  onFailure(socket: TlsByteSocket, reason: string, isSilent: boolean): void;
}

export interface TlsHandshake {
  readonly tls: TLSSocket;
  /** What of `tls` says that the handshake is over. */
  readonly event: "secure" | "secureConnect";
  /** Looks at the peer after that. Throws when there is no telling who it is. */
  judge(): TlsVerdict;
}

export interface TlsVerdict {
  readonly certificate: PeerCertificate | undefined;
  /** Why there must be no connection; undefined: nothing is wrong. */
  readonly problem: string | undefined;
}

/**
 * A connection with TLS. Whoever owns it has it from the accept on, and so counts and times it from there; bytes come
 * when the handshake is over and the certificate of the peer, if there must be one, was found good.
 */
export class TlsByteSocket implements ByteSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly chunksAreStable = true;
  peerCertificate: PeerCertificate | undefined;
  serverName: string | undefined;
  readonly #raw: Socket;
  readonly #side: TlsSide;
  #handler: TlsHandler | undefined;
  #tls: TLSSocket | undefined;
  /** Somebody waits for the handshake. */
  #isAwaited = false;
  #isEstablished = false;
  #isPaused = false;
  #bytes: Uint8Array | undefined;
  #at = 0;
  #end = 0;
  #isInWrite = false;
  #isClosing = false;
  #isOver = false;
  #cause: CloseCause = "peer";
  #detail: string | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;
  readonly #onWritten = (error?: Error | null): void => {
    if (!error) this.#wrote();
  };

  constructor(raw: Socket, side: TlsSide) {
    this.#raw = raw;
    this.#side = side;
    this.remoteAddress = raw.remoteAddress ?? "";
    this.remotePort = raw.remotePort ?? 0;
  }

  /** Called once. */
  start(handler: TlsHandler): void {
    this.#handler = handler;
    this.#raw.on("error", (error) => this.#fail(error.message));
    this.#raw.on("close", () => this.#finish());
    // Turned away: there was to be no handshake.
    if (this.#isClosing) return;
    this.#isAwaited = true;
    if (handler.preamble === undefined) this.#shakeHands();
    else this.#readPreamble(handler.preamble);
  }

  /** The owner changes. */
  attach(handler: TlsHandler): void {
    this.#handler = handler;
  }

  // --- before the first byte --------------------------------------------------------------------

  #readPreamble(preamble: Preamble): void {
    const raw = this.#raw;
    const onEnd = (): void => void raw.destroy();
    const onReadable = (): void => {
      if (this.#isClosing) return;
      const chunk = raw.read() as Uint8Array | null;
      if (chunk === null) return;
      let length: number | undefined;
      try {
        length = preamble.push(chunk);
      } catch (error) {
        this.#fail(error instanceof Error ? error.message : String(error));
        return;
      }
      if (length === undefined) return;
      raw.off("readable", onReadable);
      raw.off("end", onEnd);
      if (length < chunk.length) raw.unshift(chunk.subarray(length));
      this.#shakeHands();
    };
    raw.on("readable", onReadable);
    raw.on("end", onEnd);
  }

  #shakeHands(): void {
    const handshake = this.#side.shakeHands(this.#raw);
    const { tls, event } = handshake;
    this.#tls = tls;
    tls.on("error", (error) => this.#fail(error.message));
    tls.on("close", () => this.#finish());
    tls.on("end", () => this.#onEnd());
    tls.on(event, () => this.#onSecure(handshake));
  }

  #onSecure({ tls, judge }: TlsHandshake): void {
    if (this.#isClosing) return;
    let problem: string | undefined;
    try {
      const verdict = judge();
      this.peerCertificate = verdict.certificate;
      problem = verdict.problem;
    } catch (error) {
      problem = `the peer's certificate cannot be read: ${String(error)}`;
    }
    if (problem !== undefined) {
      this.#fail(problem);
      return;
    }
    const { servername } = tls as { servername?: unknown };
    this.serverName = typeof servername === "string" ? servername : undefined;
    this.#isEstablished = true;
    this.#side.onEstablished(this);
    tls.on("data", (chunk: Uint8Array) => {
      if (!this.#isClosing) this.#handler?.onBytes(chunk);
    });
    if (this.#isPaused) this.#stopReading();
  }

  // --- what the owner does ----------------------------------------------------------------------

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#isInWrite = true;
    this.#writePiece();
    this.#isInWrite = false;
    return this.#bytes === undefined;
  }

  pause(): void {
    this.#isPaused = true;
    if (this.#isEstablished && !this.#isClosing) this.#stopReading();
  }

  resume(): void {
    this.#isPaused = false;
    if (!this.#isEstablished) return;
    rawHandle(this.#raw)?.readStart();
    this.#tls?.resume();
  }

  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#cause = "local";
    if (!this.#isEstablished) {
      this.#destroy();
      return;
    }
    this.resume();
    if (this.#bytes === undefined) this.#shutdown();
  }

  abort(): void {
    this.#isClosing = true;
    if (this.#cause === "peer") this.#cause = "local";
    this.#bytes = undefined;
    this.#destroy();
  }

  /** On Deno a `TLSSocket` that is paused goes on reading, and keeps all of it. */
  #stopReading(): void {
    this.#tls?.pause();
    rawHandle(this.#raw)?.readStop();
  }

  // --- what the library says --------------------------------------------------------------------

  #writePiece(): void {
    const bytes = this.#bytes as Uint8Array;
    const start = this.#at;
    this.#at = Math.min(start + PIECE_BYTES, this.#end);
    this.#tls?.write(bytes.subarray(start, this.#at), this.#onWritten);
  }

  #wrote(): void {
    if (this.#bytes === undefined || this.#isOver) return;
    if (this.#at < this.#end) {
      if (!this.#isInWrite) this.#handler?.onProgress();
      this.#writePiece();
      return;
    }
    this.#bytes = undefined;
    if (this.#isClosing) this.#shutdown();
    else if (!this.#isInWrite) this.#handler?.onWritable();
  }

  /** The peer has ended its side: MQTT has no half-open connections. */
  #onEnd(): void {
    if (!this.#isEstablished) this.#destroy();
    else this.#tls?.end();
  }

  #fail(detail: string): void {
    if (this.#cause === "peer" && !this.#isOver) {
      this.#cause = "error";
      this.#detail = detail;
    }
    this.#isClosing = true;
    this.#destroy();
  }

  #shutdown(): void {
    this.#tls?.end();
    this.#linger = setTimeout(() => this.#destroy(), LINGER_MS);
  }

  #destroy(): void {
    this.#tls?.destroy();
    this.#raw.destroy();
  }

  #finish(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#isClosing = true;
    if (this.#linger !== undefined) clearTimeout(this.#linger);
    this.#destroy();
    this.#bytes = undefined;
    if (this.#isAwaited && !this.#isEstablished) this.#reportHandshake();
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose(this.#cause, this.#detail);
  }

  #reportHandshake(): void {
    const reason = this.#cause === "local"
      ? "it was not over when the connection was closed"
      : this.#detail ?? "the peer went away";
    this.#side.onFailure(this, reason, this.#cause === "peer");
  }
}

interface RawHandle {
  readStart(): void;
  readStop(): void;
}

/** What reads for a socket on Deno; undefined where it needs no such help, and when it is gone. */
function rawHandle(raw: Socket): RawHandle | undefined {
  if ("Bun" in globalThis) return undefined;
  return (raw as unknown as { readonly _handle: RawHandle | null })._handle ?? undefined;
}
