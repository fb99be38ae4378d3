/**
 * Web servers on `node:http`, which both runtimes bring along.
 *
 * Not on `Deno.serve` and `Bun.serve`, which are faster at answering nothing (87,000 and 118,000 requests in a second
 * on one core, against 69,000 and 71,000 here) but cannot do what the APIs are about: both drop the body of a GET, Bun
 * resolves dots in paths and refuses HTTP/1.1 without a host, neither shows a client's certificate nor limits the time
 * that a head may take.
 */
import { Buffer } from "node:buffer";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import type { AddressInfo, Server as NetServer, Socket } from "node:net";
import {
  createServer as createTlsServer,
  type TlsOptions as NodeTlsOptions,
  type TLSSocket,
} from "node:tls";
import { oldDeno } from "./deno_version.ts";
import type { PeerVerifier } from "./peer_verifier.ts";
import { TrackedConnection, TrackedConnections } from "./web_connections.ts";
import { NodeWebRequest } from "./web_request.ts";
import { createTlsContext, type NodeTlsContext } from "./node_tls.ts";
import type { TlsMaterial } from "./tls.ts";
import type { WebHandler, WebReply, WebServer, WebServerOptions } from "./web.ts";

/** Heads above it are refused; the largest that a dialect needs is a topic of 64 KiB, each byte written as `%XX`. */
const MAX_HEAD_BYTES = 256 * 1024;
const SWEEP_MS = 1000;
const PLAIN_REFUSAL = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";

/** Rejects with the system's error when the address cannot be bound, or that of the TLS library. */
export async function openWebServer(
  options: WebServerOptions,
  handler: WebHandler,
): Promise<WebServer> {
  const server = new NodeWebServer(options, handler);
  await server.listen();
  return server;
}

class NodeWebServer implements WebServer {
  readonly #options: WebServerOptions;
  readonly #handler: WebHandler;
  readonly #connections: TrackedConnections;
  /** What binds the port; for TLS on Bun not the one that understands HTTP. */
  readonly #front: NetServer;
  /** What certificates of clients are judged by. */
  #verifier: PeerVerifier | undefined;
  #sweeping: ReturnType<typeof setInterval> | undefined;

  constructor(options: WebServerOptions, handler: WebHandler) {
    this.#options = options;
    this.#handler = handler;
    this.#connections = new TrackedConnections(options);
    this.#front = this.#createFront(options.tls);
  }

  get port(): number {
    return (this.#front.address() as AddressInfo).port;
  }

  get figures(): WebServer["figures"] {
    return this.#connections.figures;
  }

  async listen(): Promise<void> {
    const { host, port } = this.#options;
    await new Promise<void>((resolve, reject) => {
      this.#front.once("error", reject);
      this.#front.listen({ host, port }, () => {
        this.#front.off("error", reject);
        this.#front.on("error", this.#options.onError);
        resolve();
      });
    });
    this.#sweeping = setInterval(() => this.#connections.sweep(), SWEEP_MS);
  }

  setTls(tls: TlsMaterial): void {
    this.#verifier = (createTlsContext(tls) as NodeTlsContext).verifier;
    (this.#front as unknown as { setSecureContext(options: NodeTlsOptions): void })
      .setSecureContext(nodeTls(tls, this.#options.headerTimeoutMs));
  }

  async close(graceMs: number): Promise<void> {
    this.#front.close();
    await this.#connections.drain(graceMs);
    clearInterval(this.#sweeping);
  }

  #createFront(tls: TlsMaterial | undefined): NetServer {
    const settings = { maxHeaderSize: MAX_HEAD_BYTES, requireHostHeader: false, noDelay: true };
    if (tls === undefined) {
      const http = this.#prepare(createServer(settings));
      http.on("connection", (socket: Socket) => this.#connections.add(socket, undefined));
      return http;
    }
    this.#verifier = (createTlsContext(tls) as NodeTlsContext).verifier;
    const tlsSettings = nodeTls(tls, this.#options.headerTimeoutMs);
    if (!("Bun" in globalThis)) {
      const https = this.#prepare(createHttpsServer({ ...settings, ...tlsSettings }));
      https.on("secureConnection", (socket: TLSSocket) => this.#onSecured(socket));
      return this.#watchHandshakes(https);
    }
    // Bun's own HTTPS server does not tell whose certificate it has seen; this way it costs half the speed.
    const http = this.#prepare(createServer(settings));
    const front = createTlsServer(tlsSettings, (socket) => {
      this.#onSecured(socket);
      if (!socket.destroyed) http.emit("connection", socket);
    });
    return this.#watchHandshakes(front);
  }

  /** The handshake asks for a certificate; what comes is judged as on MQTT listeners. */
  #onSecured(socket: TLSSocket): void {
    const verdict = this.#verifier?.judge(socket, Date.now());
    this.#connections.add(socket, { certificate: verdict?.certificate });
    if (verdict?.problem === undefined) return;
    this.#options.onError(new Error(`Cannot let a client in: ${verdict.problem}`));
    socket.destroy();
  }

  #watchHandshakes<S extends NetServer>(front: S): S {
    front.on("connection", (socket: Socket) => this.#connections.addHandshake(socket));
    front.on("tlsClientError", (error: Error, socket: Socket) => {
      this.#options.onError(error);
      // Bun says that the time is over and leaves the rest to us.
      socket.destroy();
    });
    return front;
  }

  #prepare<S extends Server>(server: S): S {
    // Their clocks start and are looked at differently on both runtimes: ours does it.
    server.headersTimeout = 0;
    server.requestTimeout = 0;
    server.timeout = 0;
    server.keepAliveTimeout = 0;
    server.on("request", (message, response) => this.#onRequest(message, response, false));
    server.on("checkContinue", (message, response) => this.#onRequest(message, response, true));
    server.on("clientError", (_error, socket) => {
      this.#connections.malformed++;
      const { destroyed, writable } = socket as Socket;
      if (!destroyed && writable) socket.end(PLAIN_REFUSAL);
      else socket.destroy();
    });
    return server;
  }

  #onRequest(message: IncomingMessage, response: ServerResponse, isContinueAwaited: boolean): void {
    const { socket } = message;
    const connection = this.#connections.of(socket) ?? strangerOf(socket);
    if (connection === undefined) {
      socket.destroy();
      return;
    }
    connection.enter("body", performance.now());
    message.once("end", () => {
      if (connection.phase === "body") connection.enter("handling", performance.now());
    });
    // Either says how it went to whoever reads or writes; without a listener it would end the program.
    message.on("error", () => socket.destroy());
    response.on("error", () => socket.destroy());
    const request = new NodeWebRequest(message, response, connection, isContinueAwaited);
    void this.#answer(request, message, response, connection);
  }

  async #answer(
    request: NodeWebRequest,
    message: IncomingMessage,
    response: ServerResponse,
    connection: TrackedConnection,
  ): Promise<void> {
    let reply: WebReply;
    try {
      reply = await this.#handler(request);
    } catch (error) {
      if (!connection.socket.destroyed) this.#options.onError(error);
      reply = { status: 500, headers: [], body: undefined };
    }
    const isLast = this.#connections.isClosing || !isKeptAlive(request);
    const isRestWanted = !request.isContinueAwaited && !message.complete;
    // A socket that is closed with bytes unread takes its last reply back.
    if (isLast && isRestWanted) await this.#discardBody(message, connection);
    if (connection.socket.destroyed) return;
    try {
      connection.enter("reply", performance.now());
      response.statusCode = reply.status;
      for (const [name, value] of reply.headers) response.setHeader(name, value);
      // Whoever still waits to be asked for a body will not know that nobody wants it.
      if (isLast || (request.isContinueAwaited && !message.complete)) {
        response.setHeader("connection", "close");
      }
      await send(response, reply.body, request.method === "HEAD");
    } catch (error) {
      this.#options.onError(error);
      connection.socket.destroy();
      return;
    }
    if (message.complete) connection.enter("head", performance.now());
    else await this.#discardBody(message, connection);
    if (this.#connections.isClosing && connection.phase === "head") connection.socket.end();
  }

  /** Reads the rest of a body that nobody wants, and forgets it; who is too slow with it is dropped. */
  async #discardBody(message: IncomingMessage, connection: TrackedConnection): Promise<void> {
    connection.enter("lingering", performance.now());
    await new Promise<void>((resolve) => {
      message.once("end", resolve).once("close", resolve);
      message.on("data", () => {});
      message.resume();
    });
    if (!connection.socket.destroyed && connection.phase === "lingering") {
      connection.enter("head", performance.now());
    }
  }
}

/** Whether the client means to send another request on the same connection. */
function isKeptAlive(request: NodeWebRequest): boolean {
  const wishes = request.header("connection")?.toLowerCase() ?? "";
  return request.httpVersion === "1.1" ? !wishes.includes("close") : wishes.includes("keep-alive");
}

/**
 * An old Deno serves plain HTTP without showing its connections, so that limits and deadlines for them, bodies of GET
 * and paths as sent are not to be had there. Elsewhere a connection that is not known was refused.
 */
function strangerOf(socket: Socket): TrackedConnection | undefined {
  if (oldDeno() === undefined) return undefined;
  return new TrackedConnection(socket, undefined, performance.now());
}

/** Resolves when the last piece is with the system. */
async function send(
  response: ServerResponse,
  body: WebReply["body"],
  isHead: boolean,
): Promise<void> {
  if (body === undefined || typeof body === "string" || body instanceof Uint8Array) {
    const bytes = body ?? "";
    const length = typeof bytes === "string" ? Buffer.byteLength(bytes) : bytes.length;
    if (response.statusCode !== 204 && response.statusCode !== 304) {
      response.setHeader("content-length", length);
    }
    response.end(isHead || length === 0 ? undefined : bytes);
    return;
  }
  const gone = new Promise<void>((resolve) => response.once("close", resolve));
  for await (const piece of body) {
    if (response.destroyed || response.socket?.destroyed) return;
    if (isHead) continue;
    const isTaken = response.write(piece);
    if (isTaken) continue;
    await Promise.race([gone, new Promise<void>((resolve) => response.once("drain", resolve))]);
  }
  response.end();
}

/** The library lets every certificate pass: it is `PeerVerifier` that judges. */
function nodeTls(tls: TlsMaterial, handshakeTimeout: number): NodeTlsOptions {
  const { cert, key, keyPassword, ca, minVersion, verifyPeer, ciphers } = tls;
  return {
    handshakeTimeout,
    cert,
    key,
    minVersion,
    requestCert: verifyPeer,
    rejectUnauthorized: false,
    ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
    ...(ca === undefined || !verifyPeer ? {} : { ca }),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
}
