import type { WebReply } from "../../runtime/mod.ts";
import type { Dialect, DialectContext } from "../dialect.ts";
import { Api, type Call, type Refusal, refusalText, textReply, withHeaders } from "../kit/mod.ts";
import { addAccounts } from "./accounts.ts";
import { addActions } from "./actions.ts";
import API_LIST from "./api_list.json" with { type: "json" };
import { addApps } from "./apps.ts";
import { authenticate } from "./authentication.ts";
import { addBanned } from "./banned.ts";
import { addClients } from "./clients.ts";
import { addConfigs } from "./configs.ts";
import { addListeners } from "./listeners.ts";
import { addMessages } from "./messages.ts";
import { addNodes } from "./nodes.ts";
import { addPlugins } from "./plugins.ts";
import { addResources } from "./resources.ts";
import { success } from "./result.ts";
import { BASE, Routes } from "./routes.ts";
import { addRules } from "./rules.ts";
import { addSubscriptions } from "./subscriptions.ts";
import { addUsers } from "./users.ts";

const STATUS_PATH = "/status";

/** The REST API of EMQX 3.x. */
export function createEmqxV3(context: DialectContext): Dialect {
  const api = new Api<undefined>({
    title: "EMQX 3.x",
    description: "The REST API of EMQX 3.x.",
    security: ["basic"],
    onInternalError: context.onInternalError,
    normalizePath: withoutEmptySegments,
    authenticate: (call: Call) => authenticate(call, context),
    refuse,
  });
  const routes = new Routes(api, context);
  routes.add("GET", "", "list_apis", () => success(API_LIST));
  for (const method of ["POST", "PUT", "DELETE"] as const) {
    routes.add(method, "", `list_apis.${method}`, () => BAD_REQUEST);
  }
  addAccounts(routes);
  addUsers(routes);
  addApps(routes);
  addBanned(routes);
  addNodes(routes);
  addConfigs(routes);
  addPlugins(routes);
  addListeners(routes);
  addClients(routes);
  addSubscriptions(routes);
  addMessages(routes);
  const ruleRoutes = routes.of("rule_engine");
  addRules(ruleRoutes);
  addActions(ruleRoutes);
  addResources(ruleRoutes);
  addStatus(api, context);
  return {
    name: "emqx-v3",
    owns: (rawPath) => {
      const path = withoutEmptySegments(rawPath);
      return path === BASE || path.startsWith(`${BASE}/`) || path === STATUS_PATH;
    },
    app: api.seal().app,
    openapi: (version) => api.openapi(version),
  };
}

const BAD_REQUEST = textReply(400, "Bad Request", "text/plain");

/** Slashes at the end, or several in a row, do not matter. */
function withoutEmptySegments(path: string): string {
  return `/${path.split("/").filter((segment) => segment !== "").join("/")}`;
}

function addStatus(api: Api, { management, isServing }: DialectContext): void {
  api.route({
    method: "GET",
    path: STATUS_PATH,
    operationId: "status",
    summary: "Whether the node runs",
    isOpen: true,
    isAlwaysServed: true,
    replies: { 200: { description: "Two lines", contentType: "text/plain" } },
  }, () => {
    const state = isServing() ? "started" : "starting";
    const lines = `Node ${management.nodes.localName} is ${state}\nemqx is running`;
    return textReply(200, lines, "text/plain");
  });
}

/** How this product refuses what does not even reach an operation: by status, in plain words. */
function refuse(refusal: Refusal): WebReply {
  switch (refusal.kind) {
    case "not-found":
    case "method-not-allowed":
      return textReply(404, "Not found.", "text/plain");
    case "unauthorized":
      return withHeaders(textReply(401, "UNAUTHORIZED", "text/plain"), [
        ["www-authenticate", 'Basic Realm="minirest-server"'],
      ]);
    case "rate-limited":
      return withHeaders(textReply(429, refusalText(refusal), "text/plain"), [
        ["retry-after", String(refusal.retryAfterS)],
      ]);
    case "body-too-large":
      return textReply(413, "Bad Request", "text/plain");
    case "not-json":
    case "bad-encoding":
    case "invalid":
      return BAD_REQUEST;
    case "internal":
    case "management":
      return textReply(500, "Internal Error", "text/plain");
  }
}
