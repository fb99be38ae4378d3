import type { Dialect, DialectContext } from "../dialect.ts";
import { Api, emptyReply, isAccount, RequestRefused, withHeaders } from "../kit/mod.ts";
import { refuse } from "./errors.ts";
import { addExtras } from "./extras.ts";
import { addLists } from "./lists.ts";
import { addPublish } from "./publish.ts";

const CORS_HEADERS = [
  ["access-control-allow-origin", "*"],
  ["access-control-allow-headers", "*"],
  ["access-control-allow-methods", "*"],
] as const;

/** The built-in HTTP API of SMQTT. */
export function createSmqtt(context: DialectContext): Dialect {
  const hasCors = (): boolean => {
    const { cors, username } = context.options.apis.smqtt;
    return cors ?? username === "";
  };
  const api = new Api<undefined>({
    title: "SMQTT",
    description: "The built-in HTTP API of SMQTT.",
    security: ["basic"],
    authenticate: (call) => {
      const { username, password } = context.options.apis.smqtt;
      if (username === "") return undefined;
      const { authorization } = call;
      if (authorization.scheme === "basic" && isAccount(authorization, { username, password })) {
        return undefined;
      }
      throw new RequestRefused({ kind: "unauthorized", reason: "wrong credentials" });
    },
    refuse,
    decorate: (reply) => hasCors() ? withHeaders(reply, CORS_HEADERS) : reply,
    onInternalError: context.onInternalError,
  });
  // Before a page's request the browser asks without credentials.
  api.route({
    method: "OPTIONS",
    path: "/*",
    operationId: "preflight",
    summary: "What a browser asks before it lets a page call",
    isOpen: true,
    isHidden: true,
    replies: { 200: { description: "Anything goes" } },
  }, () => emptyReply(hasCors() ? 200 : 404));
  addPublish(api, context);
  addLists(api, context);
  addExtras(api, context);
  return {
    name: "smqtt",
    owns: (path) => path === "/smqtt" || path.startsWith("/smqtt/"),
    app: api.seal().app,
    openapi: (version) => api.openapi(version),
  };
}
