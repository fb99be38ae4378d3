import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../base/mod.ts";
import { BatchWriter } from "./batch_writer.ts";
import { openForWriting } from "./database.ts";
import { Housekeeping } from "./housekeeping.ts";
import type { WriterAside, WriterReply, WriterRequest } from "./writer_protocol.ts";

interface OpenWriter {
  readonly database: DatabaseSync;
  readonly batches: BatchWriter;
  readonly housekeeping: Housekeeping;
}

/** Answers requests, in whatever thread it lives. */
export class WriterHost {
  readonly #reply: (reply: WriterReply) => void;
  readonly #openDatabase: typeof openForWriting;
  #writer: OpenWriter | undefined;
  #purged: number[] = [];
  #problem: string | undefined;

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
          return this.#commit(this.#opened, request);
        case "records":
          return this.#record(this.#opened, request);
        case "idle":
          return this.#rest(this.#opened);
        case "close":
          return this.#close();
      }
    } catch (error) {
      this.#reply({ kind: "failed", error: messageOf(error) });
    }
  }

  get #opened(): OpenWriter {
    assert(this.#writer !== undefined, "opened before the first commit");
    return this.#writer;
  }

  #open(request: WriterRequest & { kind: "open" }): void {
    const database = this.#openDatabase(request.path, request.durability);
    const batches = new BatchWriter(database);
    for (const key of request.purge) batches.addPurge(key);
    this.#writer = { database, batches, housekeeping: new Housekeeping(database) };
    this.#reply({ kind: "opened" });
  }

  #commit(writer: OpenWriter, request: WriterRequest & { kind: "commit" }): void {
    const { index, length, memory } = request;
    const { batches, housekeeping } = writer;
    if (memory !== undefined) batches.setMemory(index, memory);
    const begin = performance.now();
    const rows = batches.write(index, length);
    const ms = performance.now() - begin;
    housekeeping.committed(length);
    this.#reply({ kind: "committed", rows, ms, ...this.#takeAside(writer) });
    // Whoever waits for the commit does not wait for this, nor for its failure.
    try {
      if (batches.isPurging) this.#purged.push(...batches.purge());
      housekeeping.afterCommit();
    } catch (error) {
      this.#problem = messageOf(error);
    }
  }

  #record(writer: OpenWriter, { changes }: WriterRequest & { kind: "records" }): void {
    const { batches, housekeeping } = writer;
    let error: string | undefined;
    let rows = 0;
    try {
      rows = batches.writeRecords(changes);
      housekeeping.committed(changes.reduce((sum, { body }) => sum + (body?.length ?? 0), 0));
    } catch (thrown) {
      error = messageOf(thrown);
    }
    this.#reply({ kind: "recorded", error, rows, ...this.#takeAside(writer) });
  }

  #rest(writer: OpenWriter): void {
    const { batches, housekeeping } = writer;
    this.#purged.push(...batches.purge());
    const hasMore = batches.isPurging || housekeeping.idle();
    this.#reply({ kind: "rested", hasMore, ...this.#takeAside(writer) });
  }

  #takeAside({ housekeeping }: OpenWriter): WriterAside {
    const aside = {
      bytesWritten: housekeeping.bytesWritten,
      purged: this.#purged,
      problem: this.#problem,
    };
    this.#purged = [];
    this.#problem = undefined;
    return aside;
  }

  #close(): void {
    const writer = this.#writer;
    this.#writer = undefined;
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

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
