import { type Context, Hono } from "hono";
import type { MaybePromise } from "../../base/mod.ts";
import { ManagementError } from "../../management/mod.ts";
import type { WebReply } from "../../runtime/mod.ts";
import type { HttpEnv } from "../env.ts";
import { pathOf } from "../raw_request.ts";
import { Call } from "./call.ts";
import { type OpenApiDocument, openApiDocument, type SecurityScheme } from "./openapi.ts";
import { type Refusal, RequestRefused } from "./refusal.ts";
import { type Schema, validate } from "./validate.ts";

export type Method = "GET" | "POST" | "PUT" | "DELETE" | "PATCH" | "OPTIONS" | "HEAD";

/** What a status means, and what the body looks like then. */
export interface ReplySpec {
  readonly description: string;
  readonly schema?: Schema;
  /** Default "application/json" with a schema, none without. */
  readonly contentType?: string;
}

/** One operation: what is routed, checked and documented. */
export interface RouteSpec<Query = unknown, Body = unknown> {
  readonly method: Method;
  /** As hono has it: "/clients/:clientid". */
  readonly path: string;
  readonly operationId: string;
  readonly summary: string;
  /** Of an object whose members are texts; conversions belong into the schema. Unknown names are left out. */
  readonly query?: Schema<Query>;
  /** For the document only, where the handler reads the query itself. */
  readonly documentedQuery?: Schema;
  /** Of the JSON body; without it the body is the handler's affair, or nobody's. */
  readonly body?: Schema<Body>;
  /** For the document only, where the handler reads the body itself. */
  readonly rawBody?: { readonly description: string; readonly schema?: Schema };
  readonly replies: Readonly<Record<number, ReplySpec>>;
  /** Served without asking who calls. */
  readonly isOpen?: boolean;
  /** Served also while the program starts and stops. */
  readonly isAlwaysServed?: boolean;
  /** Left out of the document, and of what `seal` knows. */
  readonly isHidden?: boolean;
}

/** What a handler gets, checked. */
export interface Checked<Query, Body, Caller> {
  readonly query: Query;
  readonly body: Body;
  readonly caller: Caller;
}

export type RouteHandler<Query, Body, Caller> = (
  call: Call,
  checked: Checked<Query, Body, Caller>,
) => MaybePromise<WebReply>;

export interface ApiSetup<Caller> {
  readonly title: string;
  readonly description: string;
  /** How callers say who they are; empty: the API is open. */
  readonly security?: readonly SecurityScheme[];
  /** Who calls. Throws `RequestRefused`. Without it nobody is asked. */
  authenticate?(call: Call): MaybePromise<Caller>;
  /** A refusal in the API's own words. */
  refuse(refusal: Refusal, call: Call): WebReply;
  /** Changes every reply, refusals too: headers that are always there. */
  decorate?(reply: WebReply, call: Call): WebReply;
  /** What the path is routed as; it is compared as sent, nothing decoded. */
  normalizePath?(rawPath: string): string;
  /** Something failed that is our fault. */
  onInternalError(error: unknown, call: Call): void;
}

/** All that hono needs to know of an answer that is already in `c.env.reply`. */
const ANSWERED = new Response(null);

/**
 * The routes of one API. Each is asked in this order: who calls, path, query, body, handler. Whatever is wrong ends in
 * `setup.refuse`, so that a product's way of refusing stands in one place.
 */
export class Api<Caller = undefined> {
  readonly app: Hono<HttpEnv>;
  readonly #setup: ApiSetup<Caller>;
  readonly #routes: RouteSpec[] = [];
  readonly #methods = new Map<string, Method[]>();
  #document: OpenApiDocument | undefined;

  constructor(setup: ApiSetup<Caller>) {
    this.#setup = setup;
    // What stands for a `%` is one: hono decodes what it routes, and would do so before we can.
    this.app = new Hono<HttpEnv>({
      getPath: (_request, options) => {
        const { request } = (options as unknown as { env: HttpEnv["Bindings"] }).env;
        const path = pathOf(request.target);
        return (setup.normalizePath?.(path) ?? path).replaceAll("%", "%25");
      },
    });
    this.app.onError((error, c) => this.#onError(error, c));
    this.app.notFound((c) => this.#refuse(c, { kind: "not-found" }));
  }

  route<Query = undefined, Body = undefined>(
    spec: RouteSpec<Query, Body>,
    handler: RouteHandler<Query, Body, Caller>,
  ): this {
    this.#routes.push(spec as RouteSpec);
    if (spec.isHidden !== true) {
      const methods = this.#methods.get(spec.path) ?? [];
      this.#methods.set(spec.path, [...methods, spec.method]);
    }
    this.app.on(spec.method, spec.path, async (c) => {
      const call = callOf(c);
      if (!c.env.isServing && spec.isAlwaysServed !== true) throw notServing();
      const reply = await this.#serve(spec, handler, call);
      return this.#answer(c, reply, call);
    });
    return this;
  }

  /** To be called behind the last route: other methods on its paths are refused, and not unknown paths. */
  seal(): this {
    for (const [path, allowed] of this.#methods) {
      this.app.all(path, (c) => this.#refuse(c, { kind: "method-not-allowed", allowed }));
    }
    return this;
  }

  openapi(version: string): OpenApiDocument {
    const { title, description, security = [] } = this.#setup;
    return this.#document ??= openApiDocument(
      { title, description, version, security },
      this.#routes.filter(({ isHidden }) => isHidden !== true),
    );
  }

  async #serve<Query, Body>(
    spec: RouteSpec<Query, Body>,
    handler: RouteHandler<Query, Body, Caller>,
    call: Call,
  ): Promise<WebReply> {
    const { authenticate } = this.#setup;
    const caller = authenticate === undefined || spec.isOpen === true
      ? undefined
      : await authenticate.call(this.#setup, call);
    call.checkParams();
    const query = spec.query === undefined
      ? undefined
      : checked("query", spec.query, call.queryRecord());
    const body = spec.body === undefined
      ? undefined
      : checked("body", spec.body, await call.json());
    return await handler(call, {
      query: query as Query,
      body: body as Body,
      caller: caller as Caller,
    });
  }

  #answer(c: Context<HttpEnv>, reply: WebReply, call: Call): Response {
    c.env.reply = this.#setup.decorate?.(reply, call) ?? reply;
    return ANSWERED;
  }

  #refuse(c: Context<HttpEnv>, refusal: Refusal): Response {
    const call = callOf(c);
    return this.#answer(c, this.#setup.refuse(refusal, call), call);
  }

  #onError(error: Error, c: Context<HttpEnv>): Response {
    if (error instanceof RequestRefused) return this.#refuse(c, error.refusal);
    if (error instanceof ManagementError) return this.#refuse(c, { kind: "management", error });
    this.#setup.onInternalError(error, callOf(c));
    return this.#refuse(c, { kind: "internal" });
  }
}

function notServing(): ManagementError {
  return new ManagementError(
    "unavailable",
    "Cannot serve this now: the broker is starting or stopping",
  );
}

function checked<T>(where: "query" | "body", schema: Schema<T>, value: unknown): T {
  const result = validate(schema, value);
  if (result.ok) return result.value;
  throw new RequestRefused({ kind: "invalid", where, problems: result.problems });
}

function callOf(c: Context<HttpEnv>): Call {
  const { request, listener } = c.env;
  return new Call(request, listener, pathOf(request.target), c.req.param());
}
