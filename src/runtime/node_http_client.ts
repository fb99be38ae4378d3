import { lookup } from "node:dns/promises";
import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import { ConnectError } from "./connect.ts";
import {
  type HttpClient,
  HttpClientError,
  type HttpClientOptions,
  type HttpClientRequest,
} from "./http_client.ts";
import type { ByteSocketHandler, Runtime } from "./runtime.ts";

/** Of an answer, which nobody reads: after so many bytes the connection is not worth keeping. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** What the runtimes say when the other side has closed the connection. */
const CLOSED = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

/** What the system says when there is nobody to connect to. */
const UNREACHABLE = new Set([
  "ECONNREFUSED",
  "EHOSTDOWN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENOTFOUND",
  "ETIMEDOUT",
]);
/** Of a connection that nothing is sent over. */
const NOTHING: ByteSocketHandler = {
  onBytes: () => undefined,
  onProgress: () => undefined,
  onWritable: () => undefined,
  onClose: () => undefined,
};

type Connector = Pick<Runtime, "connectTcp">;

export function createHttpClient(options: HttpClientOptions, connector: Connector): HttpClient {
  return new NodeHttpClient(options, connector);
}

/** Not by `fetch`: it hides why a request failed, and refuses some ports. */
class NodeHttpClient implements HttpClient {
  readonly #options: HttpClientOptions;
  readonly #connector: Connector;
  /** There was nobody at this host, as it stands in URLs, when it was tried last. */
  #unreachable: string | undefined;
  readonly #agents: { readonly plain: http.Agent; readonly secure: https.Agent };

  constructor(options: HttpClientOptions, connector: Connector) {
    this.#options = options;
    this.#connector = connector;
    const { connectionsMax, tls } = options;
    const common = { keepAlive: true, maxSockets: connectionsMax, maxFreeSockets: connectionsMax };
    this.#agents = {
      plain: new http.Agent(common),
      secure: new https.Agent({
        ...common,
        rejectUnauthorized: tls.isVerified,
        ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      }),
    };
  }

  async send(request: HttpClientRequest): Promise<number> {
    const { url, timeoutMs } = request;
    const address = await this.#addressOf(hostOf(url));
    const startMs = performance.now();
    // A request that finds nobody runs through some hundred functions of the runtime, and has the garbage collector look
    // at all of them; a connection is a call of the system.
    if (this.#unreachable === url.host) await this.#connect(address, portOf(url), timeoutMs);
    try {
      const status = await this.#request(request, address, timeoutMs + startMs - performance.now());
      this.#unreachable = undefined;
      return status;
    } catch (error) {
      const isUnreachable = error instanceof HttpClientError && UNREACHABLE.has(error.code);
      this.#unreachable = isUnreachable ? url.host : undefined;
      throw error;
    }
  }

  #request(request: HttpClientRequest, address: string, leftMs: number): Promise<number> {
    const { body, headers, method, timeoutMs, url } = request;
    const host = hostOf(url);
    return new Promise((resolve, reject) => {
      const isSecure = url.protocol === "https:";
      const outgoing = (isSecure ? https : http).request({
        host: address,
        port: portOf(url),
        path: url.pathname + url.search,
        method,
        agent: isSecure ? this.#agents.secure : this.#agents.plain,
        headers: { ...headers, host: url.host, "content-length": String(body.length) },
        ...(isSecure && isIP(host) === 0 ? { servername: host } : {}),
      });
      let isOver = false;
      let status: number | undefined;
      // Once there is a status, that is the answer, whatever becomes of the rest of it.
      const end = (error: unknown): void => {
        isOver = true;
        clearTimeout(patience);
        if (status === undefined) reject(errorOf(error));
        else resolve(status);
      };
      const patience = setTimeout(() => {
        end(new HttpClientError(`no answer in ${timeoutMs} ms`, { code: "TIMEOUT" }));
        outgoing.destroy();
      }, leftMs);
      outgoing.on("socket", (socket) => {
        // Else Deno sends a request again that has no answer, and does not tell: also one that we have given up.
        outgoing.reusedSocket = false;
        if (isOver) socket.destroy();
      });
      outgoing.on("error", end);
      outgoing.on("response", (response) => {
        status = response.statusCode ?? 0;
        let length = 0;
        response.on("data", (chunk: Uint8Array) => {
          length += chunk.length;
          if (length > ANSWER_BYTES_MAX) response.destroy();
        });
        response.on("error", end);
        // After the end, when the connection is free for the next one; or when it broke before that.
        response.on("close", end);
      });
      outgoing.end(body);
    });
  }

  async probe(url: URL, timeoutMs: number): Promise<void> {
    await this.#connect(await this.#addressOf(hostOf(url)), portOf(url), timeoutMs);
  }

  async #connect(host: string, port: number, timeoutMs: number): Promise<void> {
    try {
      const socket = await this.#connector.connectTcp({ host, port, timeoutMs }, () => NOTHING);
      socket.close();
    } catch (error) {
      throw connectErrorOf(error);
    }
  }

  close(): void {
    this.#agents.plain.destroy();
    this.#agents.secure.destroy();
  }

  /** Where to connect to: the very address that was judged. Where every address will do, the system looks it up. */
  async #addressOf(host: string): Promise<string> {
    const rules = this.#options.hostRules();
    if (rules === undefined) return host;
    if (isIP(host) !== 0) {
      if (rules.mayConnect(host, host)) return host;
      throw new HttpClientError(`connections to "${host}" are not allowed`, { code: "FORBIDDEN" });
    }
    const addresses = await lookup(host, { all: true }).catch((error: unknown) => {
      throw errorOf(error);
    });
    const found = addresses.find(({ address }) => rules.mayConnect(host, address));
    if (found !== undefined) return found.address;
    throw new HttpClientError(`connections to "${host}" are not allowed`, { code: "FORBIDDEN" });
  }
}

/** IPv6 without its brackets. */
function hostOf(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, "");
}

function portOf({ port, protocol }: URL): number {
  if (port !== "") return Number(port);
  return protocol === "https:" ? 443 : 80;
}

function connectErrorOf(error: unknown): HttpClientError {
  if (!(error instanceof ConnectError)) return errorOf(error);
  const { code = "", reason } = error;
  const text = code === "" ? reason : `${reason} (${code})`;
  return new HttpClientError(text, { code, cause: error });
}

function errorOf(error: unknown): HttpClientError {
  if (error instanceof HttpClientError) return error;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const word = typeof code === "string" ? code : "";
  const text = String(message ?? error);
  const isClosed = CLOSED.has(word) || /socket hang up/i.test(text);
  return new HttpClientError(text, { code: isClosed ? "CLOSED" : word, cause: error });
}
