import { assert } from "../../base/mod.ts";
import { encodeUtf8 } from "../../mqtt/mod.ts";
import { type JsonValue, RecordError, type RecordStore } from "../../ports/mod.ts";
import { writeRecord } from "../codec/record_body.ts";
import { type RecordEntry, RecordTable } from "../records/record_table.ts";
import { type PlacedRecord, readKind, RECORDS_PIECE } from "./record_rows.ts";
import type { RecordChange } from "./writer_protocol.ts";
import type { DatabaseSync } from "node:sqlite";

/** What one commit takes at most; the rest goes with the next. */
const GROUP_CHANGES_MAX = 1000;
const GROUP_BYTES_MAX = 1024 * 1024;
/** Changes that wait for the disk; more are refused. */
const WAITING_MAX = 100_000;

interface Change extends RecordChange {
  /** Undone with it, should it fail; undefined: there was none. */
  before: RecordEntry | undefined;
  resolve(): void;
  reject(error: RecordError): void;
}

export interface SqliteRecordsParts {
  /** In order of insertion. */
  readonly loaded: readonly PlacedRecord[];
  /** Sends a group to the writer; `settled` is called once for each, in order. Else: why it cannot be sent. */
  readonly send: (changes: readonly RecordChange[]) => string | undefined;
  /** Reads what is committed; another one when the database was replaced. */
  readonly reader: () => DatabaseSync;
  readonly defer: (fn: () => void) => void;
}

/**
 * Records on disk. A change is visible at once and goes to the writer with all others of its turn; while one group
 * is under way, the next gathers. Unlike the notes of a `CommitQueue` a group is tried once: who changes an account
 * wants an answer, not patience.
 */
export class SqliteRecords implements RecordStore {
  readonly #parts: SqliteRecordsParts;
  readonly #table = new RecordTable();
  #waiting: Change[] = [];
  #sent: readonly Change[] | undefined;
  #isScheduled = false;
  readonly #settlers: (() => void)[] = [];
  /** While `reload` reads: what changed here meanwhile is newer than what it finds. */
  readonly #reloads = new Set<Set<string>>();

  constructor(parts: SqliteRecordsParts) {
    this.#parts = parts;
    for (const { kind, key, value, bytes, place } of parts.loaded) {
      this.#table.set(kind, key, { value, bytes, place });
    }
  }

  list(kind: string): ReadonlyMap<string, JsonValue> {
    return this.#table.list(kind);
  }

  get(kind: string, key: string): JsonValue | undefined {
    return this.#table.get(kind, key);
  }

  async put(kind: string, key: string, value: JsonValue): Promise<void> {
    const checked = this.#table.check(kind, key, value);
    this.#checkRoom();
    const before = this.#table.entry(kind, key);
    this.#table.set(kind, key, checked);
    await this.#note(kind, key, writeRecord(kind, key, checked.json), before);
  }

  async remove(kind: string, key: string): Promise<boolean> {
    if (this.#table.entry(kind, key) === undefined) return false;
    this.#checkRoom();
    const before = this.#table.delete(kind, key);
    await this.#note(kind, key, undefined, before);
    return true;
  }

  async reload(kinds: readonly string[]): Promise<number> {
    const touched = new Set<string>();
    for (const { kind, key } of [...(this.#sent ?? []), ...this.#waiting]) {
      touched.add(nameOf(kind, key));
    }
    this.#reloads.add(touched);
    try {
      let count = 0;
      for (const kind of kinds) count += await this.#reloadKind(kind, touched);
      return count;
    } finally {
      this.#reloads.delete(touched);
    }
  }

  /** All of them, in pieces of one commit, in order of insertion in each kind. */
  *present(): Generator<readonly RecordChange[], void, undefined> {
    let piece: RecordChange[] = [];
    let bytes = 0;
    for (const kind of this.#table.kinds) {
      for (const key of [...this.#table.keys(kind)]) {
        const value = this.#table.get(kind, key);
        if (value === undefined) continue;
        const body = writeRecord(kind, key, encodeUtf8(JSON.stringify(value)));
        piece.push({ kind, key, body });
        bytes += body.length;
        if (piece.length < GROUP_CHANGES_MAX && bytes < GROUP_BYTES_MAX) continue;
        yield piece;
        piece = [];
        bytes = 0;
      }
    }
    if (piece.length > 0) yield piece;
  }

  /** Resolves when every change so far is settled, well or not. */
  settled(): Promise<void> {
    if (this.#isSettled) return Promise.resolve();
    return new Promise((resolve) => this.#settlers.push(resolve));
  }

  /** The oldest group that was sent is committed; or it is not, with `error`. */
  onSettled(error: string | undefined): void {
    const group = this.#sent;
    assert(group !== undefined, "what was sent is settled");
    this.#sent = undefined;
    if (error !== undefined) this.#undo(group);
    this.#sendNext();
    for (const change of group) {
      if (error === undefined) change.resolve();
      else change.reject(failureOf(change, error));
    }
    if (this.#isSettled) { for (const settle of this.#settlers.splice(0)) settle(); }
  }

  get #isSettled(): boolean {
    return this.#sent === undefined && this.#waiting.length === 0;
  }

  #checkRoom(): void {
    if (this.#waiting.length < WAITING_MAX) return;
    throw new RecordError(
      "too-many",
      `Cannot change records: ${this.#waiting.length} changes wait for the disk already`,
    );
  }

  #note(
    kind: string,
    key: string,
    body: Uint8Array | undefined,
    before: RecordEntry | undefined,
  ): Promise<void> {
    for (const touched of this.#reloads) touched.add(nameOf(kind, key));
    return new Promise((resolve, reject) => {
      this.#waiting.push({ kind, key, body, before, resolve, reject });
      if (this.#sent === undefined && !this.#isScheduled) {
        this.#isScheduled = true;
        // Not now: what is changed in one go shares a commit.
        queueMicrotask(() => {
          this.#isScheduled = false;
          if (this.#sent === undefined) this.#sendNext();
        });
      }
    });
  }

  #sendNext(): void {
    let count = 0;
    for (let bytes = 0; count < this.#waiting.length; count++) {
      if (count === GROUP_CHANGES_MAX || bytes > GROUP_BYTES_MAX) break;
      bytes += this.#waiting[count]?.body?.length ?? 0;
    }
    if (count === 0) return;
    const group = this.#waiting.slice(0, count);
    this.#waiting = this.#waiting.slice(count);
    this.#sent = group;
    const error = this.#parts.send(group.map(({ kind, key, body }) => ({ kind, key, body })));
    if (error !== undefined) this.onSettled(error);
  }

  /** Each record is again as it was before; or, where a later change of it waits, that one has it to undo. */
  #undo(group: readonly Change[]): void {
    const later = new Map<string, Change>();
    for (const change of this.#waiting.toReversed()) {
      later.set(nameOf(change.kind, change.key), change);
    }
    const outOfOrder = new Set<string>();
    for (const { kind, key, before } of group.toReversed()) {
      const next = later.get(nameOf(kind, key));
      if (next !== undefined) next.before = before;
      else if (before === undefined) this.#table.delete(kind, key);
      else {
        this.#table.set(kind, key, before);
        outOfOrder.add(kind);
      }
    }
    for (const kind of outOfOrder) this.#table.sort(kind);
  }

  async #reloadKind(kind: string, touched: ReadonlySet<string>): Promise<number> {
    const found = new Map<string, PlacedRecord>();
    for (const piece of readKind(this.#parts.reader(), kind)) {
      for (const record of piece) found.set(record.key, record);
      if (piece.length < RECORDS_PIECE) break;
      // A large kind must not keep everybody else waiting.
      await new Promise<void>((resolve) => this.#parts.defer(resolve));
    }
    let count = 0;
    for (const key of [...this.#table.keys(kind)]) {
      if (found.has(key) || touched.has(nameOf(kind, key))) continue;
      this.#table.delete(kind, key);
      count++;
    }
    for (const [key, record] of found) {
      const old = this.#table.get(kind, key);
      if (touched.has(nameOf(kind, key)) || isSame(old, record.value)) continue;
      this.#table.set(kind, key, { value: record.value, bytes: record.bytes });
      count++;
    }
    return count;
  }
}

function nameOf(kind: string, key: string): string {
  return `${kind} ${key}`;
}

function isSame(old: JsonValue | undefined, value: JsonValue): boolean {
  return old !== undefined && JSON.stringify(old) === JSON.stringify(value);
}

function failureOf({ kind, key, body }: Change, error: string): RecordError {
  const what = body === undefined ? "remove" : "keep";
  return new RecordError("unavailable", `Cannot ${what} ${kind} "${key}": ${error}`);
}
