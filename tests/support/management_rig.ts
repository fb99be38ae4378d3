/** The management service on a whole broker in memory. */
import { RecordedBanList } from "../../src/access/mod.ts";
import { ALLOW_ALL, AuthService } from "../../src/auth/mod.ts";
import { Prng, SILENT_LOGGER } from "../../src/base/mod.ts";
import {
  createManagement,
  type LocalManagement,
  type ManagementParts,
  type SettingsService,
} from "../../src/management/mod.ts";
import { BROKER_IDENTITY, type Identity, type Store } from "../../src/ports/mod.ts";
import { ResourceManager, RuleEngine, type RuleEngineOptions } from "../../src/rules/mod.ts";
import type { ProcessFigures } from "../../src/runtime/mod.ts";
import { SqliteThread } from "../../src/sinks/mod.ts";
import { MemoryStore } from "../../src/storage/mod.ts";
import { MemoryBroker, type MemoryBrokerParts } from "./memory_broker.ts";

/** Publishes with every right. */
export const ADMIN: Identity = { ...BROKER_IDENTITY, clientId: "api" };

const FIGURES: ProcessFigures = {
  memory: { rssBytes: 3, heapUsedBytes: 1, heapTotalBytes: 2, externalBytes: undefined },
  cpu: undefined,
  load: undefined,
  openFilesMax: undefined,
};

const NO_SETTINGS: SettingsService = {
  list: () => Promise.resolve([]),
  get: () => Promise.resolve(undefined),
  inClear: () => Promise.resolve(undefined),
  change: () => Promise.resolve({ appliedNow: [], afterRestart: [] }),
};

const RULE_OPTIONS: RuleEngineOptions = {
  isEnabled: true,
  ignoreSysMessage: true,
  hasLegacyEventNames: false,
  maxRules: 100,
  maxActions: 10,
  maxQueuedActions: 100,
};

/** Rules of a broker in memory, and resources that reach nothing outside. */
function rulesOf(
  { broker, runtime }: MemoryBroker,
  { records }: Store,
): Pick<ManagementParts, "rules" | "resources"> {
  const { clock } = runtime;
  const parts = { records, clock, logger: SILENT_LOGGER };
  const never = (): never => {
    throw new Error("Cannot reach anything outside: not in this test");
  };
  const resources = new ResourceManager({
    ...parts,
    alarms: { raise: never, clear: () => false },
    surroundings: {
      runtime: { createHttpClient: never, every: never, yieldTurn: never },
      prng: new Prng(1),
      hosts: never,
      filesFolder: () => undefined,
      sqlite: new SqliteThread(""),
    },
    maxResources: 10,
  });
  const { publisher, events } = broker;
  const rules = new RuleEngine({
    ...parts,
    options: RULE_OPTIONS,
    node: "broker@test",
    resources,
    publisher,
    limits: () => ({ maxTopicLevels: 128, maxPacketSizeBytes: 1_048_576, maxQos: 2 }),
    events,
    runtime: { defer: never, yieldTurn: never },
  });
  rules.open([]);
  return { rules, resources };
}

/** The service of a broker in memory; `changes` take the place of what it is built from. */
export function managementOf(
  memory: MemoryBroker,
  store: Store,
  changes: Partial<ManagementParts> = {},
): LocalManagement {
  const { clock } = memory.runtime;
  const { records } = store;
  const logger = SILENT_LOGGER;
  const auth = new AuthService({ records, secret: new Uint8Array(32), clock, logger });
  return createManagement({
    nodeName: "broker@test",
    version: "1.2.3",
    broker: memory.broker,
    store,
    clock,
    logger,
    process: { name: "deno", version: "9.9.9", pid: 1, figures: () => FIGURES },
    yieldTurn: (fn) => memory.runtime.yieldTurn(fn),
    authenticator: auth,
    authorizer: ALLOW_ALL,
    bans: new RecordedBanList({ records, logger, maxBans: 100 }),
    users: auth.users,
    clientIds: auth.clientIds,
    settings: NO_SETTINGS,
    listeners: () => [],
    apps: () => [],
    dashboardPassword: () => undefined,
    isServing: () => true,
    ...rulesOf(memory, store),
    ...changes,
  });
}

export class ManagementRig {
  readonly memory: MemoryBroker;
  readonly store: Store;
  readonly service: LocalManagement;

  constructor(parts: MemoryBrokerParts = {}, changes: Partial<ManagementParts> = {}) {
    const store = this.store = parts.store ?? new MemoryStore();
    const { records } = store;
    const bans = new RecordedBanList({ records, logger: SILENT_LOGGER, maxBans: 100 });
    this.memory = new MemoryBroker({ ...parts, store, bans });
    this.service = managementOf(this.memory, store, { bans, ...changes });
  }

  /** What a command or a query resolves with, while the broker has its turns. */
  async settled<T>(answer: Promise<T>): Promise<T> {
    let isDone = false;
    const done = answer.finally(() => {
      isDone = true;
    });
    // Whoever waits for `done` sees a rejection; this one only watches.
    done.catch(() => undefined);
    while (!isDone) await this.memory.runtime.settled();
    return await done;
  }
}
