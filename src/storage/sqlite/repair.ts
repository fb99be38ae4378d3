import type { LiveState, StoreRepair } from "../../ports/mod.ts";
import type { Durability, StoreTimers } from "../options.ts";
import type { BatchEncoder } from "./batch_encoder.ts";
import type { ChangeBatch } from "./change_batch.ts";
import type { CommitQueue, DamageWatch } from "./commit_queue.ts";
import type { DataFolder } from "./data_folder.ts";
import { replaceByDraft } from "./database_file.ts";
import type { FailureKind } from "./failure_kind.ts";
import { presentState } from "./present_state.ts";
import { RepairPace } from "./repair_pace.ts";
import type { SessionTable } from "./session_table.ts";
import type { SqliteRecords } from "./sqlite_records.ts";
import type { RecordChange, WriterReply } from "./writer_protocol.ts";

/** A failure that may pass by itself is looked into when it has stayed for some seconds. */
const UNCLEAR_MAX = 8;

export interface RepairParts {
  readonly commits: CommitQueue;
  readonly encoder: BatchEncoder;
  readonly sessions: SessionTable;
  readonly records: SqliteRecords;
  readonly timers: StoreTimers;
  readonly folder: DataFolder;
  readonly durability: Durability;
  /** Undefined: nobody says what is in memory, and nothing is set right before the next start. */
  readonly live: () => LiveState | undefined;
  /** The database at the path is another one. */
  onReplaced(): void;
  /** Keys of which nothing is left. */
  onPurged(keys: readonly number[]): void;
  onRepaired(repair: StoreRepair): void;
}

/**
 * Sets a damaged database right while the broker runs, in these steps:
 *
 * 1. Nothing is committed any more. The writer looks whether there is damage, and if so makes a draft of a new database,
 *    with the queued messages that can be read of the old one.
 * 2. What is in memory is committed to the draft, piece by piece, while everything goes on.
 * 3. The open batch, which has all that was noted meanwhile, is committed to it; so the draft is how things are at one
 *    moment.
 * 4. The draft is synced, the damaged file is set aside, and the draft takes its place.
 *
 * A crash before the last step finds the damaged file, as if none of it had been; nothing was acknowledged meanwhile.
 */
export class Repair implements DamageWatch {
  isAtWork = false;
  readonly #parts: RepairParts;
  readonly #pace = new RepairPace();
  /** Failures in a row that may pass. */
  #unclear = 0;
  /** It was looked at and found sound, and nothing was committed since. */
  #wasSound = false;
  /** What was wrong; set once a draft was begun: what was to be committed is then only in memory. */
  #reason: string | undefined;
  #isScheduled = false;
  #expected = 0;
  #queued = 0;
  #purged: number[] = [];

  constructor(parts: RepairParts) {
    this.#parts = parts;
  }

  takesOver(failure: FailureKind, error: string): boolean {
    const { live, timers } = this.#parts;
    if (live() === undefined || failure === "passing") return false;
    if (failure === "unclear" && ++this.#unclear < UNCLEAR_MAX) return false;
    if (this.#wasSound) this.#reason ??= error;
    this.#schedule(this.#pace.delayMs(timers.nowMs()));
    return true;
  }

  onSuccess(): void {
    this.#unclear = 0;
    this.#wasSound = false;
  }

  #schedule(delayMs: number): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    // At once counts as work: who wants to close waits for it.
    this.isAtWork = delayMs === 0;
    this.#parts.timers.after(delayMs, () => {
      this.#isScheduled = false;
      this.#begin();
    });
  }

  #begin(): void {
    const { commits, sessions, live } = this.#parts;
    const state = live();
    this.isAtWork = state !== undefined && !commits.isClosing;
    if (!this.isAtWork || state === undefined) return;
    const request = { kind: "repair", reason: this.#reason, sessions: sessions.known() } as const;
    commits.ask(request, (reply) => {
      if (reply.kind === "sound") this.#resume();
      else if (reply.kind === "drafted") this.#fill(reply.reason, state);
      else this.#giveUp(reply);
    });
  }

  #resume(): void {
    this.#wasSound = true;
    this.isAtWork = false;
    this.#parts.commits.resume();
  }

  #fill(reason: string, live: LiveState): void {
    this.#reason = reason;
    const { sessions, commits } = this.#parts;
    this.#attempt(() =>
      this.#commitPieces(presentState(live, sessions, commits.draftMemory), live)
    );
  }

  #commitPieces(pieces: Iterator<ChangeBatch>, live: LiveState): void {
    const { commits, encoder, timers } = this.#parts;
    const next = pieces.next();
    if (next.done === true) {
      this.#commitRecords(this.#parts.records.present(), live);
      return;
    }
    const goOn = (): void =>
      timers.defer(() => this.#attempt(() => this.#commitPieces(pieces, live)));
    const length = encoder.encode(next.value);
    if (length === 0) return goOn();
    commits.commit(next.value, (reply) => {
      if (reply.kind === "committed") goOn();
      else this.#giveUp(reply);
    });
  }

  #commitRecords(pieces: Iterator<readonly RecordChange[]>, live: LiveState): void {
    const { commits, timers } = this.#parts;
    const next = pieces.next();
    if (next.done === true) {
      this.#commitOpen(live);
      return;
    }
    commits.ask({ kind: "records", changes: next.value }, (reply) => {
      const isKept = reply.kind === "recorded" && reply.error === undefined;
      if (isKept) timers.defer(() => this.#attempt(() => this.#commitRecords(pieces, live)));
      else this.#giveUp(reply);
    });
  }

  /** All that was noted while the rest was gathered. */
  #commitOpen(live: LiveState): void {
    const { commits } = this.#parts;
    const batch = commits.absorb();
    this.#expected = live.countQueued();
    if (batch === undefined) return this.#finish();
    commits.commit(batch, (reply) => {
      if (reply.kind === "committed") this.#finish();
      else this.#giveUp(reply);
    });
  }

  #finish(): void {
    this.#parts.commits.ask({ kind: "finish" }, (reply) => {
      if (reply.kind !== "finished") return this.#giveUp(reply);
      this.#queued = reply.queued;
      for (const key of reply.purged) this.#purged.push(key);
      this.#replace();
    });
  }

  #replace(): void {
    const { folder, timers, commits, durability } = this.#parts;
    let setAside: string | undefined;
    try {
      folder.retake();
      setAside = replaceByDraft(folder.databasePath, timers.nowMs());
      this.#parts.onReplaced();
    } catch (error) {
      return this.#failed(error instanceof Error ? error.message : String(error));
    }
    if (commits.isClosing) return;
    const request = { kind: "open", path: folder.databasePath, durability, purge: [] } as const;
    commits.ask(request, (reply) => {
      if (reply.kind === "opened") this.#done(setAside);
      else this.#giveUp(reply);
    });
  }

  #done(setAside: string | undefined): void {
    const { commits, timers, onPurged, onRepaired } = this.#parts;
    const { writing } = commits;
    // Their rows were not carried over; the writer never heard of their end.
    for (const { key, isRemoved, isNew } of writing?.sessions ?? []) {
      if (isRemoved && !isNew) this.#purged.push(key);
    }
    onPurged(this.#purged);
    const reason = this.#reason ?? "";
    this.#purged = [];
    this.#reason = undefined;
    this.#unclear = 0;
    this.#wasSound = false;
    this.isAtWork = false;
    this.#pace.noteRepair(timers.nowMs());
    const lost = Math.max(0, this.#expected - this.#queued);
    onRepaired({ setAside, reason, queued: this.#queued, lost });
    commits.repaired();
  }

  #giveUp(reply: WriterReply): void {
    const isError = reply.kind === "failed" || reply.kind === "recorded";
    this.#failed((isError ? reply.error : undefined) ?? `the writer said "${reply.kind}"`);
  }

  /** What goes wrong with what is in memory must not end the broker: it may go better the next time. */
  #attempt(step: () => void): void {
    try {
      step();
    } catch (error) {
      this.#failed(error instanceof Error ? error.message : String(error));
    }
  }

  /** The draft is given up, and another one begun later. */
  #failed(error: string): void {
    const { commits, timers } = this.#parts;
    this.isAtWork = false;
    if (commits.isClosing) return;
    commits.ask({ kind: "abandon" }, () => {});
    const problem = `Cannot write the database anew: ${error}`;
    commits.hold(problem);
    commits.problem(problem);
    this.#schedule(this.#pace.noteFailure(timers.nowMs()));
  }
}
