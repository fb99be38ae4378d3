import type { JsonValue } from "../ports/mod.ts";
import type { EventName } from "./event_name.ts";

export type JsonObject = { readonly [name: string]: JsonValue };

/** The two generations of EMQX 3 whose words rules may have. */
export type Flavor = "3.1" | "3.2";

/** What rules of EMQX 3.1 have beside the others. */
export interface LegacyForm {
  readonly name: string;
  /** "message.publish": what the rule is for; FROM then names topic filters. */
  readonly hook: string;
}

export interface ActionDraft {
  /** Of either generation: "republish", "built_in:republish_action". */
  readonly name: string;
  readonly params: JsonObject;
}

/** A rule that somebody asks for. */
export interface RuleDraft {
  /** Undefined: a rule in the form of EMQX 3.2. */
  readonly legacy?: LegacyForm | undefined;
  readonly sql: string;
  /** In the order in which they are done; may be empty. */
  readonly actions: readonly ActionDraft[];
  readonly description?: string | undefined;
  /** Default: true. */
  readonly isEnabled?: boolean | undefined;
}

/** Plain numbers since the start. */
export interface ActionCounters {
  success: number;
  failed: number;
}

export interface ActionView {
  /** Of this action of this rule: "republish_1700000000000000000". */
  readonly id: string;
  /** As it was asked for. */
  readonly name: string;
  /** As they were asked for; in a rule of EMQX 3.1 with what the resource's configuration says over them. */
  readonly params: JsonObject;
  readonly counters: Readonly<ActionCounters>;
}

export interface RuleCounters {
  /** Events for which the statement selected something. */
  readonly matched: number;
  /** Matches in a second: over the last ten seconds, the most there were, and over five minutes. */
  readonly speed: number;
  readonly speedMax: number;
  readonly speedLast5m: number;
}

export interface RuleView {
  readonly id: string;
  readonly legacy: LegacyForm | undefined;
  /** What it fires on. */
  readonly events: readonly EventName[];
  readonly sql: string;
  readonly actions: readonly ActionView[];
  readonly description: string;
  readonly isEnabled: boolean;
  /** It is from the configuration: nobody removes it but who changes that. */
  readonly isReadOnly: boolean;
  /** Why a rule of an earlier run cannot be used by this one; it is kept, and fires on nothing. */
  readonly problem: string | undefined;
  /** Wall clock, milliseconds. */
  readonly createdAtMs: number;
  readonly counters: RuleCounters;
}

/** What a statement makes of a context that somebody made up. */
export type RuleTest =
  | { readonly isMatch: false }
  | {
    readonly isMatch: true;
    /** Of FOREACH one for each element, else one. */
    readonly selected: readonly JsonValue[];
    readonly isForeach: boolean;
  };

/** Sums over all rules since the start, those that are gone included. */
export interface RuleTotals {
  /** Rules that there are now. */
  readonly rules: number;
  readonly matched: number;
  readonly success: number;
  readonly failed: number;
}

/** Keys of `[rule_engine]`. */
export interface RuleEngineOptions {
  /** Whether rules fire at all; they are kept in any case. */
  readonly isEnabled: boolean;
  /** Whether messages on `$SYS/…` fire no rule. */
  readonly ignoreSysMessage: boolean;
  /** Whether rules of EMQX 3.1 get "message_publish" as the name of an event, not "message.publish". */
  readonly hasLegacyEventNames: boolean;
  readonly maxRules: number;
  /** Of one rule. */
  readonly maxActions: number;
  /** Under way to its resource, of one action. */
  readonly maxQueuedActions: number;
}
