import type { DatabaseSync, StatementSync } from "node:sqlite";
import { BUSY_TIMEOUT_MS, numberOf } from "./database.ts";

/** About how long the log grows before it is carried into the database. */
const LOG_BYTES_MAX = 16 * 1024 * 1024;
/** A commit writes some pages again, whatever its size. */
const COMMIT_BYTES = 16 * 1024;
/** A log that a burst made longer than this is cut when it is begun anew. */
const LOG_BYTES_KEPT = 64 * 1024 * 1024;
const LOG_FRAME_HEADER_BYTES = 24;

/** Free pages below this, or below this part of the file, stay for the next burst. */
const FREE_PAGES_KEPT = 1024;
const FREE_PART_KEPT = 0.25;
/** Pages given back to the file system in one go: some milliseconds. */
const FREE_PAGES_SLICE = 512;

/** What a database needs beside commits, in slices, so that commits need not wait long. */
export class Housekeeping {
  readonly #database: DatabaseSync;
  readonly #checkpoint: StatementSync;
  readonly #cut: StatementSync;
  readonly #giveBack: StatementSync;
  readonly #pageBytes: number;
  readonly #onCheckpoint: ((pages: number) => void) | undefined;
  /** An estimate; the checkpoint says what it was. */
  #logBytes = 0;
  #hasCommits = false;
  /** How long the log has been since it was cut. */
  #logBytesMax = 0;
  /** Frames of the log that are counted already. */
  #framesCounted = 0;
  /** To the log and from there to the database; counted at checkpoints. */
  bytesWritten = 0;

  /** `onCheckpoint`: told of each with the pages in the log; what it throws ends the housekeeping. */
  constructor(database: DatabaseSync, onCheckpoint?: (pages: number) => void) {
    this.#database = database;
    this.#onCheckpoint = onCheckpoint;
    database.exec(`PRAGMA journal_size_limit = ${LOG_BYTES_KEPT}`);
    this.#checkpoint = database.prepare("PRAGMA wal_checkpoint(PASSIVE)");
    this.#cut = database.prepare("PRAGMA wal_checkpoint(TRUNCATE)");
    this.#giveBack = database.prepare(`PRAGMA incremental_vacuum(${FREE_PAGES_SLICE})`);
    this.#pageBytes = numberOf(database, "PRAGMA page_size");
  }

  /** A batch of `bytes` was committed. */
  committed(bytes: number): void {
    this.#hasCommits = true;
    this.#logBytes += bytes + COMMIT_BYTES;
  }

  /** The log has grown long. */
  get isDue(): boolean {
    return this.#logBytes >= LOG_BYTES_MAX;
  }

  /** When it is due: a checkpoint, and a slice of free space. */
  afterCommit(): void {
    this.checkpoint();
    this.#giveBackPages();
  }

  /** When nobody waits. True: there is more to do. */
  idle(): boolean {
    if (this.#giveBackPages()) return true;
    this.checkpoint();
    this.#cutLog();
    return false;
  }

  /** A log that a burst has made long is of no use now. Not while somebody reads it, who would be waited for. */
  #cutLog(): void {
    if (this.#hasCommits || this.#logBytesMax <= LOG_BYTES_KEPT) return;
    this.#database.exec("PRAGMA busy_timeout = 0");
    try {
      const { busy } = this.#cut.get() as { readonly busy: number };
      if (busy === 0) this.#logBytesMax = 0;
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }

  checkpoint(): void {
    if (!this.#hasCommits) return;
    const { log, checkpointed } = this.#checkpoint.get() as {
      readonly log: number;
      readonly checkpointed: number;
    };
    this.#onCheckpoint?.(log);
    const frameBytes = this.#pageBytes + LOG_FRAME_HEADER_BYTES;
    this.#logBytesMax = Math.max(this.#logBytesMax, log * frameBytes);
    const pages = numberOf(this.#database, "PRAGMA page_count");
    this.bytesWritten += (log - this.#framesCounted) * frameBytes +
      Math.min(checkpointed, pages) * this.#pageBytes;
    // What is wholly carried over is begun anew by the next commit; else a reader still needs it.
    const isComplete = log === checkpointed;
    this.#framesCounted = isComplete ? 0 : log;
    this.#hasCommits = !isComplete;
    this.#logBytes = 0;
  }

  /** True: it gave some back, and there may be more. */
  #giveBackPages(): boolean {
    const free = numberOf(this.#database, "PRAGMA freelist_count");
    if (free <= FREE_PAGES_KEPT) return false;
    if (free < numberOf(this.#database, "PRAGMA page_count") * FREE_PART_KEPT) return false;
    // Each step gives one page back, and not every runtime's `exec` takes more than one.
    this.#giveBack.all();
    this.committed(FREE_PAGES_SLICE * this.#pageBytes);
    return true;
  }
}
