import { type Sink, SinkError, type SinkItem } from "../sink.ts";
import type { Insertion, SqlValue } from "./protocol.ts";
import type { SqliteThread } from "./sqlite_thread.ts";

/** A row for a table. */
export interface RowItem extends SinkItem {
  /** Of this and all other rows with the same columns. */
  readonly statement: InsertStatement;
  readonly values: readonly SqlValue[];
}

export interface InsertStatement {
  readonly sql: string;
  readonly createSql: string | undefined;
}

export interface SqliteSinkOptions {
  readonly path: string;
  /** Whether a batch is only delivered when the disk has it. */
  readonly isSynced: boolean;
}

const BATCH_MAX = 500;

/** Inserts rows, a batch in one transaction, in a thread that all such sinks share. */
export class SqliteSink implements Sink<RowItem> {
  readonly batchMax = BATCH_MAX;
  readonly #options: SqliteSinkOptions;
  readonly #thread: SqliteThread;
  #isClosed = false;

  constructor(options: SqliteSinkOptions, thread: SqliteThread) {
    this.#options = options;
    this.#thread = thread;
    thread.acquire(options.path);
  }

  async deliver(batch: readonly RowItem[]): Promise<void> {
    const { path, isSynced } = this.#options;
    await this.#guarded(() =>
      this.#thread.ask({ kind: "insert", path, isSynced, insertions: insertionsOf(batch) })
    );
  }

  async check(): Promise<void> {
    await this.#guarded(() => this.#thread.ask({ kind: "check", path: this.#options.path }));
  }

  /** Others that use the database take it anew, too. */
  async renew(): Promise<void> {
    await this.#guarded(() => this.#thread.ask({ kind: "close", path: this.#options.path }));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#thread.release(this.#options.path);
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    const what = `Cannot write to "${this.#options.path}"`;
    if (this.#isClosed) throw new SinkError(`${what}: it has been closed`, { isRetryable: false });
    try {
      await work();
    } catch (error) {
      if (!(error instanceof SinkError)) throw error;
      const { isRetryable, message } = error;
      throw new SinkError(`${what}: ${message}`, { isRetryable, cause: error });
    }
  }
}

/** Neighbours with the same columns together, in their order. */
function insertionsOf(batch: readonly RowItem[]): readonly Insertion[] {
  const insertions: {
    sql: string;
    createSql: string | undefined;
    rows: (readonly SqlValue[])[];
  }[] = [];
  for (const { statement: { sql, createSql }, values } of batch) {
    const last = insertions.at(-1);
    if (last?.sql === sql && last.createSql === createSql) last.rows.push(values);
    else insertions.push({ sql, createSql, rows: [values] });
  }
  return insertions;
}
