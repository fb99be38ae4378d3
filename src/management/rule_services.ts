import type {
  ActionForm,
  EventDescription,
  Flavor,
  JsonObject,
  ResourceDraft,
  ResourceTypeForm,
  ResourceView,
  RuleDraft,
  RuleTest,
  RuleTotals,
  RuleView,
} from "../rules/mod.ts";

/**
 * What is selected from messages and events and what is done with it. Refusals that are about a name which nobody knows
 * say so in `ManagementError.subject`, others have a `phrase`.
 */
export interface RulesService {
  /** Those of the configuration, then in the order in which they were made; the first `countMax`, default: all. */
  list(countMax?: number): Promise<readonly RuleView[]>;
  get(id: string): Promise<RuleView | undefined>;
  /** Works from now on, and is kept. `invalid`, `unavailable`. */
  create(draft: RuleDraft): Promise<RuleView>;
  /** False: there was none. `forbidden`: it is from the configuration; `unavailable`. */
  remove(id: string): Promise<boolean>;
  /** What a statement makes of an event that did not happen; `context` has its columns. Nothing is done. `invalid`. */
  test(sql: string, context: JsonObject): Promise<RuleTest>;
  /** Since the start, with what rules did that are gone. */
  totals(): Promise<RuleTotals>;
  /** The catalogue of what rules can do, in the words of one generation of the product. */
  actionForms(flavor: Flavor): readonly ActionForm[];
  /** Of either generation. */
  findActionForm(name: string): ActionForm | undefined;
  readonly events: readonly EventDescription[];
  /** What rules of the earlier generation may be for, whether it ever happens or not. */
  readonly hookNames: readonly string[];
}

/** What actions reach things outside by. Refusals as those of rules. */
export interface ResourcesService {
  /** In the order in which they were made. */
  list(): Promise<readonly ResourceView[]>;
  get(id: string): Promise<ResourceView | undefined>;
  /** One of the same type and name takes its place. That it cannot be reached is no hindrance. `invalid`. */
  create(draft: ResourceDraft): Promise<ResourceView>;
  /** Whether what the draft describes can be reached; nothing is kept. `invalid`. */
  test(draft: ResourceDraft): Promise<boolean>;
  /** False: there was none. `conflict`: a rule uses it; `forbidden`: it is from the configuration. */
  remove(id: string): Promise<boolean>;
  /** Begins anew. `unavailable`: it cannot be reached; an unknown one is `invalid` with it as `subject`. */
  start(id: string): Promise<void>;
  /** Tries to reach it now. An unknown one is `invalid` with it as `subject`. */
  isAlive(id: string): Promise<boolean>;
  /** The catalogue of types in the words of one generation of the product. */
  types(flavor: Flavor): readonly ResourceTypeForm[];
}
