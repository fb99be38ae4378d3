import type { Clock, Logger } from "../base/mod.ts";
import type { ManagementService } from "../management/mod.ts";
import { type Runtime, systemErrorText, type TlsMaterial } from "../runtime/mod.ts";
import { TlsFiles, type TlsFilesContext } from "../transport/mod.ts";
import type { DialectContext, KeptFiles } from "./dialect.ts";
import { Dialects } from "./dialects.ts";
import type { HttpListenerOptions, HttpOptions } from "./options.ts";
import { WebListener, type WebListenerView } from "./web_listener.ts";

export interface HttpServerContext {
  readonly runtime:
    & Pick<Runtime, "name" | "version" | "pid" | "serveWeb" | "yieldTurn">
    & TlsFilesContext["runtime"];
  readonly clock: Clock;
  readonly logger: Logger;
  /** For what callers can cause as often as they like; default: `logger`. */
  readonly requestLogger?: Logger;
  readonly options: HttpOptions;
  readonly management: ManagementService;
  readonly version: string;
  readonly files: KeptFiles;
  /** Whether the program takes clients now. */
  isServing(): boolean;
  isLoopback(host: string): boolean;
  /** Ends the program in good order, a little later. */
  requestStop(how: "stop" | "restart"): void;
}

/** How long requests that are under way may still take when the program stops. */
const GRACE_MS = 5000;

/** All web servers with the APIs that they share. */
export class HttpServer {
  readonly #context: HttpServerContext;
  readonly #listeners: WebListener[] = [];
  readonly #certificates: TlsFiles[] = [];
  #options: HttpOptions;

  private constructor(context: HttpServerContext) {
    this.#context = context;
    this.#options = context.options;
  }

  /** Opens every listener, or none: rejects with the reason, which names the address. */
  static async open(context: HttpServerContext): Promise<HttpServer> {
    const server = new HttpServer(context);
    try {
      const dialects = new Dialects(server.#dialectContext());
      for (const options of context.options.listeners) await server.#listen(options, dialects);
    } catch (error) {
      await server.close();
      throw error;
    }
    return server;
  }

  /** As they are now, in the order of the configuration. */
  views(): readonly WebListenerView[] {
    return this.#listeners.map((listener) => listener.view());
  }

  /** What requests from now on are judged by; listeners stay as they are. */
  reconfigure(options: HttpOptions): void {
    this.#options = options;
    for (const files of this.#certificates) files.reload();
  }

  /** Accepts no more; resolves when the requests that are under way have been answered, or their time is over. */
  async close(): Promise<void> {
    for (const files of this.#certificates.splice(0)) files.close();
    await Promise.all(
      this.#listeners.splice(0).map((listener) => listener.server?.close(GRACE_MS)),
    );
  }

  #dialectContext(): DialectContext {
    const { management, logger, clock, version, runtime } = this.#context;
    const options = (): HttpOptions => this.#options;
    return {
      management,
      logger,
      clock,
      turns: { clock, yieldTurn: (fn) => runtime.yieldTurn(fn) },
      version,
      runtime: { name: runtime.name, version: runtime.version, pid: runtime.pid },
      readTextFile: (path) => runtime.readTextFile(path),
      files: this.#context.files,
      requestStop: (how) => this.#context.requestStop(how),
      isServing: () => this.#context.isServing(),
      webListeners: () => this.views(),
      onInternalError: (error, { rawPath }) => {
        logger.error("Cannot answer a request", {
          path: rawPath.slice(0, 1024),
          error: error instanceof Error ? error : new Error(String(error)),
          stack: error instanceof Error ? error.stack : undefined,
        });
      },
      get options() {
        return options();
      },
    };
  }

  async #listen(options: HttpListenerOptions, dialects: Dialects): Promise<void> {
    const { runtime, logger, version, isLoopback, isServing } = this.#context;
    const terms = { ...options, isLoopback: isLoopback(options.host) };
    const listener = new WebListener(terms, {
      dialects,
      logger: this.#context.requestLogger ?? logger,
      version,
      isServing,
    });
    const onError = (error: unknown): void => {
      logger.debug("HTTP connection failed", {
        listener: options.name,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    };
    try {
      const tls = await this.#openTls(options, listener);
      const serve = { ...options, tls, onError };
      listener.attach(await runtime.serveWeb(serve, (request) => listener.handle(request)));
    } catch (error) {
      const { host, port } = options;
      const bind = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
      throw new Error(`Cannot listen on ${bind}: ${systemErrorText(error)}`, { cause: error });
    }
    this.#listeners.push(listener);
  }

  /** Reads the files of a listener and watches them; what replaces them counts for new connections. */
  async #openTls(
    { tls: options, name }: HttpListenerOptions,
    listener: WebListener,
  ): Promise<TlsMaterial | undefined> {
    if (options === undefined) return undefined;
    let current: TlsMaterial | undefined;
    const files = await TlsFiles.open({
      context: this.#context,
      options,
      owner: name,
      onChange: (material) => {
        current = material;
        listener.server?.setTls(material);
      },
    });
    files.watch();
    this.#certificates.push(files);
    return current;
  }
}
