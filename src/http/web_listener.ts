import { isPromise, type Logger } from "../base/mod.ts";
import type { WebReply, WebRequest, WebServer, WebServerFigures } from "../runtime/mod.ts";
import type { Dialect } from "./dialect.ts";
import { Dialects } from "./dialects.ts";
import type { CallBindings, ListenerTerms } from "./env.ts";
import type { ApiName } from "./options.ts";
import { pathOf, RawRequest } from "./raw_request.ts";

/** Upper bounds of the buckets that replies are counted in by how long they took, in seconds. */
export const LATENCY_BOUNDS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5];

/** What a web server has done so far. */
export interface WebListenerView extends WebServerFigures {
  readonly name: string;
  readonly url: string;
  readonly host: string;
  readonly port: number;
  readonly isSecure: boolean;
  readonly apis: readonly ApiName[];
  readonly maxConnections: number;
  /** Replies by the first digit of their status, "2" to "5". */
  readonly replies: Readonly<Record<string, number>>;
  /** Of the time that replies took: those up to each bound of `LATENCY_BOUNDS_S`, not added up. */
  readonly latencyCounts: readonly number[];
  readonly latencySumS: number;
  readonly requests: number;
}

const NOT_FOUND: WebReply = { status: 404, headers: [], body: undefined };
const JSON_HEADERS: WebReply["headers"] = [["content-type", "application/json"]];

export interface WebListenerParts {
  readonly dialects: Dialects;
  readonly logger: Logger;
  /** Of the program. */
  readonly version: string;
  readonly isServing: () => boolean;
}

/** One entry of `[[http]]` that accepts: finds the API of a request, counts and logs. */
export class WebListener {
  readonly terms: ListenerTerms;
  readonly #dialects: Dialects;
  readonly #logger: Logger;
  readonly #version: string;
  readonly #replies: Record<string, number> = { "2": 0, "3": 0, "4": 0, "5": 0 };
  readonly #latencyCounts = LATENCY_BOUNDS_S.map(() => 0);
  readonly #isServing: () => boolean;
  #latencySumS = 0;
  #requests = 0;
  #server: WebServer | undefined;

  constructor(terms: ListenerTerms, parts: WebListenerParts) {
    this.terms = terms;
    this.#dialects = parts.dialects;
    this.#logger = parts.logger;
    this.#version = parts.version;
    this.#isServing = parts.isServing;
  }

  /** To be called once, before the first request can come. */
  attach(server: WebServer): void {
    this.#server = server;
  }

  get server(): WebServer | undefined {
    return this.#server;
  }

  view(): WebListenerView {
    const { name, host, maxConnections, tls } = this.terms;
    const port = this.#server?.port ?? this.terms.port;
    return {
      connections: 0,
      accepted: 0,
      refused: 0,
      malformed: 0,
      timedOut: 0,
      ...this.#server?.figures,
      name,
      host,
      port,
      url: `${tls === undefined ? "http" : "https"}://${bracketed(host)}:${port}`,
      isSecure: tls !== undefined,
      apis: Dialects.known(this.terms.apis),
      maxConnections,
      replies: { ...this.#replies },
      latencyCounts: [...this.#latencyCounts],
      latencySumS: this.#latencySumS,
      requests: this.#requests,
    };
  }

  /** Every request of this listener comes through here. */
  async handle(request: WebRequest): Promise<WebReply> {
    const startMs = performance.now();
    this.#requests++;
    const path = pathOf(request.target);
    let dialect: Dialect | undefined;
    let reply: WebReply;
    try {
      const found = this.#dialects.find(path, this.terms);
      dialect = isPromise(found) ? await found : found;
      reply = await (dialect === undefined ? this.#document(path) : this.#ask(dialect, request));
    } catch (error) {
      // A dialect answers for its mistakes itself; this is what is left.
      this.#logger.error("Cannot answer a request", { path, error: asError(error) });
      reply = { status: 500, headers: [], body: undefined };
    }
    this.#note(request, dialect?.name, reply.status, performance.now() - startMs);
    return reply;
  }

  async #ask(dialect: Dialect, request: WebRequest): Promise<WebReply> {
    const bindings: CallBindings = {
      request,
      listener: this.terms,
      api: dialect.name,
      isServing: this.#isServing(),
      reply: undefined,
    };
    const response = await dialect.app.fetch(new RawRequest(request).asRequest(), bindings);
    return bindings.reply ?? await ofResponse(response);
  }

  /** `/openapi/<api>.json`, or nothing. */
  async #document(path: string): Promise<WebReply> {
    const [, name] = /^\/openapi\/([a-z0-9-]+)\.json$/.exec(path) ?? [];
    const dialect = await this.#dialects.get(name, this.terms);
    if (dialect === undefined) return NOT_FOUND;
    const body = JSON.stringify(dialect.openapi(this.#version));
    return { status: 200, headers: JSON_HEADERS, body };
  }

  #note(request: WebRequest, api: ApiName | undefined, status: number, tookMs: number): void {
    const family = String(status)[0] ?? "5";
    this.#replies[family] = (this.#replies[family] ?? 0) + 1;
    const tookS = tookMs / 1000;
    this.#latencySumS += tookS;
    const bucket = LATENCY_BOUNDS_S.findIndex((bound) => tookS <= bound);
    if (bucket >= 0) this.#latencyCounts[bucket] = (this.#latencyCounts[bucket] ?? 0) + 1;
    const isRemarkable = status >= 500 || status === 401 || status === 429;
    const level = isRemarkable ? "info" : "debug";
    if (!this.#logger.isEnabled(level)) return;
    this.#logger[level]("HTTP request", {
      listener: this.terms.name,
      api,
      peer: request.connection.remoteAddress,
      method: request.method,
      // Without the query: it may hold what should not be kept.
      path: pathOf(request.target).slice(0, 1024),
      status,
      tookMs: Math.round(tookMs * 100) / 100,
    });
  }
}

/** A handler may answer as hono has it. */
async function ofResponse(response: Response): Promise<WebReply> {
  const body = response.body === null ? undefined : new Uint8Array(await response.arrayBuffer());
  return { status: response.status, headers: [...response.headers], body };
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

function bracketed(host: string): string {
  return host.includes(":") ? `[${host}]` : host;
}
