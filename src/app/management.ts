import type { AuthService } from "../auth/mod.ts";
import type { Broker } from "../broker/mod.ts";
import { type Configuration, isLoopback } from "../config/mod.ts";
import { createManagement, type LocalManagement } from "../management/mod.ts";
import type { Authorizer, BanList, Store } from "../ports/mod.ts";
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
