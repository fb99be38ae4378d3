import type { AuthService } from "../auth/mod.ts";
import type { Broker } from "../broker/mod.ts";
import { type Configuration, isLoopback } from "../config/mod.ts";
import {
  AlarmWatch,
  type ClientsService,
  createManagement,
  type LocalManagement,
  type Queue,
  TICK_MS,
} from "../management/mod.ts";
import type { Authorizer, BanList, Store } from "../ports/mod.ts";
import type { ResourceManager, RuleEngine } from "../rules/mod.ts";
import type { IntervalHandle } from "../runtime/mod.ts";
import type { SinkCounters } from "../sinks/mod.ts";
import type { Listener } from "../transport/mod.ts";
import type { ServerContext } from "./application.ts";
import { VERSION } from "./version.ts";

/** The parts of a running broker that its management asks and changes. */
export interface RunningParts {
  readonly broker: Broker;
  readonly store: Store;
  readonly auth: AuthService;
  readonly authorizer: Authorizer;
  readonly bans: BanList;
  /** Those that are open now. */
  readonly listeners: () => readonly Listener[];
  /** As it is in force now. */
  readonly configuration: () => Configuration;
  readonly isServing: () => boolean;
  readonly rules: RuleEngine;
  readonly resources: ResourceManager;
  /** Undefined: there is none yet. */
  readonly webHook: () => Readonly<SinkCounters> | undefined;
  readonly logLinesLeftOut: () => number;
}

/** Of the administrator of the dashboard, until it is changed; only where nobody else can reach it. */
const DASHBOARD_PASSWORD = "public";

/** All that can be asked of this program and done to it. */
export function openManagement(context: ServerContext, parts: RunningParts): LocalManagement {
  const { runtime, clock, logger, settings } = context;
  const { auth, configuration } = parts;
  return createManagement({
    ...parts,
    nodeName: configuration().node.name,
    version: VERSION,
    clock,
    logger,
    process: runtime,
    yieldTurn: (fn) => runtime.yieldTurn(fn),
    authenticator: auth,
    users: auth.users,
    clientIds: auth.clientIds,
    settings,
    apps: () => configuration().http.apps,
    dashboardPassword: () => {
      const { listeners } = configuration().http;
      return listeners.every(({ host }) => isLoopback(host)) ? DASHBOARD_PASSWORD : undefined;
    },
  });
}

/** Raises alarms by what the machine and the broker are like, until it is stopped. */
export function watchAlarms(
  { runtime, clock, logger }: ServerContext,
  { alarms, clients }: LocalManagement,
  broker: Broker,
  configuration: () => Configuration,
): IntervalHandle {
  const watch = new AlarmWatch({
    alarms,
    clock,
    logger,
    options: () => configuration().alarms,
    host: () => runtime.hostFigures(),
    process: () => runtime.figures(),
    queuedBytes: () => broker.counters.sessions.queuedBytes,
    largestQueue: () => largestQueue(clients),
    connections: () => ({
      count: broker.figures.connected,
      max: configuration().listeners.reduce((sum, { maxConnections }) => sum + maxConnections, 0),
    }),
    sessions: () => ({ count: broker.figures.sessions, max: configuration().limits.maxSessions }),
  });
  return runtime.every(TICK_MS, () => watch.tick());
}

async function largestQueue(clients: ClientsService): Promise<Queue | undefined> {
  let largest: Queue | undefined;
  for await (const views of clients.stream()) {
    for (const { clientId, session: { queuedBytes: bytes } } of views) {
      if (bytes > (largest?.bytes ?? 0)) largest = { clientId, bytes };
    }
  }
  return largest;
}
