import { type Clock, LineLogger, SystemClock } from "../base/mod.ts";
import type { Configuration, LoadedConfig } from "../config/mod.ts";
import type { EventSink } from "../ports/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import type { ConfigArguments } from "./config_options.ts";
import type { RunArguments } from "./run_arguments.ts";
import { type ConfigResult, readWholeConfiguration } from "./configuration.ts";
import { type Lifetime, ServiceLifetime, type StopReason } from "./lifetime.ts";
import { createReadyReport, type Opened } from "./ready.ts";
import { ServiceManager } from "./service_manager.ts";
import { type Prepare, type ReadConfig, Settings } from "./settings.ts";
import { VERSION } from "./version.ts";

/** The parts that serve clients, as the life of the program sees them. */
export interface Server {
  /** Opens every listener, or none: when one fails, it rejects with nothing left open. */
  start(): Promise<Opened>;
  /** Everything is open and whoever waits for that has been told: there is time for what can wait. */
  settle(): void;
  /** Makes ready what may change while the broker runs; see `Prepare`. */
  prepare: Prepare;
  /**
   * No new connections, a DISCONNECT to the old ones; resolves when all is closed and on disk. Rejects where the last
   * changes could not be written; all is closed then, too.
   */
  stop(): Promise<void>;
}

export interface ServerContext {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly logger: LineLogger;
  /** Without what was set through an API; `settings.open` adds that. */
  readonly configuration: Configuration;
  readonly settings: Settings;
  /** Hear what happens from the start on. */
  readonly eventSinks: readonly EventSink[];
  /** Stops the program a moment later, so that whoever asked is answered. "restart": with the status for that. */
  requestStop(how: "stop" | "restart"): void;
}

export interface ApplicationOptions {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly arguments: ConfigArguments;
  readonly lifetime: Lifetime;
  readonly eventSinks?: readonly EventSink[];
  readonly createServer: CreateServer;
}

/** A promise where the parts have to be loaded first. */
export type CreateServer = (context: ServerContext) => Server | Promise<Server>;

export const EXIT_STOPPED = 0;
export const EXIT_FAILED = 1;
export const EXIT_WRONG_CONFIGURATION = 2;
/** Stopped in good order, and to be started again: what sysexits calls a temporary failure. */
export const EXIT_RESTART = 75;
/** From the request of an API to the stop. */
const STOP_DELAY_MS = 2000;

/** `broker run`; resolves with the exit status. */
export async function runBroker(
  runtime: Runtime,
  args: RunArguments,
  createServer: CreateServer,
): Promise<number> {
  const application = new Application({
    runtime,
    clock: new SystemClock(),
    arguments: args,
    lifetime: new ServiceLifetime(runtime, args.readyFile),
    createServer,
  });
  return await application.run();
}

/** The life of one broker program: configuration, start, reloads, stop. */
export class Application {
  readonly #runtime: Runtime;
  readonly #clock: Clock;
  readonly #arguments: ConfigArguments;
  readonly #lifetime: Lifetime;
  readonly #eventSinks: readonly EventSink[];
  readonly #createServer: CreateServer;
  /** Undefined: nobody who wants to know. */
  #manager: ServiceManager | undefined;
  /** What it is told of a broker that serves. */
  #serving = "";
  /** One reload at a time, and none before everything is there that a reload changes. */
  #canReload = false;
  #isReloadWanted = false;

  constructor(options: ApplicationOptions) {
    this.#runtime = options.runtime;
    this.#clock = options.clock;
    this.#arguments = options.arguments;
    this.#lifetime = options.lifetime;
    this.#eventSinks = options.eventSinks ?? [];
    this.#createServer = options.createServer;
  }

  /** Resolves with the exit status when the broker has stopped or could not start. */
  async run(): Promise<number> {
    const { configuration, loaded, problems } = await this.#read();
    if (configuration === undefined) {
      this.#runtime.writeStderr(problemReport(problems));
      return EXIT_WRONG_CONFIGURATION;
    }
    const logger = new LineLogger(
      configuration.log,
      this.#clock,
      (line) => this.#runtime.writeStderr(line),
    );
    this.#manager = await ServiceManager.find({ runtime: this.#runtime, logger });
    try {
      return await this.#serve(configuration, loaded, logger);
    } finally {
      await this.#manager?.close();
    }
  }

  /** From a configuration that can be used to the exit status. */
  async #serve(
    configuration: Configuration,
    loaded: LoadedConfig,
    logger: LineLogger,
  ): Promise<number> {
    const read: ReadConfig = (stored) => this.#read(stored);
    const settings = new Settings({ read, loaded, logger });
    const { promise: stopped, resolve: stop } = Promise.withResolvers<StopReason>();
    // First of all, so that a signal cannot come too early for a graceful stop.
    this.#lifetime.begin({ stop, reload: () => this.#requestReload(settings) });
    const server = await this.#createServer({
      runtime: this.#runtime,
      clock: this.#clock,
      logger,
      configuration,
      settings,
      eventSinks: this.#eventSinks,
      requestStop: (how) =>
        this.#stopLater({ signal: `api ${how}`, isRestart: how === "restart" }, stop),
    });
    settings.follow((next) => server.prepare(next));
    for (const warning of configuration.warnings) logger.warn(warning);
    if (!await this.#start(server, settings, logger)) return EXIT_FAILED;
    this.#canReload = true;
    if (this.#isReloadWanted) this.#requestReload(settings);
    const { signal, isRestart } = await stopped;
    logger.info("Stopping", { signal });
    this.#manager?.stopping();
    if (!await stopWhole(server, logger)) return EXIT_FAILED;
    return isRestart ? EXIT_RESTART : EXIT_STOPPED;
  }

  #stopLater(reason: StopReason, stop: (reason: StopReason) => void): void {
    const delay = this.#runtime.every(STOP_DELAY_MS, () => {
      delay.stop();
      stop(reason);
    });
  }

  async #start(
    server: Server,
    settings: Settings,
    logger: LineLogger,
  ): Promise<boolean> {
    let opened: Opened;
    this.#manager?.status("Starting");
    try {
      opened = await server.start();
    } catch (error) {
      logger.error(errorText(error));
      this.#manager?.status(errorText(error));
      return false;
    }
    const report = createReadyReport(this.#runtime, opened);
    try {
      await this.#lifetime.onReady(report);
    } catch (error) {
      logger.error(errorText(error));
      await stopWhole(server, logger);
      return false;
    }
    this.#serving = `Serving ${
      [...opened.listeners, ...opened.http].map(({ url }) => url).join(" ")
    }`;
    this.#manager?.ready(this.#serving);
    const { runtime } = report;
    const { name } = settings.configuration.node;
    logger.info("Broker started", { version: VERSION, runtime, node: name });
    for (const { type, url } of opened.listeners) logger.info("Listening", { type, url });
    for (const { url, apis } of opened.http) {
      logger.info("Serving HTTP", { url, apis: apis.join(",") });
    }
    server.settle();
    return true;
  }

  async #read(stored?: ReadonlyMap<string, unknown>): Promise<ConfigResult> {
    return await readWholeConfiguration(this.#runtime, this.#arguments, stored);
  }

  /** A request during a reload is served once more at the end. */
  #requestReload(settings: Settings): void {
    this.#isReloadWanted = true;
    if (!this.#canReload) return;
    this.#canReload = false;
    void this.#reload(settings);
  }

  async #reload(settings: Settings): Promise<void> {
    while (this.#isReloadWanted) {
      this.#isReloadWanted = false;
      this.#manager?.reloading();
      await settings.reload();
      this.#manager?.ready(this.#serving);
    }
    this.#canReload = true;
  }
}

/** Says how it went; false: something could not be written. */
async function stopWhole(server: Server, logger: LineLogger): Promise<boolean> {
  try {
    await server.stop();
  } catch (error) {
    logger.error("Stopped, but the last changes are not on disk", { error: errorText(error) });
    return false;
  }
  logger.info("Stopped");
  return true;
}

/** What `run` and `check` print of a configuration that cannot be used. */
export function problemReport(problems: readonly string[]): string {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  return `Cannot use the configuration: ${count}\n${problems.join("\n")}\n`;
}

function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
