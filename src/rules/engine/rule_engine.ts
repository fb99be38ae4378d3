import type { Clock, Logger } from "../../base/mod.ts";
import {
  type EventSource,
  type Publisher,
  RecordError,
  type RecordStore,
} from "../../ports/mod.ts";
import type { Runtime } from "../../runtime/mod.ts";
import { resourceOf, takesType } from "../actions/create_performer.ts";
import type { PublishLimits } from "../actions/republish.ts";
import type { RuleResources } from "../actions/sink_actions.ts";
import type { EventSurroundings } from "../events/event_columns.ts";
import type {
  JsonObject,
  RuleDraft,
  RuleEngineOptions,
  RuleTest,
  RuleTotals,
  RuleView,
} from "../rule.ts";
import { RuleError } from "../rule_error.ts";
import { type ConfiguredRule, toKeptRule } from "./configured_rule.ts";
import { RuleDispatcher } from "./dispatcher.ts";
import { type KeptAction, type KeptRule, LoadedRule } from "./loaded_rule.ts";
import { type BuildOptions, RuleBuilder } from "./rule_builder.ts";
import { fromRecord, RULE_KIND, toRecord } from "./rule_record.ts";
import { testStatement } from "./test_statement.ts";

export interface RuleEngineParts {
  readonly options: RuleEngineOptions;
  /** What columns call this node. */
  readonly node: string;
  readonly records: RecordStore;
  readonly resources: RuleResources;
  readonly publisher: Publisher;
  /** Of messages that rules publish, as they are now. */
  readonly limits: () => PublishLimits;
  readonly events: EventSource;
  readonly runtime: Pick<Runtime, "defer" | "yieldTurn">;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The address that a listener listens on, for columns; undefined: nobody knows. */
  readonly addressOf?: EventSurroundings["addressOf"];
}

/** Rules that were made while the broker runs come behind those of the configuration. */
const FIRST_ORDER = 1_000_000;

/**
 * The rules of this broker: what is selected from messages and events, and what is done with it. Those that are made
 * here are durable before anybody is told so; those of the configuration change with that.
 */
export class RuleEngine {
  readonly #parts: RuleEngineParts;
  #options: RuleEngineOptions;
  readonly #surroundings: EventSurroundings;
  readonly #dispatcher: RuleDispatcher;
  readonly #builder: RuleBuilder;
  readonly #totals = { matched: 0, success: 0, failed: 0 };
  readonly #configured = new Map<string, LoadedRule>();
  readonly #made = new Map<string, LoadedRule>();
  /** On their way to the store: nobody sees them yet, but what they need must stay. */
  readonly #pending = new Map<string, LoadedRule>();
  #nextOrder = FIRST_ORDER;

  constructor(parts: RuleEngineParts) {
    const { runtime, clock, logger, node, events, addressOf = () => undefined } = parts;
    this.#parts = parts;
    this.#options = parts.options;
    this.#surroundings = { node, nowMs: () => clock.nowMs(), addressOf };
    this.#dispatcher = new RuleDispatcher({
      surroundings: this.#surroundings,
      runtime,
      clock,
      logger,
      totals: this.#totals,
      isEnabled: () => this.#options.isEnabled,
      ignoresSys: () => this.#options.ignoreSysMessage,
      hasLegacyEventNames: () => this.#options.hasLegacyEventNames,
      onMask: () => events.refresh(),
    });
    this.#builder = new RuleBuilder({
      ...parts,
      totals: this.#totals,
      actionsMax: () => this.#options.maxActions,
      pendingMax: () => this.#options.maxQueuedActions,
    });
  }

  get totals(): RuleTotals {
    return { rules: this.#configured.size + this.#made.size, ...this.#totals };
  }

  /**
   * Takes over the rules of earlier runs, and those of the configuration; events fire them from now on. Throws
   * `RuleError` where one of the configuration cannot be used. Called once, when the resources are there.
   */
  open(configured: readonly ConfiguredRule[]): void {
    const change = this.prepare(this.#options, configured);
    for (const [id, value] of this.#parts.records.list(RULE_KIND)) {
      const kept = fromRecord(id, value);
      if (kept !== undefined) this.#restore(kept);
      else {this.#parts.logger.warn("A stored rule cannot be read, and is passed over", {
          rule: id,
        });}
    }
    change();
    this.#parts.events.add(this.#dispatcher);
  }

  /** Fires no rule any more, but for what has happened. */
  close(): void {
    this.#parts.events.remove(this.#dispatcher);
    this.#dispatcher.flush();
  }

  /** Those of the configuration first, then in the order in which they were made. */
  list(countMax = Infinity): readonly RuleView[] {
    return this.#all().slice(0, countMax).map((rule) => this.#view(rule));
  }

  get(id: string): RuleView | undefined {
    const rule = this.#find(id);
    return rule === undefined ? undefined : this.#view(rule);
  }

  /** Events fire it from when this resolves, and so they will after a restart. Rejects with `RuleError`. */
  async create(draft: RuleDraft): Promise<RuleView> {
    const { maxRules } = this.#options;
    if (this.#configured.size + this.#made.size + this.#pending.size >= maxRules) {
      throw new RuleError("invalid", `Cannot create a rule: there are ${maxRules} already`, {
        detail: "too_many_rules",
      });
    }
    const kept = this.#builder.name(draft, (id) => this.#isTaken(id));
    const order = this.#nextOrder++;
    const rule = this.#builder.build(kept, { order, isReadOnly: false });
    this.#pending.set(kept.id, rule);
    try {
      await this.#parts.records.put(RULE_KIND, kept.id, toRecord(kept));
    } catch (error) {
      throw storeError("create a rule", error);
    } finally {
      this.#pending.delete(kept.id);
    }
    this.#made.set(kept.id, rule);
    this.#dispatcher.add(rule);
    return this.#view(rule);
  }

  /** False: there is none. Rejects with `RuleError` "read-only" where it is from the configuration, or "unavailable". */
  async remove(id: string): Promise<boolean> {
    if (this.#configured.has(id)) {
      throw new RuleError(
        "read-only",
        `Cannot remove rule "${id}": it is from the configuration, where it can be removed`,
        { subject: id, detail: "read_only_rule" },
      );
    }
    const rule = this.#made.get(id);
    if (rule === undefined) return false;
    try {
      await this.#parts.records.remove(RULE_KIND, id);
    } catch (error) {
      throw storeError(`remove rule "${id}"`, error);
    }
    // Somebody else may have been quicker.
    if (!this.#made.delete(id)) return false;
    this.#dispatcher.remove(rule);
    return true;
  }

  /** What `sql` selects from an event with these columns and the usual ones. Does nothing. Throws `RuleError`. */
  test(sql: string, context: JsonObject): RuleTest {
    const { clock } = this.#parts;
    return testStatement(sql, context, this.#surroundings, () => clock.monotonicMs());
  }

  /** Rules that use a resource, whether they run or not. */
  usersOf(resourceId: string): readonly string[] {
    return [...this.#all(), ...this.#pending.values()]
      .filter((rule) => usesResource(rule, resourceId))
      .map(({ id }) => id);
  }

  /**
   * Makes ready what the configuration says now; what is returned puts it into force, and cannot fail. Throws
   * `RuleError`, and nothing has changed then. `typeOf`: of the resources that there will be.
   */
  prepare(
    options: RuleEngineOptions,
    configured: readonly ConfiguredRule[],
    typeOf?: BuildOptions["typeOf"],
  ): () => void {
    const next = new Map<string, LoadedRule>();
    for (const [order, each] of configured.entries()) {
      next.set(each.name, this.#prepareOne(each, order, typeOf));
    }
    if (typeOf !== undefined) this.#checkResources(typeOf);
    return () => {
      this.#options = options;
      for (const [id, rule] of this.#configured) {
        if (next.get(id) !== rule) this.#dispatcher.remove(rule);
      }
      for (const [id, rule] of next) {
        if (this.#configured.get(id) !== rule) this.#dispatcher.add(rule);
      }
      this.#configured.clear();
      for (const [id, rule] of next) this.#configured.set(id, rule);
      this.#dispatcher.refresh();
    };
  }

  /** Takes the samples that speeds are made of; to be called every `SAMPLE_MS`. */
  sample(): void {
    for (const rule of this.#configured.values()) rule.meter.sample();
    for (const rule of this.#made.values()) rule.meter.sample();
  }

  /** One that is what it was stays, with its counters. */
  #prepareOne(
    configured: ConfiguredRule,
    order: number,
    typeOf: BuildOptions["typeOf"],
  ): LoadedRule {
    const { name } = configured;
    if (this.#made.has(name) || this.#pending.has(name)) {
      throw new RuleError("invalid", `Cannot use rule "${name}": there is one of that name`);
    }
    const known = this.#configured.get(name);
    const createdAtMs = known?.kept.createdAtMs ?? this.#parts.clock.nowMs();
    const kept = toKeptRule(configured, createdAtMs);
    if (known !== undefined && isSame(known.kept, kept) && this.#hasSameTypes(kept, typeOf)) {
      return known.order === order ? known : known.movedTo(order);
    }
    try {
      const options = { order, isReadOnly: true, ...(typeOf === undefined ? {} : { typeOf }) };
      return this.#builder.build(kept, options);
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      const { code, subject, detail } = error;
      throw new RuleError(code, `Cannot use rule "${name}": ${error.message}`, {
        subject,
        detail,
        cause: error,
      });
    }
  }

  /** Whether the resources of a rule will be there, and of the types that they have. */
  #hasSameTypes({ actions }: KeptRule, typeOf: BuildOptions["typeOf"]): boolean {
    const { resources } = this.#parts;
    return typeOf === undefined || actions.every(({ params }) => {
      const id = resourceOf(params);
      return id === undefined || resources.get(id)?.type === typeOf(id);
    });
  }

  /** What rules need that were made here must not go with the configuration. */
  #checkResources(typeOf: NonNullable<BuildOptions["typeOf"]>): void {
    for (const rule of [...this.#made.values(), ...this.#pending.values()]) {
      if (rule.problem !== undefined) continue;
      for (const { name, params } of rule.kept.actions) {
        const id = resourceOf(params);
        const type = id === undefined ? undefined : typeOf(id);
        if (id === undefined || (type !== undefined && takesType(name, type))) continue;
        const what = type === undefined ? "remove" : "change the type of";
        throw new RuleError(
          "in-use",
          `Cannot ${what} resource "${id}": rule "${rule.id}" uses it`,
          {
            subject: id,
            detail: `dependency_exists ${rule.id}`,
          },
        );
      }
    }
  }

  /** A rule that this version cannot use is kept all the same: somebody may want to read it, or go back. */
  #restore(kept: KeptRule): void {
    const order = this.#nextOrder++;
    const rule = this.#rebuilt(kept, order);
    this.#made.set(kept.id, rule);
    this.#dispatcher.add(rule);
  }

  #rebuilt(kept: KeptRule, order: number): LoadedRule {
    try {
      return this.#builder.build(kept, { order, isReadOnly: false });
    } catch (error) {
      if (!(error instanceof RuleError)) throw error;
      const problem = error.message;
      this.#parts.logger.warn("A rule cannot be used any more: it is kept and does nothing", {
        rule: kept.id,
        problem,
      });
      return new LoadedRule({ kept, order, isReadOnly: false, program: problem });
    }
  }

  #view(rule: LoadedRule): RuleView {
    return rule.view((action) => this.#configOf(action));
  }

  #configOf({ params }: KeptAction): JsonObject | undefined {
    const id = resourceOf(params);
    return id === undefined ? undefined : this.#parts.resources.get(id)?.config;
  }

  #all(): readonly LoadedRule[] {
    return [...this.#configured.values(), ...this.#made.values()];
  }

  #find(id: string): LoadedRule | undefined {
    return this.#configured.get(id) ?? this.#made.get(id);
  }

  #isTaken(id: string): boolean {
    return this.#find(id) !== undefined || this.#pending.has(id);
  }
}

function isSame(one: KeptRule, other: KeptRule): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

function usesResource({ kept }: LoadedRule, resourceId: string): boolean {
  return kept.actions.some(({ params }) => resourceOf(params) === resourceId);
}

function storeError(what: string, error: unknown): unknown {
  if (!(error instanceof RecordError)) return error;
  const isTooLarge = error.reason !== "unavailable";
  return new RuleError(isTooLarge ? "invalid" : "unavailable", `Cannot ${what}: ${error.message}`, {
    detail: isTooLarge ? "too_large" : "",
    cause: error,
  });
}
