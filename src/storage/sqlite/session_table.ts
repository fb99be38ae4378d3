import { assert } from "../../base/mod.ts";
import type { SessionKey, SessionRecord } from "../../ports/mod.ts";
import { SEQ_MAX, SESSION_KEY_MAX } from "./batch_format.ts";
import { type ChangeBatch, SessionChanges } from "./change_batch.ts";
import type { DatabaseState } from "./state_loader.ts";
import type { KnownSessions, ReusedKey } from "./writer_protocol.ts";

/** What the store keeps in memory for each session. */
export interface SessionEntry {
  readonly key: SessionKey;
  /** Of a session whose key another one had since the store was opened. */
  reusedBy: Pick<SessionRecord, "clientId" | "createdAtMs"> | undefined;
  /** `seq` of the next message. */
  nextSeq: number;
  /** Of messages that were sent under the identifiers of their places; undefined: there were none. */
  exchange: Exchange | undefined;
  /** There are rows of it, or a batch that writes some is under way. */
  isStored: boolean;
  /** Its part of the open batch. */
  open: SessionChanges | undefined;
  /** Its part of the batch that is being written. */
  writing: SessionChanges | undefined;
}

/** A `StoredExchange` that changes. */
export interface Exchange {
  reserved: number;
  readonly released: Set<number>;
}

/** Sessions by key. Keys are small and dense, and a key is free again when no row of its session is left. */
export class SessionTable {
  readonly #entries: (SessionEntry | undefined)[] = [];
  readonly #freeKeys: SessionKey[] = [];
  /** Keys that had an owner since the store was opened and have, or may get, another one. */
  readonly #usedKeys = new Set<SessionKey>();

  constructor({ sessions, exchanges, orphans }: DatabaseState) {
    const taken = new Set(orphans);
    for (const { key, queue, inflight } of sessions) {
      taken.add(key);
      const exchange = exchanges.get(key);
      // Behind what is reserved: then nothing that was never sent seems to have been.
      const last = Math.max(queue.lastSeq, inflight.at(-1)?.seq ?? 0, exchange?.reserved ?? 0);
      const entry = this.#entries[key] = createEntry(key, last + 1, true);
      if (exchange !== undefined) {
        const { reserved, released } = exchange;
        entry.exchange = { reserved, released: new Set(released) };
      }
    }
    let highest = 0;
    for (const key of taken) if (key > highest) highest = key;
    for (let key = highest; key > 0; key--) if (!taken.has(key)) this.#freeKeys.push(key);
    // Holes would turn the array into a table of hashes.
    for (let key = 0; key <= highest; key++) this.#entries[key] ??= undefined;
  }

  create({ clientId, createdAtMs }: SessionRecord): SessionEntry {
    const key = this.#freeKeys.pop() ?? Math.max(this.#entries.length, 1);
    assert(key <= SESSION_KEY_MAX, `at most ${SESSION_KEY_MAX} sessions fit into a store`);
    while (this.#entries.length < key) this.#entries.push(undefined);
    const entry = createEntry(key, 1, false);
    if (this.#usedKeys.has(key)) entry.reusedBy = { clientId, createdAtMs };
    this.#entries[key] = entry;
    return entry;
  }

  get(key: SessionKey): SessionEntry {
    const entry = this.#entries[key];
    assert(entry !== undefined, "a session that is not removed");
    return entry;
  }

  /** Undefined: it was removed. */
  find(key: SessionKey): SessionEntry | undefined {
    return this.#entries[key];
  }

  /** All that are not removed. */
  known(): KnownSessions {
    const keys: SessionKey[] = [];
    const reused: ReusedKey[] = [];
    for (const entry of this.#entries) {
      if (entry === undefined) continue;
      if (entry.reusedBy === undefined) keys.push(entry.key);
      else reused.push({ key: entry.key, ...entry.reusedBy });
    }
    return { keys: Int32Array.from(keys), reused };
  }

  /** The part of the open batch that belongs to a session. */
  changes(key: SessionKey, batch: ChangeBatch): SessionChanges {
    const entry = this.get(key);
    if (entry.open !== undefined) return entry.open;
    const changes = new SessionChanges(key, !entry.isStored, entry.nextSeq, batch.memory);
    entry.open = changes;
    batch.sessions.push(changes);
    return changes;
  }

  /** The part of the open batch, which then holds the session's exchange, too. */
  exchangeChanges(key: SessionKey, batch: ChangeBatch): SessionChanges {
    const changes = this.changes(key, batch);
    if (changes.exchange === undefined) batch.changes++;
    changes.exchange = this.exchange(key);
    return changes;
  }

  exchange(key: SessionKey): Exchange {
    return this.get(key).exchange ??= { reserved: 0, released: new Set() };
  }

  /** The message is in the database. */
  isStored(key: SessionKey, seq: number): boolean {
    const { writing, open, nextSeq } = this.get(key);
    return seq < (writing?.firstSeq ?? open?.firstSeq ?? nextSeq);
  }

  nextSeq(key: SessionKey): number {
    const entry = this.get(key);
    assert(
      entry.nextSeq <= SEQ_MAX,
      "a session has fewer messages in its life than fit into its numbers",
    );
    return entry.nextSeq++;
  }

  remove(key: SessionKey): void {
    this.#entries[key] = undefined;
  }

  /** Nothing of the session is left, a new one may have its key. */
  free(key: SessionKey): void {
    this.#usedKeys.add(key);
    this.#freeKeys.push(key);
  }

  /** The batch goes to the writer. */
  sealed(batch: ChangeBatch): void {
    for (const changes of batch.sessions) {
      const entry = this.#entries[changes.key];
      if (changes.isRemoved || entry === undefined || entry.open !== changes) continue;
      entry.isStored = true;
      entry.open = undefined;
      entry.writing = changes;
    }
  }

  /**
   * The open batch goes to a database that has or gets all of `writing`, too: they are read as one, which becomes `both`,
   * until it is there. The memories of the two are not needed for that.
   */
  absorbed(both: ChangeBatch, writing: ChangeBatch | undefined, batch: ChangeBatch): void {
    both.changes = batch.changes + (writing?.changes ?? 0);
    both.bytes = batch.bytes + (writing?.bytes ?? 0);
    for (const changes of writing?.sessions ?? []) {
      changes.own();
      both.sessions.push(changes);
    }
    for (const changes of batch.sessions) {
      changes.own();
      const entry = this.#entries[changes.key];
      const isOpen = !changes.isRemoved && entry !== undefined && entry.open === changes;
      if (isOpen) {
        entry.isStored = true;
        entry.open = undefined;
      }
      if (isOpen && entry.writing !== undefined) entry.writing.append(changes);
      else {
        both.sessions.push(changes);
        if (isOpen) entry.writing = changes;
      }
    }
  }

  /** The batch is in the database. */
  committed(batch: ChangeBatch): void {
    for (const changes of batch.sessions) {
      const entry = this.#entries[changes.key];
      if (entry?.writing === changes) entry.writing = undefined;
      changes.pushed.clear();
    }
  }
}

function createEntry(key: SessionKey, nextSeq: number, isStored: boolean): SessionEntry {
  return {
    key,
    nextSeq,
    isStored,
    reusedBy: undefined,
    exchange: undefined,
    open: undefined,
    writing: undefined,
  };
}
