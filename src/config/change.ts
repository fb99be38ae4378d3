import { formatPath, type KeyPath } from "./key_path.ts";
import { MASK } from "./effective.ts";
import type { LoadedConfig } from "./load.ts";
import { ROOT } from "./root.ts";
import { entriesOf, type Section } from "./schema.ts";
import { keyAt } from "./schema_walk.ts";
import { nearestPath, storedPath } from "./settings.ts";

/** Changes of settings by dotted key; undefined takes a setting back. */
export type Changes = ReadonlyMap<string, unknown>;

/** The keys that are needed to find the stored settings, and so cannot be among them. */
const BEFORE_THE_STORE: readonly string[] = ["node.data_dir", "persistence"];

/** A line for each change that makes no sense whatever its value is. */
export function unusableSettings(changes: Changes): readonly string[] {
  return [...changes.keys()].flatMap((dotted) => {
    const path = storedPath(dotted);
    if (path === undefined) return [`"${dotted}" is not a dotted key of TOML`];
    if (!isKnown(ROOT, path)) {
      const meant = nearestPath(path, { from: "stored" });
      const hint = meant === undefined ? "" : `; did you mean "${meant}"?`;
      return [`${formatPath(path)}: found an unknown key${hint}`];
    }
    const isEarlier = BEFORE_THE_STORE.some((key) => `${formatPath(path)}.`.startsWith(`${key}.`));
    return isEarlier
      ? [`${formatPath(path)}: it is needed before settings can be read; set it in the file`]
      : [];
  });
}

/** What is stored after the changes: by dotted key, in the order in which it has to be applied. */
export function withChanges(
  stored: ReadonlyMap<string, unknown>,
  changes: Changes,
): ReadonlyMap<string, unknown> {
  const next = new Map(stored);
  for (const [dotted, value] of changes) {
    const path = storedPath(dotted) ?? [dotted];
    const key = formatPath(path);
    if (value === MASK && keyAt(ROOT, path)?.key.kind.isSecret === true) continue;
    for (const other of next.keys()) if (other.startsWith(`${key}.`)) next.delete(other);
    if (value === undefined) next.delete(key);
    else next.set(key, value);
  }
  return next;
}

/** A line for each change that has no effect, because the environment or a flag says otherwise. */
export function fixedSettings({ reader }: LoadedConfig, changes: Changes): readonly string[] {
  return [...changes].flatMap(([dotted, value]) => {
    const path = storedPath(dotted) ?? [dotted];
    // What is taken back comes from elsewhere by its nature.
    if (value === undefined) return [];
    for (const origin of reader.originsWithin(path)) {
      if (origin.from === "environment") {
        return [`${formatPath(path)}: the environment fixes it, by ${origin.name}`];
      }
      if (origin.from === "flag") return [`${formatPath(path)}: "${origin.flag}" fixes it`];
    }
    return [];
  });
}

/** Whether a key or a table stands at `path`, or may stand there. */
function isKnown(of: Section<unknown>, path: KeyPath): boolean {
  const [name, ...rest] = path;
  const entry = entriesOf(of).find((each) => each.name === name);
  if (entry === undefined) return false;
  if (entry.shape === "key") {
    return rest.length === 0 || (entry.kind.isMap === true && rest.length === 1);
  }
  if (rest.length === 0) return true;
  if (entry.shape === "table") return isKnown(entry.section, rest);
  const [index, ...inside] = rest;
  return typeof index === "number" && (inside.length === 0 || isKnown(entry.section, inside));
}
