import {
  ConfigError,
  type ConfigFile,
  type ConfigSources,
  type Configuration,
  formatProblem,
  type LoadedConfig,
  loadSources,
  namedFiles,
  type Setting,
  settingFromFlag,
  unreadableFile,
} from "../config/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import { readAclPolicy } from "./acl.ts";
import type { ConfigArguments } from "./config_options.ts";

/** What the configuration is read with; a part of `Runtime`. */
export type ConfigReaderRuntime = Pick<Runtime, "environment" | "readTextFile">;

/** The configuration, or a line for each problem that it has; never both, never neither. */
export type ConfigResult =
  | {
    readonly configuration: Configuration;
    readonly loaded: LoadedConfig;
    readonly problems: undefined;
  }
  | {
    readonly configuration: undefined;
    readonly loaded: undefined;
    readonly problems: readonly string[];
  };

/**
 * Reads all sources anew, so it serves the start as well as every reload. `stored`: what was set through an API, which
 * wins over the file and nothing else.
 */
export async function readConfiguration(
  runtime: ConfigReaderRuntime,
  args: ConfigArguments,
  stored: ReadonlyMap<string, unknown> = new Map(),
): Promise<ConfigResult> {
  const file = await readFile(runtime, args.configFile);
  if (typeof file === "string") return refused([file]);
  const sources: ConfigSources = {
    file,
    stored,
    environment: runtime.environment(),
    flags: [...args.sets.map(settingFromFlag), ...logSettings(args)],
    isEphemeral: args.isEphemeral,
  };
  try {
    const loaded = loadSources(sources);
    return { configuration: loaded.configuration, loaded, problems: undefined };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return refused(error.problems.map(formatProblem));
  }
}

/**
 * As `readConfiguration`, and reads every file that it names. What is wrong in the rules of `acl.file` is wrong here,
 * the contents of the others are for those who use them.
 */
export async function readWholeConfiguration(
  runtime: ConfigReaderRuntime,
  args: ConfigArguments,
  stored: ReadonlyMap<string, unknown> = new Map(),
): Promise<ConfigResult> {
  const result = await readConfiguration(runtime, args, stored);
  if (result.configuration === undefined) return result;
  const unreadable = await unreadableFiles(runtime, result.loaded);
  if (unreadable.length > 0) return refused(unreadable);
  const { problems } = await readAclPolicy(runtime, result.configuration.acl);
  return problems === undefined ? result : refused(problems);
}

async function unreadableFiles(
  runtime: ConfigReaderRuntime,
  loaded: LoadedConfig,
): Promise<readonly string[]> {
  const problems: string[] = [];
  for (const named of namedFiles(loaded)) {
    try {
      await runtime.readTextFile(named.file);
    } catch (error) {
      problems.push(formatProblem(unreadableFile(loaded, named, textOf(error))));
    }
  }
  return problems;
}

function refused(problems: readonly string[]): ConfigResult {
  return { configuration: undefined, loaded: undefined, problems };
}

/** The problem as text when it cannot be read. */
async function readFile(
  runtime: ConfigReaderRuntime,
  path: string | undefined,
): Promise<ConfigFile | string | undefined> {
  if (path === undefined) return undefined;
  try {
    return { name: path, text: await runtime.readTextFile(path) };
  } catch (error) {
    return `${path}: Cannot read configuration file: ${textOf(error)}`;
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function logSettings(args: ConfigArguments): readonly Setting[] {
  const settings: Setting[] = [];
  const add = (flag: string, key: string, text: string | undefined): void => {
    if (text !== undefined) {
      settings.push({ origin: { from: "flag", flag }, path: ["log", key], text });
    }
  };
  add("--log-level", "level", args.logLevel);
  add("--log-format", "format", args.logFormat);
  return settings;
}
