import type { KeyPath } from "./key_path.ts";
import { type Applies, entriesOf, type Key, type Section, type Tables } from "./schema.ts";

/** Stands in a pattern for the index of a repeated table. */
export const EACH = "[]";

/** One key of the whole configuration. */
export interface KnownKey {
  /** Names, and `EACH` behind the name of a repeated table. */
  readonly pattern: readonly string[];
  readonly key: Key;
  readonly applies: Applies;
  /** Whether one of the tables around it is not there unless it is written. */
  readonly isInOptional: boolean;
}

/** Every key below `of`, in the order of the schema. */
export function knownKeys(of: Section<unknown>): readonly KnownKey[] {
  return below(of, [], false);
}

function below(
  of: Section<unknown>,
  around: readonly string[],
  isInOptional: boolean,
): KnownKey[] {
  return entriesOf(of).flatMap((entry): KnownKey[] => {
    const pattern = [...around, entry.name];
    switch (entry.shape) {
      case "key":
        return [{ pattern, key: entry, applies: entry.applies ?? of.applies, isInOptional }];
      case "table":
        return below(entry.section, pattern, isInOptional || entry.isOptional);
      case "tables":
        return below(entry.section, [...pattern, EACH], isInOptional || entry.defaultCount === 0);
    }
  });
}

/** The pattern as a path, with the indexes that `like` has, and 0 where it has none. */
export function toPath(pattern: readonly string[], like: KeyPath): KeyPath {
  const indexes = like.filter((segment) => typeof segment === "number");
  let used = 0;
  return pattern.map((segment) => segment === EACH ? indexes[used++] ?? 0 : segment);
}

/** `[[auth.user]] username` for a key of a repeated table, else `mqtt.max_qos`. */
export function formatPattern(pattern: readonly string[]): string {
  const last = pattern.lastIndexOf(EACH);
  if (last < 0) return pattern.join(".");
  const around = pattern.slice(0, last).filter((segment) => segment !== EACH).join(".");
  return `[[${around}]] ${pattern.slice(last + 1).join(".")}`;
}

/** What stands at a path. */
export interface Found {
  readonly key: Key;
  /** What the path says beyond the key, as for an entry of a map. */
  readonly beyond: KeyPath;
}

/** The key at `path`, or the one that the path leads into; undefined when the schema has none. */
export function keyAt(of: Section<unknown>, path: KeyPath): Found | undefined {
  const [name, ...rest] = path;
  const entry = entriesOf(of).find((each) => each.name === name);
  switch (entry?.shape) {
    case undefined:
      return undefined;
    case "key":
      return { key: entry, beyond: rest };
    case "table":
      return keyAt(entry.section, rest);
    case "tables":
      return typeof rest[0] === "number" ? keyAt(entry.section, rest.slice(1)) : undefined;
  }
}

/** The repeated tables whose key `path` names without an index, if it may be set for all of them. */
export function tablesForAll(
  of: Section<unknown>,
  path: KeyPath,
): { readonly tables: Tables; readonly name: string } | undefined {
  const [name, keyName, ...rest] = path;
  const entry = entriesOf(of).find((each) => each.name === name);
  if (entry?.shape !== "tables" || typeof keyName !== "string" || rest.length > 0) return undefined;
  const key = entriesOf(entry.section).find((each) => each.name === keyName);
  return key?.shape === "key" && key.isForAll ? { tables: entry, name: keyName } : undefined;
}

/** Whether something below must not be shown. */
export function hasSecrets(of: Section<unknown>): boolean {
  return knownKeys(of).some(({ key }) => key.kind.isSecret === true);
}
