import type { Histogram } from "../base/mod.ts";
import type { ProtocolVersion } from "../mqtt/mod.ts";
import type { Subscription } from "../routing/mod.ts";
import type { Delivery, InflightState, Message } from "../session/mod.ts";
import type { ListenerType } from "../transport/mod.ts";
import type { Identity, IdentityMethod } from "./records.ts";
import type { RecordStore } from "./record_store.ts";

/** Names a session inside a store: small, and given again only when nothing is left of its last owner. */
export type SessionKey = number;

/** A will as it came with CONNECT; its expiry counts from when it is published. */
export interface StoredWill {
  readonly message: Omit<Message, "expiresAtMs">;
  readonly messageExpiryS: number | undefined;
  readonly delayS: number;
  readonly identity: Identity;
}

/** What is stored of a session beside its lists. Handed over: nobody changes it afterwards. */
export interface SessionRecord {
  readonly clientId: string;
  /** Seconds that the session outlives its connection. */
  readonly expiryS: number;
  /** Wall clock, milliseconds. */
  readonly createdAtMs: number;
  /** Wall clock of the end of the last connection, milliseconds; 0 while connected. */
  readonly disconnectedAtMs: number;
  /** User name of whoever made the session; undefined: nobody in particular, or it is of before this was kept. */
  readonly owner: string | undefined;
  readonly will: StoredWill | undefined;
  /** Undefined: it is of before this was kept. */
  readonly client?: StoredClient | undefined;
}

/** What the last CONNECT of a session's client said, and where it came from: to be told, and for nothing else. */
export interface StoredClient {
  readonly username: string | undefined;
  readonly method: IdentityMethod;
  readonly version: ProtocolVersion;
  readonly cleanStart: boolean;
  readonly keepAliveS: number;
  readonly receiveMaximum: number;
  readonly address: string;
  readonly port: number;
  readonly listenerName: string;
  readonly listenerType: ListenerType;
  readonly mountpoint: string;
  /** Wall clock, milliseconds: of the network connection, and of its CONNECT. */
  readonly acceptedAtMs: number;
  readonly connectedAtMs: number;
}

/** The shared subscription that chose a session for a message, by name: the broker finds the living one. */
export interface StoredGroup {
  readonly shareName: string;
  readonly filter: string;
}

/** A message that waits in a session or is in flight, with its place in the order of that session. */
export interface QueuedDelivery {
  readonly seq: number;
  readonly delivery: Delivery<StoredGroup>;
}

/** A message that was sent and not yet acknowledged. */
export interface StoredInflight {
  readonly seq: number;
  readonly packetId: number;
  readonly state: InflightState;
  /** `messageBytes` of its message; 0 where the message is not needed any more, after PUBREC. */
  readonly bytes: number;
}

/** What `load` says of the queue of one session, without a message of it. */
export interface StoredQueue {
  /** Messages that `readQueued` would bring, those in flight included. */
  readonly count: number;
  /** Sum of their `messageBytes`. */
  readonly bytes: number;
  /** None is newer; 0 when there never was one. */
  readonly lastSeq: number;
}

/** A message that is to be published later. */
export interface DelayedMessage {
  /** Wall clock, milliseconds. */
  readonly dueAtMs: number;
  /** User name of the publisher. */
  readonly username: string | undefined;
  /** On the topic that it is to be published on. */
  readonly message: Message;
}

/** Names a delayed message inside a store; of two the later one has the larger. */
export type DelayedKey = number;

export interface LoadedDelayed {
  readonly key: DelayedKey;
  readonly delayed: DelayedMessage;
}

export interface LoadedSession {
  readonly key: SessionKey;
  readonly record: SessionRecord;
  /** Topic filters as the client wrote them, `$share/…` included. */
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  /** Packet identifiers of QoS 2 messages that came in and are not released. */
  readonly received: readonly number[];
  readonly queue: StoredQueue;
  /** By `seq`, which is the order in which they were sent. */
  readonly inflight: readonly StoredInflight[];
}

export interface LoadedState {
  readonly sessions: readonly LoadedSession[];
  readonly retained: readonly Message[];
  /** In the order in which they came. */
  readonly delayed: readonly LoadedDelayed[];
}

/** Why changes cannot be made durable just now. */
export interface StoreFailure {
  readonly sinceMs: number;
  /** The system's or SQLite's words. */
  readonly error: string;
  /** The database is damaged, or not there any more: it is being written anew, with what can be read and what runs. */
  readonly isDamaged: boolean;
}

/** A damaged database was set right while the broker ran. */
export interface StoreRepair {
  /** Where the damaged one is now; undefined: there was none any more. */
  readonly setAside: string | undefined;
  /** How the damage was noticed. */
  readonly reason: string;
  /** Queued messages that are in the new one. */
  readonly queued: number;
  /** Queued messages that were only in the damaged one, and could not be read. */
  readonly lost: number;
}

/** A message in flight, for a store that is written anew. */
export interface LiveInflight extends Omit<StoredInflight, "bytes"> {
  /** Undefined: only the store has it, or nobody needs it any more. */
  readonly delivery: Delivery<StoredGroup> | undefined;
}

/** A stored session as it is now, as far as it is in memory. */
export interface LiveSession {
  readonly key: SessionKey;
  readonly record: SessionRecord;
  readonly subscriptions: ReadonlyMap<string, Subscription>;
  readonly received: readonly number[];
  readonly inflight: readonly LiveInflight[];
  /** The oldest of the queue. */
  readonly held: readonly QueuedDelivery[];
  /** The rest of the queue has places behind this, and is in the store alone; undefined: there is no rest. */
  readonly notedAfter: number | undefined;
}

/**
 * What runs, for a store that writes its database anew. It is asked piece by piece, in turns between which everything
 * goes on; each piece is as it is when it comes. What begins meanwhile may come or not.
 */
export interface LiveState {
  sessions(): IterableIterator<LiveSession>;
  retained(): IterableIterator<Message>;
  delayed(): IterableIterator<LoadedDelayed>;
  /** Messages that stored sessions wait for or have in flight, as far as they are not the client's already. */
  countQueued(): number;
}

/** Plain numbers, read by metrics and `$SYS`. All counted since the store was opened. */
export interface StoreCounters {
  commits: number;
  /** Rows written, changed and removed. */
  rows: number;
  /** Bytes given to the disk: the log, and what is carried from it into the database. */
  bytesWritten: number;
  /** Commits that failed, each try counted. */
  failures: number;
  /** Damaged databases that were set right, and messages that were lost with them. */
  repairs: number;
  lostMessages: number;
  lastCommitMs: number;
  longestCommitMs: number;
  /** Time that commits took, those that failed apart. */
  readonly commitSeconds: Histogram;
  /** Changes in the last batch, after what cancelled out. */
  lastBatchRows: number;
  lastBatchBytes: number;
}

/** Called by a store, never from inside a call to it. */
export interface StoreEvents {
  /** Everything up to `ticket` is durable. */
  onCommitted(ticket: number): void;
  /** A commit failed, with `failure`; or they succeed again, with undefined. */
  onStateChange(failure: StoreFailure | undefined): void;
  /** Something went wrong that lost nothing and is tried again; for the log. */
  onProblem(problem: string): void;
  /** The database was damaged and is sound again; `onStateChange` follows. */
  onRepaired(repair: StoreRepair): void;
}

/**
 * Remembers what must outlive the broker: sessions, their subscriptions, queues and packet identifiers, retained and
 * delayed messages. What runs holds the truth in memory; the store notes its changes.
 *
 * A note is a plain call, costs no I/O and never fails. Notes gather in an open batch; batches become durable one
 * after the other, each wholly or not at all. Whoever promised something waits until the `ticket` that it took
 * after its notes is committed.
 */
export interface Store {
  /** Set once, before the first note. */
  events: StoreEvents;
  /** Set once, after `load`. Without it a damaged database waits for the next start. */
  live: LiveState | undefined;
  readonly counters: Readonly<StoreCounters>;
  /** Set while commits fail; they are tried again until they succeed, and nothing is forgotten. */
  readonly failure: StoreFailure | undefined;
  /** Accounts, bans, settings and the like. */
  readonly records: RecordStore;

  /** All that was stored before; called once, before the first note. */
  load(): LoadedState;

  /** The client identifier must have no session in the store. */
  createSession(record: SessionRecord): SessionKey;
  putSession(key: SessionKey, record: SessionRecord): void;
  /** With everything that belongs to it. The key means nothing afterwards. */
  removeSession(key: SessionKey): void;
  /** `filter`: as the client wrote it. */
  putSubscription(key: SessionKey, filter: string, subscription: Subscription): void;
  removeSubscription(key: SessionKey, filter: string): void;

  /**
   * Notes the newest message of a session; returns its `seq`, one more than that of the last. A `LentMessage` is for this
   * session alone, and with its delivery good for this call alone.
   */
  pushQueued(key: SessionKey, delivery: Delivery<StoredGroup>): number;
  /** The message was sent as `packetId`; "awaits PUBCOMP" lets go of the message and keeps the identifier. */
  setInflight(key: SessionKey, seq: number, packetId: number, state: InflightState): void;
  /**
   * Messages up to `seq` may be sent, or may have been, under the identifiers of their places (`packetIdOfPlace`); after
   * a restart those that are still there are in flight, without a `setInflight`. The last call counts. Only of
   * sessions whose further messages in flight have identifiers that none of these messages would have.
   */
  reserve(key: SessionKey, seq: number): void;
  /** The message is committed. */
  isStored(key: SessionKey, seq: number): boolean;
  /** Delivered, dropped or expired; in flight or not. */
  removeQueued(key: SessionKey, seq: number): void;
  /**
   * The oldest messages after `afterSeq`, committed or not, at most `limit`, and no more after they come to
   * `bytesMax` bytes. What cannot be read is left out and counted in `unreadable`.
   */
  readQueued(key: SessionKey, afterSeq: number, limit: number, bytesMax: number): QueuedDelivery[];
  /** Rows that `readQueued` could not read. */
  readonly unreadable: number;

  addReceived(key: SessionKey, packetId: number): void;
  removeReceived(key: SessionKey, packetId: number): void;

  /** In the place of the last one of its topic. */
  putRetained(message: Message): void;
  removeRetained(topic: string): void;

  putDelayed(delayed: DelayedMessage): DelayedKey;
  /** It was published, or is not to be any more. */
  removeDelayed(key: DelayedKey): void;

  /** The ticket of all that was noted so far; asks for its commit soon. */
  ticket(): number;
  /** All tickets up to this one are committed. */
  readonly committedTicket: number;
  /** Changes and bytes in memory that wait for a commit: who notes more than the disk takes must pause. */
  readonly waitingChanges: number;
  readonly waitingBytes: number;

  /** Resolves when all that was noted so far is durable, whatever the durability; rejects where that fails. */
  flush(): Promise<void>;
  /** Writes a consistent copy while everything goes on. `file` must not exist. */
  backup(file: string): Promise<void>;
  /** Flushes and closes. Rejects where the last changes could not be written; it is closed then, too. */
  close(): Promise<void>;
}
