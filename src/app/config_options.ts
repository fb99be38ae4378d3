import { LOG_FORMATS, LOG_LEVELS } from "../base/mod.ts";
import type { Option, ParsedOptions } from "./options.ts";

/** What of the command line decides the configuration. */
export interface ConfigArguments {
  /** Undefined: the default that is part of the program. */
  readonly configFile: string | undefined;
  /** Each as `KEY=VALUE`. */
  readonly sets: readonly string[];
  readonly logLevel: string | undefined;
  readonly logFormat: string | undefined;
  readonly isEphemeral: boolean;
}

/** Where the configuration comes from. */
export const FILE_OPTIONS: readonly Option[] = [
  {
    name: "config",
    letter: "c",
    value: "FILE",
    completes: "file",
    help: "configuration in TOML; without it the built-in default",
  },
  {
    name: "set",
    value: "KEY=VALUE",
    completes: "setting",
    help:
      "one key, dotted, with its value in TOML or as a bare word; wins over file and environment, " +
      "repeatable",
  },
];

/** What everything has that reads the configuration of a broker that is to run. */
export const CONFIG_OPTIONS: readonly Option[] = [
  ...FILE_OPTIONS,
  {
    name: "ephemeral",
    help: "nothing is written to disk; a listener without a port of its own takes a free one on " +
      "127.0.0.1, where anonymous clients are allowed",
  },
  // What is allowed is said with the other problems of the configuration.
  { name: "log-level", value: "LEVEL", suggests: LOG_LEVELS, help: LOG_LEVELS.join(", ") },
  { name: "log-format", value: "FORMAT", suggests: LOG_FORMATS, help: LOG_FORMATS.join(", ") },
];

export const SOURCES_TEXT =
  "Every key can also be set by the environment: BROKER_ and the key, with __ for dots, such as\n" +
  "BROKER_MQTT__MAX_QOS=1.";

export function readConfigArguments(parsed: ParsedOptions): ConfigArguments {
  return {
    configFile: parsed.text("config"),
    sets: parsed.texts("set"),
    logLevel: parsed.text("log-level"),
    logFormat: parsed.text("log-format"),
    isEphemeral: parsed.has("ephemeral"),
  };
}
