import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../base/mod.ts";
import { StoredDataError } from "../codec/byte_source.ts";
import type { Durability } from "../options.ts";
import { SEQ_BITS } from "./batch_format.ts";
import { BatchWriter } from "./batch_writer.ts";
import { checkRunning } from "./database_file.ts";
import { openForWriting } from "./database.ts";
import { DraftDatabase } from "./draft_database.ts";
import { failureKindOf, isOfTheSystem } from "./failure_kind.ts";
import { FileAwayError, FileWatch } from "./file_watch.ts";
import { Housekeeping } from "./housekeeping.ts";
import { LogWatch } from "./log_watch.ts";
import type { WriterAside, WriterReply, WriterRequest } from "./writer_protocol.ts";

interface OpenWriter {
  readonly path: string;
  readonly durability: Durability;
  readonly database: DatabaseSync;
  readonly batches: BatchWriter;
  readonly housekeeping: Housekeeping;
  readonly watch: FileWatch;
  readonly log: LogWatch;
}

/** How often a commit looks whether the file is still there: what is acknowledged in between may be in a lost one. */
const LOOK_MS = 100;
/** The same for the log, all of which has to be read. */
const LOOK_AT_LOG_MS = 2000;

/** Answers requests, in whatever thread it lives. */
export class WriterHost {
  readonly #reply: (reply: WriterReply) => void;
  readonly #openDatabase: typeof openForWriting;
  #writer: OpenWriter | undefined;
  /** Takes the place of the database when it is finished. */
  #draft: DraftDatabase | undefined;
  #path = "";
  /** Where batches are. */
  readonly #memories: (ArrayBufferLike | undefined)[] = [];
  #purged: number[] = [];
  /** To be told with the next answer. */
  #problem: { readonly text: string; readonly isDamaged: boolean } | undefined;
  #lookedMs = -Infinity;
  #lookedAtLogMs = -Infinity;
  /** By those that were open before. */
  #bytesWritten = 0;

  constructor(
    reply: (reply: WriterReply) => void,
    openDatabase: typeof openForWriting = openForWriting,
  ) {
    this.#reply = reply;
    this.#openDatabase = openDatabase;
  }

  handle(request: WriterRequest): void {
    try {
      switch (request.kind) {
        case "open":
          return this.#open(request);
        case "commit":
          return this.#commit(request);
        case "records":
          return this.#record(request);
        case "idle":
          return this.#rest(this.#opened);
        case "repair":
          return this.#repair(request);
        case "finish":
          return this.#finish();
        case "abandon":
          return this.#abandon();
        case "close":
          return this.#close();
      }
    } catch (error) {
      this.#reply({ kind: "failed", error: messageOf(error), failure: failureKindOf(error) });
    }
  }

  get #opened(): OpenWriter {
    assert(this.#writer !== undefined, "opened before the first commit");
    return this.#writer;
  }

  #open({ path, durability, purge }: WriterRequest & { kind: "open" }): void {
    this.#path = path;
    this.#writer = this.#openWriter(path, durability, purge);
    this.#reply({ kind: "opened" });
  }

  #openWriter(
    path: string,
    durability: Durability,
    purge: readonly number[] | undefined,
  ): OpenWriter {
    const database = this.#openDatabase(path, durability);
    const batches = new BatchWriter(database);
    this.#showMemories(batches);
    for (const key of purge ?? keysWithoutSession(database)) batches.addPurge(key);
    const log = new LogWatch(path);
    const housekeeping = new Housekeeping(database, (pages) => log.checked(pages));
    const watch = new FileWatch(path);
    return { path, durability, database, batches, housekeeping, watch, log };
  }

  #commit({ index, length, memory }: WriterRequest & { kind: "commit" }): void {
    if (memory !== undefined) this.#setMemory(index, memory);
    if (this.#draft !== undefined) return this.#commitToDraft(this.#draft, index, length);
    const writer = this.#opened;
    this.#look(writer, LOOK_MS);
    const { batches, housekeeping } = writer;
    const begin = performance.now();
    const rows = batches.write(index, length);
    const ms = performance.now() - begin;
    housekeeping.committed(length);
    this.#reply({ kind: "committed", rows, ms, ...this.#takeAside() });
    // Whoever waits for the commit does not wait for this, nor for its failure.
    try {
      if (batches.isPurging) this.#purged.push(...batches.purge());
      if (housekeeping.isDue) this.#keepHouse(writer, () => housekeeping.afterCommit());
    } catch (error) {
      this.#problem = { text: messageOf(error), isDamaged: failureKindOf(error) === "damage" };
    }
  }

  #commitToDraft({ batches }: DraftDatabase, index: number, length: number): void {
    const rows = batches.write(index, length);
    this.#reply({ kind: "committed", rows, ms: 0, ...this.#takeAside() });
  }

  #setMemory(index: number, memory: ArrayBufferLike): void {
    this.#memories[index] = memory;
    this.#writer?.batches.setMemory(index, memory);
    this.#draft?.batches.setMemory(index, memory);
  }

  #showMemories(batches: BatchWriter): void {
    for (const [index, memory] of this.#memories.entries()) {
      if (memory !== undefined) batches.setMemory(index, memory);
    }
  }

  /** Does what writes the file. What somebody else has written must not be taken for ours. */
  #keepHouse<T>(writer: OpenWriter, work: () => T): T {
    this.#look(writer, 0);
    const result = work();
    writer.watch.note();
    return result;
  }

  /** Throws where the file is not what we have open, or is damaged by somebody who wrote it. */
  #look({ path, watch, log }: OpenWriter, everyMs: number): void {
    const nowMs = performance.now();
    if (nowMs - this.#lookedAtLogMs >= LOOK_AT_LOG_MS) {
      this.#lookedAtLogMs = nowMs;
      log.look();
    }
    if (nowMs - this.#lookedMs < everyMs) return;
    this.#lookedMs = nowMs;
    if (!watch.look()) return;
    checkRunning(path);
    watch.note();
  }

  #record({ changes }: WriterRequest & { kind: "records" }): void {
    let error: string | undefined;
    let rows = 0;
    try {
      const batches = this.#draft?.batches ?? this.#opened.batches;
      rows = batches.writeRecords(changes);
      const bytes = changes.reduce((sum, { body }) => sum + (body?.length ?? 0), 0);
      if (this.#draft === undefined) this.#opened.housekeeping.committed(bytes);
    } catch (thrown) {
      error = messageOf(thrown);
    }
    this.#reply({ kind: "recorded", error, rows, ...this.#takeAside() });
  }

  #rest(writer: OpenWriter): void {
    const { batches, housekeeping } = writer;
    this.#purged.push(...batches.purge());
    const hasMore = batches.isPurging || this.#keepHouse(writer, () => housekeeping.idle());
    this.#reply({ kind: "rested", hasMore, ...this.#takeAside() });
  }

  #takeAside(): WriterAside {
    const problem = this.#problem;
    const aside = {
      bytesWritten: this.#bytesWritten + (this.#writer?.housekeeping.bytesWritten ?? 0),
      purged: this.#purged,
      problem: problem?.text,
      isDamaged: problem?.isDamaged ?? false,
    };
    this.#purged = [];
    this.#problem = undefined;
    return aside;
  }

  // --- damage -----------------------------------------------------------------------------------

  #repair({ reason, sessions }: WriterRequest & { kind: "repair" }): void {
    const writer = this.#writer;
    this.#tryTo("end a transaction", () => writer?.batches.end());
    const found = reason === undefined && writer !== undefined ? damageOf(writer) : undefined;
    if (reason === undefined && found === undefined && writer !== undefined) {
      return this.#goOn(writer);
    }
    const draft = new DraftDatabase(this.#path, writer?.database, sessions);
    // It may have come back with its folder just before the draft was made there.
    if (found instanceof FileAwayError && writer !== undefined && isBack(writer)) {
      draft.abandon();
      return this.#goOn(writer);
    }
    this.#draft = draft;
    this.#showMemories(draft.batches);
    this.#reply({ kind: "drafted", reason: reason ?? found?.message ?? "it could not be opened" });
  }

  #goOn(writer: OpenWriter): void {
    this.#reopen(writer);
    this.#reply({ kind: "sound" });
  }

  /** What the connection remembers may be wrong though the file is sound. */
  #reopen(old: OpenWriter): void {
    this.#writer = this.#openWriter(old.path, old.durability, old.batches.purging);
    this.#letGo(old);
  }

  #letGo({ database, housekeeping }: OpenWriter): void {
    this.#bytesWritten += housekeeping.bytesWritten;
    this.#tryTo("end the use", () => database.close());
  }

  /** With a connection that is given up, whatever comes of it. */
  #tryTo(what: string, work: () => void): void {
    try {
      work();
    } catch (error) {
      const text = `Cannot ${what} of the damaged database: ${messageOf(error)}`;
      this.#problem = { text, isDamaged: false };
    }
  }

  #finish(): void {
    assert(this.#draft !== undefined, "drafted before it is finished");
    const queued = this.#draft.finish();
    this.#draft = undefined;
    const purged = this.#writer?.batches.purging ?? [];
    if (this.#writer !== undefined) this.#letGo(this.#writer);
    this.#writer = undefined;
    this.#reply({ kind: "finished", queued, purged });
  }

  #abandon(): void {
    const draft = this.#draft;
    this.#draft = undefined;
    draft?.abandon();
    this.#reply({ kind: "abandoned" });
  }

  #close(): void {
    const writer = this.#writer;
    this.#writer = undefined;
    this.#draft?.abandon();
    this.#draft = undefined;
    if (writer !== undefined) {
      try {
        writer.batches.end();
        writer.housekeeping.checkpoint();
      } finally {
        writer.database.close();
      }
    }
    this.#reply({ kind: "closed" });
  }
}

/** Of sessions that have ended, and whose messages are still there. From key to key: most rows are passed over. */
function keysWithoutSession(database: DatabaseSync): number[] {
  const rows = database.prepare(
    `WITH RECURSIVE keys(key) AS (
      SELECT (SELECT id >> ${SEQ_BITS} FROM queued ORDER BY id LIMIT 1)
      UNION ALL
      SELECT (SELECT id >> ${SEQ_BITS} FROM queued WHERE id >= (key + 1) << ${SEQ_BITS} ORDER BY id LIMIT 1)
      FROM keys WHERE key IS NOT NULL
    )
    SELECT key FROM keys WHERE key IS NOT NULL AND key NOT IN (SELECT id FROM session)`,
  ).all() as unknown as { readonly key: number }[];
  return rows.map(({ key }) => key);
}

/** Undefined: it is sound. Throws where that cannot be found out now. */
function damageOf({ path, watch, log }: OpenWriter): Error | undefined {
  if (log.damage !== undefined) return new StoredDataError(log.damage);
  try {
    watch.look();
    checkRunning(path);
    watch.note();
    return undefined;
  } catch (error) {
    if (isOfTheSystem(error)) throw error;
    return error instanceof Error ? error : new Error(String(error));
  }
}

/** Whether a database that was away is there again, and sound. */
function isBack(writer: OpenWriter): boolean {
  try {
    return damageOf(writer) === undefined;
  } catch {
    return false;
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
