import { type Clock, type Logger, TimerWheel, TokenBucket } from "../base/mod.ts";
import { ReasonCode } from "../mqtt/mod.ts";
import type {
  Authenticator,
  Authorizer,
  Ban,
  BanList,
  BanSubject,
  EventSink,
  EventSource,
  Publisher,
  PublishInterceptor,
  Store,
  StoreEvents,
} from "../ports/mod.ts";
import { Router, type RouterCounters } from "../routing/mod.ts";
import type { ByteSocket, ByteSocketHandler, IntervalHandle, Runtime } from "../runtime/mod.ts";
import { FrameRun, type Message, Pace, Publication, type SessionLimits } from "../session/mod.ts";
import {
  FlushSet,
  type ListenerContext,
  type ListenerTerms,
  trimSparePages,
} from "../transport/mod.ts";
import { AckRelease } from "./ack_release.ts";
import { type BrokerCore, Scratch } from "./broker_core.ts";
import { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";
import { BrokerCounters } from "./counters.ts";
import { Controller } from "./controller.ts";
import { DelayedMessages } from "./delayed_messages.ts";
import { Durability } from "./durability.ts";
import { EventHub } from "./event_hub.ts";
import { FlappingDetector } from "./flapping.ts";
import { BrokerGauges } from "./gauges.ts";
import { CoreState } from "./core_state.ts";
import { Inspector } from "./inspector.ts";
import { MountedConnection } from "./mounted_connection.ts";
import type { LimitsOptions, MqttOptions } from "./options.ts";
import { Permissions } from "./permissions.ts";
import { PublishPipeline } from "./publish_pipeline.ts";
import { QueueCutter } from "./queue_cutter.ts";
import { RetainedMessages } from "./retained_messages.ts";
import { RunPublisher } from "./run_publisher.ts";
import { SessionRegistry } from "./session_registry.ts";
import { Subscriptions } from "./subscriptions.ts";
import { StoreTopics } from "./store_topics.ts";
import { SysTopics } from "./sys_topics.ts";

/** What the broker asks of the runtime that it is on. */
export type BrokerRuntime = Pick<Runtime, "every" | "defer" | "yieldTurn" | "memory">;

export interface BrokerParts {
  readonly options: MqttOptions;
  readonly limits: LimitsOptions;
  readonly version: string;
  readonly runtime: BrokerRuntime;
  readonly clock: Clock;
  readonly logger: Logger;
  /** For what clients can cause as often as they like; default: `logger`. */
  readonly clientLogger?: Logger | undefined;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  /** What must outlive the broker goes there. The broker notes and reads; whoever opened it closes it. */
  readonly store: Store;
  /** Whether storing takes a part of the time only while there are messages that nobody stores; default: true. */
  readonly storingGivesWay?: boolean;
  /** Who is kept out. */
  readonly bans?: BanList;
  /** See every message before it is retained and routed, in this order. */
  readonly interceptors?: readonly PublishInterceptor[];
  /** Hear what happens, from the start on; see also `Broker.events`. */
  readonly eventSinks?: readonly EventSink[];
}

export interface BrokerFigures {
  /** With and without a connection. */
  readonly sessions: number;
  readonly connected: number;
  /** Of any state, also before CONNECT and while closing. */
  readonly connections: number;
  readonly subscriptions: number;
  readonly sharedSubscriptions: number;
  readonly retainedMessages: number;
  readonly retainedBytes: number;
  readonly delayedMessages: number;
  readonly delayedBytes: number;
  /** Deadlines that are kept. */
  readonly timers: number;
}

/** How long a page that a burst has left may lie unused, in milliseconds. */
const TRIM_INTERVAL_MS = 30_000;
/** Clients from banned addresses that are told of their ban in a second: the handshake may be one of TLS. */
const BAN_ANSWERS_RATE = 20;
/** How long clients may take to read the farewell at `stop`, in milliseconds. */
const STOP_TIMEOUT_MS = 3000;

/** Owns the parts; starts and stops them. Connections come in through `accept`. */
export class Broker {
  readonly #parts: BrokerParts;
  readonly #core: BrokerCore;
  readonly #sys: SysTopics;
  readonly #cutter: QueueCutter;
  /** For clients from banned addresses. */
  readonly #banAnswers: TokenBucket;
  #interval: IntervalHandle | undefined;
  #trimming: IntervalHandle | undefined;
  #onAllGone: (() => void) | undefined;

  constructor(parts: BrokerParts) {
    this.#parts = parts;
    this.#core = createCore(parts);
    this.#banAnswers = new TokenBucket(BAN_ANSWERS_RATE, parts.clock.monotonicMs());
    if (parts.bans !== undefined) parts.bans.onBanned = (ban) => this.#disconnectBanned(ban);
    this.#cutter = new QueueCutter({
      sessions: () => this.#core.sessions.values(),
      yieldTurn: this.#core.yieldTurn,
    });
    this.#sys = new SysTopics({
      ...this.#core,
      publisher: this.#core.pipeline,
      version: parts.version,
      store: new StoreTopics(parts.store, parts.clock.monotonicMs()),
      figures: () => ({
        ...this.figures,
        connectedMaximum: this.#core.gauges.connections.max,
        heapBytes: parts.runtime.memory().heapUsedBytes,
      }),
    });
  }

  /** Called when the store cannot be written any more, and, with undefined, when it can again. */
  set onStoreStateChange(listener: StoreEvents["onStateChange"]) {
    this.#core.durability.onFailure = listener;
  }

  /** Called when a damaged database was set right; before `onStoreStateChange`. */
  set onStoreRepaired(listener: StoreEvents["onRepaired"]) {
    this.#core.durability.onRepair = listener;
  }

  get counters(): Readonly<BrokerCounters> {
    return this.#core.counters;
  }

  /** How topics find their subscribers. */
  get routeCounters(): RouterCounters {
    return this.#core.router.counters;
  }

  /** What the broker holds now. */
  get figures(): BrokerFigures {
    const { sessions, router, retained, delayed, connections, timers } = this.#core;
    return {
      sessions: sessions.count,
      connected: sessions.onlineCount,
      connections: connections.size,
      subscriptions: router.subscriptionCount,
      sharedSubscriptions: router.sharedSubscriptionCount,
      retainedMessages: retained.count,
      retainedBytes: retained.bytes,
      delayedMessages: delayed.count,
      delayedBytes: delayed.bytes,
      timers: timers.count,
    };
  }

  /** For whoever looks; `node`: what views call this node. */
  createInspector(node: string): Inspector {
    return new Inspector(this.#core, node);
  }

  /** For whoever administers. */
  createController(node: string): Controller {
    return new Controller(this.#core, node);
  }

  /** The way in for messages that no client sends. */
  get publisher(): Publisher {
    return this.#core.pipeline;
  }

  /** Where whoever wants to hear what happens registers. */
  get events(): EventSource {
    return this.#core.events;
  }

  /** Takes over what an earlier run left, and lets time pass: from now on deadlines are kept. */
  start(): void {
    const { timers, clock, durability, sessions, retained, delayed } = this.#core;
    const state = durability.store.load();
    for (const message of state.retained) retained.restore(message);
    sessions.restore(state.sessions);
    delayed.restore(state.delayed);
    durability.store.live = new CoreState(this.#core);
    this.#interval = this.#parts.runtime.every(
      timers.tickMs,
      () => timers.advance(clock.monotonicMs()),
    );
    this.#trimming = this.#parts.runtime.every(TRIM_INTERVAL_MS, () => {
      trimSparePages();
      this.#parts.bans?.sweep(clock.nowMs());
    });
    this.#sys.start(this.#core.options.sysIntervalMs);
    this.#cutter.start();
  }

  /** Takes a new connection; the handler gets its bytes. */
  accept(socket: ByteSocket, listener: ListenerContext): ByteSocketHandler {
    const isMounted = listener.options.mountpoint !== "";
    const connection = new (isMounted ? MountedConnection : ClientConnection)(this.#core, socket, {
      options: listener.options,
      release: () => {
        listener.release();
        if (this.#core.connections.size === 0) this.#onAllGone?.();
      },
    });
    this.#core.connections.add(connection);
    this.#core.counters.connectionsAccepted++;
    return connection;
  }

  /** A listener has turned a connection away, because it has too many. */
  noteRefusedConnection(): void {
    this.#core.counters.connectionsRefused++;
  }

  /** A listener has given up a connection before its first MQTT byte. */
  noteFailedHandshake(
    { name }: ListenerTerms,
    address: string,
    reason: string,
    isSilent: boolean,
  ): void {
    this.#core.counters.handshakesFailed++;
    // Whoever only looks whether the port is open, as load balancers do all the time, is nothing to tell of.
    const { clientLogger: logger } = this.#core;
    const fields = { listener: name, address, reason };
    if (isSilent) logger.debug("A handshake has failed", fields);
    else logger.info("A handshake has failed", fields);
  }

  /** The system could not give a listener a connection, for want of descriptors for example. */
  noteAcceptError(error: unknown): void {
    this.#core.counters.acceptErrors++;
    this.#core.clientLogger.warn("Cannot accept a connection", { error: String(error) });
  }

  /**
   * False: the connection is to be closed without a word. Who is banned by its own address may come in, to be told so in
   * its CONNACK, as long as that is not asked for too often; networks are not.
   */
  admits(address: string): boolean {
    const { bans, clock, counters } = this.#core;
    if (bans === undefined || bans.count === 0) return true;
    const subject = { clientId: undefined, username: undefined, address };
    const ban = bans.find(subject, clock.nowMs());
    if (ban === undefined) return true;
    const isNetwork = ban.who.includes("/");
    if (!isNetwork && this.#banAnswers.tryTake(clock.monotonicMs())) return true;
    counters.bansRefused++;
    return false;
  }

  #disconnectBanned(ban: Ban): void {
    const { connections, sessions, bans, clock, counters, clientLogger } = this.#core;
    const nowMs = clock.nowMs();
    // Flapping clients are banned by client identifier, which must not cost a look at all the others.
    const candidates = ban.as === "clientid"
      ? [sessions.get(ban.who)?.connection]
      : [...connections];
    for (const connection of candidates) {
      if (connection === undefined || connection.isClosing) continue;
      if (bans?.find(banSubjectOf(connection), nowMs) === undefined) continue;
      counters.bansDisconnected++;
      clientLogger.info("Closed the connection of a client that was banned", {
        clientId: connection.session?.clientId ?? "",
        address: connection.socket.remoteAddress,
        as: ban.as,
        who: ban.who,
      });
      // Banned is a reason of CONNACK alone; this one says that somebody decided it.
      connection.disconnect(ReasonCode.administrativeAction, "Banned");
    }
  }

  /**
   * New limits, for connections and packets from now on, and rates for those that are there; what was promised in a
   * CONNACK stays.
   */
  reconfigure(options: MqttOptions, limits: LimitsOptions): void {
    this.#core.limits = limits;
    this.#core.flapping.options = limits.flapping;
    this.#core.retained.limits = limits;
    for (const connection of this.#core.connections) connection.applyLimits();
    const hasNewInterval = options.sysIntervalMs !== this.#core.options.sysIntervalMs;
    this.#core.options = options;
    this.#core.retained.options = options;
    this.#core.delayed.options = options;
    this.#core.sessionContext.limits = sessionLimits(options);
    this.#cutter.start();
    if (hasNewInterval) this.#sys.start(options.sysIntervalMs);
  }

  /**
   * Says goodbye to every client, 5.0 ones with the reason, and waits until they are gone, or for three seconds at most,
   * and as long again for authorizers that have to judge a will. Wills go their ways, as with any end that comes from
   * our side [MQTT-3.1.2-8]: stored sessions and topics may get them, and those with a delay wait for the next start.
   * Listeners must be closed before.
   */
  async stop(): Promise<void> {
    const core = this.#core;
    this.#sys.stop();
    core.acks.stop();
    for (const connection of [...core.connections]) {
      connection.disconnect(ReasonCode.serverShuttingDown, undefined);
    }
    if (core.connections.size > 0) {
      await this.#atMost(new Promise<void>((resolve) => this.#onAllGone = resolve));
    }
    for (const connection of [...core.connections]) connection.socket.abort();
    const { willsUnderWay } = core.sessions;
    if (willsUnderWay.size > 0) await this.#atMost(Promise.allSettled(willsUnderWay));
    this.#interval?.stop();
    this.#trimming?.stop();
  }

  /** Resolves with `work`, or when there is no more time for it. */
  #atMost(work: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const limit = this.#parts.runtime.every(STOP_TIMEOUT_MS, () => done());
      const done = (): void => {
        limit.stop();
        resolve();
      };
      work.then(done, done);
    });
  }
}

function banSubjectOf({ session, identity, socket }: ClientConnection): BanSubject {
  return {
    clientId: session?.clientId,
    username: identity?.username,
    address: identity?.remoteAddress ?? socket.remoteAddress,
  };
}

function createCore(parts: BrokerParts): BrokerCore {
  const { options, limits, clock, logger, authenticator, authorizer, bans, runtime } = parts;
  const clientLogger = parts.clientLogger ?? logger;
  const counters = new BrokerCounters();
  const gauges = new BrokerGauges();
  const timers = new TimerWheel(clock);
  const router = new Router<ClientSession>();
  const durability = new Durability(parts.store, logger);
  const figures = { counters, gauges };
  const retained = new RetainedMessages({
    options,
    limits,
    clock,
    timers,
    ...figures,
    durability,
  });
  const interceptors = parts.interceptors ?? [];
  const sessionContext = {
    limits: sessionLimits(options),
    counters: counters.sessions,
    clock,
    carrier: new Publication(),
    run: new FrameRun(),
    pace: new Pace(),
    isRetained: (message: Message) => retained.get(message.topic) === message,
    isGuarded: false,
    isDropWatched: false,
    isAckWatched: false,
  };
  const context = sessionContext;
  const events = new EventHub({ clock, logger, counters, context });
  for (const sink of parts.eventSinks ?? []) events.add(sink);
  const subscriptions = new Subscriptions({
    router,
    durability,
    gauges,
    events,
    clock,
    yieldTurn: (fn) => runtime.yieldTurn(fn),
  });
  const permissions = new Permissions({ authorizer, router, context, counters, clock, logger });
  const delayed = new DelayedMessages({
    options,
    clock,
    timers,
    logger,
    counters,
    durability,
    permissions,
    publish: (message, identity) =>
      pipeline.publishMessage(message, identity, sessions.get(message.publisherId)),
    yieldTurn: (fn) => runtime.yieldTurn(fn),
  });
  const pipeline: PublishPipeline = new PublishPipeline({
    delayed,
    clock,
    router,
    retained,
    permissions,
    interceptors,
    counters,
    events,
  });
  const sessions = new SessionRegistry({
    clock,
    timers,
    logger,
    router,
    subscriptions,
    publisher: pipeline,
    ...figures,
    context,
    durability,
    events,
  });
  const resumes = { count: 0 };
  const scratch = new Scratch();
  const runs = new RunPublisher({ pipeline, permissions, counters, scratch });
  return {
    options,
    limits,
    clock,
    timers,
    logger,
    clientLogger,
    counters,
    gauges,
    authenticator,
    permissions,
    bans,
    events,
    flapping: new FlappingDetector(limits.flapping, {
      clock,
      logger: clientLogger,
      counters,
      bans,
    }),
    router,
    subscriptions,
    retained,
    delayed,
    pipeline,
    runs,
    sessions,
    sessionContext,
    durability,
    acks: new AckRelease({
      clock,
      durability,
      counters,
      givesWay: parts.storingGivesWay ?? true,
      every: (intervalMs, fn) => runtime.every(intervalMs, fn),
    }),
    connections: new Set<ClientConnection>(),
    closeTallies: new Map(),
    flushSet: new FlushSet({
      defer: (fn) => runtime.defer(fn),
      yieldTurn: (fn) => runtime.yieldTurn(fn),
      monotonicMs: () => clock.monotonicMs(),
      deliverySeconds: counters.deliverySeconds,
      isMoreComing: () => resumes.count > 0,
    }),
    resumes,
    yieldTurn: (fn) => runtime.yieldTurn(fn),
    scratch,
  };
}

function sessionLimits(options: MqttOptions): SessionLimits {
  return {
    queuedMessagesMax: options.maxQueuedMessages === 0 ? Infinity : options.maxQueuedMessages,
    queuedBytesMax: options.maxQueuedBytes,
    inflightBytesMax: options.maxQueuedBytes,
    whenFull: options.queueFull,
    queueQos0Offline: options.queueQos0Offline,
  };
}
