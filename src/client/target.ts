import type {
  ByteSocket,
  ByteSocketHandler,
  Takeover,
  TcpConnectOptions,
  TlsConnectOptions,
} from "../runtime/mod.ts";
import { connectWebSocket } from "../transport/mod.ts";
import type { ClientLoop } from "./client_loop.ts";

/** What is needed for TLS beside the address. */
export type ClientTls = Omit<TlsConnectOptions, keyof TcpConnectOptions>;

/** Where a server is, and how to get there. */
export type ClientTarget =
  | { readonly transport: "tcp"; readonly host: string; readonly port: number }
  | {
    readonly transport: "tls";
    readonly host: string;
    readonly port: number;
    readonly tls: ClientTls;
  }
  | {
    readonly transport: "ws";
    readonly host: string;
    readonly port: number;
    readonly path: string;
    /** Undefined: the WebSocket is on a plain connection. */
    readonly tls: ClientTls | undefined;
  }
  | { readonly transport: "unix"; readonly path: string };

/** Resolves when bytes can be sent. Rejects with `ConnectError`. */
export function openSocket(
  loop: ClientLoop,
  target: ClientTarget,
  timeoutMs: number,
  handler: ByteSocketHandler,
): Promise<ByteSocket> {
  const take = (): ByteSocketHandler => handler;
  const { runtime } = loop;
  switch (target.transport) {
    case "tcp":
      return runtime.connectTcp({ host: target.host, port: target.port, timeoutMs }, take);
    case "tls": {
      const { host, port, tls } = target;
      return runtime.connectTls({ ...tls, host, port, timeoutMs }, take);
    }
    case "ws": {
      const { host, port, path, tls } = target;
      const connectLower = (takeLower: Takeover): Promise<ByteSocket> =>
        tls === undefined
          ? runtime.connectTcp({ host, port, timeoutMs }, takeLower)
          : runtime.connectTls({ ...tls, host, port, timeoutMs }, takeLower);
      return connectWebSocket(
        { host, port, path, timeoutMs },
        connectLower,
        (ms, fn) => loop.after(ms, fn),
        take,
      );
    }
    case "unix":
      return runtime.connectUnix({ path: target.path, timeoutMs }, take);
  }
}
