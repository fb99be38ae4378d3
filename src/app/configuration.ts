import {
  ConfigError,
  type ConfigFile,
  type ConfigSources,
  type Configuration,
  formatProblem,
  loadConfig,
  type Setting,
  settingFromFlag,
} from "../config/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import type { ConfigArguments } from "./command_line.ts";

/** What the configuration is read with; a part of `Runtime`. */
export type ConfigReaderRuntime = Pick<Runtime, "environment" | "readTextFile">;

/** The configuration, or a line for each problem that it has; never both, never neither. */
export type ConfigResult =
  | { readonly configuration: Configuration; readonly problems: undefined }
  | { readonly configuration: undefined; readonly problems: readonly string[] };

/** Reads all sources anew, so it serves the start as well as every reload. */
export async function readConfiguration(
  runtime: ConfigReaderRuntime,
  args: ConfigArguments,
): Promise<ConfigResult> {
  const file = await readFile(runtime, args.configFile);
  if (typeof file === "string") return { configuration: undefined, problems: [file] };
  const sources: ConfigSources = {
    file,
    environment: runtime.environment(),
    flags: [...args.sets.map(settingFromFlag), ...logSettings(args)],
    isEphemeral: args.isEphemeral,
  };
  try {
    return { configuration: loadConfig(sources), problems: undefined };
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return { configuration: undefined, problems: error.problems.map(formatProblem) };
  }
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
    return `${path}: Cannot read configuration file: ${
      error instanceof Error ? error.message : String(error)
    }`;
  }
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
