/**
 * What a section of the configuration is made of. The sections themselves are in `sections/`, one file each, and
 * `root.ts` names them all.
 *
 * A new key of a section takes four steps:
 *
 * 1. a field of the options that the section fills, declared by the layer that uses them, with unit and meaning;
 * 2. an entry in `sections/<section>.ts`, which says name, kind of value and default:
 *    `maxQos: key("max_qos", oneOf([0, 1, 2]), 2)`; `optional(name, kind)` where there is no default, `required` where
 *    it must be written. Kinds are in `kind.ts` and `kind_text.ts`; secrets must be of a kind that hides them;
 * 3. the key with its default and one sentence above it in `config/broker.toml`, in the order of the section; commented
 *    out (`# key = value`) where the default is not a value, or where the whole table is commented out;
 * 4. `UPDATE=1 deno test -A tests/config_test.ts`, which writes the table of the README.
 *
 * A table within a section is `table(name, section)`, or `optionalTable` where its absence means something;
 * `[[name]]` is `tables(name, section)`. What concerns more than one key is checked in `checks/`. A section says when a
 * change counts; `atReload` and `afterRestart` around a key say so where it differs from its section.
 */
import type { Kind } from "./kind.ts";

/** When a changed value counts. */
export type Applies = "at reload" | "after restart";

export interface Key {
  readonly shape: "key";
  readonly name: string;
  readonly kind: Kind<unknown>;
  /** As it stands in TOML; undefined where there is none, or where it follows from other keys. */
  readonly default: unknown;
  /** Whether a configuration without it cannot be used. */
  readonly isRequired: boolean;
  /** Undefined: as the section says. */
  readonly applies: Applies | undefined;
  /** Whether `section.key`, without an index, stands for the key in every table of its `[[section]]`. */
  readonly isForAll: boolean;
}

/** `[section.name]`, or `name = { … }` in its section. */
export interface Table {
  readonly shape: "table";
  readonly name: string;
  readonly section: Section<unknown>;
  /** Whether there is a difference between an empty table and none. */
  readonly isOptional: boolean;
}

/** `[[section.name]]`. */
export interface Tables {
  readonly shape: "tables";
  readonly name: string;
  readonly section: Section<unknown>;
  /** How many there are where none is written, all with the defaults of their keys. */
  readonly defaultCount: 0 | 1;
  /** Whether there must be one. */
  readonly isNeeded: boolean;
}

interface Fills<V> {
  /** Never there: it only lets the compiler see that entry and field fit. */
  readonly fills?: () => V;
}

/** What a section has under one name; `V` is what it fills a field of the options with. */
export type Entry<V> = (Key | Table | Tables) & Fills<V>;

export type KeyEntry<V> = Key & Fills<V>;

export type Entries<T> = { readonly [Field in keyof T]-?: Entry<T[Field]> };

/** A table: its entries, by the field of the options that each one fills. */
export interface Section<out T> {
  readonly entries: Entries<T>;
  readonly applies: Applies;
  /** Names of the contract that this version has no code for. */
  readonly later: readonly string[];
}

export function section<T>(
  applies: Applies,
  entries: Entries<T>,
  later: readonly string[] = [],
): Section<T> {
  return { applies, entries, later };
}

/** A key with a default, written as in TOML. */
export function key<T>(name: string, kind: Kind<T>, standard: unknown): KeyEntry<T> {
  return { ...bareKey(name, kind), default: standard };
}

/** A key that may be left out, without a default of its own. */
export function optional<T>(name: string, kind: Kind<T>): KeyEntry<T | undefined> {
  return bareKey(name, kind);
}

/** A key that must be written. */
export function required<T>(name: string, kind: Kind<T>): KeyEntry<T> {
  return { ...bareKey(name, kind), isRequired: true };
}

export function table<T>(name: string, of: Section<T>): Entry<T> {
  return { shape: "table", name, section: of, isOptional: false };
}

/** Undefined where it is not written at all. */
export function optionalTable<T>(name: string, of: Section<T>): Entry<T | undefined> {
  return { shape: "table", name, section: of, isOptional: true };
}

/** Any number of tables, none unless they are written. */
export function tables<T>(name: string, of: Section<T>): Entry<readonly T[]> {
  return { shape: "tables", name, section: of, defaultCount: 0, isNeeded: false };
}

/** One table where none is written; `isNeeded`: and never none. */
export function tablesWithDefault<T>(
  name: string,
  of: Section<T>,
  { isNeeded }: { readonly isNeeded: boolean },
): Entry<readonly T[]> {
  return { shape: "tables", name, section: of, defaultCount: 1, isNeeded };
}

/** The key, counting from a reload on whatever its section says. */
export function atReload<T>(entry: KeyEntry<T>): KeyEntry<T> {
  return { ...entry, applies: "at reload" };
}

/** The key, counting only after a restart whatever its section says. */
export function afterRestart<T>(entry: KeyEntry<T>): KeyEntry<T> {
  return { ...entry, applies: "after restart" };
}

/** The key of a `[[section]]`, which may be set without an index for all of them. */
export function forAll<T>(entry: KeyEntry<T>): KeyEntry<T> {
  return { ...entry, isForAll: true };
}

/** The entries of a section without their types, for whoever walks or searches them. */
export function entriesOf(of: Section<unknown>): readonly (Key | Table | Tables)[] {
  return Object.values(of.entries);
}

function bareKey(name: string, kind: Kind<unknown>): Key {
  return {
    shape: "key",
    name,
    kind,
    default: undefined,
    isRequired: false,
    applies: undefined,
    isForAll: false,
  };
}
