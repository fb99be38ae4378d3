import { isLoopback } from "../config/mod.ts";
import { type HttpOptions, type HttpServer, openHttpServer } from "../http/mod.ts";
import type { ManagementService } from "../management/mod.ts";
import type { ServerContext } from "./application.ts";
import type { ReadyHttp } from "./ready.ts";
import { VERSION } from "./version.ts";

export interface WebParts {
  readonly options: HttpOptions;
  readonly management: ManagementService;
  readonly isServing: () => boolean;
}

/** The web servers of the configuration; undefined: there is none, and nothing of HTTP is loaded. */
export async function openWeb(
  { runtime, clock, logger, requestStop }: ServerContext,
  { options, management, isServing }: WebParts,
): Promise<HttpServer | undefined> {
  if (options.listeners.length === 0) return undefined;
  return await openHttpServer({
    runtime,
    clock,
    logger,
    options,
    management,
    version: VERSION,
    isServing,
    isLoopback,
    requestStop,
  });
}

/** What the ready report says of them. */
export function readyHttp(server: HttpServer | undefined): readonly ReadyHttp[] {
  return (server?.views() ?? []).map(({ url, port, apis }) => ({ url, port, apis }));
}
