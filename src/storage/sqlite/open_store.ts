import { migrate, openForReading, openForWriting } from "./database.ts";
import type { Store } from "../../ports/mod.ts";
import type { StoreOptions, StoreTimers } from "../options.ts";
import { SqliteStore } from "./sqlite_store.ts";
import { loadState } from "./state_loader.ts";
import type { WriterLink, WriterReply } from "./writer_protocol.ts";
import { closeSync, existsSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";

export interface OpenStoreOptions extends StoreOptions {
  readonly dataDir: string;
  readonly timers: StoreTimers;
  /** Starts the writer. */
  readonly createWriter: () => WriterLink;
}

export async function openSqliteStore(options: OpenStoreOptions): Promise<Store> {
  const { dataDir, timers, createWriter, durability } = options;
  mkdirSync(dataDir, { recursive: true, mode: 0o700 });
  const path = join(dataDir, "broker.db");
  if (!existsSync(path)) closeSync(openSync(path, "a", 0o600));
  const database = openForWriting(path, durability);
  migrate(database);
  const state = loadState(database);
  const reader = openForReading(path);
  const writer = createWriter();
  const opened = new Promise<WriterReply>((resolve) => writer.onReply = resolve);
  writer.send({ kind: "open", path, durability, purge: state.orphans });
  const reply = await opened;
  if (reply.kind === "failed") throw new Error(reply.error);
  database.close();
  return new SqliteStore({
    options,
    timers,
    state,
    reader,
    writer,
    backup: () => Promise.resolve(),
    release() {},
  });
}
