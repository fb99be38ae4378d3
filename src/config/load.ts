import type { Bind } from "./address.ts";
import { assemble, checkWritten, type Configuration } from "./assemble.ts";
import type { Complain } from "./checks/complain.ts";
import { DEFAULT_FILE } from "./default_text.ts";
import { ConfigError, type ConfigProblem, type Origin } from "./problem.ts";
import { ConfigReader } from "./reader.ts";
import { ROOT, type Written } from "./root.ts";
import { entriesOf } from "./schema.ts";
import {
  applySettings,
  type Setting,
  settingsFromEnvironment,
  settingsFromStore,
} from "./settings.ts";
import { readToml, type TomlTable } from "./toml_document.ts";

const FREE_PORT = { host: "127.0.0.1", port: 0, socketPath: undefined };

export interface ConfigFile {
  /** For messages. */
  readonly name: string;
  readonly text: string;
}

/** Where a configuration comes from; later ones win. */
export interface ConfigSources {
  /** Undefined: the default that is part of the program. */
  readonly file: ConfigFile | undefined;
  /** Settings that were made through an API, by dotted key, in the order in which they were made. */
  readonly stored?: ReadonlyMap<string, unknown>;
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

/** A configuration, and where it comes from. */
export interface LoadedConfig {
  readonly configuration: Configuration;
  /** Every key with its value, before anything was worked out of them. */
  readonly written: Written;
  readonly isEphemeral: boolean;
  readonly reader: ConfigReader;
  /** Whether there is a file of the operator's. */
  readonly hasFile: boolean;
}

/** Throws `ConfigError` with every problem there is. */
export function loadConfig(sources: ConfigSources): Configuration {
  return loadSources(sources).configuration;
}

/** What holds where nobody has configured anything, and nothing is kept. */
export function standardConfiguration(): Configuration {
  return loadConfig({ file: undefined, environment: {}, flags: [], isEphemeral: true });
}

/** As `loadConfig`, with what a reload and a query of settings need to know. */
export function loadSources(sources: ConfigSources): LoadedConfig {
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
  problems.push(...applySettings(root, origins, settingsFromStore(sources.stored ?? new Map())));
  problems.push(...applySettings(root, origins, settingsFromEnvironment(sources.environment)));
  problems.push(...applySettings(root, origins, sources.flags.filter((flag) => "path" in flag)));
  problems.push(...sources.flags.filter((flag) => "found" in flag));
  const reader = new ConfigReader(root, origins, fallback);
  const written = readWritten(reader, sources.isEphemeral);
  const unsound = new Set(reader.problems.map(({ key }) => key?.split(".", 1)[0]));
  // Lines that are no TOML may be anything.
  const isSound = (section: string): boolean => problems.length === 0 && !unsound.has(section);
  checkWritten(complainTo(reader), written, isSound);
  problems.push(...reader.problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const { isEphemeral } = sources;
  const configuration = assemble(written, isEphemeral);
  const hasFile = sources.file !== undefined;
  return { configuration, written, isEphemeral, reader, hasFile };
}

/** Blames whoever wrote the value. */
export function complainTo(reader: ConfigReader): Complain {
  return (path, found, allowed) => reader.complain({ path, at: "value", found, allowed });
}

/** The tables that are there where none is written. */
function defaultTables(): TomlTable {
  const root: TomlTable = {};
  for (const entry of entriesOf(ROOT)) {
    if (entry.shape === "tables" && entry.defaultCount === 1) root[entry.name] = [{}];
  }
  return root;
}

function readWritten(reader: ConfigReader, isEphemeral: boolean): Written {
  const written = reader.read(ROOT);
  if (!isEphemeral) return written;
  const withFreePort = <T extends { readonly bind: Bind }>(elements: readonly T[], name: string) =>
    elements.map((each, index) =>
      reader.isWritten([name, index, "bind"]) ? each : { ...each, bind: FREE_PORT }
    );
  return {
    ...written,
    listeners: withFreePort(written.listeners, "listener"),
    http: withFreePort(written.http, "http"),
  };
}
