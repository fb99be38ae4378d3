import type { DatabaseSync } from "node:sqlite";
import { BatchWriter } from "./batch_writer.ts";
import { removeDatabase, sync } from "./data_folder.ts";
import { createDatabase, inTransaction, numberOf } from "./database.ts";
import { salvageQueues } from "./salvage.ts";
import type { KnownSessions } from "./writer_protocol.ts";

/** Where the database that takes the place of the one at `path` is written. */
export function draftPathOf(path: string): string {
  return `${path}.part`;
}

/**
 * A database that is to take the place of a damaged one while the broker runs. It begins with the queued messages that
 * can be read of that; then whoever holds the rest in memory commits it. Nothing of it counts before it is finished, so
 * nothing is synced.
 */
export class DraftDatabase {
  readonly batches: BatchWriter;
  readonly #path: string;
  readonly #database: DatabaseSync;

  /** `open`: the connection that has the damaged one at `path` open. */
  constructor(path: string, open: DatabaseSync | undefined, known: KnownSessions) {
    this.#path = draftPathOf(path);
    removeDatabase(this.#path);
    const database = this.#database = createDatabase(this.#path);
    try {
      database.exec("PRAGMA synchronous = OFF; PRAGMA wal_autocheckpoint = 1000;");
      inTransaction(database, () => salvageQueues(path, open, database, known));
      this.batches = new BatchWriter(database, true);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  /** All is in it. Makes it durable and closes it; returns how many queued messages there are. */
  finish(): number {
    while (this.batches.isPurging) this.batches.purge();
    inTransaction(this.#database, () => countRefs(this.#database));
    const queued = numberOf(this.#database, "SELECT count(*) FROM queued");
    // The log is carried over and removed when the only connection is closed.
    this.#database.close();
    sync(this.#path);
    return queued;
  }

  abandon(): void {
    this.#database.close();
    removeDatabase(this.#path);
  }
}

/** Messages know how many rows name them; rows whose message could not be read are lost with it. */
function countRefs(database: DatabaseSync): void {
  database.exec(`
    CREATE TEMP TABLE counted (id INTEGER PRIMARY KEY, refs INTEGER NOT NULL);
    INSERT INTO counted
      SELECT message, count(*) FROM queued WHERE message IS NOT NULL GROUP BY message;
    UPDATE message SET refs =
      coalesce((SELECT counted.refs FROM counted WHERE counted.id = message.id), 0);
    DELETE FROM message WHERE refs = 0;
    DROP TABLE counted;
  `);
}
