import {
  connectWithin,
  placeText,
  type Takeover,
  type TcpConnectOptions,
  type UnixConnectOptions,
} from "./connect.ts";
import { claimSocketFile } from "./socket_file.ts";
import { copyAlone } from "./bytes.ts";
import type { Child, ChildOptions } from "./child.ts";
import { NodeCommon } from "./node_common.ts";
import type { BunAddress, BunGlobal, BunSocket, BunSocketHandlers } from "./bun_types.ts";
import {
  type ByteSocket,
  type ByteSocketHandler,
  type CloseCause,
  LINGER_MS,
  type NotifySocket,
  type Runtime,
  type SocketListener,
  type TcpListenOptions,
  type UnixListenOptions,
} from "./runtime.ts";

/**
 * Silence after which the system asks whether the peer is still there: a client without a keep alive may have gone
 * without a word.
 */
const PROBE_AFTER_MS = 300_000;

const bun = (globalThis as unknown as { Bun: BunGlobal }).Bun;

/** A write goes to the system at once; only what it did not take waits here for `drain`. */
class BunByteSocket implements ByteSocket {
  readonly peerCertificate = undefined;
  readonly serverName = undefined;
  readonly chunksAreStable = true;
  readonly #socket: BunSocket<BunByteSocket>;
  #handler: ByteSocketHandler | undefined;
  #pending: Uint8Array | undefined;
  #pendingStart = 0;
  #pendingEnd = 0;
  #closing = false;
  #cause: CloseCause = "peer";
  #detail: string | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: BunSocket<BunByteSocket>) {
    this.#socket = socket;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  get remotePort(): number {
    return this.#socket.remotePort ?? 0;
  }

  attach(handler: ByteSocketHandler): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const taken = this.#socket.write(bytes, start, end - start);
    if (taken === end - start) return true;
    this.#keepRest(bytes, start + (taken > 0 ? taken : 0), end);
    if (taken < 0) this.#break();
    return false;
  }

  /** A small rest of a large chunk must not hold on to all of it until the peer reads on. */
  #keepRest(bytes: Uint8Array, start: number, end: number): void {
    const isSmallPart = (end - start) * 2 < bytes.length;
    this.#pending = isSmallPart ? copyAlone(bytes, start, end) : bytes;
    this.#pendingStart = isSmallPart ? 0 : start;
    this.#pendingEnd = isSmallPart ? end - start : end;
  }

  pause(): void {
    if (!this.#closing) this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#cause = "local";
    this.#socket.resume();
    if (this.#pending === undefined) this.#shutdown();
  }

  abort(): void {
    this.#closing = true;
    if (this.#cause === "peer") this.#cause = "local";
    this.#pending = undefined;
    this.#terminateLater();
  }

  /** The connection is broken. Of a socket that is paused, nobody else would ever say so. */
  #break(): void {
    if (this.#cause === "peer") this.onError(new Error("Cannot write: the connection is broken"));
    this.#terminateLater();
  }

  /** It calls `onClosed` at once, and whoever writes or aborts is in the middle of something. */
  #terminateLater(): void {
    setImmediate(() => this.#socket.terminate());
  }

  onData(chunk: Uint8Array): void {
    if (!this.#closing) this.#handler?.onBytes(chunk);
  }

  onDrain(): void {
    const bytes = this.#pending;
    if (bytes === undefined) return;
    const length = this.#pendingEnd - this.#pendingStart;
    const taken = this.#socket.write(bytes, this.#pendingStart, length);
    if (taken < length) {
      if (taken < 0) this.#break();
      if (taken <= 0) return;
      this.#pendingStart += taken;
      this.#handler?.onProgress();
      return;
    }
    this.#pending = undefined;
    if (this.#closing) this.#shutdown();
    else this.#handler?.onWritable();
  }

  /** The peer has ended its side: MQTT has no half-open connections. */
  onEnd(): void {
    this.#socket.end();
  }

  onError(error: Error): void {
    this.#cause = "error";
    this.#detail = error.message;
  }

  onClosed(error: Error | undefined): void {
    if (this.#linger !== undefined) clearTimeout(this.#linger);
    if (error !== undefined && this.#cause === "peer") this.onError(error);
    this.#closing = true;
    this.#pending = undefined;
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose(this.#cause, this.#detail);
  }

  #shutdown(): void {
    this.#socket.shutdown();
    this.#linger = setTimeout(() => this.#socket.terminate(), LINGER_MS);
  }
}

/** The broker on Bun. */
export class BunRuntime extends NodeCommon implements Runtime {
  readonly name = "bun";
  readonly version: string = bun.version;

  /** The end of a turn is where immediates run: after all sockets that were ready in one poll. */
  defer(fn: () => void): void {
    setImmediate(fn);
  }

  yieldTurn(fn: () => void): void {
    setImmediate(fn);
  }

  async spawn(options: ChildOptions): Promise<Child> {
    const { spawnWithBun } = await import("./bun_child.ts");
    return spawnWithBun(options);
  }

  /** Bun knows no permissions. */
  renouncePrograms(): void {
    return undefined;
  }

  collectGarbage(): void {
    bun.gc(true);
  }

  // deno-lint-ignore require-await -- the interface is asynchronous, Bun binds at once
  async listenTcp(
    { host, port, onError }: TcpListenOptions,
    accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener> {
    const handlers = socketHandlers(onError, accept);
    const listener = bun.listen<BunByteSocket>({ hostname: host, port, ...handlers });
    return { host, port: listener.port, close: () => listener.stop(false) };
  }

  connectTcp(
    { host, port, timeoutMs }: TcpConnectOptions,
    take: Takeover,
  ): Promise<ByteSocket> {
    return connectTo({ hostname: host, port }, placeText(host, port), timeoutMs, take);
  }

  connectUnix({ path, timeoutMs }: UnixConnectOptions, take: Takeover): Promise<ByteSocket> {
    return connectTo({ unix: path }, path, timeoutMs, take);
  }

  // deno-lint-ignore require-await -- as above
  async listenUnix(
    { path, mode, onError }: UnixListenOptions,
    accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener> {
    const handlers = socketHandlers(onError, accept);
    const listener = bun.listen<BunByteSocket>({ unix: path, ...handlers });
    let remove: () => void;
    try {
      remove = claimSocketFile(path, mode);
    } catch (error) {
      listener.stop(true);
      throw error;
    }
    const close = (): void => {
      listener.stop(false);
      remove();
    };
    return { host: path, port: 0, close };
  }

  async openNotifySocket(address: string): Promise<NotifySocket> {
    const { openNotifySocket } = await import("./bun_notify.ts");
    return await openNotifySocket(address);
  }
}

/** Connects, and hands the connection over. */
async function connectTo(
  address: BunAddress,
  place: string,
  timeoutMs: number,
  take: Takeover,
): Promise<ByteSocket> {
  let failure: unknown;
  let isLate = false;
  const { allowHalfOpen, socket } = socketHandlers((error) => failure = error, take);
  const open = (connected: BunSocket<BunByteSocket>): void => {
    if (!isLate) {
      socket.open(connected);
      return;
    }
    // Nobody's, but its end is told all the same.
    connected.data = new BunByteSocket(connected);
    connected.terminate();
  };
  const pending = bun.connect<BunByteSocket>({
    ...address,
    allowHalfOpen,
    // It rejects as well; without this it would be reported as uncaught, too.
    socket: { ...socket, open, connectError: () => undefined },
  });
  const connected = await connectWithin(place, timeoutMs, pending, (late) => late.terminate())
    .finally(() => isLate = true);
  if (failure !== undefined) throw failure;
  return connected.data;
}

function socketHandlers(
  onError: (error: unknown) => void,
  accept: (socket: ByteSocket) => ByteSocketHandler,
): BunSocketHandlers<BunByteSocket> {
  return {
    allowHalfOpen: true,
    socket: {
      open(socket): void {
        socket.setNoDelay(true);
        socket.setKeepAlive(true, PROBE_AFTER_MS);
        const ours = new BunByteSocket(socket);
        socket.data = ours;
        try {
          ours.attach(accept(ours));
        } catch (error) {
          onError(error);
          socket.terminate();
        }
      },
      data: (socket, chunk) => socket.data.onData(chunk),
      drain: (socket) => socket.data.onDrain(),
      end: (socket) => socket.data.onEnd(),
      close: (socket, error) => socket.data.onClosed(error),
      error: (socket, error) => socket.data.onError(error),
    },
  };
}
