import { type AccountTable, BoundedWork } from "../auth/mod.ts";
import type { Clock, Logger } from "../base/mod.ts";
import type { Broker } from "../broker/mod.ts";
import type { Authenticator, Authorizer, BanList, Store } from "../ports/mod.ts";
import type { ResourceManager, RuleEngine } from "../rules/mod.ts";
import type { SinkCounters } from "../sinks/mod.ts";
import type { Listener } from "../transport/mod.ts";
import { LocalAccess } from "./access.ts";
import { LocalAccounts } from "./accounts.ts";
import { LocalAlarms } from "./alarms.ts";
import { type ConfiguredApp, LocalApps } from "./apps.ts";
import { LocalBans } from "./bans.ts";
import { LocalClients } from "./clients.ts";
import { LocalDashboardUsers } from "./dashboard_users.ts";
import { LocalListeners } from "./listeners.ts";
import { LocalMessages } from "./messages.ts";
import { LocalMetrics } from "./metrics.ts";
import { LocalModules } from "./modules.ts";
import { LocalNodes, type ProcessInfo } from "./nodes.ts";
import { LocalResources } from "./resources.ts";
import { LocalRetained } from "./retained.ts";
import { LocalRoutes } from "./routes.ts";
import { LocalRules } from "./rules.ts";
import type { ManagementService, SettingsService } from "./service.ts";
import { LocalSubscriptions } from "./subscriptions.ts";

/** What the service of one node is built from. */
export interface ManagementParts {
  /** What the views call this node. */
  readonly nodeName: string;
  /** Of the program. */
  readonly version: string;
  readonly broker: Broker;
  readonly store: Store;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly process: ProcessInfo;
  /** Calls back after the sockets had their turn. */
  readonly yieldTurn: (fn: () => void) => void;
  readonly authenticator: Authenticator;
  readonly authorizer: Authorizer;
  readonly bans: BanList;
  readonly users: AccountTable;
  readonly clientIds: AccountTable;
  readonly settings: SettingsService;
  readonly rules: RuleEngine;
  readonly resources: ResourceManager;
  /** Those that are open now. */
  readonly listeners: () => readonly Listener[];
  readonly apps: () => readonly ConfiguredApp[];
  readonly dashboardPassword: () => string | undefined;
  readonly isServing: () => boolean;
  /** What the web hook has posted; undefined: there is none. */
  readonly webHook?: () => Readonly<SinkCounters> | undefined;
  /** Lines about clients that were not written into the log, for there were too many. */
  readonly logLinesLeftOut?: () => number;
}

/** Passwords of the dashboard that may wait to be checked. */
const PASSWORDS_WAITING_MAX = 20;

/** The management of a node, with the door for those who raise alarms. */
export interface LocalManagement extends ManagementService {
  readonly alarms: LocalAlarms;
}

/** The service of a broker in this process. */
export function createManagement(parts: ManagementParts): LocalManagement {
  const { nodeName, broker, clock, logger, store, bans, authenticator, authorizer } = parts;
  const { records } = store;
  const inspector = broker.createInspector(nodeName);
  const controller = broker.createController(nodeName);
  const turns = { clock, yieldTurn: parts.yieldTurn };
  const listeners = new LocalListeners(inspector, parts.listeners);
  const work = new BoundedWork({ runningMax: 1, waitingMax: PASSWORDS_WAITING_MAX });
  const alarms = new LocalAlarms({ node: nodeName, records, clock, logger });
  alarms.onChange = ({ id, description, clearedAtMs }) => {
    const topic = `$SYS/brokers/${nodeName}/alarms/${
      clearedAtMs === undefined ? "alert" : "clear"
    }`;
    const body = clearedAtMs === undefined ? { id, desc: description } : { id };
    controller.announce(topic, JSON.stringify(body));
  };
  return {
    clients: new LocalClients({ inspector, controller, turns }),
    subscriptions: new LocalSubscriptions(inspector, turns),
    routes: new LocalRoutes(inspector, turns),
    retained: new LocalRetained(inspector, controller, turns),
    messages: new LocalMessages(controller, clock),
    access: new LocalAccess({ authenticator, authorizer, bans, clock }),
    bans: new LocalBans(bans, clock),
    listeners,
    nodes: new LocalNodes({ ...parts, inspector, listeners }),
    metrics: new LocalMetrics(inspector, store, parts.webHook, parts.logLinesLeftOut),
    settings: parts.settings,
    users: new LocalAccounts(parts.users),
    clientIds: new LocalAccounts(parts.clientIds),
    apps: new LocalApps({ records, clock, configured: parts.apps }),
    dashboardUsers: new LocalDashboardUsers({
      records,
      work,
      defaultPassword: parts.dashboardPassword,
    }),
    modules: new LocalModules(parts.settings),
    rules: new LocalRules(parts.rules),
    resources: new LocalResources(parts.resources),
    alarms,
  };
}
