import type { Dialect, DialectContext } from "../dialect.ts";
import { Api } from "../kit/mod.ts";
import { refuse } from "./errors.ts";
import { addPublish } from "./publish.ts";

/** The built-in HTTP API of SMQTT. */
export function createSmqtt(context: DialectContext): Dialect {
  const api = new Api<undefined>({
    title: "SMQTT",
    description: "The built-in HTTP API of SMQTT.",
    onInternalError: context.onInternalError,
    refuse,
  });
  addPublish(api, context);
  return {
    name: "smqtt",
    owns: (path) => path === "/smqtt" || path.startsWith("/smqtt/"),
    app: api.seal().app,
    openapi: (version) => api.openapi(version),
  };
}
