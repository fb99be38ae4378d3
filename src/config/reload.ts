import { assemble, checkWritten } from "./assemble.ts";
import { formatPath, type KeyPath } from "./key_path.ts";
import { complainTo, type LoadedConfig } from "./load.ts";
import { ConfigError } from "./problem.ts";
import { ROOT, type Written } from "./root.ts";
import {
  type Applies,
  entriesOf,
  type Key,
  type Section,
  type Table,
  type Tables,
} from "./schema.ts";

/** What becomes of a new configuration while the broker runs. */
export interface Reload {
  /** The new one, where what waits for a restart still is as it was. */
  readonly inForce: LoadedConfig;
  /** Dotted keys, or those of whole tables where there are more or fewer of them now. */
  readonly appliedNow: readonly string[];
  /** All that differs from what is in force, not only what is new. */
  readonly afterRestart: readonly string[];
}

/**
 * Puts what may change while the broker runs from `next` into `inForce`. Throws `ConfigError` where that does not fit
 * to what has to wait for a restart.
 */
export function planReload(inForce: LoadedConfig, next: LoadedConfig): Reload {
  const changes: Change[] = [];
  const written = mergeTable(ROOT, inForce.written, next.written, [], changes) as Written;
  const { reader, isEphemeral, hasFile } = next;
  const before = reader.problems.length;
  checkWritten(complainTo(reader), written);
  const problems = reader.problems.slice(before);
  if (problems.length > 0) throw new ConfigError(problems);
  const names = (applies: Applies): readonly string[] =>
    changes.filter((change) => change.applies === applies).map(({ path }) => formatPath(path));
  return {
    inForce: {
      configuration: assemble(written, isEphemeral),
      written,
      isEphemeral,
      reader,
      hasFile,
    },
    appliedNow: names("at reload"),
    afterRestart: names("after restart"),
  };
}

interface Change {
  readonly path: KeyPath;
  readonly applies: Applies;
}

type Fields = Readonly<Record<string, unknown>>;

function mergeTable(
  of: Section<unknown>,
  old: unknown,
  next: unknown,
  path: KeyPath,
  changes: Change[],
): unknown {
  const merged: Record<string, unknown> = {};
  for (const [field, entry] of Object.entries<Key | Table | Tables>(of.entries)) {
    const [before, after] = [(old as Fields)[field], (next as Fields)[field]];
    merged[field] = mergeEntry(of, entry, before, after, [...path, entry.name], changes);
  }
  return merged;
}

function mergeEntry(
  of: Section<unknown>,
  entry: Key | Table | Tables,
  old: unknown,
  next: unknown,
  path: KeyPath,
  changes: Change[],
): unknown {
  // Both are made by the same code from the same schema, so their fields have the same order.
  if (JSON.stringify(old) === JSON.stringify(next)) return next;
  if (entry.shape === "table" && old !== undefined && next !== undefined) {
    return mergeTable(entry.section, old, next, path, changes);
  }
  if (entry.shape === "tables") {
    const [before, after] = [old as readonly unknown[], next as readonly unknown[]];
    if (before.length === after.length) {
      return after.map((element, index) =>
        mergeTable(entry.section, before[index], element, [...path, index], changes)
      );
    }
  }
  const kept = entry.shape === "tables"
    ? mergeBeginning(entry, old, next, path, changes)
    : undefined;
  if (kept !== undefined) return kept;
  const applies = entry.shape === "key"
    ? entry.applies ?? of.applies
    : appliesAsWhole(entry.section);
  changes.push({ path, applies });
  return applies === "at reload" ? next : old;
}

/**
 * Of tables that have become more or fewer, those that are still there, as far as nothing of them waits for a restart:
 * they may be others now. Undefined where that cannot be.
 */
function mergeBeginning(
  { section }: Tables,
  old: unknown,
  next: unknown,
  path: KeyPath,
  changes: Change[],
): readonly unknown[] | undefined {
  if (appliesAsWhole(section) === "at reload") return undefined;
  const [before, after] = [old as readonly unknown[], next as readonly unknown[]];
  const found: Change[] = [];
  const merged = before.slice(0, after.length).map((element, index) =>
    mergeTable(section, element, after[index], [...path, index], found)
  );
  if (found.some(({ applies }) => applies === "after restart")) return undefined;
  changes.push(...found, { path, applies: "after restart" });
  return [...merged, ...before.slice(merged.length)];
}

/** When a table counts that comes or goes: when each of its keys does. */
function appliesAsWhole(of: Section<unknown>): Applies {
  const isAtReload = entriesOf(of).every((entry) =>
    (entry.shape === "key" ? entry.applies ?? of.applies : appliesAsWhole(entry.section)) ===
      "at reload"
  );
  return isAtReload ? "at reload" : "after restart";
}
