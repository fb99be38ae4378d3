import type { DatabaseSync } from "node:sqlite";
import { assert } from "../../base/mod.ts";
import type {
  DelayedKey,
  DelayedMessage,
  LiveState,
  LoadedState,
  QueuedDelivery,
  SessionKey,
  SessionRecord,
  Store,
  StoreCounters,
  StoredGroup,
  StoreEvents,
  StoreFailure,
  StoreRepair,
} from "../../ports/mod.ts";
import type { Subscription } from "../../routing/mod.ts";
import {
  type Delivery,
  InflightState,
  type Message,
  messageBytes,
  packetIdOfPlace,
} from "../../session/mod.ts";
import type { StoreOptions, StoreTimers } from "../options.ts";
import { createCounters } from "../store_parts.ts";
import { BatchEncoder } from "./batch_encoder.ts";
import type { SessionChanges } from "./change_batch.ts";
import { CommitQueue } from "./commit_queue.ts";
import type { DataFolder } from "./data_folder.ts";
import { openForReading } from "./database.ts";
import { QueueReader } from "./queue_reader.ts";
import { Repair } from "./repair.ts";
import { SessionTable } from "./session_table.ts";
import { SqliteRecords } from "./sqlite_records.ts";
import type { DatabaseState } from "./state_loader.ts";
import type { WriterLink } from "./writer_protocol.ts";

export interface SqliteStoreParts {
  readonly options: StoreOptions;
  readonly timers: StoreTimers;
  readonly state: DatabaseState;
  /** Where the database is. */
  readonly folder: DataFolder;
  /** A connection of our own that reads. */
  readonly reader: DatabaseSync;
  /** To a writer that has opened the database. */
  readonly writer: WriterLink;
  /** Writes a copy of the database, which is up to date. */
  readonly backup: (file: string) => Promise<void>;
  /** Called when all is closed. */
  readonly release: () => void;
}

/** The store on disk. Notes go into the open batch; a writer commits batch after batch. */
export class SqliteStore implements Store {
  readonly counters: StoreCounters = createCounters();
  unreadable = 0;
  readonly #parts: SqliteStoreParts;
  readonly #sessions: SessionTable;
  #reader: DatabaseSync;
  #queues: QueueReader;
  #isClosing = false;
  live: LiveState | undefined;
  readonly #commits: CommitQueue;
  readonly records: SqliteRecords;
  #state: DatabaseState | undefined;
  #nextDelayedKey: DelayedKey;

  constructor(parts: SqliteStoreParts) {
    const { options, timers, writer, state, reader, folder } = parts;
    this.#parts = parts;
    this.#state = state;
    this.#nextDelayedKey = state.nextDelayedKey;
    this.#sessions = new SessionTable(state);
    this.#reader = reader;
    this.#queues = new QueueReader(reader);
    const encoder = new BatchEncoder(state.nextMessageId);
    const onPurged = (keys: readonly SessionKey[]): void => {
      for (const key of keys) this.#sessions.free(key);
    };
    this.#commits = new CommitQueue({
      options,
      timers,
      writer,
      encoder,
      counters: this.counters,
      onSealed: (batch) => this.#sessions.sealed(batch),
      onCommitted: (batch) => this.#sessions.committed(batch),
      onPurged,
      onRecorded: (error) => this.records.onSettled(error),
      onAbsorbed: (both, writing, open) => this.#sessions.absorbed(both, writing, open),
    });
    this.records = new SqliteRecords({
      loaded: state.records,
      send: (changes) => this.#commits.sendRecords(changes),
      reader: () => this.#reader,
      defer: (fn) => timers.defer(fn),
    });
    this.#commits.damageWatch = new Repair({
      commits: this.#commits,
      encoder,
      sessions: this.#sessions,
      records: this.records,
      timers,
      folder,
      durability: options.durability,
      live: () => this.live,
      onReplaced: () => this.#readAnother(folder.databasePath),
      onPurged,
      onRepaired: (repair) => this.#noteRepair(repair),
    });
  }

  /** The old one is let go of last: until then nothing seems to be lost. */
  #readAnother(path: string): void {
    if (this.#isClosing) return;
    const old = this.#reader;
    this.#reader = openForReading(path);
    this.#queues = new QueueReader(this.#reader);
    old.close();
  }

  #noteRepair(repair: StoreRepair): void {
    this.counters.repairs++;
    this.counters.lostMessages += repair.lost;
    this.events.onRepaired(repair);
  }

  get events(): StoreEvents {
    return this.#commits.events;
  }

  set events(events: StoreEvents) {
    this.#commits.events = events;
  }

  get failure(): StoreFailure | undefined {
    return this.#commits.failure;
  }

  load(): LoadedState {
    const state = this.#state;
    assert(state !== undefined, "loaded once");
    this.#state = undefined;
    for (const { key, seq } of state.lapsed) this.removeQueued(key, seq);
    return { sessions: state.sessions, retained: state.retained, delayed: state.delayed };
  }

  // --- sessions ---------------------------------------------------------------------------------

  createSession(record: SessionRecord): SessionKey {
    const { key } = this.#sessions.create(record);
    this.putSession(key, record);
    return key;
  }

  putSession(key: SessionKey, record: SessionRecord): void {
    const changes = this.#changes(key);
    if (changes.record === undefined) this.#commits.open.changes++;
    changes.record = record;
    this.#commits.noted();
  }

  removeSession(key: SessionKey): void {
    const changes = this.#changes(key);
    this.#commits.open.removeSession(changes);
    this.#sessions.remove(key);
    if (changes.isNew) this.#sessions.free(key);
    this.#commits.noted();
  }

  putSubscription(key: SessionKey, filter: string, subscription: Subscription): void {
    this.#setSubscription(key, filter, subscription);
  }

  removeSubscription(key: SessionKey, filter: string): void {
    this.#setSubscription(key, filter, undefined);
  }

  addReceived(key: SessionKey, packetId: number): void {
    this.#setReceived(key, packetId, true);
  }

  removeReceived(key: SessionKey, packetId: number): void {
    this.#setReceived(key, packetId, false);
  }

  // --- queues -----------------------------------------------------------------------------------

  pushQueued(key: SessionKey, delivery: Delivery<StoredGroup>): number {
    const changes = this.#changes(key);
    const seq = this.#sessions.nextSeq(key);
    this.#commits.open.push(changes, delivery);
    this.#commits.noted();
    return seq;
  }

  setInflight(key: SessionKey, seq: number, packetId: number, state: InflightState): void {
    const { open } = this.#commits;
    const { exchange } = this.#sessions.get(key);
    if (exchange?.released.has(seq)) return;
    if (exchange === undefined || seq > exchange.reserved || packetId !== packetIdOfPlace(seq)) {
      open.setInflight(this.#changes(key), seq, packetId, state);
    } else if (state === InflightState.awaitsPubcomp) {
      exchange.released.add(seq);
      open.remove(this.#sessions.exchangeChanges(key, open), seq);
    } else return;
    this.#commits.noted();
  }

  reserve(key: SessionKey, seq: number): void {
    this.#sessions.exchange(key).reserved = seq;
    this.#sessions.exchangeChanges(key, this.#commits.open);
    this.#commits.noted();
  }

  isStored(key: SessionKey, seq: number): boolean {
    return this.#sessions.isStored(key, seq);
  }

  removeQueued(key: SessionKey, seq: number): void {
    const { open } = this.#commits;
    if (this.#sessions.get(key).exchange?.released.delete(seq)) {
      this.#sessions.exchangeChanges(key, open);
    } else open.remove(this.#changes(key), seq);
    this.#commits.noted();
  }

  readQueued(
    key: SessionKey,
    afterSeq: number,
    limit: number,
    bytesMax: number,
  ): QueuedDelivery[] {
    const { open, writing, nextSeq } = this.#sessions.get(key);
    const beforeSeq = writing?.firstSeq ?? open?.firstSeq ?? nextSeq;
    const isGone = (seq: number): boolean =>
      (writing?.hasLost(seq) ?? false) || (open?.hasLost(seq) ?? false);
    const unreadable: number[] = [];
    const onGap = (error: Error): void => {
      this.unreadable++;
      this.#commits.problem(`Cannot read queued messages: ${error.message}`);
    };
    const found = afterSeq + 1 >= beforeSeq ? [] : this.#queues.read(
      { key, afterSeq, beforeSeq, limit, bytesMax },
      { isGone, onGap, onUnreadable: (seq) => void unreadable.push(seq) },
    );
    this.unreadable += unreadable.length;
    // They are never read, so they need not be found again and again.
    for (const seq of unreadable) this.removeQueued(key, seq);
    const last = found.at(-1)?.seq ?? afterSeq;
    let bytes = found.reduce((sum, { delivery }) => sum + messageBytes(delivery.message), 0);
    for (const changes of [writing, open]) {
      if (changes === undefined) continue;
      for (const queued of changes.pushedAfter(last)) {
        if (found.length >= limit || bytes >= bytesMax) return found;
        if (isGone(queued.seq)) continue;
        found.push(queued);
        bytes += messageBytes(queued.delivery.message);
      }
    }
    return found;
  }

  // --- retained ---------------------------------------------------------------------------------

  putRetained(message: Message): void {
    this.#setRetained(message.topic, message);
  }

  removeRetained(topic: string): void {
    this.#setRetained(topic, undefined);
  }

  // --- delayed ----------------------------------------------------------------------------------

  putDelayed(delayed: DelayedMessage): DelayedKey {
    const key = this.#nextDelayedKey++;
    this.#commits.open.setDelayed(key, delayed);
    this.#commits.noted();
    return key;
  }

  removeDelayed(key: DelayedKey): void {
    this.#commits.open.setDelayed(key, undefined);
    this.#commits.noted();
  }

  // --- durability -------------------------------------------------------------------------------

  ticket(): number {
    return this.#commits.ticket();
  }

  get committedTicket(): number {
    return this.#commits.committedTicket;
  }

  get waitingChanges(): number {
    return this.#commits.open.changes + (this.#commits.writing?.changes ?? 0);
  }

  get waitingBytes(): number {
    const { open, writing } = this.#commits;
    return open.heldBytes + (writing?.heldBytes ?? 0);
  }

  flush(): Promise<void> {
    return this.#commits.flush();
  }

  async backup(file: string): Promise<void> {
    await this.flush();
    await this.#parts.backup(file);
  }

  async close(): Promise<void> {
    const { writer, release } = this.#parts;
    await this.records.settled();
    // The last connection that is closed carries the log into the database, which is the writer's work.
    this.#isClosing = true;
    this.#reader.close();
    try {
      await this.#commits.close();
    } finally {
      await writer.end();
      release();
    }
  }

  // --- inside -----------------------------------------------------------------------------------

  #changes(key: SessionKey): SessionChanges {
    return this.#sessions.changes(key, this.#commits.open);
  }

  #setSubscription(key: SessionKey, filter: string, value: Subscription | undefined): void {
    const changes = this.#changes(key);
    const subscriptions = changes.subscriptions ??= new Map<string, Subscription | undefined>();
    if (!subscriptions.has(filter)) this.#commits.open.changes++;
    subscriptions.set(filter, value);
    this.#commits.noted();
  }

  #setReceived(key: SessionKey, packetId: number, isThere: boolean): void {
    const changes = this.#changes(key);
    const received = changes.received ??= new Map<number, boolean>();
    if (!received.has(packetId)) this.#commits.open.changes++;
    received.set(packetId, isThere);
    this.#commits.noted();
  }

  #setRetained(topic: string, message: Message | undefined): void {
    const { open } = this.#commits;
    const old = open.retained.get(topic);
    if (old !== undefined) open.bytes -= messageBytes(old);
    if (message !== undefined) open.bytes += messageBytes(message);
    if (!open.retained.has(topic)) open.changes++;
    open.retained.set(topic, message);
    this.#commits.noted();
  }
}
