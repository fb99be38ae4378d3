import { BRIDGE_OPTIONS, translateBridges } from "./bridge_options.ts";
import { type ConfLine, placeOf, type ReadConf } from "./conf_lines.ts";
import { Draft } from "./draft.ts";
import {
  GENERAL_OPTIONS,
  isPluginOption,
  PLUGIN_OPTION,
  SECURITY_OPTIONS,
  translateLogTypes,
} from "./general_options.ts";
import { type ConfListener, LISTENER_OPTIONS, translateListener } from "./listener_options.ts";
import { readBoolean, readInteger, type Translate, wrongValue } from "./values.ts";

const DEFAULT_PORT = 1883;
const PORT_MAX = 65_535;
const LONGEST_S = 0xffff_ffff;
/** Of these a later line does not replace the one before it. */
const REPEATABLE = /^(?:log_type|log_dest|auth_plugin|plugin|plugin_load|plugin_use)$/;

interface Sorted {
  readonly general: ConfLine[];
  readonly defaultListener: ConfListener & { readonly options: Map<string, ConfLine> };
  readonly listeners: (ConfListener & { readonly options: Map<string, ConfLine> })[];
  readonly bridges: ConfLine[];
}

/** A configuration of mosquitto 2 in our words. Every line becomes a key or a remark. */
export function translateConf({ lines, includes }: ReadConf): Draft {
  const draft = new Draft();
  for (const { from, fileCount, problem } of includes) {
    if (problem === undefined) draft.remark("needless", from, `its ${fileCount} files are in here`);
    else draft.remark("lost", from, problem);
  }
  const sorted = sort(lines, draft);
  translateGeneral(sorted.general, draft);
  const listeners = listenersOf(sorted, draft);
  const tables = listeners.map((listener) => ({
    listener,
    table: translateListener(listener, draft),
  }));
  shareListenerOption("max_qos", 2, listeners, draft);
  shareListenerOption("max_topic_alias", PORT_MAX, listeners, draft);
  shareSecurity(tables, draft);
  translateBridges(sorted.bridges, draft);
  const told = draft.linesTold();
  for (const line of lines) {
    if (!told.has(line)) draft.remark("differs", line, "another line decides the same");
  }
  draft.sortRemarks(lines);
  addDefaults(draft, sorted.listeners.length > 0 || isAsked(sorted.defaultListener));
  return draft;
}

/** Which listener or bridge a line belongs to is a matter of the lines before it. */
function sort(lines: readonly ConfLine[], draft: Draft): Sorted {
  const sorted: Sorted = {
    general: [],
    defaultListener: { begin: undefined, port: DEFAULT_PORT, host: undefined, options: new Map() },
    listeners: [],
    bridges: [],
  };
  let isPerListener = false;
  let isInBridge = false;
  for (const line of lines) {
    const { name } = line;
    const current = sorted.listeners.at(-1) ?? sorted.defaultListener;
    if (name === "per_listener_settings") {
      isPerListener = readBoolean(line.value) ?? false;
      draft.remark(
        "needless",
        line,
        "every [[listener]] has its own allow_anonymous; see the rest",
      );
    } else if (name === "connection" || (isInBridge && BRIDGE_OPTIONS.has(name))) {
      isInBridge = true;
      sorted.bridges.push(line);
    } else if (name === "listener") {
      const listener = beginListener(line, draft);
      if (listener !== undefined) sorted.listeners.push(listener);
      isInBridge = false;
    } else if (name === "port" || name === "bind_address") {
      replace(sorted.defaultListener.options, line, draft);
    } else if (LISTENER_OPTIONS.has(name) || (isPerListener && name in SECURITY_OPTIONS)) {
      replace(current.options, line, draft);
    } else if (BRIDGE_OPTIONS.has(name)) sorted.bridges.push(line);
    else sorted.general.push(line);
  }
  return sorted;
}

function beginListener(line: ConfLine, draft: Draft): Sorted["listeners"][number] | undefined {
  const [port = "", ...rest] = line.value.split(/\s+/);
  const host = rest.length > 0 ? rest.join(" ") : undefined;
  const isPath = host?.startsWith("/") === true;
  const number = readInteger(port, isPath ? 0 : 1, PORT_MAX);
  if (number !== undefined) return { begin: line, port: number, host, options: new Map() };
  wrongValue(line, draft, "a port, and an address or, behind port 0, the path of a Unix socket");
  return undefined;
}

function replace(options: Map<string, ConfLine>, line: ConfLine, draft: Draft): void {
  const before = options.get(line.name);
  if (before !== undefined) draft.remark("needless", before, `${placeOf(line)} says it again`);
  options.set(line.name, line);
}

function isAsked({ options }: ConfListener): boolean {
  return options.has("port") || options.has("bind_address");
}

function listenersOf({ defaultListener, listeners }: Sorted, draft: Draft): ConfListener[] {
  const { options } = defaultListener;
  if (isAsked(defaultListener)) {
    const port = options.get("port");
    const number = port === undefined ? DEFAULT_PORT : readInteger(port.value, 1, PORT_MAX);
    if (number === undefined && port !== undefined) wrongValue(port, draft, "a port");
    const host = options.get("bind_address")?.value;
    return [{ ...defaultListener, port: number ?? DEFAULT_PORT, host }, ...listeners];
  }
  if (listeners.length === 0) return [{ ...defaultListener, host: "127.0.0.1" }];
  for (const line of options.values()) {
    const why =
      "it stands before every listener, and is about the default one, which is not opened";
    draft.remark("lost", line, why);
  }
  return listeners;
}

function translateGeneral(lines: readonly ConfLine[], draft: Draft): void {
  const last = new Map<string, ConfLine>();
  for (const line of lines) {
    if (!REPEATABLE.test(line.name) && !isPluginOption(line.name)) replace(last, line, draft);
  }
  translateLogTypes(lines.filter(({ name }) => name === "log_type"), draft);
  for (const line of lines) {
    if (line.name === "log_type") continue;
    if (last.has(line.name) && last.get(line.name) !== line) continue;
    translatorOf(line.name)(line, draft);
  }
}

function translatorOf(name: string): Translate {
  if (isPluginOption(name)) return PLUGIN_OPTION;
  return GENERAL_OPTIONS[name] ?? SECURITY_OPTIONS[name] ??
    ((line, draft) => draft.remark("lost", line, "mosquitto 2 has no such option"));
}

/** Ours is the same for all listeners. */
function shareListenerOption(
  name: "max_qos" | "max_topic_alias",
  max: number,
  listeners: readonly ConfListener[],
  draft: Draft,
): void {
  const lines = listeners.flatMap(({ options }) => options.get(name) ?? []);
  const sound = lines.filter((line) => {
    const isSound = readInteger(line.value, 0, max) !== undefined;
    if (!isSound) wrongValue(line, draft, `a whole number from 0 to ${max}`);
    return isSound;
  });
  const [first] = sound;
  if (first === undefined) return;
  const isForAll = sound.length === listeners.length &&
    sound.every(({ value }) => Number(value) === Number(first.value));
  for (const line of isForAll ? sound.slice(1) : sound) {
    if (isForAll) draft.remark("needless", line, `${placeOf(first)} stands for all listeners`);
    else draft.remark("lost", line, `mqtt.${name} is the same for all listeners`);
  }
  if (isForAll) draft.section("mqtt").set(name, Number(first.value), first);
}

type Translated = {
  readonly listener: ConfListener;
  readonly table: ReturnType<typeof translateListener>;
};

/** What `per_listener_settings` says of each listener, as far as there is one of it here for all. */
function shareSecurity(translated: readonly Translated[], draft: Draft): void {
  for (const { listener: { options }, table } of translated) {
    const line = options.get("allow_anonymous");
    const value = line === undefined ? undefined : readBoolean(line.value);
    if (line !== undefined && value === undefined) wrongValue(line, draft, "true or false");
    else if (line !== undefined) table.set("allow_anonymous", value ?? false, line);
    for (const name of ["allow_zero_length_clientid", "auto_id_prefix"]) {
      const other = options.get(name);
      if (other !== undefined) translatorOf(name)(other, draft);
    }
  }
  for (const name of ["password_file", "acl_file"]) shareFile(name, translated, draft);
}

function shareFile(name: string, translated: readonly Translated[], draft: Draft): void {
  const lines = translated.flatMap(({ listener: { options } }) => options.get(name) ?? []);
  const [first, ...others] = lines;
  if (first === undefined) return;
  translatorOf(name)(first, draft);
  if (lines.length < translated.length) {
    draft.remark("differs", first, "here it counts for all listeners");
  }
  for (const line of others) {
    if (line.value === first.value) {
      draft.remark("needless", line, `${placeOf(first)} stands for all listeners`);
    } else {draft.remark(
        "lost",
        line,
        "there is one such file for all listeners: put them together",
      );}
  }
}

/** Where mosquitto does something without being told, and this broker something else. */
function addDefaults(draft: Draft, hasListeners: boolean): void {
  const isDecided = draft.listeners.every((table) => table.entries.has("allow_anonymous"));
  if (!isDecided) {
    draft.section("auth").setDefault(
      "allow_anonymous",
      !hasListeners,
      hasListeners
        ? "mosquitto's default where there is a listener"
        : "mosquitto's default where there is no listener",
    );
  }
  draft.section("persistence").setDefault("enabled", false, "mosquitto's default; here true");
  const mqtt = draft.section("mqtt");
  mqtt.setDefault("max_packet_size", "256MB", "mosquitto has no limit; the default here is 1MB");
  mqtt.setDefault("max_retained_payload", "256MB", "the same; the default here is 1MB");
  mqtt.setDefault("max_inflight", 20, "mosquitto's default; here 32");
  mqtt.setDefault("receive_maximum", 20, "mosquitto's default; here 100");
  mqtt.setDefault(
    "queue_full",
    "drop_newest",
    "as mosquitto does; the default here is drop_oldest",
  );
  mqtt.setDefault("session_expiry_3x", LONGEST_S, "mosquitto has no limit; the default here is 2h");
  mqtt.setDefault(
    "max_session_expiry",
    LONGEST_S,
    "mosquitto has no limit; the default here is 30d",
  );
  mqtt.setDefault("max_will_delay", LONGEST_S, "mosquitto has no limit; the default here is 1d");
  mqtt.setDefault("max_topic_levels", 200, "mosquitto's limit; the default here is 128");
  mqtt.setDefault("sys_interval", "10s", "mosquitto's default; here 60s");
}
