import { assert, never } from "../../base/mod.ts";
import type { StoreCounters, StoreEvents, StoreFailure } from "../../ports/mod.ts";
import type { StoreOptions, StoreTimers } from "../options.ts";
import { NO_EVENTS } from "../store_parts.ts";
import type { BatchEncoder } from "./batch_encoder.ts";
import { BatchMemory } from "./batch_memory.ts";
import { ChangeBatch } from "./change_batch.ts";
import type { FailureKind } from "./failure_kind.ts";
import type {
  RecordChange,
  WriterAside,
  WriterLink,
  WriterReply,
  WriterRequest,
} from "./writer_protocol.ts";

/** A batch that has grown to this does not wait for more. */
const CHANGES_MAX = 4096;
const BYTES_MAX = 1024 * 1024;
/** The same for what is written down, even if some of it is gone again. */
const MEMORY_BYTES_MAX = 4 * 1024 * 1024;
/** The same for promises that wait for it: to share a commit with so many others is enough. */
const WAITERS_MAX = 256;
/** What nobody waits for may take its time: it then cancels out more often, and wears the disk less. */
const LAZY_COMMIT_MS = 100;
/** The promise of durability "off". */
const BEHIND_COMMIT_MS = 1000;
/** Without a commit for so long, there is time for housekeeping. */
const IDLE_MS = 1000;
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 5000;

export interface CommitQueueParts {
  readonly options: StoreOptions;
  readonly timers: StoreTimers;
  readonly writer: WriterLink;
  readonly encoder: BatchEncoder;
  readonly counters: StoreCounters;
  onSealed(batch: ChangeBatch): void;
  onCommitted(batch: ChangeBatch): void;
  onPurged(keys: readonly number[]): void;
  /** The oldest changes of records that were sent are committed; or they are not, with `error`. */
  onRecorded(error: string | undefined): void;
  /** What both batches hold is read as one from now on. */
  onAbsorbed(both: ChangeBatch, writing: ChangeBatch | undefined, open: ChangeBatch): void;
}

/** Decides what becomes of failures, and sets a damaged database right. */
export interface DamageWatch {
  /** True: no further try, it sees to it, and to the end of the hold. */
  takesOver(failure: FailureKind, error: string): boolean;
  /** It has begun, and comes to an end. */
  readonly isAtWork: boolean;
  /** A commit succeeded. */
  onSuccess(): void;
}

type OnReply = (reply: WriterReply) => void;

/** A request that is to be answered. */
interface Sent {
  readonly request: WriterRequest;
  /** Takes the answer; undefined: it is looked at here. */
  readonly onReply: OnReply | undefined;
}

interface Waiter {
  readonly ticket: number;
  resolve(): void;
  reject(error: Error): void;
}

/** The open batch, the one that is being written, and when the one becomes the other. */
export class CommitQueue {
  events: StoreEvents = NO_EVENTS;
  open: ChangeBatch;
  writing: ChangeBatch | undefined;
  committedTicket = 0;
  failure: StoreFailure | undefined;
  readonly #parts: CommitQueueParts;
  damageWatch: DamageWatch | undefined;
  /** The writer answers in order. */
  readonly #outstanding: Sent[] = [];
  /** Nothing is committed by itself: the database is being set right. */
  #isHeld = false;
  /** What housekeeping has found to be damaged, while a commit was under way. */
  #suspicion: string | undefined;
  readonly #waiters: Waiter[] = [];
  /** The open batch is in the one, that which is being written in the other. */
  readonly #memories: readonly [BatchMemory, BatchMemory, BatchMemory] = [
    new BatchMemory(),
    new BatchMemory(),
    new BatchMemory(),
  ];
  /** What the writer knows of them. */
  readonly #sentMemories: (ArrayBufferLike | undefined)[] = [];
  /** The open batch goes as soon as the writer is free. */
  #isDue = false;
  #isDeferred = false;
  readonly #sealDeferred = (): void => {
    this.#isDeferred = false;
    this.#seal();
  };
  #isGroupTimerSet = false;
  readonly #onGroupTimer = (): void => this.#groupTimePassed();
  #isLazyTimerSet = false;
  #isIdleTimerSet = false;
  #hasRested = true;
  #retryMs = RETRY_MIN_MS;
  #closing: { resolve(): void; reject(error: Error): void } | undefined;
  #isClosed = false;

  constructor(parts: CommitQueueParts) {
    this.#parts = parts;
    this.open = new ChangeBatch(1, this.#memories[0]);
    parts.writer.onReply = (reply) => this.#replied(reply);
  }

  /** Something was added to the open batch. */
  noted(): void {
    assert(this.#closing === undefined, "no note follows after close");
    const { open } = this;
    const isLarge = open.changes >= CHANGES_MAX || open.bytes >= BYTES_MAX ||
      open.memory.sink.length >= MEMORY_BYTES_MAX;
    if (isLarge) this.#sealSoon();
    if (!this.#isLazyTimerSet) this.#setLazyTimer();
  }

  #setLazyTimer(): void {
    this.#isLazyTimerSet = true;
    const { options, timers } = this.#parts;
    timers.after(options.durability === "off" ? BEHIND_COMMIT_MS : LAZY_COMMIT_MS, () => {
      this.#isLazyTimerSet = false;
      if (!this.open.isEmpty) this.#seal();
    });
  }

  ticket(): number {
    const { open } = this;
    if (this.#parts.options.durability === "off") return 0;
    if (open.isEmpty) return open.ticket - 1;
    if (!open.isUrgent) this.#hurry(open);
    if (++open.waiters === WAITERS_MAX) this.#sealSoon();
    return open.ticket;
  }

  /** Somebody waits for this batch. */
  #hurry(open: ChangeBatch): void {
    const { options, timers } = this.#parts;
    open.isUrgent = true;
    open.urgentSinceMs = timers.monotonicMs();
    if (!this.#isGroupTimerSet) this.#setGroupTimer(options.groupCommitMs);
  }

  /** One for all batches: at full speed most are full before it is time for them. */
  #setGroupTimer(delayMs: number): void {
    this.#isGroupTimerSet = true;
    this.#parts.timers.after(delayMs, this.#onGroupTimer);
  }

  #groupTimePassed(): void {
    this.#isGroupTimerSet = false;
    const { open } = this;
    if (!open.isUrgent) return;
    const { options, timers } = this.#parts;
    const restMs = open.urgentSinceMs + options.groupCommitMs - timers.monotonicMs();
    // A timer counts whole milliseconds.
    if (restMs < 1) this.#seal();
    else this.#setGroupTimer(Math.ceil(restMs));
  }

  /** For the log, in a later turn. */
  problem(problem: string): void {
    this.#parts.timers.defer(() => this.events.onProblem(problem));
  }

  flush(): Promise<void> {
    const ticket = this.open.isEmpty ? this.open.ticket - 1 : this.open.ticket;
    if (ticket <= this.committedTicket) return Promise.resolve();
    if (this.#isClosed) return Promise.reject(new Error(`Cannot write: ${this.failure?.error}`));
    if (this.#isHeld && this.damageWatch?.isAtWork !== true) {
      return Promise.reject(new Error(`Cannot write to the database: ${this.failure?.error}`));
    }
    return new Promise((resolve, reject) => {
      this.#waiters.push({ ticket, resolve, reject });
      if (this.failure === undefined) this.#seal();
      else this.#retry();
    });
  }

  /** Beside the batches, which do not wait for it. Undefined, or why it cannot be sent. */
  sendRecords(changes: readonly RecordChange[]): string | undefined {
    if (this.#isClosed || this.#closing !== undefined || this.#isHeld) {
      return this.failure?.error ?? "the store is closed";
    }
    this.#send({ kind: "records", changes });
    return undefined;
  }

  /** Flushes, and closes the writer even where that fails. */
  async close(): Promise<void> {
    try {
      await this.flush();
    } finally {
      if (!this.#isClosed) await this.#closeWriter();
    }
  }

  async #closeWriter(): Promise<void> {
    try {
      await new Promise<void>((resolve, reject) => {
        this.#closing = { resolve, reject };
        this.#send({ kind: "close" });
      });
    } finally {
      this.#isClosed = true;
    }
  }

  #sealSoon(): void {
    if (this.#isDeferred) return;
    this.#isDeferred = true;
    // Not now: whoever notes may be in the midst of what belongs together.
    this.#parts.timers.defer(this.#sealDeferred);
  }

  #seal(): void {
    this.#isDue = !this.open.isEmpty;
    if (!this.#isDue || this.writing !== undefined || this.#isClosed || this.#isHeld) return;
    const { encoder } = this.#parts;
    const batch = this.open;
    const length = encoder.encode(batch);
    this.#isDue = false;
    this.open = this.#batchAfter(batch);
    this.writing = batch;
    this.#parts.onSealed(batch);
    if (length === 0) this.#committed(batch);
    else this.commit(batch);
  }

  #batchAfter({ ticket, memory }: ChangeBatch): ChangeBatch {
    const first = this.#memories[0];
    const second = this.#memories[1];
    return new ChangeBatch(ticket + 1, memory === first ? second : first);
  }

  /** For batches that are neither open nor being written, one at a time. */
  get draftMemory(): BatchMemory {
    return this.#memories[2];
  }

  /** What was encoded of it; `onReply` as with `ask`. */
  commit({ memory: { sink } }: ChangeBatch, onReply?: OnReply): void {
    const index = this.#memories.findIndex((each) => each.sink === sink);
    const memory = sink.bytes.buffer;
    const isNew = memory !== this.#sentMemories[index];
    this.#sentMemories[index] = memory;
    this.#send(
      { kind: "commit", index, length: sink.length, memory: isNew ? memory : undefined },
      onReply,
    );
  }

  /** The answer is `onReply`'s alone. */
  ask(request: WriterRequest, onReply: OnReply): void {
    this.#send(request, onReply);
  }

  #send(request: WriterRequest, onReply?: OnReply): void {
    this.#outstanding.push({ request, onReply });
    this.#parts.writer.send(request);
  }

  // --- while the database is set right ----------------------------------------------------------

  /** Something failed that was not a commit of ours. */
  hold(error: string): void {
    this.#isHeld = true;
    this.#noteFailure(error, true);
  }

  /** The database is as it was, and sound. */
  resume(): void {
    this.#isHeld = false;
    if (this.writing !== undefined) this.#retry();
    else this.#recovered();
  }

  /** No note follows, and nothing need be tried again. */
  get isClosing(): boolean {
    return this.#isClosed || this.#closing !== undefined;
  }

  /** Encodes the open batch, after which it counts as part of the one that waits. Undefined: there is nothing to commit. */
  absorb(): ChangeBatch | undefined {
    const batch = this.open;
    if (batch.isEmpty) return undefined;
    const length = this.#parts.encoder.encode(batch);
    const both = new ChangeBatch(batch.ticket, this.draftMemory);
    this.#parts.onAbsorbed(both, this.writing, batch);
    this.writing = both;
    this.open = this.#batchAfter(batch);
    return length === 0 ? undefined : batch;
  }

  /** All but the open batch is in the database, which is another one. */
  repaired(): void {
    this.#isHeld = false;
    this.#recovered();
  }

  #recovered(): void {
    this.failure = undefined;
    this.#retryMs = RETRY_MIN_MS;
    if (this.writing !== undefined) this.#committed(this.writing);
    this.#seal();
    this.events.onStateChange(undefined);
  }

  // --- answers ----------------------------------------------------------------------------------

  #replied(reply: WriterReply): void {
    if (reply.kind === "gone") return this.#lost(reply.error);
    const sent = this.#outstanding.shift();
    if (sent?.onReply !== undefined) return sent.onReply(reply);
    const request = sent?.request;
    switch (reply.kind) {
      case "opened":
        return;
      case "committed":
        return this.#wrote(request, reply);
      case "recorded":
        return this.#recorded(reply);
      case "rested":
        this.#notice(reply);
        if (!reply.hasMore) this.#hasRested = true;
        else if (this.writing === undefined && !this.#isHeld) this.#send({ kind: "idle" });
        return this.#lookInto();
      case "closed":
        return this.#closing?.resolve();
      case "failed":
        return this.#failed(request, reply);
      case "sound":
      case "drafted":
      case "finished":
      case "abandoned":
        return;
      default:
        never(reply);
    }
  }

  #wrote(request: WriterRequest | undefined, reply: WriterReply & { kind: "committed" }): void {
    const batch = this.writing;
    assert(batch !== undefined && request?.kind === "commit", "what was sent is committed");
    const { counters } = this.#parts;
    counters.commits++;
    counters.rows += reply.rows;
    counters.lastCommitMs = reply.ms;
    counters.commitSeconds.observe(reply.ms / 1000);
    counters.longestCommitMs = Math.max(counters.longestCommitMs, reply.ms);
    counters.lastBatchRows = reply.rows;
    counters.lastBatchBytes = request.length;
    this.#notice(reply);
    this.#retryMs = RETRY_MIN_MS;
    this.#hasRested = false;
    this.damageWatch?.onSuccess();
    const hasFailed = this.failure !== undefined;
    this.failure = undefined;
    this.#committed(batch);
    if (hasFailed) this.events.onStateChange(undefined);
    this.#lookInto();
  }

  #recorded(reply: WriterReply & { kind: "recorded" }): void {
    const { counters } = this.#parts;
    if (reply.error === undefined) {
      counters.commits++;
      counters.rows += reply.rows;
      this.#hasRested = false;
      this.#scheduleRest();
    } else counters.failures++;
    this.#notice(reply);
    this.#parts.onRecorded(reply.error);
  }

  #notice({ bytesWritten, purged, problem, isDamaged }: WriterAside): void {
    this.#parts.counters.bytesWritten = bytesWritten;
    if (purged.length > 0) this.#parts.onPurged(purged);
    if (problem === undefined) return;
    if (isDamaged) this.#suspicion = problem;
    this.events.onProblem(problem);
  }

  /** Housekeeping found damage. Not while a commit is under way: then after it. */
  #lookInto(): void {
    const error = this.#suspicion;
    if (error === undefined || this.writing !== undefined || this.#isHeld) return;
    this.#suspicion = undefined;
    if (this.damageWatch?.takesOver("damage", error) === true) this.hold(error);
  }

  #committed(batch: ChangeBatch): void {
    this.writing = undefined;
    this.committedTicket = batch.ticket;
    this.#parts.onCommitted(batch);
    // The next one first: the disk works while we tell those who wait.
    if (this.#isDue) this.#seal();
    this.#scheduleRest();
    this.events.onCommitted(batch.ticket);
    while (this.#waiters.length > 0 && (this.#waiters[0] as Waiter).ticket <= batch.ticket) {
      this.#waiters.shift()?.resolve();
    }
  }

  #failed(
    request: WriterRequest | undefined,
    { error, failure }: WriterReply & { kind: "failed" },
  ): void {
    if (request?.kind === "close") return this.#closing?.reject(new Error(error));
    if (request?.kind === "idle") {
      if (failure === "damage") this.#suspicion = error;
      this.events.onProblem(error);
      return this.#lookInto();
    }
    this.#parts.counters.failures++;
    this.#isHeld = this.damageWatch?.takesOver(failure, error) ?? false;
    this.#noteFailure(error, failure === "damage" || this.#isHeld);
    if (this.#isHeld) return;
    const delayMs = this.#retryMs;
    this.#retryMs = Math.min(this.#retryMs * 2, RETRY_MAX_MS);
    this.#parts.timers.after(delayMs, () => this.#retry());
  }

  #noteFailure(error: string, isDamaged: boolean): void {
    const before = this.failure;
    const sinceMs = before?.sinceMs ?? this.#parts.timers.nowMs();
    this.failure = { sinceMs, error, isDamaged };
    this.#rejectWaiters(error);
    if (before?.isDamaged !== isDamaged) this.events.onStateChange(this.failure);
  }

  /** For good: a draft of the database is gone with the writer. */
  #lost(error: string): void {
    this.#isClosed = true;
    const outstanding = this.#outstanding.splice(0);
    const sinceMs = this.failure?.sinceMs ?? this.#parts.timers.nowMs();
    this.failure = { sinceMs, error, isDamaged: false };
    this.#rejectWaiters(error);
    for (const { request, onReply } of outstanding) {
      if (request.kind === "records" && onReply === undefined) this.#parts.onRecorded(error);
    }
    this.#closing?.reject(new Error(`Cannot close the database: ${error}`));
    this.events.onStateChange(this.failure);
  }

  #rejectWaiters(error: string): void {
    for (const waiter of this.#waiters.splice(0)) {
      waiter.reject(new Error(`Cannot write to the database: ${error}`));
    }
  }

  /** The batch is in the memory as it was. */
  #retry(): void {
    const isUnderWay = this.#outstanding.some(({ request }) => request.kind === "commit");
    const batch = this.writing;
    if (this.failure === undefined || isUnderWay || batch === undefined) return;
    if (!this.#isClosed && !this.#isHeld) this.commit(batch);
  }

  #scheduleRest(): void {
    if (this.#isIdleTimerSet || this.#hasRested) return;
    this.#isIdleTimerSet = true;
    const { commits } = this.#parts.counters;
    this.#parts.timers.after(IDLE_MS, () => {
      this.#isIdleTimerSet = false;
      if (this.#isClosed || this.#closing !== undefined) return;
      if (this.#isHeld || this.#parts.counters.commits !== commits) this.#scheduleRest();
      else this.#send({ kind: "idle" });
    });
  }
}
