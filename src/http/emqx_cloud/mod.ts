import type { Dialect, DialectContext } from "../dialect.ts";
import { Api, type Call, RequestRefused } from "../kit/mod.ts";
import { addClients } from "./clients.ts";
import { NO_BASIC, refuse, WRONG_SECRET } from "./errors.ts";
import { addSubscribe } from "./subscribe.ts";

const NOUN = "/clients";

/** The clients API of EMQX Cloud, at the root, below its prefix, and below the prefix with a version. */
export function createEmqxCloud(context: DialectContext): Dialect {
  const api = new Api<undefined>({
    title: "EMQX Cloud clients",
    description: "The clients API of EMQX Cloud.",
    security: ["basic"],
    onInternalError: context.onInternalError,
    normalizePath: (path) => withoutPrefix(path, context.options.apis.emqxCloud.prefix) ?? path,
    authenticate: (call) => authenticate(call, context),
    refuse,
  });
  addClients(api, context);
  addSubscribe(api, context);
  return {
    name: "emqx-cloud",
    owns: (path) => {
      const { prefix } = context.options.apis.emqxCloud;
      return withoutPrefix(path, prefix) !== undefined || path.startsWith(`${prefix}/`);
    },
    app: api.seal().app,
    openapi: (version) => api.openapi(version),
  };
}

/** From `/clients` on; undefined: the path is not one of clients. A trailing slash means nothing. */
function withoutPrefix(path: string, prefix: string): string | undefined {
  for (const base of ["", prefix, `${prefix}/v5`, `${prefix}/v4`]) {
    const noun = `${base === "/" ? "" : base}${NOUN}`;
    if (path !== noun && !path.startsWith(`${noun}/`)) continue;
    const rest = path.slice(noun.length - NOUN.length);
    return rest.endsWith("/") ? rest.slice(0, -1) : rest;
  }
  return undefined;
}

async function authenticate(call: Call, { management }: DialectContext): Promise<undefined> {
  const { authorization } = call;
  if (authorization.scheme === "malformed") throw unauthorized(WRONG_SECRET);
  if (authorization.scheme !== "basic") throw unauthorized(NO_BASIC);
  const { username, password } = authorization;
  if (!await management.apps.authenticate(username, password)) throw unauthorized(WRONG_SECRET);
}

function unauthorized(reason: string): RequestRefused {
  return new RequestRefused({ kind: "unauthorized", reason });
}
