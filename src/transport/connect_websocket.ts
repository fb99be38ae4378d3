import {
  type ByteSocket,
  type ByteSocketHandler,
  ConnectError,
  type Takeover,
} from "../runtime/mod.ts";
import { ClientOpening } from "./client_opening.ts";
import { WebSocketSocket } from "./websocket.ts";

export interface WebSocketTarget {
  readonly host: string;
  readonly port: number;
  readonly path: string;
  readonly timeoutMs: number;
}

/** Nobody's, until the WebSocket is open. */
const IDLE: ByteSocketHandler = Object.freeze({
  onBytes: () => undefined,
  onProgress: () => undefined,
  onWritable: () => undefined,
  onClose: () => undefined,
});

/**
 * A WebSocket on a connection that `connectLower` makes: tcp or TLS. Resolves when it is open; rejects with
 * `ConnectError`. `after` calls a function after so many milliseconds, and answers how to forget it.
 */
export async function connectWebSocket(
  target: WebSocketTarget,
  connectLower: (take: Takeover) => Promise<ByteSocket>,
  after: (ms: number, fn: () => void) => () => void,
  take: Takeover,
): Promise<ByteSocket> {
  const { host, port, path, timeoutMs } = target;
  const shownHost = `${host.includes(":") ? `[${host}]` : host}:${port}`;
  const fail = (reason: string, code = "EWEBSOCKET"): ConnectError =>
    new ConnectError(`${shownHost}${path}`, reason, code);
  let resolve: (socket: ByteSocket) => void;
  let reject: (error: unknown) => void;
  const opened = new Promise<ByteSocket>((resolveIt, rejectIt) => {
    [resolve, reject] = [resolveIt, rejectIt];
  });
  // It may fail before anybody waits for it.
  opened.catch(() => undefined);
  let webSocket: WebSocketSocket | undefined;
  const lower = await connectLower((socket) => {
    const opening = new ClientOpening({
      host: shownHost,
      path,
      onOpened: () => {
        try {
          const ours = webSocket as WebSocketSocket;
          ours.attach(take(ours));
          resolve(ours);
        } catch (error) {
          reject(error);
          socket.abort();
        }
      },
      onFailure: (reason) => reject(fail(reason)),
    });
    webSocket = new WebSocketSocket(socket, opening, undefined);
    webSocket.attach(IDLE);
    return webSocket;
  });
  webSocket?.greet();
  const forget = after(timeoutMs, () => {
    reject(fail("it took too long", "ETIMEDOUT"));
    lower.abort();
  });
  try {
    return await opened;
  } finally {
    forget();
  }
}
