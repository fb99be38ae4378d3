import type { Clock, Logger } from "../../base/mod.ts";
import type { Publisher } from "../../ports/mod.ts";
import { RuleAction } from "../actions/action.ts";
import { createPerformer } from "../actions/create_performer.ts";
import type { PublishLimits } from "../actions/republish.ts";
import { RepublishChain } from "../actions/republish_chain.ts";
import type { RuleResources } from "../actions/sink_actions.ts";
import type { ActionCounters, RuleDraft } from "../rule.ts";
import { checkTexts } from "../params/check_texts.ts";
import { RuleError } from "../rule_error.ts";
import { compileRule } from "./compile_rule.ts";
import { Identifiers } from "./identifiers.ts";
import { type KeptAction, type KeptRule, LoadedRule } from "./loaded_rule.ts";

export interface RuleBuilderParts {
  readonly resources: RuleResources;
  readonly publisher: Publisher;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly totals: ActionCounters;
  readonly actionsMax: () => number;
  readonly pendingMax: () => number;
  /** Of messages. */
  readonly limits: () => PublishLimits;
}

/** How a rule is to be built. */
export interface BuildOptions {
  readonly order: number;
  readonly isReadOnly: boolean;
  /** Of the resources that there will be; default: those that there are. */
  readonly typeOf?: (resourceId: string) => string | undefined;
}

/** Makes rules that run of rules as they are written. */
export class RuleBuilder {
  readonly #parts: RuleBuilderParts;
  readonly #chain = new RepublishChain();
  readonly #identifiers: Identifiers;
  /** One for all statements, which share what they make of it. */
  readonly #nowMs: () => number;
  readonly #monotonicMs: () => number;

  constructor(parts: RuleBuilderParts) {
    this.#parts = parts;
    this.#identifiers = new Identifiers(parts.clock);
    this.#nowMs = () => parts.clock.nowMs();
    this.#monotonicMs = () => parts.clock.monotonicMs();
  }

  /** Gives what somebody asks for its names. Throws `RuleError` for a name that cannot be one. */
  name(draft: RuleDraft, isTaken: (id: string) => boolean): KeptRule {
    const { legacy, description = "" } = draft;
    checkTexts("rule", { name: legacy?.name, description });
    return {
      id: legacy === undefined
        ? this.#identifiers.ofRule(isTaken)
        : this.#identifiers.ofLegacyRule(legacy.name, isTaken),
      legacy,
      sql: draft.sql,
      actions: draft.actions.map(({ name, params }) => ({
        id: this.#identifiers.ofAction(name),
        name,
        params,
      })),
      description,
      isEnabled: draft.isEnabled ?? true,
      createdAtMs: this.#parts.clock.nowMs(),
    };
  }

  /** Throws `RuleError` where it cannot be a rule. */
  build(kept: KeptRule, { order, isReadOnly, typeOf }: BuildOptions): LoadedRule {
    const { resources, actionsMax } = this.#parts;
    const compiled = compileRule(kept.sql, kept.legacy, this.#nowMs, this.#monotonicMs);
    if (kept.actions.length > actionsMax()) {
      throw new RuleError(
        "invalid",
        `Cannot use ${kept.actions.length} actions in one rule: allowed are ${actionsMax()}`,
        { detail: "too_many_actions" },
      );
    }
    const types = typeOf ?? ((id: string) => resources.get(id)?.type);
    const actions = kept.actions.map((action) =>
      this.#action(kept, action, types, compiled.statement.namesPayload)
    );
    return new LoadedRule({ kept, order, isReadOnly, program: { compiled, actions } });
  }

  #action(
    { id: ruleId, legacy }: KeptRule,
    { id, name, params }: KeptAction,
    typeOf: (resourceId: string) => string | undefined,
    namesPayload: boolean,
  ): RuleAction {
    const { clock, logger, publisher, limits, resources, totals, pendingMax } = this.#parts;
    const performer = createPerformer(
      { ruleId, actionId: id, name, params, legacy, namesPayload },
      { logger, publisher, chain: this.#chain, limits, resources, typeOf },
    );
    return new RuleAction({
      id,
      name,
      params,
      performer,
      pendingMax,
      totals,
      monotonicMs: () => clock.monotonicMs(),
      onFailure: (action, reason) =>
        logger.warn("An action of a rule fails", { rule: ruleId, action: action.id, reason }),
    });
  }
}
