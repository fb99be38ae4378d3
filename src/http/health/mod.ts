import * as z from "zod/mini";
import type { Dialect, DialectContext } from "../dialect.ts";
import { Api, jsonReply, refusePlainly } from "../kit/mod.ts";

const HealthBody = z.object({ status: z.string(), problems: z.array(z.string()) });

/** `/healthz` and `/readyz`, for those who watch over the program. Nobody is asked who he is. */
export function createHealth(context: DialectContext): Dialect {
  const api = new Api<undefined>({
    title: "Health",
    description: "Whether the broker lives, and whether it serves.",
    onInternalError: context.onInternalError,
    refuse: refusePlainly,
  });
  const ok = { description: "Yes", schema: HealthBody };
  api.route({
    method: "GET",
    path: "/healthz",
    operationId: "healthz",
    summary: "Whether the program lives: it answers",
    isOpen: true,
    isAlwaysServed: true,
    replies: { 200: ok, 503: { description: "No", schema: HealthBody } },
  }, async () => {
    const { isAlive, problems } = await context.management.nodes.health();
    return healthReply(isAlive, isAlive ? [] : problems, "alive");
  });
  api.route({
    method: "GET",
    path: "/readyz",
    operationId: "readyz",
    summary: "Whether it takes clients and keeps what it promises",
    isOpen: true,
    isAlwaysServed: true,
    replies: { 200: ok, 503: { description: "No, and why not", schema: HealthBody } },
  }, async () => {
    const { isReady, problems } = await context.management.nodes.health();
    return healthReply(isReady, problems, "ready");
  });
  return {
    name: "health",
    owns: (path) => path === "/healthz" || path === "/readyz",
    app: api.seal().app,
    openapi: (version) => api.openapi(version),
  };
}

function healthReply(isWell: boolean, problems: readonly string[], word: string): ReturnType<
  typeof jsonReply
> {
  return jsonReply(isWell ? 200 : 503, {
    status: isWell ? word : `not ${word || "ready"}`,
    problems,
  }, [
    ["cache-control", "no-store"],
  ]);
}
