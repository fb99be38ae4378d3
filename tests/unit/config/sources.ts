/** Configurations for tests, from text instead of files. */
import { assertThrows } from "@std/assert";
import {
  ConfigError,
  type ConfigSources,
  type Configuration,
  formatProblem,
  type LoadedConfig,
  loadSources,
  settingFromFlag,
} from "../../../src/config/mod.ts";

export interface Given {
  readonly file?: string;
  readonly stored?: Readonly<Record<string, unknown>>;
  readonly environment?: Record<string, string>;
  readonly sets?: readonly string[];
  readonly isEphemeral?: boolean;
}

function sources(given: Given): ConfigSources {
  return {
    file: given.file === undefined ? undefined : { name: "b.toml", text: given.file },
    stored: new Map(Object.entries(given.stored ?? {})),
    environment: given.environment ?? {},
    flags: (given.sets ?? []).map(settingFromFlag),
    isEphemeral: given.isEphemeral ?? false,
  };
}

export function loadAll(given: Given): LoadedConfig {
  return loadSources(sources(given));
}

export function load(given: Given): Configuration {
  return loadAll(given).configuration;
}

export function problemsOf(given: Given): string[] {
  const error = assertThrows(() => loadAll(given), ConfigError);
  return error.problems.map(formatProblem);
}
