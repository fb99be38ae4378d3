import type { RuleAction } from "../actions/action.ts";
import type { EventName } from "../event_name.ts";
import type { ActionDraft, JsonObject, LegacyForm, RuleView } from "../rule.ts";
import type { CompiledRule } from "./compile_rule.ts";
import { RateMeter } from "./rate_meter.ts";

/** An action as it is kept: with the name that it got when its rule was made. */
export interface KeptAction extends ActionDraft {
  readonly id: string;
}

/** A rule as it is kept. */
export interface KeptRule {
  readonly id: string;
  readonly legacy: LegacyForm | undefined;
  readonly sql: string;
  readonly actions: readonly KeptAction[];
  readonly description: string;
  readonly isEnabled: boolean;
  readonly createdAtMs: number;
}

export interface LoadedRuleParts {
  readonly kept: KeptRule;
  readonly isReadOnly: boolean;
  /** Rules of one event run in this order. */
  readonly order: number;
  /** Why it cannot be used, or what it is made of. */
  readonly program: string | {
    readonly compiled: CompiledRule;
    readonly actions: readonly RuleAction[];
  };
  /** Default: one that has counted nothing. */
  readonly meter?: RateMeter;
}

/** A rule of the running program. */
export class LoadedRule {
  readonly kept: KeptRule;
  readonly isReadOnly: boolean;
  readonly order: number;
  readonly compiled: CompiledRule | undefined;
  readonly actions: readonly RuleAction[];
  readonly problem: string | undefined;
  /** Whether something of it leaves the broker, and whether nothing else is done. */
  readonly hasOutbound: boolean;
  readonly isOutbound: boolean;
  readonly meter: RateMeter;

  constructor({ kept, isReadOnly, order, program, meter = new RateMeter() }: LoadedRuleParts) {
    this.kept = kept;
    this.isReadOnly = isReadOnly;
    this.order = order;
    const isUsable = typeof program !== "string";
    this.compiled = isUsable ? program.compiled : undefined;
    this.actions = isUsable ? program.actions : [];
    this.hasOutbound = this.actions.some((action) => action.isOutbound);
    this.isOutbound = this.hasOutbound && this.actions.every((action) => action.isOutbound);
    this.problem = isUsable ? undefined : program;
    this.meter = meter;
  }

  /** The same rule, with what it has counted, in another place; it is this one no more. */
  movedTo(order: number): LoadedRule {
    const { kept, isReadOnly, compiled, actions, problem = "", meter } = this;
    const program = compiled === undefined ? problem : { compiled, actions };
    return new LoadedRule({ kept, isReadOnly, order, program, meter });
  }

  get id(): string {
    return this.kept.id;
  }

  /** Whether it fires at all. */
  get isActive(): boolean {
    return this.kept.isEnabled && this.compiled !== undefined;
  }

  /** Whatever it selects now comes to nothing, because there is no room where it would go. */
  get isFull(): boolean {
    for (const action of this.actions) if (!action.isFull) return false;
    return this.actions.length > 0;
  }

  /** Does and counts for one event what would become of it while `isFull`. */
  refuse(): void {
    this.meter.matched++;
    for (const action of this.actions) action.refuse();
  }

  get events(): readonly EventName[] {
    return this.compiled?.events ?? [];
  }

  /** `configOf`: what a resource is configured with; a rule of EMQX 3.1 shows it with the parameters of its actions. */
  view(configOf: (action: KeptAction) => JsonObject | undefined): RuleView {
    const { id, legacy, sql, description, isEnabled, createdAtMs, actions } = this.kept;
    return {
      id,
      legacy,
      events: this.events,
      sql,
      actions: actions.map((action, index) => ({
        id: action.id,
        name: action.name,
        params: legacy === undefined ? action.params : { ...action.params, ...configOf(action) },
        counters: { ...this.actions[index]?.counters ?? { success: 0, failed: 0 } },
      })),
      description,
      isEnabled: isEnabled && this.problem === undefined,
      isReadOnly: this.isReadOnly,
      problem: this.problem,
      createdAtMs,
      counters: this.meter.view(),
    };
  }
}
