import type { SettingValue, SettingView } from "../management/mod.ts";
import { formatPath, type KeyPath } from "./key_path.ts";
import type { LoadedConfig } from "./load.ts";
import { type ConfigProblem, type Origin, originText } from "./problem.ts";
import { ROOT } from "./root.ts";
import { keyAt } from "./schema_walk.ts";
import { storedPath } from "./settings.ts";
import {
  type Applies,
  entriesOf,
  type Key,
  type Section,
  type Table,
  type Tables,
} from "./schema.ts";

/** What stands for a secret, in answers and in changes: setting it to this leaves it as it is. */
export const MASK = "******";

/**
 * Every key with its value and where that comes from, in the order of the schema. Keys that are not set and have no
 * default are there without a value; tables that are not there are not.
 */
export function effectiveSettings(loaded: LoadedConfig): readonly SettingView[] {
  const views: SettingView[] = [];
  visitKeys(ROOT, [], loaded, (key, path, applies) => views.push(view(key, path, applies, loaded)));
  return views;
}

/** Where the key or table at `path` stands: "broker.toml:12:1". */
export function placeOf(loaded: LoadedConfig, path: KeyPath): string {
  const origin = loaded.reader.originOf(path);
  return originText(origin, origin.from === "file" ? origin.position?.key : undefined);
}

/** A file that the configuration names. */
export interface NamedFile {
  readonly path: KeyPath;
  readonly file: string;
}

/** Every file that must be readable: not those of bridges, which nothing uses, nor of what is not enabled. */
export function namedFiles(loaded: LoadedConfig): readonly NamedFile[] {
  const files: NamedFile[] = [];
  visitKeys(ROOT, [], loaded, (key, path) => {
    const file = key.kind.isFile === true ? loaded.reader.valueAt(path) : undefined;
    const isUsed = path[0] !== "bridge" &&
      loaded.reader.valueAt([...path.slice(0, 2), "enable"]) !== false;
    if (typeof file === "string" && file !== "" && isUsed) files.push({ path, file });
  });
  return files;
}

/** The problem of a file that cannot be read, for `reason`. */
export function unreadableFile(
  { reader }: LoadedConfig,
  { path, file }: NamedFile,
  reason: string,
): ConfigProblem {
  const origin = reader.originOf(path);
  return {
    origin,
    position: origin.from === "file" ? origin.position?.value : undefined,
    key: formatPath(path),
    found: `${JSON.stringify(file)}, which cannot be read: ${reason}`,
    allowed: "path of a file",
    suggestion: undefined,
  };
}

/** Every file that is named somewhere, whether or not anything uses it. */
export function writtenFiles({ written }: LoadedConfig): readonly string[] {
  return filesIn(ROOT, written);
}

function filesIn(of: Section<unknown>, options: unknown): readonly string[] {
  return Object.entries<Key | Table | Tables>(of.entries).flatMap(([field, entry]) => {
    const value = (options as Readonly<Record<string, unknown>>)[field];
    if (value === undefined || value === "") return [];
    if (entry.shape === "key") return entry.kind.isFile === true ? [value as string] : [];
    const tables = entry.shape === "table" ? [value] : value as readonly unknown[];
    return tables.flatMap((each) => filesIn(entry.section, each));
  });
}

/** The value of a dotted key as it is used: read, with the default in the place of none, secrets in clear. */
export function usedValue({ reader }: LoadedConfig, dotted: string): unknown {
  const path = storedPath(dotted);
  const found = path === undefined ? undefined : keyAt(ROOT, path);
  if (path === undefined || found === undefined || found.beyond.length > 0) return undefined;
  const { kind, default: standard } = found.key;
  const value = reader.valueAt(path) ?? standard;
  const reading = value === undefined ? undefined : kind.read(value);
  return reading?.ok === true ? reading.value : undefined;
}

type Visit = (key: Key, path: KeyPath, applies: Applies) => void;

function visitKeys(
  of: Section<unknown>,
  path: KeyPath,
  loaded: LoadedConfig,
  visit: Visit,
): void {
  for (const entry of entriesOf(of)) {
    const place = [...path, entry.name];
    const value = loaded.reader.valueAt(place);
    if (entry.shape === "key") visit(entry, place, entry.applies ?? of.applies);
    else if (entry.shape === "table") {
      if (value !== undefined || !entry.isOptional) visitKeys(entry.section, place, loaded, visit);
    } else if (Array.isArray(value)) {
      for (const index of value.keys()) visitKeys(entry.section, [...place, index], loaded, visit);
    }
  }
}

function view(key: Key, path: KeyPath, applies: Applies, loaded: LoadedConfig): SettingView {
  const written = loaded.reader.valueAt(path);
  const isSecret = key.kind.isSecret === true;
  const value = written ?? key.default ?? workedOut(formatPath(path), loaded);
  const shown = (each: unknown): SettingValue | undefined =>
    isSecret && !isEmpty(each) ? MASK : each as SettingValue | undefined;
  return {
    key: formatPath(path),
    value: shown(value),
    defaultValue: shown(key.default),
    origin: written === undefined ? "default" : originName(loaded, path),
    appliesAt: applies === "at reload" ? "now" : "restart",
    isSecret,
  };
}

/** Nothing that anybody could want to know. */
function isEmpty(value: unknown): boolean {
  if (typeof value !== "object" || value === null) return value === undefined || value === "";
  return Object.keys(value).length === 0;
}

/** Of keys whose default follows from others; undefined where there is none. */
function workedOut(
  key: string,
  { configuration, written }: LoadedConfig,
): SettingValue | undefined {
  const { listeners, acl, http } = configuration;
  const [section, index = "", name = ""] = key.split(".");
  const listener = section === "listener"
    ? listeners[placeAmongEnabled(written.listeners, Number(index))]
    : undefined;
  if (listener !== undefined && name === "allow_anonymous") return listener.allowAnonymous;
  if (listener !== undefined && name === "connect_rate") return listener.connectRate;
  if (listener !== undefined && name === "name") return listener.name;
  if (section === "http" && name === "name") {
    return http.listeners[placeAmongEnabled(written.http, Number(index))]?.name;
  }
  if (section === "app" && name === "name") return http.apps[Number(index)]?.name;
  if (key === "auth.allow_anonymous") return listeners.every((each) => each.allowAnonymous);
  if (key === "acl.no_match") return acl.file === "" ? "allow" : "deny";
  if (key === "api.smqtt.cors") return http.apis.smqtt.username === "";
  return undefined;
}

/** What is not enabled is written, and not there; -1: it is such a one. */
function placeAmongEnabled(
  all: readonly { readonly isEnabled: boolean }[],
  index: number,
): number {
  if (all[index]?.isEnabled !== true) return -1;
  return all.slice(0, index).filter(({ isEnabled }) => isEnabled).length;
}

const NAMES: Readonly<Record<Origin["from"], SettingView["origin"]>> = {
  file: "file",
  stored: "api",
  environment: "environment",
  flag: "flag",
};

function originName(loaded: LoadedConfig, path: KeyPath): SettingView["origin"] {
  const { from } = loaded.reader.originOf(path);
  // What the program brings along is the default, although it is a file.
  return from === "file" && !loaded.hasFile ? "default" : NAMES[from];
}
