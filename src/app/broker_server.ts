import { RecordedBanList } from "../access/mod.ts";
import { Broker } from "../broker/mod.ts";
import { type Configuration, formatBind, standardConfiguration } from "../config/mod.ts";
import type { HttpServer } from "../http/mod.ts";
import type { LocalAlarms } from "../management/mod.ts";
import type { BanList, Store } from "../ports/mod.ts";
import { type IntervalHandle, systemErrorText } from "../runtime/mod.ts";
import {
  type Listener,
  type ListenerOptions,
  type PreparedListener,
  prepareListener,
} from "../transport/mod.ts";
import type { WarmUp } from "../warm_up/mod.ts";
import { AccessRules } from "./acl.ts";
import type { Server, ServerContext } from "./application.ts";
import { Authentication, authWarnings } from "./auth.ts";
import { ClientLog } from "./client_log.ts";
import { restoreKeptFiles } from "./kept_files.ts";
import { openManagement, watchAlarms } from "./management.ts";
import type { Opened } from "./ready.ts";
import { Rules } from "./rules.ts";
import { SinkSurroundings } from "./sinks.ts";
import { openStore, raiseStoreAlarms } from "./store.ts";
import { VERSION } from "./version.ts";
import { openWeb, readyHttp } from "./web.ts";
import { ConfiguredWebHook } from "./web_hook.ts";

/** Builds the broker out of its parts; nothing is open yet. `programUrl`: of the program's module. */
export function createServer(context: ServerContext, programUrl: string): Server {
  return new BrokerServer(context, programUrl);
}

/** The broker with its store and its listeners. */
class BrokerServer implements Server {
  readonly #context: ServerContext;
  readonly #programUrl: string;
  readonly #open: Listener[] = [];
  /** A reload may come before the broker is there. */
  #configuration: Configuration;
  #store: Store | undefined;
  #authentication: Authentication | undefined;
  #accessRules: AccessRules | undefined;
  #broker: Broker | undefined;
  #bans: RecordedBanList | undefined;
  #rules: Rules | undefined;
  #http: HttpServer | undefined;
  #sinks: SinkSurroundings | undefined;
  #webHook: ConfiguredWebHook | undefined;
  #watch: IntervalHandle | undefined;
  readonly #clientLog: ClientLog;
  #warmUp: WarmUp | undefined;
  #warmUpEnd: Promise<void> | undefined;
  /** All listeners accept, and nobody has asked for the end. */
  #isServing = false;

  constructor(context: ServerContext, programUrl: string) {
    this.#context = context;
    this.#programUrl = programUrl;
    this.#configuration = context.configuration;
    this.#clientLog = new ClientLog(context, () => this.#configuration.limits.clientLogRate);
  }

  async start(): Promise<Opened> {
    const { store, damage } = await openStore({ ...this.#context, programUrl: this.#programUrl });
    this.#store = store;
    try {
      const { enabled: isKept } = this.#configuration.persistence;
      if (isKept) await restoreKeptFiles(this.#configuration.node.dataDir, store.records);
      this.#configuration = await this.#context.settings.open(store.records);
      const { auth, node, persistence } = this.#configuration;
      this.#warnOfAuth(this.#configuration);
      const doors = await this.#prepareListeners();
      const { records } = store;
      this.#authentication = await Authentication.open({ ...this.#context, records }, auth);
      this.#accessRules = await AccessRules.open(this.#context, this.#configuration.acl);
      const { maxBans } = this.#configuration.limits;
      const bans = this.#bans = new RecordedBanList({
        records,
        logger: this.#context.logger,
        maxBans,
      });
      const broker = this.#broker = this.#createBroker(
        store,
        this.#authentication,
        this.#accessRules,
        bans,
      );
      const sinks = this.#sinks = new SinkSurroundings(this.#programUrl, this.#configuration);
      const rules = this.#rules = new Rules(this.#context, {
        broker,
        records,
        configuration: this.#configuration,
        listeners: () => this.#open,
        sinks,
      });
      const management = openManagement(this.#context, {
        broker,
        store,
        auth: this.#authentication.service,
        authorizer: this.#accessRules.authorizer,
        bans,
        listeners: () => this.#open,
        configuration: () => this.#configuration,
        isServing: () => this.#isServing,
        rules: rules.engine,
        resources: rules.resources,
        webHook: () => this.#webHook?.counters,
        logLinesLeftOut: () => this.#clientLog.logger.leftOut,
      });
      rules.alarms = management.alarms;
      await this.#openWebHook(broker, management.alarms, sinks);
      raiseStoreAlarms(management.alarms, broker, damage);
      this.#watch = watchAlarms(this.#context, management, broker, () => this.#configuration);
      // First, so that whoever watches can see the start.
      this.#http = await openWeb(this.#context, {
        options: this.#configuration.http,
        management,
        requestLogger: this.#clientLog.logger,
        dataDir: persistence.enabled ? node.dataDir : undefined,
        isServing: () => this.#isServing,
      });
      // Before the listeners: the deadlines of the first connection count already.
      broker.start();
      for (const { options, prepared } of doors) {
        this.#open.push(await this.#listen(broker, options, prepared));
      }
      this.#isServing = true;
    } catch (error) {
      await this.#stopAfter(error);
      throw error;
    }
    return {
      listeners: this.#open.map(({ options, url, port }) => ({ type: options.type, url, port })),
      http: readyHttp(this.#http),
    };
  }

  settle(): void {
    if (!this.#configuration.node.hasWarmUp) return;
    // The broker does without it.
    this.#warmUpEnd = this.#runWarmUp().catch((error: unknown) =>
      this.#context.logger.warn("Cannot warm up", { error: String(error) })
    );
  }

  async #runWarmUp(): Promise<void> {
    // What is only needed here must not delay the start.
    const { WarmUp } = await import("../warm_up/mod.ts");
    const broker = this.#broker;
    if (broker === undefined || !this.#isServing) return;
    const { mqtt, limits } = standardConfiguration();
    const { runtime, clock, logger } = this.#context;
    this.#warmUp = new WarmUp({
      runtime,
      clock,
      logger,
      options: mqtt,
      limits,
      version: VERSION,
      isWanted: () => broker.counters.connectionsAccepted > 0,
    });
    await this.#warmUp.run();
  }

  async prepare(configuration: Configuration): Promise<() => void> {
    const changeAuth = await this.#authentication?.prepare(configuration.auth);
    const changeAccess = await this.#accessRules?.prepare(configuration.acl);
    const changeRules = this.#rules?.prepare(configuration);
    const changeHook = await this.#webHook?.prepare(configuration.webHook);
    return () => {
      this.#warnOfAuth(configuration, this.#configuration);
      this.#configuration = configuration;
      changeAuth?.();
      changeAccess?.();
      this.#sinks?.change(configuration);
      changeRules?.();
      changeHook?.();
      this.#http?.reconfigure(configuration.http);
      if (this.#bans !== undefined) this.#bans.maxBans = configuration.limits.maxBans;
      this.#broker?.reconfigure(configuration.mqtt, configuration.limits);
      // In the order of the configuration, which a reload never changes.
      for (const [index, listener] of this.#open.entries()) {
        const options = configuration.listeners[index];
        if (options !== undefined) listener.change(options);
        listener.reload();
      }
    };
  }

  /** Of what was not so before. */
  #warnOfAuth({ auth, listeners }: Configuration, before?: Configuration): void {
    const known = before === undefined ? [] : authWarnings(before.auth, before.listeners);
    for (const warning of authWarnings(auth, listeners)) {
      if (!known.includes(warning)) this.#context.logger.warn(warning);
    }
  }

  async stop(): Promise<void> {
    this.#isServing = false;
    this.#watch?.stop();
    for (const listener of this.#open.splice(0)) listener.close();
    this.#warmUp?.stop();
    await this.#warmUpEnd;
    this.#authentication?.close();
    this.#accessRules?.close();
    await this.#broker?.stop();
    // After the last event.
    await Promise.all([this.#rules?.close(), this.#webHook?.close()]);
    // To the end it says that the broker is stopping; requests that wait for the store get their answer.
    await this.#http?.close();
    this.#clientLog.close();
    // After the broker, which notes what becomes of its sessions until the last connection is gone.
    await this.#store?.close();
  }

  /** Why the start failed is the answer, whatever goes wrong after it. */
  async #stopAfter(failure: unknown): Promise<void> {
    try {
      await this.stop();
    } catch (error) {
      const { logger } = this.#context;
      logger.error(`Cannot stop after "${String(failure)}": ${String(error)}`);
    }
  }

  async #openWebHook(
    { events }: Broker,
    alarms: LocalAlarms,
    { hosts }: SinkSurroundings,
  ): Promise<void> {
    const hook = this.#webHook = new ConfiguredWebHook(this.#context, { events, alarms, hosts });
    const begin = await hook.prepare(this.#configuration.webHook);
    begin();
  }

  #createBroker(
    store: Store,
    { service }: Authentication,
    { authorizer }: AccessRules,
    bans: BanList,
  ): Broker {
    const { runtime, clock, logger, eventSinks } = this.#context;
    return new Broker({
      options: this.#configuration.mqtt,
      limits: this.#configuration.limits,
      version: VERSION,
      runtime,
      clock,
      logger,
      clientLogger: this.#clientLog.logger,
      authenticator: service,
      authorizer,
      store,
      storingGivesWay: this.#configuration.persistence.giveWay,
      bans,
      eventSinks,
    });
  }

  /** Before any of them is bound: where one cannot be, none is. */
  async #prepareListeners(): Promise<
    { readonly options: ListenerOptions; readonly prepared: PreparedListener }[]
  > {
    const listeners = [];
    for (const options of this.#configuration.listeners) {
      try {
        listeners.push({ options, prepared: await prepareListener(this.#context, options) });
      } catch (error) {
        throw listenError(options, error);
      }
    }
    return listeners;
  }

  async #listen(
    broker: Broker,
    options: ListenerOptions,
    prepared: PreparedListener,
  ): Promise<Listener> {
    try {
      return await prepared.open(broker);
    } catch (error) {
      throw listenError(options, error);
    }
  }
}

function listenError(options: ListenerOptions, error: unknown): Error {
  const message = `Cannot listen on ${formatBind(options)}: ${systemErrorText(error)}`;
  return new Error(message, { cause: error });
}
