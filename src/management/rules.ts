import {
  type ActionForm,
  actionForms,
  EVENT_DESCRIPTIONS,
  type EventDescription,
  findActionForm,
  type Flavor,
  HOOK_NAMES,
  type JsonObject,
  type RuleDraft,
  type RuleEngine,
  type RuleTest,
  type RuleTotals,
  type RuleView,
} from "../rules/mod.ts";
import { inRuleTerms } from "./rule_refusal.ts";
import type { RulesService } from "./rule_services.ts";

/** The rules of this node, and what they can be made of. */
export class LocalRules implements RulesService {
  readonly events: readonly EventDescription[] = EVENT_DESCRIPTIONS;
  readonly hookNames: readonly string[] = HOOK_NAMES;
  readonly #engine: RuleEngine;

  constructor(engine: RuleEngine) {
    this.#engine = engine;
  }

  list(countMax?: number): Promise<readonly RuleView[]> {
    return Promise.resolve(this.#engine.list(countMax));
  }

  get(id: string): Promise<RuleView | undefined> {
    return Promise.resolve(this.#engine.get(id));
  }

  create(draft: RuleDraft): Promise<RuleView> {
    return inRuleTerms("create a rule", () => this.#engine.create(draft));
  }

  remove(id: string): Promise<boolean> {
    return inRuleTerms(`remove rule ${JSON.stringify(id)}`, () => this.#engine.remove(id));
  }

  test(sql: string, context: JsonObject): Promise<RuleTest> {
    return inRuleTerms("test a rule", () => this.#engine.test(sql, context));
  }

  totals(): Promise<RuleTotals> {
    return Promise.resolve(this.#engine.totals);
  }

  actionForms(flavor: Flavor): readonly ActionForm[] {
    return actionForms(flavor);
  }

  findActionForm(name: string): ActionForm | undefined {
    return findActionForm(name);
  }
}
