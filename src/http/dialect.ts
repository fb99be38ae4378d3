import type { Hono } from "hono";
import type { Clock, Logger } from "../base/mod.ts";
import type { ManagementService, Turns } from "../management/mod.ts";
import type { HttpEnv, ListenerTerms } from "./env.ts";
import type { OpenApiDocument } from "./kit/mod.ts";
import type { ApiName, HttpOptions } from "./options.ts";
import type { WebListenerView } from "./web_listener.ts";

/** Files that settings name and whose contents came through an API. */
export interface KeptFiles {
  /**
   * Runs `work`, one after the other. `keep` puts text into a file that only the broker may read, and resolves with
   * its path; it rejects with `ManagementError`, "unavailable". What no setting names when `work` has ended, well or
   * not, is removed.
   */
  use<T>(work: (keep: (text: string) => Promise<string>) => Promise<T>): Promise<T>;
}

/** What an API is built from. */
export interface DialectContext {
  readonly management: ManagementService;
  /** As they are now: a reload changes them, so they are to be read at each request. */
  readonly options: HttpOptions;
  readonly logger: Logger;
  readonly clock: Clock;
  /** For long replies, which give way to the traffic. */
  readonly turns: Turns;
  /** Of the program. */
  readonly version: string;
  readonly runtime: { readonly name: string; readonly version: string; readonly pid: number };
  /** Reads a file that an option names. */
  readTextFile(path: string): Promise<string>;
  readonly files: KeptFiles;
  /** The web servers, as they are now. */
  webListeners(): readonly WebListenerView[];
  /** Whether the program takes clients: not while it starts or stops. */
  isServing(): boolean;
  /** Ends the program a little later, so that whoever asked is answered; "restart" asks its supervisor for a new one. */
  requestStop(how: "stop" | "restart"): void;
  /** For a handler's mistake: logs it with a stack, which never leaves the program. */
  onInternalError(error: unknown, call: { readonly rawPath: string }): void;
}

/** One API, made once and served on every listener that names it. */
export interface Dialect {
  readonly name: ApiName;
  /** Whether a path, as sent and without query, is this API's to answer, be it with 404. */
  owns(rawPath: string, listener: ListenerTerms): boolean;
  readonly app: Hono<HttpEnv>;
  openapi(version: string): OpenApiDocument;
}

export type CreateDialect = (context: DialectContext) => Dialect | Promise<Dialect>;
