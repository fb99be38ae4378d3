import { filterMatches } from "../../mqtt/mod.ts";
import { functionsFor } from "../functions/mod.ts";
import type { Expression, Field, ForeachStatement, SelectStatement, Statement } from "./ast.ts";
import type { Columns } from "./columns.ts";
import { compileCondition } from "./compile_expression.ts";
import { compileFields } from "./compile_fields.ts";
import type { EventName } from "./events.ts";
import { EvaluationFailure } from "./failure.ts";
import { filtersOf } from "./filters.ts";
import { FOREACH_BYTES_MAX, FOREACH_ELEMENTS_MAX, FOREACH_MS_MAX } from "./limits.ts";
import type { Compilation, Flavor, Names } from "./names.ts";
import { type Evaluate, Scope, type Test } from "./scope.ts";
import { resolveSources } from "./sources.ts";
import { SqlError } from "./sql_error.ts";
import { isList, isObject, type SqlObject, type SqlValue, weighed, withMemberAt } from "./value.ts";

export interface CompileOptions {
  readonly flavor: Flavor;
  /** Names that a statement may use for an event: those that `*` selects and those that it has to name. */
  knownColumns(event: EventName): ReadonlySet<string>;
  /** The `for` of a rule of 3.1: the rule is about this event only, whatever FROM says. */
  readonly onlyFor?: string | undefined;
  /** The wall clock, for `timestamp()` of an event without a time. */
  nowMs?(): number;
  /** For how long a FOREACH takes; without it any time will do. */
  monotonicMs?(): number;
}

/** The result of one selection; an object, except for elements of FOREACH without DO. */
export type SelectedData = SqlValue;

/** A statement that is ready to run. It keeps nothing of an event when it has run, and must not run within itself. */
export interface CompiledStatement {
  readonly events: readonly EventName[];
  /** Topic filters of FROM; one of them must match the topic of a published message. `run` sees to that. None: any topic. */
  readonly topicFilters: readonly string[];
  /**
   * At least one of these matches the topic of every event that the rule matches: keys for a trie. Undefined where
   * neither FROM nor WHERE promises as much. `run` needs no help of the trie to be right.
   */
  readonly indexFilters: readonly string[] | undefined;
  /** Without those that `*` adds, for which it says "all". */
  readonly columnsUsed: ReadonlySet<string> | "all";
  /** Exactly one thing is selected of each event with such a topic, whatever there is in it. */
  readonly isCertain: boolean;
  /** Something else than the payload is selected under its name: `… AS payload`. */
  readonly namesPayload: boolean;
  /**
   * What is selected: one for SELECT, one for each chosen element of FOREACH. "no-match" also where something could not
   * be evaluated: see `lastFailure`.
   */
  run(columns: Columns): "no-match" | readonly SelectedData[];
  /** Why the last `run` skipped the rule; undefined when it did not. */
  readonly lastFailure: string | undefined;
  /** Selected data as actions see it: an element that is no object stands in one, under its alias. */
  asObject(data: SelectedData): SqlObject;
}

/** Turns a statement into closures. Throws `SqlError` where its names, functions or filters mean nothing. */
export function compileStatement(statement: Statement, options: CompileOptions): CompiledStatement {
  const { events, topicFilters } = resolveSources(statement, options.flavor, options.onlyFor);
  const known = events.map((event) => options.knownColumns(event));
  let slotCount = 0;
  const compilation: Compilation = {
    text: statement.text,
    flavor: options.flavor,
    functions: functionsFor(options.nowMs ?? Date.now),
    isColumn: (name) => known.some((columns) => columns.has(name)),
    columnsUsed: new Set(),
    allocate: () => slotCount++,
  };
  const names: Names = { compilation, aliases: new Map(), isCondition: false };
  const evaluate = statement.kind === "select"
    ? compileSelect(statement, names)
    : compileForeach(statement, names, options.monotonicMs ?? (() => 0));
  return new Program(evaluate, {
    events,
    topicFilters,
    indexFilters: indexFiltersOf(statement, events, topicFilters),
    columnsUsed: compilation.columnsUsed,
    isCertain: isCertain(statement),
    namesPayload: namesPayload(statement),
    elementPath: statement.kind === "foreach"
      ? elementPathOf(statement.fields, statement.text)
      : ["item"],
    slotCount,
  });
}

interface ProgramParts {
  readonly events: readonly EventName[];
  readonly topicFilters: readonly string[];
  readonly indexFilters: readonly string[] | undefined;
  readonly columnsUsed: ReadonlySet<string>;
  readonly isCertain: boolean;
  readonly namesPayload: boolean;
  readonly elementPath: readonly string[];
  readonly slotCount: number;
}

type Run = (scope: Scope) => "no-match" | readonly SelectedData[];

class Program implements CompiledStatement {
  readonly events: readonly EventName[];
  readonly topicFilters: readonly string[];
  readonly indexFilters: readonly string[] | undefined;
  readonly columnsUsed: ReadonlySet<string> | "all";
  readonly isCertain: boolean;
  readonly namesPayload: boolean;
  lastFailure: string | undefined;
  readonly #run: Run;
  readonly #elementPath: readonly string[];
  readonly #scope: Scope;

  constructor(run: Run, parts: ProgramParts) {
    this.events = parts.events;
    this.topicFilters = parts.topicFilters;
    this.indexFilters = parts.indexFilters;
    this.columnsUsed = parts.columnsUsed.has("*") ? "all" : parts.columnsUsed;
    this.isCertain = parts.isCertain;
    this.namesPayload = parts.namesPayload;
    this.#run = run;
    this.#elementPath = parts.elementPath;
    this.#scope = new Scope(parts.slotCount);
  }

  run(columns: Columns): "no-match" | readonly SelectedData[] {
    this.lastFailure = undefined;
    if (this.topicFilters.length > 0 && !this.#isFrom(columns)) return "no-match";
    this.#scope.columns = columns;
    try {
      return this.#run(this.#scope);
    } catch (error) {
      this.lastFailure = reasonOf(error);
      return "no-match";
    } finally {
      this.#scope.clear();
    }
  }

  asObject(data: SelectedData): SqlObject {
    if (isObject(data)) return data;
    return withMemberAt({}, this.#elementPath, data) as SqlObject;
  }

  #isFrom(columns: Columns): boolean {
    if (columns.event !== "message.publish") return true;
    const topic = columns.get("topic");
    return typeof topic === "string" &&
      this.topicFilters.some((filter) => filterMatches(filter, topic));
  }
}

/** Whatever a client's payload can bring about is a reason to skip the rule; anything else is a bug. */
function reasonOf(error: unknown): string {
  if (error instanceof EvaluationFailure) return error.reason;
  if (error instanceof RangeError) return "a value is too large or too deep";
  throw error;
}

function compileSelect({ fields, where }: SelectStatement, names: Names): Run {
  const selected = compileFields(fields, names);
  const test = compileWhere(where, names, selected.aliases);
  return (scope) => {
    selected.prepare(scope);
    return test(scope) ? [selected.select(scope)] : "no-match";
  };
}

/** Elements between two looks at the clock. */
const ELEMENTS_PER_LOOK = 4;

function compileForeach(
  statement: ForeachStatement,
  names: Names,
  monotonicMs: () => number,
): Run {
  const { fields, where } = statement;
  const outer = compileFields(fields, names);
  const test = compileWhere(where, names, outer.aliases);
  const selectEach = compileElement(statement, names, outer.aliases);
  return (scope) => {
    outer.prepare(scope);
    if (!test(scope)) return "no-match";
    // All of them, also those that nobody asks for: one that fails skips the rule.
    let collection: SqlValue;
    for (let at = 0; at < fields.length; at++) collection = outer.valueOf(at, scope);
    if (!isList(collection)) return [];
    if (collection.length > FOREACH_ELEMENTS_MAX) {
      throw new EvaluationFailure(
        `FOREACH over ${collection.length} elements, allowed are ${FOREACH_ELEMENTS_MAX}`,
      );
    }
    const selected: SelectedData[] = [];
    let rest = FOREACH_BYTES_MAX;
    let looksAt = ELEMENTS_PER_LOOK;
    const endMs = collection.length < looksAt ? Infinity : monotonicMs() + FOREACH_MS_MAX;
    for (const element of collection) {
      const count = selected.length;
      selectEach(scope, element, selected);
      if (selected.length > count) rest = weighed(selected[count], rest);
      if (rest < 0) {
        throw new EvaluationFailure(
          `FOREACH selects more than ${FOREACH_BYTES_MAX} bytes of one event`,
        );
      }
      if (--looksAt === 0) {
        if (monotonicMs() > endMs) {
          throw new EvaluationFailure(`FOREACH takes longer than ${FOREACH_MS_MAX} ms`);
        }
        looksAt = ELEMENTS_PER_LOOK;
      }
    }
    return selected;
  };
}

type SelectElement = (scope: Scope, element: SqlValue, selected: SelectedData[]) => void;

/** INCASE and DO, which see the element where WHERE sees the collection. */
function compileElement(
  { fields, each, inCase, text }: ForeachStatement,
  names: Names,
  outer: ReadonlyMap<string, Evaluate>,
): SelectElement {
  const [root, ...rest] = elementPathOf(fields, text) as [string, ...string[]];
  const slot = names.compilation.allocate();
  const aliases = new Map(outer).set(root, ({ slots }) => slots[slot]);
  const isChosen = compileWhere(inCase, names, aliases);
  const select = each === undefined
    ? undefined
    : compileFields(each, { ...names, aliases }, aliases);
  return (scope, element, selected) => {
    scope.slots[slot] = rest.length === 0 ? element : withMemberAt({}, rest, element);
    if (!isChosen(scope)) return;
    select?.prepare(scope);
    selected.push(select === undefined ? element : select.select(scope));
  };
}

function elementPathOf(fields: readonly Field[], text: string): readonly string[] {
  const last = fields.at(-1);
  if (last?.kind === "value") return last.alias ?? ["item"];
  const detail = 'expected the collection of FOREACH, found "*"';
  throw new SqlError(text, last?.at ?? 0, { code: "syntax", detail });
}

function compileWhere(
  where: Expression | undefined,
  names: Names,
  aliases: ReadonlyMap<string, Evaluate>,
): Test {
  if (where === undefined) return () => true;
  return compileCondition(where, { ...names, aliases, isCondition: true });
}

/** There is no condition, and columns are taken as they are: nothing can go wrong with that. */
function isCertain(statement: Statement): boolean {
  if (statement.kind !== "select" || statement.where !== undefined) return false;
  return statement.fields.every((field) =>
    field.kind === "all" ||
    field.value.kind === "name" && field.value.path.length === 1 && (field.alias?.length ?? 1) === 1
  );
}

/** Of elements of FOREACH nobody knows what is in them. */
function namesPayload(statement: Statement): boolean {
  const fields = statement.kind === "select" ? statement.fields : statement.each ?? [];
  return fields.some((field) => {
    if (field.kind === "all" || field.alias?.join(".") !== "payload") return false;
    return field.value.kind !== "name" || field.value.path.join(".") !== "payload";
  });
}

function indexFiltersOf(
  statement: Statement,
  events: readonly EventName[],
  topicFilters: readonly string[],
): readonly string[] | undefined {
  const { where, fields } = statement;
  const isRenamed = fields.some((field) => field.kind === "value" && field.alias?.[0] === "topic");
  const promised = where === undefined || isRenamed ? undefined : filtersOf(where);
  // Filters of FROM are about published messages alone.
  if (topicFilters.length === 0 || events.length > 1) return promised;
  return promised !== undefined && promised.length < topicFilters.length ? promised : topicFilters;
}
