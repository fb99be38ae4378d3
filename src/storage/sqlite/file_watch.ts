import { type BigIntStats, statSync } from "node:fs";
import { StoredDataError } from "../codec/byte_source.ts";

/** The database, or its log, is not under its name. Unlike other damage this may pass: what was moved comes back. */
export class FileAwayError extends StoredDataError {}

/**
 * Notices that somebody else has removed, replaced or written a database that we have open. SQLite does not: it goes on
 * with the file that it opened and the pages that it remembers, and what it commits would be found by nobody.
 */
export class FileWatch {
  readonly #path: string;
  #inode = 0n;
  #logInode = 0n;
  #size = 0n;
  #writtenNs = 0n;

  /** The file is there and ours. */
  constructor(path: string) {
    this.#path = path;
    this.note();
  }

  /** We have written it ourselves. */
  note(): void {
    const database = statOf(this.#path);
    if (database === undefined) return;
    this.#inode = database.ino;
    this.#size = database.size;
    this.#writtenNs = database.mtimeNs;
    this.#logInode = statOf(`${this.#path}-wal`)?.ino ?? 0n;
  }

  /** Throws where the file under its name is not the one that we have open. True: it is, but somebody has written it. */
  look(): boolean {
    const database = statOf(this.#path);
    if (database === undefined) throw new FileAwayError("the file of the database is gone");
    if (database.ino !== this.#inode) {
      throw new FileAwayError("the file of the database was replaced");
    }
    const log = statOf(`${this.#path}-wal`);
    if (this.#logInode === 0n) this.#logInode = log?.ino ?? 0n;
    else if (log?.ino !== this.#logInode) {
      throw new FileAwayError("the log of the database was removed or replaced");
    }
    return database.size !== this.#size || database.mtimeNs !== this.#writtenNs;
  }
}

function statOf(path: string): BigIntStats | undefined {
  return statSync(path, { bigint: true, throwIfNoEntry: false });
}
