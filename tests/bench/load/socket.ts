/**
 * TCP connections of a load generator, on whichever runtime runs it: the runtime's own sockets, because with
 * `node:net` the generator would be the slower end.
 */

/** The owner of a socket. */
export interface LoadSocketEvents {
  /** Bytes have come; they belong to the socket again when this returns. */
  onBytes(chunk: Uint8Array): void;
  /** The write that was pending is done. */
  onWritable(): void;
  /** Called once, whoever ended the connection. */
  onClose(detail: string | undefined): void;
}

export interface LoadSocket {
  /** True: all taken. False: the bytes must stay as they are, and no other write begin, until `onWritable`. */
  write(bytes: Uint8Array, start: number, end: number): boolean;
  /** Never reads again: the peer finds its bytes standing in the system's buffers. */
  freeze(): void;
  /** Ends the connection in good order. */
  close(): void;
  /** Drops it as a crash would. */
  abort(): void;
}

export interface DialOptions {
  readonly host: string;
  readonly port: number;
  /** Size of the read buffer, where the runtime lets us choose. */
  readonly readBytes: number;
}

export type Dial = (options: DialOptions, events: LoadSocketEvents) => Promise<LoadSocket>;

interface NativeSocket {
  data: BunLoadSocket;
  write(bytes: Uint8Array, offset: number, length: number): number;
  setNoDelay(on: boolean): boolean;
  end(): void;
  terminate(): void;
  pause(): void;
}

interface BunConnect {
  connect(options: {
    hostname: string;
    port: number;
    data: BunLoadSocket;
    socket: Readonly<Record<string, (socket: NativeSocket, detail?: unknown) => void>>;
  }): Promise<NativeSocket>;
}

class BunLoadSocket implements LoadSocket {
  readonly events: LoadSocketEvents;
  native: NativeSocket | undefined;
  #pending: Uint8Array | undefined;
  #start = 0;
  #end = 0;
  #detail: string | undefined;

  constructor(events: LoadSocketEvents) {
    this.events = events;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const taken = this.native?.write(bytes, start, end - start) ?? -1;
    if (taken === end - start) return true;
    this.#pending = bytes;
    this.#start = start + Math.max(taken, 0);
    this.#end = end;
    return false;
  }

  onDrain(): void {
    const bytes = this.#pending;
    if (bytes === undefined) return;
    this.#pending = undefined;
    if (this.write(bytes, this.#start, this.#end)) this.events.onWritable();
  }

  note(error: unknown): void {
    this.#detail ??= error instanceof Error ? error.message : undefined;
  }

  onClosed(): void {
    this.#pending = undefined;
    this.events.onClose(this.#detail);
  }

  freeze(): void {
    this.native?.pause();
  }

  close(): void {
    this.native?.end();
  }

  abort(): void {
    this.native?.terminate();
  }
}

const BUN_HANDLERS: Readonly<Record<string, (socket: NativeSocket, detail?: unknown) => void>> = {
  data: (socket, chunk) => socket.data.events.onBytes(chunk as Uint8Array),
  drain: (socket) => socket.data.onDrain(),
  close: (socket, error) => {
    socket.data.note(error);
    socket.data.onClosed();
  },
  end: (socket) => socket.end(),
  error: (socket, error) => socket.data.note(error),
};

async function dialBun(options: DialOptions, events: LoadSocketEvents): Promise<LoadSocket> {
  const { Bun: bun } = globalThis as unknown as { Bun: BunConnect };
  const socket = new BunLoadSocket(events);
  const native = await bun.connect({
    hostname: options.host,
    port: options.port,
    data: socket,
    socket: BUN_HANDLERS,
  });
  native.setNoDelay(true);
  socket.native = native;
  return socket;
}

class DenoLoadSocket implements LoadSocket {
  readonly #conn: Deno.TcpConn;
  readonly #events: LoadSocketEvents;
  #isClosed = false;
  #isFrozen = false;

  constructor(conn: Deno.TcpConn, events: LoadSocketEvents) {
    this.#conn = conn;
    this.#events = events;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    this.#conn.write(bytes.subarray(start, end)).then(
      (taken) => {
        if (start + taken < end) this.write(bytes, start + taken, end);
        else if (!this.#isClosed) this.#events.onWritable();
      },
      (error) => this.#finish(error),
    );
    return false;
  }

  freeze(): void {
    this.#isFrozen = true;
  }

  close(): void {
    this.#conn.closeWrite().catch((error) => this.#finish(error));
  }

  abort(): void {
    this.#finish(undefined);
  }

  async readLoop(readBytes: number): Promise<void> {
    const buffer = new Uint8Array(readBytes);
    try {
      while (!this.#isFrozen) {
        const count = await this.#conn.read(buffer);
        if (count === null || this.#isClosed) break;
        this.#events.onBytes(buffer.subarray(0, count));
      }
    } catch (error) {
      this.#finish(error);
    }
    if (!this.#isFrozen) this.#finish(undefined);
  }

  #finish(error: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#conn.close();
    this.#events.onClose(error instanceof Error ? error.message : undefined);
  }
}

async function dialDeno(options: DialOptions, events: LoadSocketEvents): Promise<LoadSocket> {
  const conn = await Deno.connect({ hostname: options.host, port: options.port });
  conn.setNoDelay(true);
  const socket = new DenoLoadSocket(conn, events);
  socket.readLoop(options.readBytes);
  return socket;
}

const isBun = "Bun" in globalThis;

/** Opens a connection. Rejects with the system's error. */
export const dial: Dial = isBun ? dialBun : dialDeno;

/** Calls `fn` once the chunks that have already come were seen. */
export function defer(fn: () => void): void {
  if (isBun) setImmediate(fn);
  else queueMicrotask(fn);
}
