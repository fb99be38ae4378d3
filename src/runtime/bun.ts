import {
  connectWithin,
  placeText,
  type Takeover,
  type TcpConnectOptions,
  type UnixConnectOptions,
} from "./connect.ts";
import { claimSocketFile } from "./socket_file.ts";
import type { Child, ChildOptions } from "./child.ts";
import { NodeCommon } from "./node_common.ts";
import { BunByteSocket } from "./bun_socket.ts";
import type { BunAddress, BunGlobal, BunSocket, BunSocketHandlers } from "./bun_types.ts";
import {
  type ByteSocket,
  type ByteSocketHandler,
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

  readonly dropsCodeWithGarbage = false;

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
