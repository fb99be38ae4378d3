import * as z from "zod/mini";
import type { MaybePromise } from "../../base/mod.ts";
import type { ModuleName, NodeView } from "../../management/mod.ts";
import type { WebReply } from "../../runtime/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { type Api, type Call, jsonReply, type Method, textReply } from "../kit/mod.ts";
import { ManagementError } from "../../management/mod.ts";
import { type Paging, Parameters } from "./parameters.ts";
import { Code, codeOf, Failure, NotFound, pageReply, type PageRows } from "./result.ts";

export const BASE = "/api/v3";

/** A request of this API with what its operation needs to know. */
export interface Request {
  readonly call: Call;
  readonly parameters: Parameters;
}

export type Operation = (request: Request) => MaybePromise<WebReply>;

const Envelope = z.looseObject({
  code: z.int(),
  message: z.optional(z.string()),
  data: z.optional(z.any()),
});
const PagingQuery = z.object({
  _page: z.optional(z.string()),
  _limit: z.optional(z.string()),
});

export interface OperationOptions {
  /** What the body may have, for the document; the operation reads it itself. */
  readonly body?: z.ZodMiniObject;
  readonly isPaged?: boolean;
  /** Parameters that are meant for the query, for the document. */
  readonly query?: z.ZodMiniObject;
  /** Nobody is asked who it is. */
  readonly isOpen?: boolean;
}

/** Adds operations to an API, so that each needs no more than a line and a function. */
export class Routes {
  readonly #api: Api;
  readonly context: DialectContext;
  /** What the operations belong to: they are not there while it is not active. */
  readonly #module: ModuleName | undefined;

  constructor(api: Api, context: DialectContext, module?: ModuleName) {
    this.#api = api;
    this.context = context;
    this.#module = module;
  }

  /** For operations that belong to a module. */
  of(module: ModuleName): Routes {
    return new Routes(this.#api, this.context, module);
  }

  get management(): DialectContext["management"] {
    return this.context.management;
  }

  /** `name`: as the list of the API has it, with something behind a dot where the list has it twice. */
  add(
    method: Method,
    path: string,
    name: string,
    operation: Operation,
    options: OperationOptions = {},
  ): this {
    const { body, isPaged = false, isOpen = false } = options;
    const query = isPaged ? PagingQuery : options.query;
    this.#api.route({
      method,
      path: `${BASE}${path}`,
      operationId: name,
      summary: name.replaceAll("_", " "),
      isOpen,
      ...(query === undefined ? {} : { documentedQuery: query }),
      ...(body === undefined ? {} : { rawBody: { description: "Parameters", schema: body } }),
      replies: {
        200: { description: "Done, or why not, by code", schema: Envelope },
        400: { description: "The body cannot be read", contentType: "text/plain" },
        401: { description: "Not an application", contentType: "text/plain" },
        404: { description: "No such node or other name", contentType: "text/plain" },
      },
    }, (call) => this.#serve(call, operation));
    return this;
  }

  /** The same list for the whole cluster and for one node. */
  addLists<T>(
    path: string,
    names: readonly [all: string, ofNode: string],
    list: PagedList<T>,
  ): this {
    const paged: Operation = async ({ parameters, call }) => {
      await this.nodeOf(call);
      const paging = parameters.paging(this.context.options.apis.emqxV3);
      const { count, ...rows } = await list(paging);
      return pageReply(this.context.turns, rows, { ...paging, count });
    };
    return this.add("GET", path, names[0], paged, { isPaged: true })
      .add("GET", `/nodes/:node${path}`, names[1], paged, { isPaged: true });
  }

  /** The node of the path, or this one where the path names none. Throws `NotFound`. */
  async nodeOf(call: Call): Promise<NodeView> {
    const name = call.param("node") || this.management.nodes.localName;
    const node = await this.management.nodes.get(name);
    if (node === undefined) throw new NotFound(`There is no node "${name}"`);
    if (node.status === "down") throw new Failure(Code.unknown, "nodedown");
    return node;
  }

  async #serve(call: Call, operation: Operation): Promise<WebReply> {
    try {
      const module = this.#module;
      if (module !== undefined && !await this.management.modules.isActive(module)) {
        throw new NotFound(`Module "${module}" is not active`);
      }
      return await operation({ call, parameters: await Parameters.of(call) });
    } catch (error) {
      if (error instanceof NotFound) return textReply(404, "Not found.", "text/plain");
      if (error instanceof Failure) return this.#failure(error.code, error.message);
      if (error instanceof ManagementError) return this.#failure(codeOf(error.code), error.message);
      throw error;
    }
  }

  #failure(code: Code, message: string): WebReply {
    const { errorHttpStatus } = this.context.options.apis.emqxV3;
    return jsonReply(code === Code.unknown ? errorHttpStatus : 200, { code, message });
  }
}

export type PagedList<T> = (paging: Paging) => Promise<PageRows<T> & { readonly count: number }>;

/** Runs `work` with another word for some refusals of the broker. */
export async function translating<T>(
  words: Partial<Record<ManagementError["code"], readonly [Code, string]>>,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (error) {
    const word = error instanceof ManagementError ? words[error.code] : undefined;
    if (word === undefined) throw error;
    throw new Failure(...word);
  }
}
