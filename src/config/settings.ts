import { environmentName, formatPath, type KeyPath } from "./key_path.ts";
import type { ConfigProblem, Origin } from "./problem.ts";
import { type Key, keysOf, SCHEMA, sectionByName, type SectionName } from "./schema.ts";
import { nearest } from "./suggest.ts";
import { isTable, readTomlKey, readTomlValue, type TomlTable } from "./toml_document.ts";

/** One key from the command line or the environment. */
export interface Setting {
  readonly origin: Origin;
  readonly path: KeyPath;
  /** As it was given: TOML, or a bare word. */
  readonly text: string;
}

const PREFIX = "BROKER_";
/** What Kubernetes tells every container of a service that is called "broker". */
const FOREIGN = /^BROKER_(?:SERVICE_(?:HOST|PORT)|PORT)(?:_|$)/;

/** `BROKER_MQTT__MAX_QOS=1` is `mqtt.max_qos = 1`; variables without the prefix are not ours. */
export function settingsFromEnvironment(
  environment: Readonly<Record<string, string>>,
): readonly Setting[] {
  const isOurs = (name: string): boolean => name.startsWith(PREFIX) && !FOREIGN.test(name);
  return Object.keys(environment).filter(isOurs).sort().map((name) => ({
    origin: { from: "environment", name },
    path: toPath(name.slice(PREFIX.length).toLowerCase().split("__")),
    text: environment[name] ?? "",
  }));
}

/** `KEY=VALUE` of `--set`; the problem when it has not this form. */
export function settingFromFlag(argument: string): Setting | ConfigProblem {
  const [, keyText = argument, text] = /^([^=]*)=(.*)$/s.exec(argument) ?? [];
  const origin: Origin = { from: "flag", flag: `--set ${keyText}` };
  const path = text === undefined ? undefined : readTomlKey(keyText.trim());
  if (text !== undefined && path !== undefined) return { origin, path: toPath(path), text };
  return {
    origin,
    position: undefined,
    key: undefined,
    found: text === undefined ? "there is no value" : "the key is not a dotted key of TOML",
    allowed: "KEY=VALUE, such as mqtt.max_qos=1 or listener.0.bind=127.0.0.1:0",
    suggestion: undefined,
  };
}

/** Puts the setting into the tree. Undefined when that went well. */
export function applySetting(
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

/** The key at `path`, if the schema has it. */
export function keyAt(path: KeyPath): Key<unknown> | undefined {
  const [name, ...rest] = path;
  const section = typeof name === "string" ? sectionByName(name) : undefined;
  if (section === undefined) return undefined;
  const [keyName, ...deeper] = section.isRepeated ? rest.slice(1) : rest;
  return deeper.length > 0 ? undefined : keysOf(section).find((key) => key.name === keyName);
}

/** The full path of the key that a wrong one from outside the file was probably meant to be. */
export function nearestPath(path: KeyPath, origin: Origin): string | undefined {
  const name = origin.from === "environment" ? environmentName : formatPath;
  const index = path.find((segment) => typeof segment === "number") ?? 0;
  const candidates = (Object.keys(SCHEMA) as SectionName[]).flatMap((section) =>
    keysOf(SCHEMA[section]).map((key) =>
      name(SCHEMA[section].isRepeated ? [section, index, key.name] : [section, key.name])
    )
  );
  const found = nearest(name(path), candidates);
  return found === name(path) ? undefined : found;
}

function toPath(segments: readonly string[]): KeyPath {
  return segments.map((segment) => /^\d{1,6}$/.test(segment) ? Number(segment) : segment);
}

/** Undefined when the text begins as TOML would but is none. */
function valueOf({ path, text }: Setting): { readonly value: unknown } | undefined {
  const isQuoted = /^\s*["']/.test(text);
  // So that names made of digits and addresses in brackets need no quotes.
  if (keyAt(path)?.kind.isText && !isQuoted) return { value: text };
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
    allowed: keyAt(path)?.kind.allowed ?? "a value in TOML syntax, or a bare word",
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
