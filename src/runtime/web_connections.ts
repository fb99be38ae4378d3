import type { Socket } from "node:net";
import type { PeerCertificate } from "./runtime.ts";
import type { WebConnection, WebServerFigures, WebServerOptions } from "./web.ts";

/** What a connection is doing, and since when; each phase has its own patience. */
type Phase = "first head" | "head" | "body" | "handling" | "reply" | "lingering";

/** What a TLS handshake has brought. */
export interface Secured {
  readonly certificate: PeerCertificate | undefined;
}

/** One connection of a web server. */
export class TrackedConnection implements WebConnection {
  readonly socket: Socket;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly isSecure: boolean;
  phase: Phase = "first head";
  sinceMs: number;
  /** Bytes that were waiting for the client at the last look. */
  unsentBytes = 0;
  readonly peerCertificate: PeerCertificate | undefined;

  constructor(socket: Socket, secured: Secured | undefined, nowMs: number) {
    this.socket = socket;
    this.isSecure = secured !== undefined;
    this.peerCertificate = secured?.certificate;
    this.remoteAddress = socket.remoteAddress ?? "";
    this.remotePort = socket.remotePort ?? 0;
    this.sinceMs = nowMs;
  }

  get serverName(): string | undefined {
    const name = (this.socket as unknown as { readonly servername?: unknown }).servername;
    return typeof name === "string" && name !== "" ? name : undefined;
  }

  enter(phase: Phase, nowMs: number): void {
    this.phase = phase;
    this.sinceMs = nowMs;
  }
}

/** How long a client may go on sending a body that nobody wants before its connection is dropped. */
const LINGER_MS = 10_000;

/** All connections of a web server: their number is limited, and so is their patience. */
export class TrackedConnections {
  readonly #options: WebServerOptions;
  readonly #open = new Map<Socket, TrackedConnection>();
  /** Accepted, but the TLS handshake is not over; the socket that it will become may be another object. */
  readonly #handshaking = new Set<Socket>();
  #accepted = 0;
  #refused = 0;
  #timedOut = 0;
  malformed = 0;
  #onEmpty: (() => void) | undefined;
  #isClosing = false;

  constructor(options: WebServerOptions) {
    this.#options = options;
  }

  get figures(): WebServerFigures {
    return {
      connections: this.#open.size,
      accepted: this.#accepted,
      refused: this.#refused,
      malformed: this.malformed,
      timedOut: this.#timedOut,
    };
  }

  /** A connection whose handshake begins: it counts already. */
  addHandshake(socket: Socket): void {
    if (!this.#hasRoom(socket)) return;
    this.#handshaking.add(socket);
    socket.once("close", () => this.#handshaking.delete(socket));
  }

  /** `secured`: undefined on a plain connection. */
  add(socket: Socket, secured: Secured | undefined): void {
    if (secured !== undefined) this.#endHandshake(socket);
    if (!this.#hasRoom(socket)) return;
    this.#accepted++;
    this.#open.set(socket, new TrackedConnection(socket, secured, performance.now()));
    socket.once("close", () => {
      this.#open.delete(socket);
      if (this.#open.size === 0) this.#onEmpty?.();
    });
  }

  #hasRoom(socket: Socket): boolean {
    const count = this.#open.size + this.#handshaking.size;
    if (count < this.#options.maxConnections && !this.#isClosing) return true;
    this.#refused++;
    socket.destroy();
    return false;
  }

  #endHandshake({ remoteAddress, remotePort }: Socket): void {
    for (const socket of this.#handshaking) {
      if (socket.remotePort !== remotePort || socket.remoteAddress !== remoteAddress) continue;
      this.#handshaking.delete(socket);
      return;
    }
  }

  of(socket: Socket): TrackedConnection | undefined {
    return this.#open.get(socket);
  }

  /** Drops those that take too long. Called about once in a second. */
  sweep(): void {
    const nowMs = performance.now();
    for (const connection of this.#open.values()) {
      if (connection.phase === "reply") noteProgress(connection, nowMs);
      if (nowMs - connection.sinceMs <= this.#patienceMs(connection.phase)) continue;
      if (connection.phase !== "lingering") this.#timedOut++;
      connection.socket.destroy();
    }
  }

  #patienceMs(phase: Phase): number {
    const { headerTimeoutMs, requestTimeoutMs, idleTimeoutMs } = this.#options;
    switch (phase) {
      case "first head":
        return headerTimeoutMs;
      case "head":
        return idleTimeoutMs;
      case "body":
      case "reply":
        return requestTimeoutMs;
      case "handling":
        // Ours to end, not the client's.
        return Infinity;
      case "lingering":
        return LINGER_MS;
    }
  }

  /** Ends what is idle at once and the rest after its reply. Resolves when all are gone. */
  async drain(graceMs: number): Promise<void> {
    this.#isClosing = true;
    for (const { phase, socket } of this.#open.values()) {
      if (phase === "first head" || phase === "head" || phase === "lingering") socket.destroy();
    }
    for (const socket of this.#handshaking) socket.destroy();
    if (this.#open.size === 0) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onEmpty = resolve;
    const timer = setTimeout(() => {
      for (const socket of this.#open.keys()) socket.destroy();
      // A socket that does not even say that it is closed must not keep the program.
      resolve();
    }, graceMs);
    await promise;
    clearTimeout(timer);
  }

  get isClosing(): boolean {
    return this.#isClosing;
  }
}

/** A client that takes its reply slowly is patient with us, too. */
function noteProgress(connection: TrackedConnection, nowMs: number): void {
  const unsentBytes = connection.socket.writableLength;
  if (unsentBytes !== connection.unsentBytes) connection.sinceMs = nowMs;
  connection.unsentBytes = unsentBytes;
}
