import type { Clock, LogFields, Logger } from "../base/mod.ts";
import type { Configuration } from "../config/mod.ts";
import type { Broker } from "../broker/mod.ts";
import type { LocalAlarms } from "../management/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import {
  type DamageReport,
  MemoryStore,
  type OpenedStore,
  openSqliteStore,
  type StoredCounts,
  type StoreTimers,
} from "../storage/mod.ts";

export interface StoreContext {
  readonly runtime: Runtime;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly configuration: Configuration;
  /** URL of the program's module: a thread that starts there finds out what it is for. */
  readonly programUrl: string;
}

/** Opens what the configuration wants; rejects where the data directory cannot be used. The caller closes it. */
export async function openStore(context: StoreContext): Promise<OpenedStore> {
  const { runtime, clock, logger, configuration, programUrl } = context;
  const { node, persistence } = configuration;
  if (!persistence.enabled) return { store: new MemoryStore(), damage: undefined };
  const opened = await openSqliteStore({
    dataDir: node.dataDir,
    durability: persistence.durability,
    groupCommitMs: persistence.groupCommitMs,
    timers: storeTimers(runtime, clock),
    threadEntry: programUrl,
  });
  if (opened.damage !== undefined) {
    logger.error("The database was damaged and has been set aside", damageFields(opened.damage));
  }
  return opened;
}

/** An alarm while the store cannot be written, and one from a start that found it damaged on. */
export function raiseStoreAlarms(
  alarms: LocalAlarms,
  broker: Broker,
  damage: DamageReport | undefined,
): void {
  if (damage !== undefined) {
    const { setAside, reason, lost } = damage;
    alarms.raise({
      id: "store_damaged",
      severity: "error",
      title: "The database was damaged",
      description: `It is now ${setAside}: ${reason}. Lost, as far as is known: ${
        countsText(lost)
      }`,
    });
  }
  broker.onStoreRepaired = ({ setAside, reason, lost }) =>
    alarms.raise({
      id: "store_damaged",
      severity: "error",
      title: "The database was damaged",
      description: `${
        setAside === undefined ? "It is gone" : `It is now ${setAside}`
      }: ${reason}. It was written anew while the broker ran; lost: ${lost} queued messages`,
    });
  broker.onStoreStateChange = (failure) => {
    if (failure === undefined) {
      alarms.clear("store_failing");
      return;
    }
    alarms.raise({
      id: "store_failing",
      severity: "critical",
      title: "The store cannot be written",
      description: failure.isDamaged
        ? `${failure.error}: the database is being written anew, with all that can be read`
        : failure.error,
    });
  };
}

function storeTimers(runtime: Runtime, clock: Clock): StoreTimers {
  return {
    after: (delayMs, fn) => {
      const interval = runtime.every(delayMs, () => {
        interval.stop();
        fn();
      });
    },
    defer: (fn) => runtime.defer(fn),
    nowMs: () => clock.nowMs(),
    monotonicMs: () => clock.monotonicMs(),
  };
}

function damageFields({ setAside, reason, kept, lost }: DamageReport): LogFields {
  return { file: setAside, reason, kept: countsText(kept), lost: countsText(lost) };
}

function countsText(
  { sessions, subscriptions, queued, retained, delayed, packetIds, records }: StoredCounts,
): string {
  return `${sessions} sessions, ${subscriptions} subscriptions, ${queued} queued messages, ` +
    `${retained} retained messages, ${delayed} delayed messages, ${packetIds} packet identifiers, ${records} records`;
}
