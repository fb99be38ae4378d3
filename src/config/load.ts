import type { LogOptions } from "../base/mod.ts";
import type { MqttOptions } from "../broker/mod.ts";
import type { ListenerOptions } from "../transport/mod.ts";
import { formatBind, isLoopback } from "./address.ts";
import { DEFAULT_FILE } from "./default_text.ts";
import { ConfigError, type ConfigProblem, type Origin } from "./problem.ts";
import { ConfigReader } from "./reader.ts";
import { ROOT } from "./root.ts";
import { entriesOf } from "./schema.ts";
import type { ListenerKeys } from "./sections/listener.ts";
import type { NodeOptions } from "./sections/node.ts";
import type { PersistenceOptions } from "./sections/persistence.ts";
import { applySettings, type Setting, settingsFromEnvironment } from "./settings.ts";
import { readToml, type TomlTable } from "./toml_document.ts";

const FREE_PORT = { host: "127.0.0.1", port: 0, socketPath: undefined };

/** Everything that is set, worked out and checked. */
export interface Configuration {
  readonly node: NodeOptions;
  readonly log: LogOptions;
  /** At least one. */
  readonly listeners: readonly ListenerOptions[];
  readonly mqtt: MqttOptions;
  readonly persistence: PersistenceOptions;
  /** What is allowed but may not be what the operator expects. */
  readonly warnings: readonly string[];
}

export interface ConfigFile {
  /** For messages. */
  readonly name: string;
  readonly text: string;
}

/** Where a configuration comes from; later ones win. */
export interface ConfigSources {
  /** Undefined: the default that is part of the program. */
  readonly file: ConfigFile | undefined;
  /** All of it; what does not begin with `BROKER_` is passed over. */
  readonly environment: Readonly<Record<string, string>>;
  /** In the order of the command line. */
  readonly flags: readonly (Setting | ConfigProblem)[];
  /**
   * Nothing is kept on disk; a listener without a `bind` of its own takes a free port of 127.0.0.1, and anonymous
   * clients.
   */
  readonly isEphemeral: boolean;
}

/** Throws `ConfigError` with every problem there is. */
export function loadConfig(sources: ConfigSources): Configuration {
  const file = sources.file ?? DEFAULT_FILE;
  // What the program brings along must not count as a port that somebody asked for.
  const isUnasked = sources.file === undefined && sources.isEphemeral;
  const document = readToml(isUnasked ? "" : file.text);
  const fallback: Origin = { from: "file", file: file.name, position: undefined };
  const problems: ConfigProblem[] = document.problems.map(({ position, message }) => ({
    origin: fallback,
    position,
    key: undefined,
    found: `this is not TOML: ${message}`,
    allowed: undefined,
    suggestion: undefined,
  }));
  const origins = new Map<string, Origin>();
  for (const [path, position] of document.positions) {
    origins.set(path, { from: "file", file: file.name, position });
  }
  const root: TomlTable = { ...defaultTables(), ...document.root };
  problems.push(...applySettings(root, origins, settingsFromEnvironment(sources.environment)));
  problems.push(...applySettings(root, origins, sources.flags.filter((flag) => "path" in flag)));
  problems.push(...sources.flags.filter((flag) => "found" in flag));
  const reader = new ConfigReader(root, origins, fallback);
  const configuration = readAll(reader, sources.isEphemeral);
  problems.push(...reader.problems);
  if (problems.length > 0) throw new ConfigError(problems);
  return configuration;
}

/** The tables that are there where none is written. */
function defaultTables(): TomlTable {
  const root: TomlTable = {};
  for (const entry of entriesOf(ROOT)) {
    if (entry.shape === "tables" && entry.defaultCount === 1) root[entry.name] = [{}];
  }
  return root;
}

function readAll(reader: ConfigReader, isEphemeral: boolean): Configuration {
  const { node, log, mqtt, persistence: asked, auth, listeners: asWritten } = reader.read(ROOT);
  const persistence = isEphemeral ? { ...asked, enabled: false } : asked;
  const written = asWritten.map((listener, index) => {
    const isFree = isEphemeral && !reader.isWritten(["listener", index, "bind"]);
    return isFree ? { ...listener, bind: FREE_PORT } : listener;
  });
  if (reader.problems.length === 0) complainOfSharedBinds(reader, written);
  const warnings: string[] = [];
  const isAllLoopback = written.every((listener) => isLoopback(listener.bind.host));
  const listeners = written.map((listener, index): ListenerOptions => {
    const isAsked = listener.allowAnonymous ?? auth.allowAnonymous;
    const isSafe = isAllLoopback || (isEphemeral && isLoopback(listener.bind.host));
    if (isAsked === undefined && !isSafe) warnings.push(refusalWarning(listener, index));
    const isFirst = written.findIndex(({ type }) => type === listener.type) === index;
    return {
      name: isFirst ? `${listener.type}:default` : `${listener.type}:${index + 1}`,
      type: listener.type,
      host: listener.bind.host,
      port: listener.bind.port,
      socketPath: undefined,
      socketMode: 0o660,
      wsPath: "/mqtt",
      origins: [],
      tls: undefined,
      peerCertAs: "none",
      proxyProtocol: false,
      trustedProxies: [],
      maxConnections: listener.maxConnections,
      maxConnectionsPerAddress: 0,
      connectRate: 0,
      mountpoint: "",
      allowAnonymous: isAsked ?? isSafe,
    };
  });
  return { node, log, listeners, mqtt, persistence, warnings };
}

function complainOfSharedBinds(reader: ConfigReader, listeners: readonly ListenerKeys[]): void {
  const taken = new Map<string, number>();
  for (const [index, { bind }] of listeners.entries()) {
    if (bind.port === 0) continue;
    const text = formatBind(bind);
    const other = taken.get(text);
    if (other === undefined) taken.set(text, index);
    else {
      reader.complain({
        path: ["listener", index, "bind"],
        at: "value",
        found: `"${text}", which listener.${other}.bind has already`,
        allowed: "an address and port for each listener, or port 0",
      });
    }
  }
}

function refusalWarning({ bind }: ListenerKeys, index: number): string {
  return `Listener ${
    formatBind(bind)
  } refuses clients without a user name, because a listener is ` +
    `not on loopback: set listener.${index}.allow_anonymous or auth.allow_anonymous to decide`;
}

/** What differs between two configurations, by when it can count. */
export interface ConfigChanges {
  readonly atReload: readonly string[];
  readonly afterRestart: readonly string[];
}

/** Compares by section; `listener` also stands for the keys of `[auth]` that it is worked out from. */
export function compareConfigurations(old: Configuration, next: Configuration): ConfigChanges {
  const parts = [
    ["node", "after restart", old.node, next.node],
    ["log", "at reload", old.log, next.log],
    ["listener", "after restart", old.listeners, next.listeners],
    ["mqtt", "at reload", old.mqtt, next.mqtt],
    ["persistence", "after restart", old.persistence, next.persistence],
  ] as const;
  const atReload: string[] = [];
  const afterRestart: string[] = [];
  for (const [name, applies, before, after] of parts) {
    // Both are made by the same code from the same schema, so their fields have the same order.
    if (JSON.stringify(before) === JSON.stringify(after)) continue;
    (applies === "at reload" ? atReload : afterRestart).push(name);
  }
  return { atReload, afterRestart };
}
