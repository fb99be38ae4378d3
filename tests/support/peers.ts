/** The other ends of connections of every kind, for `byte_socket_contract.ts`. */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";
import type { SocketListener } from "../../src/runtime/mod.ts";
import type { Peer } from "./byte_socket_contract.ts";
import { within } from "./deadline.ts";

export type PeerTarget = { readonly port: number; readonly host: string } | {
  readonly path: string;
};

/** Of a plain connection, or of one with TLS. */
export class StreamPeer implements Peer {
  readonly raw: Socket;
  readonly stream: Socket | TLSSocket;

  constructor(raw: Socket, stream: Socket | TLSSocket = raw) {
    this.raw = raw;
    this.stream = stream;
    // A reset is what some tests are about.
    raw.on("error", () => raw.destroy());
    stream.on("error", () => stream.destroy());
  }

  stopReading(): void {
    if (this.stream !== this.raw) this.#handle?.readStop();
  }

  /** On Deno a connection with TLS reads without being asked. */
  get #handle(): { readStop(): void } | undefined {
    if ("Bun" in globalThis) return undefined;
    const { _handle: handle } = this.raw as unknown as {
      _handle: { readStop(): void } | null;
    };
    return handle ?? undefined;
  }

  get unsentBytes(): number {
    return this.raw === this.stream
      ? this.raw.writableLength
      : this.raw.writableLength + this.stream.writableLength;
  }

  get localPort(): number | undefined {
    return this.raw.localPort;
  }

  write(bytes: Uint8Array | string): void {
    this.stream.write(bytes);
  }

  end(bytes?: Uint8Array | string): void {
    if (bytes === undefined) this.stream.end();
    else this.stream.end(bytes);
  }

  reset(): void {
    this.raw.resetAndDestroy();
  }

  destroy(): void {
    this.stream.destroy();
    this.raw.destroy();
  }

  readToEnd(): Promise<Buffer> {
    const chunks: Buffer[] = [];
    this.stream.on("data", (chunk: Buffer) => chunks.push(chunk));
    const ended = new Promise<Buffer>((resolve) => {
      this.stream.once("end", () => resolve(Buffer.concat(chunks)));
      this.stream.once("close", () => resolve(Buffer.concat(chunks)));
    });
    return within(ended, "the end of what the peer gets");
  }
}

/** Rejects when nobody listens. */
export async function connectPlain(target: PeerTarget, preamble?: Uint8Array): Promise<StreamPeer> {
  const raw = connect({ ...target, allowHalfOpen: true });
  await new Promise<void>((resolve, reject) => {
    raw.once("connect", resolve);
    raw.once("error", reject);
  });
  if (preamble !== undefined) raw.write(preamble);
  return new StreamPeer(raw);
}

export interface SecurePeerOptions {
  readonly cert?: string;
  readonly key?: string;
  /** Sent before the handshake. */
  readonly preamble?: Uint8Array;
}

/** Rejects when nobody listens, or when the handshake fails. */
export async function connectSecurely(
  listener: Pick<SocketListener, "port">,
  { preamble, ...own }: SecurePeerOptions = {},
): Promise<StreamPeer> {
  const { raw } = await connectPlain({ host: "127.0.0.1", port: listener.port }, preamble);
  const secure = connectTls({
    ...own,
    socket: raw,
    servername: "localhost",
    rejectUnauthorized: false,
  });
  await new Promise<void>((resolve, reject) => {
    secure.once("secureConnect", resolve);
    secure.once("error", reject);
  });
  return new StreamPeer(raw, secure);
}
