import type {
  ByteSocket,
  ByteSocketHandler,
  CloseCause,
  PeerCertificate,
  TlsHandler,
} from "../runtime/mod.ts";
import { ProxyHeaderReader } from "./proxy_header.ts";

export interface ProxiedSocketOptions {
  /** The header lies below TLS, where the runtime reads it, and not in front of the first byte. */
  readonly isBelowTls: boolean;
  /** Where the connection really comes from. False: it must go. */
  readonly onAddress: (address: string) => boolean;
  /** The header cannot be read; the connection is dropped. */
  readonly onFailure: (reason: string) => void;
}

/** A connection through a proxy, which says in a header in front of everything for whom it speaks. */
export class ProxiedSocket implements ByteSocket, TlsHandler {
  readonly preamble: { push(chunk: Uint8Array): number | undefined } | undefined;
  readonly #lower: ByteSocket;
  readonly #options: ProxiedSocketOptions;
  readonly #reader = new ProxyHeaderReader();
  #isRead = false;
  #isOver = false;
  #handler: ByteSocketHandler | undefined;

  constructor(lower: ByteSocket, options: ProxiedSocketOptions) {
    this.#lower = lower;
    this.#options = options;
    this.preamble = options.isBelowTls ? { push: (chunk) => this.#pushBelowTls(chunk) } : undefined;
  }

  attach(handler: ByteSocketHandler): void {
    this.#handler = handler;
  }

  // --- as the socket of whoever is above --------------------------------------------------------

  get remoteAddress(): string {
    return this.#reader.header.remoteAddress ?? this.#lower.remoteAddress;
  }

  get remotePort(): number {
    return this.#reader.header.remotePort ?? this.#lower.remotePort;
  }

  get peerCertificate(): PeerCertificate | undefined {
    return this.#lower.peerCertificate ?? this.#reader.header.peerCertificate;
  }

  get serverName(): string | undefined {
    return this.#lower.serverName ?? this.#reader.header.serverName;
  }

  get chunksAreStable(): boolean {
    return this.#lower.chunksAreStable;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    return this.#lower.write(bytes, start, end);
  }

  pause(): void {
    this.#lower.pause();
  }

  resume(): void {
    this.#lower.resume();
  }

  close(): void {
    this.#lower.close();
  }

  abort(): void {
    this.#lower.abort();
  }

  // --- as the owner of the socket below ---------------------------------------------------------

  onBytes(chunk: Uint8Array): void {
    if (this.#isOver) return;
    if (this.#isRead || this.#options.isBelowTls) {
      this.#handler?.onBytes(chunk);
      return;
    }
    let length: number | undefined;
    try {
      length = this.#push(chunk);
    } catch (error) {
      this.#isOver = true;
      this.#options.onFailure(error instanceof Error ? error.message : String(error));
      this.#lower.abort();
      return;
    }
    if (length === undefined) return;
    if (!this.#options.onAddress(this.remoteAddress)) {
      this.#isOver = true;
      this.#lower.abort();
    } else if (length < chunk.length) this.#handler?.onBytes(chunk.subarray(length));
  }

  onProgress(): void {
    this.#handler?.onProgress();
  }

  onWritable(): void {
    this.#handler?.onWritable();
  }

  onClose(cause: CloseCause, detail: string | undefined): void {
    this.#handler?.onClose(cause, detail);
  }

  #push(chunk: Uint8Array): number | undefined {
    const length = this.#reader.push(chunk);
    this.#isRead = length !== undefined;
    return length;
  }

  /** Whoever reads reports what is thrown. */
  #pushBelowTls(chunk: Uint8Array): number | undefined {
    const length = this.#push(chunk);
    if (length !== undefined && !this.#options.onAddress(this.remoteAddress)) {
      throw new Error("Cannot accept a connection: there are enough from its address");
    }
    return length;
  }
}
