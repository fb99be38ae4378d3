import { assert, nearest } from "../base/mod.ts";
import { formatPath, type KeyPath } from "./key_path.ts";
import { describeType, describeValue } from "./kind.ts";
import { type ConfigProblem, type Origin, pathFor } from "./problem.ts";
import { entriesOf, type Key, type Section, type Table, type Tables } from "./schema.ts";
import { hasSecrets, knownKeys, toPath } from "./schema_walk.ts";
import { ROOT } from "./root.ts";
import { nearestPath } from "./settings.ts";
import { isTable, type TomlTable } from "./toml_document.ts";

export interface Complaint {
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

  /** Everything that `schema` describes, with a default in the place of what cannot be used. */
  read<T>(schema: Section<T>): T {
    // The builders of the schema see to it that entries fill the fields that they stand for.
    return this.#fields([], this.#root, schema) as T;
  }

  /** Whether somebody wrote the value, in whatever source. */
  isWritten(path: KeyPath): boolean {
    return this.valueAt(path) !== undefined;
  }

  /** As it is written, in TOML; undefined where it is not. */
  valueAt(path: KeyPath): unknown {
    let at: unknown = this.#root;
    for (const segment of path) {
      if (Array.isArray(at)) at = at[Number(segment)];
      else if (isTable(at) && Object.hasOwn(at, segment)) at = at[segment];
      else return undefined;
    }
    return at;
  }

  /** Who wrote something at `path` or in it; every one, as a table may come from several. */
  originsWithin(path: KeyPath): readonly Origin[] {
    const prefix = `${formatPath(path)}.`;
    const inside = [...this.#origins].filter(([key]) => key.startsWith(prefix));
    return [this.originOf(path), ...inside.map(([, origin]) => origin)];
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

  #fields(path: KeyPath, table: TomlTable, of: Section<unknown>): Record<string, unknown> {
    this.#checkNames(path, table, of);
    const options: Record<string, unknown> = {};
    for (const [field, entry] of Object.entries<Key | Table | Tables>(of.entries)) {
      options[field] = this.#entry([...path, entry.name], table, entry);
    }
    return options;
  }

  #entry(path: KeyPath, around: TomlTable, entry: Key | Table | Tables): unknown {
    const value = Object.hasOwn(around, entry.name) ? around[entry.name] : undefined;
    switch (entry.shape) {
      case "key":
        return this.#value(path, value, entry);
      case "table":
        if (value === undefined && entry.isOptional) return undefined;
        return this.#table(path, value ?? {}, entry.section, `written [${formatPath(path)}]`);
      case "tables":
        return this.#tables(path, value, entry);
    }
  }

  #table(path: KeyPath, value: unknown, of: Section<unknown>, how?: string): unknown {
    const isFine = isTable(value);
    if (!isFine) {
      const allowed = how === undefined ? "a table" : `a table, ${how}`;
      this.complain({ path, at: "value", found: describe(value, of), allowed });
    }
    return this.#fields(path, isFine ? value : {}, of);
  }

  #tables(path: KeyPath, value: unknown, { section, isNeeded }: Tables): readonly unknown[] {
    if (value === undefined && !isNeeded) return [];
    if (!Array.isArray(value) || (isNeeded && value.length === 0)) {
      const count = isNeeded ? "one table or more" : "any number of tables";
      const allowed = `${count}, each written [[${path.filter(isName).join(".")}]]`;
      const found = Array.isArray(value) ? "an empty array" : describe(value, section);
      this.complain({ path, at: "key", found, allowed });
      return [];
    }
    return value.map((element: unknown, index) => this.#table([...path, index], element, section));
  }

  /** The value of a key, or its default; the default as well where the value cannot be used. */
  #value(path: KeyPath, value: unknown, key: Key): unknown {
    if (value !== undefined) {
      const reading = key.kind.read(value);
      if (reading.ok) return reading.value;
      const remark = reading.remark === undefined ? "" : ` (${reading.remark})`;
      const found = key.kind.isSecret === true ? describeType(value) : describeValue(value);
      this.complain({ path, at: "value", found: found + remark, allowed: key.kind.allowed });
    } else if (key.isRequired) {
      const { allowed } = key.kind;
      this.complain({ path, at: "key", found: "nothing, but it is needed", allowed });
    }
    if (key.default === undefined) return undefined;
    const reading = key.kind.read(key.default);
    assert(reading.ok, `the default of ${key.name} is allowed`);
    return reading.value;
  }

  #checkNames(path: KeyPath, table: TomlTable, of: Section<unknown>): void {
    const known = entriesOf(of).map((entry) => entry.name);
    for (const name of Object.keys(table)) {
      if (known.includes(name)) continue;
      const place = [...path, name];
      const isLater = of.later.includes(name);
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
    return nearest(name, known) ?? elsewhere(name, path, origin);
  }
}

/** The full path of a key that stands in the wrong section. */
function elsewhere(name: string, path: KeyPath, origin: Origin): string | undefined {
  const found = knownKeys(ROOT).find(({ pattern }) => pattern.at(-1) === name);
  return found === undefined ? undefined : pathFor(origin, toPath(found.pattern, path));
}

function describe(value: unknown, of: Section<unknown>): string {
  return hasSecrets(of) ? describeType(value) : describeValue(value);
}

function isName(segment: string | number): segment is string {
  return typeof segment === "string";
}
