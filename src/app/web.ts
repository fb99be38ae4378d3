import type { Logger } from "../base/mod.ts";
import { isLoopback } from "../config/mod.ts";
import { type HttpOptions, type HttpServer, openHttpServer } from "../http/mod.ts";
import type { ManagementService } from "../management/mod.ts";
import type { ServerContext } from "./application.ts";
import { SettingFiles } from "./kept_files.ts";
import type { ReadyHttp } from "./ready.ts";
import { VERSION } from "./version.ts";

export interface WebParts {
  readonly options: HttpOptions;
  readonly management: ManagementService;
  /** Of what callers can cause as often as they like. */
  readonly requestLogger: Logger;
  readonly isServing: () => boolean;
  /** Undefined: nothing is kept on disk. */
  readonly dataDir: string | undefined;
}

/** The web servers of the configuration; undefined: there is none, and nothing of HTTP is loaded. */
export async function openWeb(
  { runtime, clock, logger, settings, requestStop }: ServerContext,
  { options, management, requestLogger, isServing, dataDir }: WebParts,
): Promise<HttpServer | undefined> {
  if (options.listeners.length === 0) return undefined;
  const files = new SettingFiles({ dataDir, named: () => settings.files(), logger });
  await files.tidyUp();
  return await openHttpServer({
    runtime,
    clock,
    logger,
    options,
    management,
    requestLogger,
    version: VERSION,
    isServing,
    isLoopback,
    files,
    requestStop,
  });
}

/** What the ready report says of them. */
export function readyHttp(server: HttpServer | undefined): readonly ReadyHttp[] {
  return (server?.views() ?? []).map(({ url, port, apis }) => ({ url, port, apis }));
}
