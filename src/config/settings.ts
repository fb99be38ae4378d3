import { nearest } from "../base/mod.ts";
import { environmentName, formatPath, type KeyPath } from "./key_path.ts";
import type { ConfigProblem, Origin } from "./problem.ts";
import { ROOT } from "./root.ts";
import { keyAt, knownKeys, tablesForAll, toPath } from "./schema_walk.ts";
import { isTable, readTomlKey, readTomlValue, type TomlTable } from "./toml_document.ts";

/** One key from outside the file. */
export type Setting =
  & {
    readonly origin: Origin;
    readonly path: KeyPath;
  }
  & (
    /** As it was given: TOML, or a bare word. */
    | { readonly text: string }
    /** As TOML would have it. */
    | { readonly value: unknown }
  );

const PREFIX = "BROKER_";
/**
 * What Kubernetes tells every container of a service that is called "broker", and what `broker exec` tells its command,
 * which may be one of ours.
 */
const FOREIGN = /^BROKER_(?:(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)|HTTP_URL$)/;

/** `BROKER_MQTT__MAX_QOS=1` is `mqtt.max_qos = 1`; variables without the prefix are not ours. */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string>>,
): readonly Setting[] {
  const isOurs = (name: string): boolean => name.startsWith(PREFIX) && !FOREIGN.test(name);
  return Object.keys(environment).filter(isOurs).sort().map((name) => ({
    origin: { from: "environment", name },
    path: withIndexes(name.slice(PREFIX.length).toLowerCase().split("__")),
    text: environment[name] ?? "",
  }));
}

/** Settings by dotted key, as `storedPath` reads it. */
export function settingsFromStore(stored: ReadonlyMap<string, unknown>): readonly Setting[] {
  return [...stored].map(([dotted, value]) => ({
    origin: { from: "stored" },
    path: storedPath(dotted) ?? [dotted],
    // Other settings may put something into it.
    value: structuredClone(value),
  }));
}

/** A dotted key as a path; undefined when it is none. */
export function storedPath(dotted: string): KeyPath | undefined {
  const path = readTomlKey(dotted);
  return path === undefined ? undefined : withIndexes(path);
}

/** `KEY=VALUE` of `--set`; the problem when it has not this form. */
export function settingFromFlag(argument: string): Setting | ConfigProblem {
  const [, keyText = argument, text] = /^([^=]*)=(.*)$/s.exec(argument) ?? [];
  const origin: Origin = { from: "flag", flag: `--set ${keyText}` };
  const path = text === undefined ? undefined : readTomlKey(keyText.trim());
  if (text !== undefined && path !== undefined) return { origin, path: withIndexes(path), text };
  return {
    origin,
    position: undefined,
    key: undefined,
    found: text === undefined ? "there is no value" : "the key is not a dotted key of TOML",
    allowed: "KEY=VALUE, such as mqtt.max_qos=1 or listener.0.bind=127.0.0.1:0",
    suggestion: undefined,
  };
}

/**
 * Puts the settings of one source into the tree, later ones over earlier ones. What stands for all tables of a
 * `[[section]]` comes last, so that it finds them all, and leaves those alone that the same source sets by themselves.
 */
export function applySettings(
  root: TomlTable,
  origins: Map<string, Origin>,
  settings: readonly Setting[],
): readonly ConfigProblem[] {
  const isOwn = (setting: Setting): boolean => tablesForAll(ROOT, setting.path) === undefined;
  const own = settings.filter(isOwn);
  const problems = own.map((setting) => applySetting(root, origins, setting));
  const set = new Set(own.map(({ path }) => formatPath(path)));
  for (const setting of settings) {
    const all = tablesForAll(ROOT, setting.path);
    if (all === undefined) continue;
    const elements = root[all.tables.name];
    const count = Array.isArray(elements) ? elements.length : 0;
    for (let index = 0; index < count; index++) {
      const path = [all.tables.name, index, all.name];
      if (set.has(formatPath(path))) continue;
      problems.push(applySetting(root, origins, { ...setting, path }));
    }
  }
  return problems.filter((problem) => problem !== undefined);
}

/** Puts the setting into the tree. Undefined when that went well. */
function applySetting(
  root: TomlTable,
  origins: Map<string, Origin>,
  setting: Setting,
): ConfigProblem | undefined {
  const { path, origin } = setting;
  const value = valueOf(setting);
  if (value === undefined) return badValue(setting);
  let at: unknown = root;
  for (const [depth, segment] of path.entries()) {
    const place = path.slice(0, depth + 1);
    if (!canHold(at, segment)) return badPlace(setting, path.slice(0, depth), at);
    const isLast = depth === path.length - 1;
    if (isLast) put(at, segment, value.value);
    else if (get(at, segment) === undefined) {
      put(at, segment, typeof path[depth + 1] === "number" ? [] : {});
      origins.set(formatPath(place), origin);
    }
    if (isLast) forget(origins, place);
    at = get(at, segment);
  }
  origins.set(formatPath(path), origin);
  return undefined;
}

/** The full path of the key that a wrong one from outside the file was probably meant to be. */
export function nearestPath(path: KeyPath, origin: Origin): string | undefined {
  const name = origin.from === "environment" ? environmentName : formatPath;
  const candidates = knownKeys(ROOT).map(({ pattern }) => name(toPath(pattern, path)));
  const found = nearest(name(path), candidates);
  return found === name(path) ? undefined : found;
}

/** Every key as `--set` takes it, the first table of each `[[section]]`. */
export function settableKeys(): readonly string[] {
  return knownKeys(ROOT).map(({ pattern }) => formatPath(toPath(pattern, [])));
}

function withIndexes(segments: readonly string[]): KeyPath {
  return segments.map((segment) => /^\d{1,6}$/.test(segment) ? Number(segment) : segment);
}

/** Undefined when the text begins as TOML would but is none. */
function valueOf(setting: Setting): { readonly value: unknown } | undefined {
  if ("value" in setting) return { value: setting.value };
  const { path, text } = setting;
  const isQuoted = /^\s*["']/.test(text);
  const found = keyAt(ROOT, path);
  const isText = found !== undefined &&
    (found.key.kind.isMap === true ? found.beyond.length === 1 : found.key.kind.isText);
  // So that names made of digits and addresses in brackets need no quotes.
  if (isText && !isQuoted) return { value: text };
  if (found?.key.kind.isList === true && !/^\s*[\["']/.test(text)) {
    return { value: text.trim() === "" ? [] : text.split(",").map((word) => word.trim()) };
  }
  const parsed = readTomlValue(text);
  if (parsed !== undefined) return parsed;
  return /^\s*["'[{]/.test(text) ? undefined : { value: text };
}

function canHold(at: unknown, segment: string | number): at is TomlTable | unknown[] {
  if (typeof segment === "number") return Array.isArray(at) && segment <= at.length;
  return isTable(at);
}

function get(at: TomlTable | unknown[], segment: string | number): unknown {
  if (Array.isArray(at)) return at[Number(segment)];
  return Object.hasOwn(at, segment) ? at[segment] : undefined;
}

function put(at: TomlTable | unknown[], segment: string | number, value: unknown): void {
  // Not by assignment: a key may be called "__proto__".
  Object.defineProperty(at, segment, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  });
}

/** What stood inside a value that has been replaced has no place any more. */
function forget(origins: Map<string, Origin>, path: KeyPath): void {
  const prefix = `${formatPath(path)}.`;
  for (const key of origins.keys()) if (key.startsWith(prefix)) origins.delete(key);
}

function badValue({ origin, path }: Setting): ConfigProblem {
  return {
    origin,
    position: undefined,
    key: formatPath(path),
    found: "a value that is not TOML",
    allowed: keyAt(ROOT, path)?.key.kind.allowed ?? "a value in TOML syntax, or a bare word",
    suggestion: undefined,
  };
}

function badPlace({ origin, path }: Setting, place: KeyPath, at: unknown): ConfigProblem {
  const where = formatPath(place);
  const [found, allowed] = Array.isArray(at)
    ? [`no such entry of ${where}`, `${where}.0 to ${where}.${at.length}; the last one is appended`]
    // Not the value itself: what is set below a wrong key may be a secret.
    : [`${where || "the configuration"}, which is no ${arrayOrTable(path, place)}`, "another key"];
  const suggestion = nearestPath(path, origin);
  return { origin, position: undefined, key: formatPath(path), found, allowed, suggestion };
}

function arrayOrTable(path: KeyPath, place: KeyPath): string {
  return typeof path[place.length] === "number" ? "array" : "table";
}
