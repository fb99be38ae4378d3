import { assert } from "../base/mod.ts";
import { formatPath, type KeyPath } from "./key_path.ts";
import { describeValue } from "./kind.ts";
import { type ConfigProblem, type Origin, pathFor } from "./problem.ts";
import {
  type Key,
  type Keys,
  keysOf,
  LATER_SECTIONS,
  SCHEMA,
  type Section,
  type SectionName,
} from "./schema.ts";
import { nearestPath } from "./settings.ts";
import { nearest } from "./suggest.ts";
import { isTable, type TomlTable } from "./toml_document.ts";

interface Complaint {
  readonly path: KeyPath;
  /** Which end of `key = value` is to blame. */
  readonly at: "key" | "value";
  readonly found: string;
  readonly allowed: string;
  readonly suggestion?: string | undefined;
}

/** Turns tables into typed options by the schema, and collects everything that does not fit. */
export class ConfigReader {
  readonly problems: ConfigProblem[] = [];
  readonly #root: TomlTable;
  readonly #origins: ReadonlyMap<string, Origin>;
  readonly #fallback: Origin;

  /** `fallback` is blamed for what has no origin of its own. */
  constructor(root: TomlTable, origins: ReadonlyMap<string, Origin>, fallback: Origin) {
    this.#root = root;
    this.#origins = origins;
    this.#fallback = fallback;
  }

  /** Complains of every section that the schema does not have. */
  checkSections(): void {
    const known = Object.keys(SCHEMA);
    this.#checkNames([], this.#root, known, LATER_SECTIONS);
  }

  /** The options of a section that stands at most once. */
  section<T>(name: SectionName, section: Section<T>): T {
    return this.#table([name], this.#root[name] ?? {}, section);
  }

  /** The options of every `[[name]]`, and the tables that they come from. */
  repeated<T>(name: SectionName, section: Section<T>): { options: T; table: TomlTable }[] {
    const value = this.#root[name];
    if (!Array.isArray(value) || value.length === 0) {
      const allowed = `one table or more, each written [[${name}]]`;
      const found = Array.isArray(value) ? "an empty array" : describeValue(value);
      this.complain({ path: [name], at: "key", found, allowed });
      return [];
    }
    return value.map((element: unknown, index) => ({
      options: this.#table([name, index], element, section),
      table: isTable(element) ? element : {},
    }));
  }

  complain({ path, at, found, allowed, suggestion }: Complaint): void {
    const origin = this.originOf(path);
    const position = origin.from === "file" ? origin.position?.[at] : undefined;
    this.problems.push({ origin, position, key: formatPath(path), found, allowed, suggestion });
  }

  /** Of the value, or of the nearest one around it. */
  originOf(path: KeyPath): Origin {
    for (let length = path.length; length > 0; length--) {
      const origin = this.#origins.get(formatPath(path.slice(0, length)));
      if (origin !== undefined) return origin;
    }
    return this.#fallback;
  }

  #table<T>(path: KeyPath, value: unknown, section: Section<T>): T {
    const table = isTable(value) ? value : {};
    if (!isTable(value)) {
      const allowed = section.isRepeated ? "a table" : `a table, written [${formatPath(path)}]`;
      this.complain({ path, at: "value", found: describeValue(value), allowed });
    }
    this.#checkNames(path, table, keysOf(section).map((key) => key.name), section.later);
    const options: Partial<T> = {};
    for (const field of Object.keys(section.keys) as (keyof Keys<T> & keyof T)[]) {
      options[field] = this.#value(path, table, section.keys[field]);
    }
    return options as T;
  }

  /** The value of a key, or its default; the default as well where the value cannot be used. */
  #value<T>(path: KeyPath, table: TomlTable, key: Key<T>): T {
    if (Object.hasOwn(table, key.name)) {
      const value = table[key.name];
      const reading = key.kind.read(value);
      if (reading.ok) return reading.value;
      const remark = reading.remark === undefined ? "" : ` (${reading.remark})`;
      const found = `${describeValue(value)}${remark}`;
      this.complain({ path: [...path, key.name], at: "value", found, allowed: key.kind.allowed });
    }
    if (key.default === undefined) return undefined as T;
    const reading = key.kind.read(key.default);
    assert(reading.ok, `the default of ${key.name} is allowed`);
    return reading.value;
  }

  #checkNames(
    path: KeyPath,
    table: TomlTable,
    known: readonly string[],
    later: readonly string[],
  ): void {
    for (const name of Object.keys(table)) {
      if (known.includes(name)) continue;
      const place = [...path, name];
      const isLater = later.includes(name);
      this.complain({
        path: place,
        at: "key",
        found: isLater ? "a key that is not in this version" : "an unknown key",
        allowed: known.join(", "),
        suggestion: isLater ? undefined : this.#suggestion(place, known),
      });
    }
  }

  #suggestion(path: KeyPath, known: readonly string[]): string | undefined {
    const origin = this.originOf(path);
    if (origin.from !== "file") return nearestPath(path, origin);
    const name = String(path.at(-1));
    return nearest(name, known) ?? elsewhere(name, origin);
  }
}

/** The full path of a key that stands in the wrong section. */
function elsewhere(name: string, origin: Origin): string | undefined {
  for (const [sectionName, section] of Object.entries(SCHEMA)) {
    if (keysOf(section).some((key) => key.name === name)) {
      return pathFor(origin, section.isRepeated ? [sectionName, 0, name] : [sectionName, name]);
    }
  }
  return undefined;
}
