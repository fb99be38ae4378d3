import type { Store } from "../../ports/mod.ts";
import type { Durability, StoreOptions, StoreTimers } from "../options.ts";
import {
  type DataFolder,
  DataFolderError,
  dropBallast,
  keepBallast,
  takeDataFolder,
} from "./data_folder.ts";
import { openForReading } from "./database.ts";
import { prepareDatabase, type SoundDatabase } from "./database_file.ts";
import { isOfTheSystem } from "./failure_kind.ts";
import type { DamageReport } from "./salvage.ts";
import { LastingLink } from "./lasting_link.ts";
import { SqliteStore } from "./sqlite_store.ts";
import type { DatabaseState } from "./state_loader.ts";
import { copyInThread, ThreadLink } from "./thread_link.ts";
import type { WriterLink, WriterReply } from "./writer_protocol.ts";

export interface OpenStoreOptions extends StoreOptions {
  readonly dataDir: string;
  readonly timers: StoreTimers;
  /** URL of a module that calls `runStorageThread` when `isStorageThread`. */
  readonly threadEntry: string;
  /** Starts the writer; by default in a thread. */
  readonly createWriter?: () => WriterLink;
}

export interface OpenedStore {
  readonly store: Store;
  /** The database was damaged, or not ours, and has been set aside. */
  readonly damage: DamageReport | undefined;
}

/**
 * Opens the store of a data folder, which is then this process's alone. Damage never keeps it from opening; a folder
 * that cannot be used does, with a `DataFolderError`.
 */
export async function openSqliteStore(options: OpenStoreOptions): Promise<OpenedStore> {
  const { timers, durability, threadEntry } = options;
  const folder = takeDataFolder(options.dataDir);
  // First of all: a thread takes its time to start, and does so beside what follows.
  const writer = new LastingLink(options.createWriter ?? (() => new ThreadLink(threadEntry)));
  try {
    const { state, damage } = prepare(folder, durability, timers.nowMs());
    const store = await startStore(options, folder, state, writer);
    keepBallast(folder);
    return { store, damage };
  } catch (error) {
    await writer.end();
    folder.release();
    throw error;
  }
}

/** With a full disk there is still the room that an earlier start has kept. */
function prepare(folder: DataFolder, durability: Durability, nowMs: number): SoundDatabase {
  try {
    return prepareDatabase(folder.databasePath, durability, nowMs);
  } catch (error) {
    if (!isOfTheSystem(error) || !dropBallast(folder)) throw reasonOf(folder, error);
  }
  try {
    return prepareDatabase(folder.databasePath, durability, nowMs);
  } catch (error) {
    throw reasonOf(folder, error);
  }
}

function reasonOf(folder: DataFolder, error: unknown): unknown {
  if (!isOfTheSystem(error) || !(error instanceof Error)) return error;
  return new DataFolderError(`Cannot use node.data_dir "${folder.path}": ${error.message}`, {
    cause: error,
  });
}

async function startStore(
  options: OpenStoreOptions,
  folder: DataFolder,
  state: DatabaseState,
  writer: WriterLink,
): Promise<Store> {
  const { timers, durability, threadEntry } = options;
  const path = folder.databasePath;
  const opened = new Promise<WriterReply>((resolve) => writer.onReply = resolve);
  writer.send({ kind: "open", path, durability, purge: state.orphans });
  const reply = await opened;
  if (reply.kind === "failed" || reply.kind === "gone") {
    throw new Error(`Cannot open the database: ${reply.error}`);
  }
  return new SqliteStore({
    options,
    timers,
    state,
    writer,
    folder,
    reader: openForReading(path),
    backup: (file) => copyInThread(threadEntry, path, file),
    release: () => folder.release(),
  });
}
