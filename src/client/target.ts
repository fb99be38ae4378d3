import type {
  ByteSocket,
  ByteSocketHandler,
  TcpConnectOptions,
  TlsConnectOptions,
} from "../runtime/mod.ts";
import type { ClientRuntime } from "./client_loop.ts";

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
  | { readonly transport: "unix"; readonly path: string };

/** Resolves when bytes can be sent. Rejects with `ConnectError`. */
export function openSocket(
  runtime: ClientRuntime,
  target: ClientTarget,
  timeoutMs: number,
  handler: ByteSocketHandler,
): Promise<ByteSocket> {
  const take = (): ByteSocketHandler => handler;
  switch (target.transport) {
    case "tcp":
      return runtime.connectTcp({ host: target.host, port: target.port, timeoutMs }, take);
    case "tls": {
      const { host, port, tls } = target;
      return runtime.connectTls({ ...tls, host, port, timeoutMs }, take);
    }
    case "unix":
      return runtime.connectUnix({ path: target.path, timeoutMs }, take);
  }
}
