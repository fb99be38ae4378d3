import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Insertion, SqliteReply, SqliteRequest } from "./protocol.ts";

interface OpenDatabase {
  readonly database: DatabaseSync;
  /** By their SQL, the one that was used longest ago first. */
  readonly statements: Map<string, StatementSync>;
  /** What has been run to make tables. */
  readonly created: Set<string>;
  isSynced: boolean | undefined;
}

/** For somebody else who writes to the database, in milliseconds. */
const BUSY_TIMEOUT_MS = 2000;
const STATEMENTS_MAX = 64;
/** The runtimes agree on the words of an error, not on its number. */
const MAY_PASS =
  /locked|busy|is full|read-?only|unable to open|disk i\/o|out of memory|denied|permitted|ENOENT|EACCES|ENOSPC|EROFS/i;

/** Writes rows, in whatever thread it lives. */
export class SqliteHost {
  /** By their paths. */
  readonly #databases = new Map<string, OpenDatabase>();

  handle(request: SqliteRequest): SqliteReply {
    try {
      this.#do(request);
      return { id: request.id, error: undefined, isRetryable: false };
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      return { id: request.id, error: text, isRetryable: MAY_PASS.test(text) };
    }
  }

  #do(request: SqliteRequest): void {
    switch (request.kind) {
      case "check":
        this.#open(request.path).database.prepare("SELECT count(*) FROM sqlite_schema").get();
        return;
      case "insert":
        return this.#insert(this.#open(request.path), request);
      case "close":
        this.#databases.get(request.path)?.database.close();
        this.#databases.delete(request.path);
    }
  }

  #open(path: string): OpenDatabase {
    const known = this.#databases.get(path);
    if (known !== undefined) return known;
    mkdirSync(dirname(path), { recursive: true });
    const database = new DatabaseSync(path);
    try {
      database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
      // How a database that is there keeps its journal is its owner's affair.
      const { page_count: pages } = database.prepare("PRAGMA page_count").get() as {
        readonly page_count: number;
      };
      if (pages === 0) database.exec("PRAGMA journal_mode = WAL");
    } catch (error) {
      database.close();
      throw error;
    }
    const opened = {
      database,
      statements: new Map(),
      created: new Set<string>(),
      isSynced: undefined,
    };
    this.#databases.set(path, opened);
    return opened;
  }

  #insert(
    opened: OpenDatabase,
    { isSynced, insertions }: SqliteRequest & { readonly kind: "insert" },
  ): void {
    const { database } = opened;
    if (opened.isSynced !== isSynced) {
      database.exec(`PRAGMA synchronous = ${isSynced ? "FULL" : "NORMAL"}`);
      opened.isSynced = isSynced;
    }
    database.exec("BEGIN IMMEDIATE");
    try {
      for (const insertion of insertions) this.#insertRows(opened, insertion);
      database.exec("COMMIT");
    } catch (error) {
      // A table that was made in it is gone with it.
      opened.created.clear();
      rollBack(database);
      throw error;
    }
  }

  #insertRows(opened: OpenDatabase, { sql, createSql, rows }: Insertion): void {
    if (createSql !== undefined && !opened.created.has(createSql)) {
      opened.database.exec(createSql);
      if (opened.created.size < STATEMENTS_MAX) opened.created.add(createSql);
    }
    const statement = statementOf(opened, sql);
    for (const row of rows) statement.run(...row);
  }
}

function statementOf({ database, statements }: OpenDatabase, sql: string): StatementSync {
  const statement = statements.get(sql) ?? database.prepare(sql);
  statements.delete(sql);
  statements.set(sql, statement);
  const oldest = statements.keys().next().value;
  if (statements.size > STATEMENTS_MAX && oldest !== undefined) statements.delete(oldest);
  return statement;
}

/** After some errors SQLite has done so itself. */
function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch (error) {
    if (!/no transaction/.test(String(error))) throw error;
  }
}
