import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import {
  connectWithin,
  placeText,
  type Takeover,
  type TcpConnectOptions,
  type UnixConnectOptions,
} from "./connect.ts";
import { NextPoll } from "./deno_poll.ts";
import { NodeCommon } from "./node_common.ts";
import type { Child, ChildOptions } from "./child.ts";
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
import { claimSocketFile } from "./socket_file.ts";
import type { TlsHandler, TlsListenOptions } from "./tls.ts";

/** Sizes of read buffers. A pending read owns its buffer, so an idle connection holds a small one. */
const READ_SIZES = [512, 4096, 65536] as const;
/** Buffers of each size kept for reuse. */
const SPARE_READ_BUFFERS_MAX = [1024, 256, 64] as const;
const spareReadBuffers: [Uint8Array[], Uint8Array[], Uint8Array[]] = [[], [], []];

/** Pause after a failed accept: the reason, such as too few descriptors, may last. */
const ACCEPT_RETRY_MS = 50;

type SizeClass = 0 | 1 | 2;

function takeReadBuffer(size: SizeClass): Uint8Array {
  return spareReadBuffers[size].pop() ?? new Uint8Array(READ_SIZES[size]);
}

function giveReadBuffer(size: SizeClass, buffer: Uint8Array): void {
  const spare = spareReadBuffers[size];
  if (spare.length < SPARE_READ_BUFFERS_MAX[size]) spare.push(buffer);
}

/** The next buffer fits twice what the last read brought, so that a busy connection climbs in two reads. */
function nextSizeClass(lastRead: number): SizeClass {
  if (lastRead * 2 <= READ_SIZES[0]) return 0;
  return lastRead * 2 <= READ_SIZES[1] ? 1 : 2;
}

/** Reads and writes are promises here; a loop each turns them into calls. */
class DenoByteSocket implements ByteSocket {
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly peerCertificate = undefined;
  readonly serverName = undefined;
  readonly chunksAreStable = false;
  readonly #conn: Deno.TcpConn | Deno.UnixConn;
  #handler: ByteSocketHandler | undefined;
  #paused = false;
  #onResume: (() => void) | undefined;
  #writing = false;
  #closing = false;
  #closed = false;
  #cause: CloseCause = "peer";
  #detail: string | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(conn: Deno.TcpConn | Deno.UnixConn) {
    const { remoteAddr } = conn;
    this.#conn = conn;
    this.remoteAddress = "hostname" in remoteAddr ? remoteAddr.hostname : "";
    this.remotePort = "hostname" in remoteAddr ? remoteAddr.port : 0;
  }

  start(handler: ByteSocketHandler): void {
    this.#handler = handler;
    this.#readLoop();
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#writing = true;
    this.#conn.write(bytes.subarray(start, end)).then(
      (taken) => this.#wrote(bytes, start + taken, end),
      (error) => this.#fail(error),
    );
    return false;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    const go = this.#onResume;
    this.#onResume = undefined;
    go?.();
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#cause = "local";
    this.resume();
    if (!this.#writing) this.#shutdown();
  }

  abort(): void {
    this.#closing = true;
    if (this.#cause === "peer") this.#cause = "local";
    this.resume();
    this.#closeNow();
  }

  #wrote(bytes: Uint8Array, start: number, end: number): void {
    if (this.#closed) return;
    if (start < end) {
      this.write(bytes, start, end);
      this.#handler?.onProgress();
      return;
    }
    this.#writing = false;
    if (this.#closing) this.#shutdown();
    else this.#handler?.onWritable();
  }

  async #readLoop(): Promise<void> {
    let size: SizeClass = 0;
    try {
      while (!this.#closed) {
        if (this.#paused) await new Promise<void>((resolve) => this.#onResume = resolve);
        if (this.#closed) break;
        const buffer = takeReadBuffer(size);
        const count = await this.#conn.read(buffer);
        if (count !== null && !this.#closing) {
          this.#handler?.onBytes(count === buffer.length ? buffer : buffer.subarray(0, count));
        }
        giveReadBuffer(size, buffer);
        if (count === null) break;
        size = nextSizeClass(count);
      }
    } catch (error) {
      this.#note(error);
    }
    this.#closeNow();
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose(this.#cause, this.#detail);
  }

  #fail(error: unknown): void {
    this.#note(error);
    this.#closeNow();
  }

  #note(error: unknown): void {
    if (this.#closed || this.#cause !== "peer") return;
    this.#cause = "error";
    this.#detail = error instanceof Error ? error.message : String(error);
  }

  #shutdown(): void {
    if (this.#closed) return;
    this.#conn.closeWrite().catch((error) => this.#fail(error));
    this.#linger = setTimeout(() => this.#closeNow(), LINGER_MS);
  }

  #closeNow(): void {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#linger !== undefined) clearTimeout(this.#linger);
    this.#conn.close();
    // A read loop that is paused waits for nothing else.
    this.resume();
  }
}

/** The broker on Deno. */
export class DenoRuntime extends NodeCommon implements Runtime {
  readonly name = "deno";
  readonly version: string = Deno.version.deno;
  #nextPoll: NextPoll | undefined;
  #openingNextPoll: Promise<NextPoll> | undefined;

  /** Reads that are done resolve together; a microtask of the first runs after the others of that turn. */
  defer(fn: () => void): void {
    queueMicrotask(fn);
  }

  yieldTurn(fn: () => void): void {
    if (this.#nextPoll === undefined) setImmediate(fn);
    else this.#nextPoll.call(fn);
  }

  async spawn(options: ChildOptions): Promise<Child> {
    const { spawnWithDeno } = await import("./deno_child.ts");
    return spawnWithDeno(options);
  }

  renouncePrograms(): void {
    Deno.permissions.revokeSync({ name: "run" });
  }

  readonly dropsCodeWithGarbage = true;

  collectGarbage(): void {
    // V8 shows its collector only to what begins after it was asked to. Where it does not, nobody depends on it.
    setFlagsFromString("--expose-gc");
    const collect: unknown = runInNewContext("globalThis.gc");
    if (typeof collect === "function") collect();
  }

  async listenTcp(
    options: TcpListenOptions,
    accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener> {
    await this.#prepareYield();
    const { host, port } = options;
    const listener = Deno.listen({ hostname: host, port });
    const close = acceptAll(listener, options.onError, accept);
    return { host, port: listener.addr.port, close };
  }

  async listenUnix(
    { path, mode, onError }: UnixListenOptions,
    accept: (socket: ByteSocket) => ByteSocketHandler,
  ): Promise<SocketListener> {
    await this.#prepareYield();
    const listener = Deno.listen({ transport: "unix", path });
    let remove: () => void;
    try {
      remove = claimSocketFile(path, mode);
    } catch (error) {
      listener.close();
      throw error;
    }
    const stop = acceptAll(listener, onError, accept);
    const close = (): void => {
      stop();
      remove();
    };
    return { host: path, port: 0, close };
  }

  async connectTcp(
    { host, port, timeoutMs }: TcpConnectOptions,
    take: Takeover,
  ): Promise<ByteSocket> {
    const pending = Deno.connect({ hostname: host, port });
    return adopt(await connectWithin(placeText(host, port), timeoutMs, pending, discard), take);
  }

  async connectUnix(
    { path, timeoutMs }: UnixConnectOptions,
    take: Takeover,
  ): Promise<ByteSocket> {
    const pending = Deno.connect({ transport: "unix", path });
    return adopt(await connectWithin(path, timeoutMs, pending, discard), take);
  }

  override async listenTls(
    options: TlsListenOptions,
    accept: (socket: ByteSocket) => TlsHandler,
  ): Promise<SocketListener> {
    await this.#prepareYield();
    return await super.listenTls(options, accept);
  }

  async openNotifySocket(address: string): Promise<NotifySocket> {
    const { openNotifySocket } = await import("./deno_notify.ts");
    return await openNotifySocket(address);
  }

  async #prepareYield(): Promise<void> {
    this.#nextPoll = await (this.#openingNextPoll ??= NextPoll.open());
  }
}

/** Hands a connection over to its owner; closes it when that throws. */
function adopt(conn: Deno.TcpConn | Deno.UnixConn, take: Takeover): ByteSocket {
  try {
    if ("setNoDelay" in conn) {
      conn.setNoDelay(true);
      // A client without a keep alive may go without a word: the system asks, after its own time (two hours).
      conn.setKeepAlive(true);
    }
    const socket = new DenoByteSocket(conn);
    socket.start(take(socket));
    return socket;
  } catch (error) {
    conn.close();
    throw error;
  }
}

function discard(conn: Deno.Conn): void {
  conn.close();
}

/** Hands on every connection until the function that it answers is called. */
function acceptAll(
  listener: Deno.TcpListener | Deno.UnixListener,
  onError: (error: unknown) => void,
  accept: (socket: ByteSocket) => ByteSocketHandler,
): () => void {
  let isOpen = true;
  const loop = async (): Promise<void> => {
    while (isOpen) {
      let conn: Deno.TcpConn | Deno.UnixConn;
      try {
        conn = await listener.accept();
      } catch (error) {
        if (!isOpen) return;
        // Out of descriptors, or a connection that was gone before it was accepted: neither ends the listener.
        onError(error);
        await new Promise((resolve) => setTimeout(resolve, ACCEPT_RETRY_MS));
        continue;
      }
      try {
        adopt(conn, accept);
      } catch (error) {
        onError(error);
      }
    }
  };
  loop();
  return () => {
    if (isOpen) listener.close();
    isOpen = false;
  };
}
