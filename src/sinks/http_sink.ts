import {
  type HttpClient,
  HttpClientError,
  type HttpClientRequest,
  type Runtime,
} from "../runtime/mod.ts";
import type { HostRules } from "./host_rules.ts";
import { type Packing, type Sink, SinkError, type SinkItem } from "./sink.ts";

export interface HttpSinkOptions {
  /** With http or https. */
  readonly url: string;
  readonly method: "POST" | "PUT";
  readonly headers: readonly (readonly [name: string, value: string])[];
  readonly timeoutMs: number;
  readonly connectionsMax: number;
  /** Authorities in PEM that sign the server's certificate; undefined: those of the system. */
  readonly ca: string | undefined;
  readonly isVerified: boolean;
  /** Statuses from 400 on are failures; else every answer is as good as any other. */
  readonly needsSuccess: boolean;
}

export interface HttpSinkParts {
  readonly options: HttpSinkOptions;
  /** As they are now. */
  readonly hosts: () => HostRules;
  readonly runtime: Pick<Runtime, "createHttpClient" | "every">;
}

/** A request body, JSON in UTF-8, with its length as `bytes`. */
export interface HttpItem extends SinkItem {
  readonly body: Uint8Array;
}

/** Connections, and the requests that are under way on them. */
interface Connections {
  readonly client: Promise<HttpClient>;
  underWay: number;
  /** Nothing new goes over them: the last request ends them. */
  isLeft: boolean;
}

/** From a closed connection to the next try, in milliseconds: a server may close one just when it is used again. */
const CLOSED_RETRY_DELAYS_MS = [1, 10, 100];
const PROBE_TIMEOUT_MS = 3000;
/**
 * What a request is framed by is ours to say. With another "transfer-encoding" beside its length a server refuses it,
 * which would be an answer like any other.
 */
const OWN_HEADERS = new Set(
  "content-length expect host keep-alive proxy-connection te trailer transfer-encoding upgrade"
    .split(" "),
);
const SERVER_BUSY = new Set([408, 425, 429]);

const PACKING: Packing<HttpItem> = {
  contentOf: ({ body }) => body,
  itemOf: (body, onSettled) => ({ body, bytes: body.length, onSettled }),
};

/** Posts items to a web service, each in a request of its own. */
export class HttpSink implements Sink<HttpItem> {
  readonly batchMax = 1;
  readonly packing = PACKING;
  readonly #parts: HttpSinkParts;
  readonly #url: URL;
  readonly #headers: Readonly<Record<string, string>>;
  #connections: Connections | undefined;
  #isClosed = false;

  constructor(parts: HttpSinkParts) {
    this.#parts = parts;
    const { url, headers } = parts.options;
    this.#url = new URL(url);
    this.#headers = {
      "content-type": "application/json",
      ...Object.fromEntries(
        headers.map(([name, value]) => [name.toLowerCase(), value] as const)
          .filter(([name]) => !OWN_HEADERS.has(name)),
      ),
      ...authorizationOf(this.#url),
    };
  }

  async deliver(batch: readonly HttpItem[]): Promise<void> {
    for (const { body } of batch) await this.#post(body);
  }

  async check(): Promise<void> {
    try {
      await (await this.#open().client).probe(this.#url, PROBE_TIMEOUT_MS);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async renew(): Promise<void> {
    const connections = this.#connections;
    this.#connections = undefined;
    if (connections === undefined) return;
    connections.isLeft = true;
    if (connections.underWay === 0) (await connections.client).close();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    (await this.#connections?.client)?.close();
  }

  async #post(body: Uint8Array): Promise<void> {
    const { method, timeoutMs, needsSuccess } = this.#parts.options;
    for (let tries = 0;; tries++) {
      try {
        const request = { method, url: this.#url, headers: this.#headers, body, timeoutMs };
        const status = await this.#send(request);
        if (needsSuccess && status >= 400) throw statusFailure(this.#where, status);
        return;
      } catch (error) {
        const delayMs = CLOSED_RETRY_DELAYS_MS[tries];
        const isClosed = error instanceof HttpClientError && error.code === "CLOSED";
        if (!isClosed || delayMs === undefined || this.#isClosed) throw this.#failure(error);
        await this.#pause(delayMs);
      }
    }
  }

  async #send(request: HttpClientRequest): Promise<number> {
    const connections = this.#open();
    connections.underWay++;
    try {
      return await (await connections.client).send(request);
    } finally {
      connections.underWay--;
      if (connections.isLeft && connections.underWay === 0) (await connections.client).close();
    }
  }

  #open(): Connections {
    if (this.#isClosed) {
      const message = `Cannot post to ${this.#where}: it has been closed`;
      throw new SinkError(message, { isRetryable: false });
    }
    const { runtime, hosts, options: { connectionsMax, ca, isVerified } } = this.#parts;
    return this.#connections ??= {
      client: runtime.createHttpClient({
        connectionsMax,
        tls: { ca, isVerified },
        hostRules: () => {
          const rules = hosts();
          return rules.hasRules ? rules : undefined;
        },
      }),
      underWay: 0,
      isLeft: false,
    };
  }

  /** Without what may be secret in it. */
  get #where(): string {
    return this.#url.origin;
  }

  #failure(error: unknown): SinkError {
    if (error instanceof SinkError) return error;
    const isForbidden = error instanceof HttpClientError && error.code === "FORBIDDEN";
    const text = error instanceof Error ? error.message : String(error);
    return new SinkError(`Cannot post to ${this.#where}: ${text}`, {
      isRetryable: !isForbidden,
      cause: error,
    });
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      const interval = this.#parts.runtime.every(delayMs, () => {
        interval.stop();
        resolve();
      });
    });
  }
}

function statusFailure(where: string, status: number): SinkError {
  return new SinkError(`Cannot post to ${where}: the answer is ${status}`, {
    isRetryable: status >= 500 || SERVER_BUSY.has(status),
  });
}

/** Of "http://name:password@host". */
function authorizationOf({ username, password }: URL): Readonly<Record<string, string>> {
  if (username === "" && password === "") return {};
  const text = `${decoded(username)}:${decoded(password)}`;
  const binary = Array.from(new TextEncoder().encode(text), (byte) => String.fromCharCode(byte));
  return { authorization: `Basic ${btoa(binary.join(""))}` };
}

/** A "%" that stands for itself is no mistake worth a failure. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
