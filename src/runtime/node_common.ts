import { Buffer } from "node:buffer";
import { readFile, rename, stat, unlink, writeFile } from "node:fs/promises";
import { writeSync } from "node:fs";
import process from "node:process";
import type { HttpClient, HttpClientOptions } from "./http_client.ts";
import { hostFigures, processFigures } from "./process_figures.ts";
import type {
  ByteSocket,
  HostFigures,
  IntervalHandle,
  ProcessFigures,
  ProcessMemory,
  SignalName,
  SocketListener,
} from "./runtime.ts";
import type { Takeover, TcpConnectOptions, TlsConnectOptions } from "./connect.ts";
import type { TlsContext, TlsHandler, TlsListenOptions, TlsMaterial } from "./tls.ts";
import type { WebHandler, WebServer, WebServerOptions } from "./web.ts";

/** Between two looks at a full pipe. */
const FULL_PIPE_WAIT_MS = 1;
/** Never changes: waiting for it takes its time. */
const WAITED_FOR = new Int32Array(new SharedArrayBuffer(4));

/** The part of a runtime that both offer under the same `node:` names. */
export abstract class NodeCommon {
  readonly pid: number = process.pid;
  readonly args: readonly string[] = process.argv.slice(2);

  abstract connectTcp(options: TcpConnectOptions, take: Takeover): Promise<ByteSocket>;

  /** Loaded when it is needed: a broker without web servers starts without it. */
  async serveWeb(options: WebServerOptions, handler: WebHandler): Promise<WebServer> {
    const { openWebServer } = await import("./web_server.ts");
    return await openWebServer(options, handler);
  }

  /** Loaded when it is needed, as web servers are. */
  async createHttpClient(options: HttpClientOptions): Promise<HttpClient> {
    const { createHttpClient } = await import("./node_http_client.ts");
    return createHttpClient(options, this);
  }

  /** Loaded when it is needed, as web servers are. */
  async createTlsContext(material: TlsMaterial): Promise<TlsContext> {
    const { createTlsContext } = await import("./node_tls.ts");
    return createTlsContext(material);
  }

  async listenTls(
    options: TlsListenOptions,
    accept: (socket: ByteSocket) => TlsHandler,
  ): Promise<SocketListener> {
    const { listenTls } = await import("./node_tls.ts");
    return await listenTls(options, accept);
  }

  async connectTls(options: TlsConnectOptions, take: Takeover): Promise<ByteSocket> {
    const { connectTls } = await import("./node_tls_client.ts");
    return await connectTls(options, take);
  }

  async removeStaleSocket(path: string): Promise<void> {
    const { removeStaleSocket } = await import("./stale_socket.ts");
    await removeStaleSocket(path);
  }

  async fileStamp(path: string): Promise<string> {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return [dev, ino, size, mtimeNs, ctimeNs].join(":");
  }

  every(intervalMs: number, fn: () => void): IntervalHandle {
    const id = setInterval(fn, intervalMs);
    return { stop: () => clearInterval(id) };
  }

  environment(): Readonly<Record<string, string>> {
    const copy: Record<string, string> = {};
    for (const [name, value] of Object.entries(process.env)) {
      if (value !== undefined) copy[name] = value;
    }
    return copy;
  }

  async readTextFile(path: string): Promise<string> {
    return await readFile(path, "utf8");
  }

  async writeFileAtomic(path: string, text: string, mode = 0o644): Promise<void> {
    const temporary = `${path}.${process.pid}.tmp`;
    await writeFile(temporary, text, { mode });
    try {
      await rename(temporary, path);
    } catch (error) {
      await unlink(temporary);
      throw error;
    }
  }

  onSignal(name: SignalName, fn: () => void): void {
    process.on(name, fn);
  }

  writeStdout(text: string): void {
    writeAll(1, text);
  }

  writeStdoutBytes(bytes: Uint8Array): boolean {
    let offset = 0;
    while (offset < bytes.length) {
      try {
        offset += writeSync(1, bytes, offset);
      } catch (error) {
        const { code } = error as { readonly code?: string };
        if (code === "EPIPE" || code === "EBADF") return false;
        if (code !== "EAGAIN") throw error;
        // A pipe that is full, and somebody has made it one that does not wait by itself.
        Atomics.wait(WAITED_FOR, 0, 0, FULL_PIPE_WAIT_MS);
      }
    }
    return true;
  }

  writeStderr(text: string): void {
    writeAll(2, text);
  }

  memory(): ProcessMemory {
    const usage = process.memoryUsage();
    return { rssBytes: usage.rss, heapUsedBytes: usage.heapUsed };
  }

  figures(): ProcessFigures {
    return processFigures();
  }

  hostFigures(): HostFigures {
    return hostFigures();
  }

  exit(code: number): never {
    process.exit(code);
  }
}

/** A pipe that nobody empties answers EAGAIN: a log line is then given up rather than the broker stopped. */
function writeAll(fd: number, text: string): void {
  const bytes = Buffer.from(text, "utf8");
  let offset = 0;
  try {
    while (offset < bytes.length) offset += writeSync(fd, bytes, offset);
  } catch (error) {
    const code = (error as { code?: string }).code;
    if (code !== "EAGAIN" && code !== "EPIPE" && code !== "EBADF") throw error;
  }
}
