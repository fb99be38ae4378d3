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
    this.#count(isDone, "it could not be delivered");
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

  /** Does it, or counts it as failed. Never throws. */
  run(selected: SqlObject, event: EventColumns): void {
    const { performer, pendingMax } = this.#parts;
    if (this.#pending >= pendingMax() && performer.pushesOut !== true) {
      this.#count(false, `${this.#pending} are under way already`);
      return;
    }
    try {
      if (performer.perform(selected, event, this.#settle) === "done") this.#count(true, "");
      else this.#pending++;
    } catch (error) {
      this.#count(false, error instanceof EvaluationFailure ? error.reason : textOf(error));
    }
  }

  #count(isDone: boolean, reason: string): void {
    const { totals, monotonicMs, onFailure } = this.#parts;
    if (isDone) {
      this.counters.success++;
      totals.success++;
      this.#isFailing = false;
      return;
    }
    this.counters.failed++;
    totals.failed++;
    if (this.#isFailing) return;
    this.#isFailing = true;
    if (monotonicMs() - this.#toldMs < NEWS_INTERVAL_MS) return;
    this.#toldMs = monotonicMs();
    onFailure(this, reason);
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
