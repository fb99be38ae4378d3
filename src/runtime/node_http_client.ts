import { lookup } from "node:dns/promises";
import http from "node:http";
import https from "node:https";
import { connect, isIP } from "node:net";
import {
  type HttpClient,
  HttpClientError,
  type HttpClientOptions,
  type HttpClientRequest,
} from "./http_client.ts";

/** Of an answer, which nobody reads: after so many bytes the connection is not worth keeping. */
const ANSWER_BYTES_MAX = 64 * 1024;
/** What the runtimes say when the other side has closed the connection. */
const CLOSED = new Set(["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"]);

export function createHttpClient(options: HttpClientOptions): HttpClient {
  return new NodeHttpClient(options);
}

/** Not by `fetch`: it hides why a request failed, and refuses some ports. */
class NodeHttpClient implements HttpClient {
  readonly #options: HttpClientOptions;
  readonly #agents: { readonly plain: http.Agent; readonly secure: https.Agent };

  constructor(options: HttpClientOptions) {
    this.#options = options;
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
    const { url } = request;
    const host = hostOf(url);
    const address = await this.#addressOf(host);
    return await new Promise((resolve, reject) => {
      const isSecure = url.protocol === "https:";
      const { body, headers, method, timeoutMs } = request;
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
      }, timeoutMs);
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
    const host = await this.#addressOf(hostOf(url));
    await new Promise<void>((resolve, reject) => {
      const socket = connect({ host, port: portOf(url) });
      const patience = setTimeout(() => {
        socket.destroy();
        reject(new HttpClientError(`no connection in ${timeoutMs} ms`, { code: "TIMEOUT" }));
      }, timeoutMs);
      socket.once("connect", () => {
        clearTimeout(patience);
        socket.destroy();
        resolve();
      });
      socket.once("error", (error) => {
        clearTimeout(patience);
        reject(errorOf(error));
      });
    });
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

function errorOf(error: unknown): HttpClientError {
  if (error instanceof HttpClientError) return error;
  const { code, message } = error as { readonly code?: unknown; readonly message?: unknown };
  const word = typeof code === "string" ? code : "";
  const text = String(message ?? error);
  const isClosed = CLOSED.has(word) || /socket hang up/i.test(text);
  return new HttpClientError(text, { code: isClosed ? "CLOSED" : word, cause: error });
}
