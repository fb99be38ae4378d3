import type { Field, ValueField } from "./ast.ts";
import { compileExpression } from "./compile_expression.ts";
import type { Names } from "./names.ts";
import { type Evaluate, type Scope, UNSET } from "./scope.ts";
import {
  boundedTree,
  isObject,
  type OpenObject,
  setMember,
  type SqlObject,
  type SqlValue,
  valueText,
  withMemberAt,
} from "./value.ts";

/** More fields than these are evaluated in order, so that one that needs another does not wait deep in the stack. */
const LAZY_FIELDS_MAX = 64;

/** A list of fields: of SELECT, of FOREACH or of DO. */
export interface CompiledFields {
  /** What the fields have named, for whatever comes behind them. */
  readonly aliases: ReadonlyMap<string, Evaluate>;
  /** Comes before all others, once for each event (or element). */
  prepare(scope: Scope): void;
  /** The value of one field; undefined for `*`. */
  valueOf(index: number, scope: Scope): SqlValue;
  /** What is selected. */
  select(scope: Scope): SqlObject;
}

/**
 * Compiles fields one after the other: each sees the names that the ones before it gave.
 *
 * `extras`: what `*` selects beside the columns, over them.
 */
export function compileFields(
  fields: readonly Field[],
  names: Names,
  extras: ReadonlyMap<string, Evaluate> = new Map(),
): CompiledFields {
  return isLazy(fields)
    ? new LazyFields(fields, names, extras)
    : new OrderedFields(fields, names, extras);
}

/**
 * Whether each name is given by one field alone, at the top. Then a field may wait until a condition or the result asks
 * for it: a rule that does not match computes next to nothing.
 */
function isLazy(fields: readonly Field[]): boolean {
  const aliases = fields.flatMap((field) => field.kind === "value" ? [field.alias ?? []] : []);
  const roots = aliases.flatMap(([root]) => root === undefined ? [] : [root]);
  return fields.length <= LAZY_FIELDS_MAX && new Set(roots).size === roots.length &&
    aliases.every((alias) => alias.length <= 1);
}

type Write = (result: OpenObject, value: SqlValue, scope: Scope) => void;

interface CompiledField {
  readonly slot: number;
  readonly evaluate: Evaluate;
  readonly write: Write;
}

/** Each value is computed when it is asked for, and once. */
class LazyFields implements CompiledFields {
  readonly aliases: Map<string, Evaluate>;
  readonly #fields: readonly CompiledField[];

  constructor(fields: readonly Field[], names: Names, extras: ReadonlyMap<string, Evaluate>) {
    this.aliases = new Map(names.aliases);
    this.#fields = fields.map((field) => {
      const compiled = compileField(field, { ...names, aliases: this.aliases }, extras);
      const [name] = aliasOf(field);
      if (name !== undefined) this.aliases.set(name, readerOf(compiled, names.aliases.get(name)));
      return compiled;
    });
  }

  prepare(scope: Scope): void {
    for (let at = 0; at < this.#fields.length; at++) {
      scope.slots[(this.#fields[at] as CompiledField).slot] = UNSET;
    }
  }

  valueOf(index: number, scope: Scope): SqlValue {
    return valueIn(scope, this.#fields[index] as CompiledField);
  }

  select(scope: Scope): SqlObject {
    const result: OpenObject = {};
    for (let at = 0; at < this.#fields.length; at++) {
      const field = this.#fields[at] as CompiledField;
      field.write(result, valueIn(scope, field), scope);
    }
    return result;
  }
}

/** `outer`: what has the name where this field has no value. */
function readerOf(field: CompiledField, outer: Evaluate | undefined): Evaluate {
  if (outer === undefined) return (scope) => valueIn(scope, field);
  return (scope) => {
    const value = valueIn(scope, field);
    return value === undefined ? outer(scope) : value;
  };
}

function valueIn(scope: Scope, { slot, evaluate }: CompiledField): SqlValue {
  const known = scope.slots[slot];
  if (known !== UNSET) return known;
  const value = evaluate(scope);
  scope.slots[slot] = value;
  return value;
}

/** All values in the order of the fields, for names that several of them give. */
class OrderedFields implements CompiledFields {
  readonly aliases: Map<string, Evaluate>;
  readonly #fields: readonly CompiledField[];
  /** Writes the value of a field where its name is looked up. */
  readonly #notes: readonly (((scope: Scope, value: SqlValue) => void) | undefined)[];
  readonly #rootSlots = new Map<string, number>();

  constructor(fields: readonly Field[], names: Names, extras: ReadonlyMap<string, Evaluate>) {
    this.aliases = new Map(names.aliases);
    const compiled: CompiledField[] = [];
    const notes: (((scope: Scope, value: SqlValue) => void) | undefined)[] = [];
    for (const field of fields) {
      compiled.push(compileField(field, { ...names, aliases: new Map(this.aliases) }, extras));
      notes.push(this.#compileNote(aliasOf(field), names));
    }
    this.#fields = compiled;
    this.#notes = notes;
  }

  prepare(scope: Scope): void {
    for (const slot of this.#rootSlots.values()) scope.slots[slot] = undefined;
    this.#fields.forEach(({ slot, evaluate }, index) => {
      const value = evaluate(scope);
      scope.slots[slot] = value;
      if (value !== undefined) this.#notes[index]?.(scope, value);
    });
  }

  valueOf(index: number, scope: Scope): SqlValue {
    return scope.slots[(this.#fields[index] as CompiledField).slot];
  }

  select(scope: Scope): SqlObject {
    const result: OpenObject = {};
    for (const { slot, write } of this.#fields) write(result, scope.slots[slot], scope);
    return result;
  }

  #compileNote(
    alias: readonly string[],
    names: Names,
  ): ((scope: Scope, value: SqlValue) => void) | undefined {
    const [root, ...rest] = alias;
    if (root === undefined) return undefined;
    const slot = this.#rootSlots.get(root) ?? names.compilation.allocate();
    this.#rootSlots.set(root, slot);
    const outer = names.aliases.get(root);
    const read: Evaluate = (scope) => {
      const value = scope.slots[slot];
      return value === undefined ? outer?.(scope) : value;
    };
    this.aliases.set(root, read);
    if (rest.length === 0) return (scope, value) => void (scope.slots[slot] = value);
    return (scope, value) => {
      const given = read(scope);
      scope.slots[slot] = put(given === undefined ? scope.columns.get(root) : given, rest, value);
    };
  }
}

function aliasOf(field: Field): readonly string[] {
  return field.kind === "value" ? field.alias ?? [] : [];
}

function compileField(
  field: Field,
  names: Names,
  extras: ReadonlyMap<string, Evaluate>,
): CompiledField {
  const slot = names.compilation.allocate();
  if (field.kind === "all") {
    names.compilation.columnsUsed.add("*");
    return { slot, evaluate: () => undefined, write: writerOfAll(extras) };
  }
  return { slot, evaluate: compileExpression(field.value, names), write: writerOf(field) };
}

function writerOfAll(extras: ReadonlyMap<string, Evaluate>): Write {
  return (result, _value, scope) => {
    const { columns } = scope;
    for (const name of columns.names) {
      const value = columns.get(name);
      if (value !== undefined) result[name] = value;
    }
    for (const [name, evaluate] of extras) {
      const value = evaluate(scope);
      if (value !== undefined) setMember(result, name, value);
    }
  };
}

/** Under its alias, else under its own name, else under what it is, printed. */
function writerOf({ value, alias }: ValueField): Write {
  const path = alias ?? (value.kind === "name" ? value.path : undefined);
  if (path === undefined) {
    return (result, each) => {
      if (each !== undefined) setMember(result, valueText(each), each);
    };
  }
  const [root, ...rest] = path as [string, ...string[]];
  if (rest.length === 0) {
    return (result, each) => {
      if (each !== undefined) setMember(result, root, each);
    };
  }
  return (result, each) => {
    if (each !== undefined) {
      const base = Object.hasOwn(result, root) ? result[root] : undefined;
      setMember(result, root, put(base, rest, each));
    }
  };
}

/** What is selected into an object may be in it already, several times over. */
function put(base: SqlValue, path: readonly string[], value: SqlValue): SqlValue {
  const changed = withMemberAt(base, path, value);
  return isObject(value) || Array.isArray(value) ? boundedTree(changed) : changed;
}
