import type { ActionCounters, JsonObject } from "../rule.ts";
import type { EventColumns } from "../events/event_columns.ts";
import { EvaluationFailure, type SqlObject } from "../sql/mod.ts";

/** An action could not be done. */
export class ActionError extends Error {
  override readonly name = "ActionError";
}

/** What becomes of an action: done, or under way, which `settle` ends. */
export type ActionOutcome = "done" | "pending";

/** What an action does with one thing that was selected. Quick, and nobody waits for it. */
export interface Performer {
  /** Whether what is new goes in the place of what is old, so that there is room at any time. */
  readonly pushesOut?: boolean;
  /** Nobody in the broker sees what it does: it need not be done before the event goes on its way. */
  readonly isOutbound?: boolean;
  /** Whatever it was given now would come to nothing for want of room. */
  readonly isFull?: boolean;
  /** How it says so. */
  readonly fullText?: string;
  /** Counts, where it counts such things, one that was not even made because `isFull`. */
  refuse?(): void;
  /** Throws `ActionError`. What it keeps of `event` for later must be its own. */
  perform(selected: SqlObject, event: EventColumns, settle: Settle): ActionOutcome;
}

/** Ends what is under way; called once, in a later turn. */
export type Settle = (isDone: boolean) => void;

export interface RuleActionParts {
  readonly id: string;
  /** As it was asked for. */
  readonly name: string;
  /** As they were asked for. */
  readonly params: JsonObject;
  readonly performer: Performer;
  /** How many may be under way. */
  readonly pendingMax: () => number;
  readonly totals: ActionCounters;
  readonly monotonicMs: () => number;
  /** Told of the first failure, and then of one after a success, but not all the time: messages come by the thousand. */
  readonly onFailure: (action: RuleAction, reason: string) => void;
}

/** Between two reports of failures of one action, in milliseconds. */
const NEWS_INTERVAL_MS = 60_000;

/** One action of one rule: counts what becomes of it, and lets no more wait than it may. */
export class RuleAction {
  readonly id: string;
  readonly name: string;
  readonly params: JsonObject;
  readonly counters: ActionCounters = { success: 0, failed: 0 };
  readonly #parts: RuleActionParts;
  #pending = 0;
  #isFailing = false;
  #toldMs = -Infinity;
  readonly #settle: Settle = (isDone) => {
    this.#pending--;
    if (isDone) this.#succeeded();
    else if (this.#failed()) this.#tell("it could not be delivered");
  };

  constructor(parts: RuleActionParts) {
    this.id = parts.id;
    this.name = parts.name;
    this.params = parts.params;
    this.#parts = parts;
  }

  get isOutbound(): boolean {
    return this.#parts.performer.isOutbound === true;
  }

  /** Under way now. */
  get pending(): number {
    return this.#pending;
  }

  /** Whether `run` would fail for want of room, whatever it is given: then `refuse` does what it would do. */
  get isFull(): boolean {
    return this.#hasEnough || this.#parts.performer.isFull === true;
  }

  /** Counts one thing as failed that was not even made, because `isFull`. */
  refuse(): void {
    const { performer } = this.#parts;
    const hasEnough = this.#hasEnough;
    if (!hasEnough) performer.refuse?.();
    if (this.#failed()) this.#tell(hasEnough ? this.#enough : performer.fullText ?? "it is full");
  }

  /** Does it, or counts it as failed. Never throws. */
  run(selected: SqlObject, event: EventColumns): void {
    if (this.#hasEnough) {
      if (this.#failed()) this.#tell(this.#enough);
      return;
    }
    try {
      if (this.#parts.performer.perform(selected, event, this.#settle) === "pending") {
        this.#pending++;
      } else this.#succeeded();
    } catch (error) {
      if (!this.#failed()) return;
      this.#tell(error instanceof EvaluationFailure ? error.reason : textOf(error));
    }
  }

  get #hasEnough(): boolean {
    const { performer, pendingMax } = this.#parts;
    return this.#pending >= pendingMax() && performer.pushesOut !== true;
  }

  get #enough(): string {
    return `${this.#pending} are under way already`;
  }

  #succeeded(): void {
    this.counters.success++;
    this.#parts.totals.success++;
    this.#isFailing = false;
  }

  /** Counts it; whether that is news. */
  #failed(): boolean {
    this.counters.failed++;
    this.#parts.totals.failed++;
    if (this.#isFailing) return false;
    this.#isFailing = true;
    return true;
  }

  #tell(reason: string): void {
    const { monotonicMs, onFailure } = this.#parts;
    if (monotonicMs() - this.#toldMs < NEWS_INTERVAL_MS) return;
    this.#toldMs = monotonicMs();
    onFailure(this, reason);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
