import type { Clock, LogFields, Logger } from "../base/mod.ts";
import type { Configuration } from "../config/mod.ts";
import type { Store } from "../ports/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import {
  type DamageReport,
  MemoryStore,
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
export async function openStore(context: StoreContext): Promise<Store> {
  const { runtime, clock, logger, configuration, programUrl } = context;
  const { node, persistence } = configuration;
  if (!persistence.enabled) return new MemoryStore();
  const { store, damage } = await openSqliteStore({
    dataDir: node.dataDir,
    durability: persistence.durability,
    groupCommitMs: persistence.groupCommitMs,
    timers: storeTimers(runtime, clock),
    threadEntry: programUrl,
  });
  if (damage !== undefined) {
    logger.error("The database was damaged and has been set aside", damageFields(damage));
  }
  return store;
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
  };
}

function damageFields({ setAside, reason, kept, lost }: DamageReport): LogFields {
  return { file: setAside, reason, kept: countsText(kept), lost: countsText(lost) };
}

function countsText(
  { sessions, subscriptions, queued, retained, packetIds, records }: StoredCounts,
): string {
  return `${sessions} sessions, ${subscriptions} subscriptions, ${queued} queued messages, ` +
    `${retained} retained messages, ${packetIds} packet identifiers, ${records} records`;
}
