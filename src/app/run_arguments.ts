import {
  CONFIG_OPTIONS,
  type ConfigArguments,
  FILE_OPTIONS,
  readConfigArguments,
  SOURCES_TEXT,
} from "./config_options.ts";
import type { CommandTable, Option, ParsedOptions } from "./options.ts";

export interface RunArguments extends ConfigArguments {
  readonly readyFile: string | undefined;
}

export interface BackupArguments extends ConfigArguments {
  /** Where the copy goes. */
  readonly file: string;
}

export const READY_FILE: Option = {
  name: "ready-file",
  value: "FILE",
  completes: "file",
  help: "receives a JSON object once every listener accepts",
};

export const RUN_TABLE: CommandTable = {
  name: "run",
  summary: "Runs the broker",
  usage: ["[run] [options]"],
  operandsMax: 0,
  groups: [{
    options: [...CONFIG_OPTIONS, READY_FILE],
  }],
  closing: `${SOURCES_TEXT}

Standard output carries one line, "ready" and the same JSON object; logs go to standard error.
SIGTERM and SIGINT stop the broker gracefully, a second one at once; SIGHUP reloads.

Exit status: 0 stopped, 1 could not start or could not write everything, 2 wrong configuration or
command line, 75 an API asks for another start.

Examples:
  broker --ephemeral
  broker --config broker.toml --log-level debug
  broker --set listener.0.bind=0.0.0.0:1883 --set auth.allow_anonymous=true`,
};

export function readRun(parsed: ParsedOptions): RunArguments {
  return { ...readConfigArguments(parsed), readyFile: parsed.text("ready-file") };
}

export const CHECK_TABLE: CommandTable = {
  name: "check",
  summary: "Prints every problem of the configuration",
  usage: ["check [options]"],
  operandsMax: 0,
  introduction:
    `Reads the configuration, and the certificates, password files and rules that it names, as the start
would, and starts nothing. Each problem is told with its file, line and column, the value that was
found and what is allowed.`,
  groups: [{ options: CONFIG_OPTIONS }],
  closing: `${SOURCES_TEXT}

Exit status: 0 no problem, 1 problems, 2 wrong command line.

Example:
  broker check --config broker.toml && systemctl reload broker`,
};

export const BACKUP_TABLE: CommandTable = {
  name: "backup",
  summary: "Copies the database of node.data_dir to FILE, also while a broker uses it",
  usage: ["backup FILE [options]"],
  operandsMax: 1,
  operands: ["file"],
  introduction:
    `FILE is made, complete and as the database was at one moment, or not at all; it must not exist.
Certificates and keys that were set through an API are in it, too; the configuration and the files
that it names are not.

To go back to it, stop the broker, remove broker.db, broker.db-wal and broker.db-shm from the data
directory, copy FILE there as broker.db and start the broker.`,
  groups: [{ options: FILE_OPTIONS }],
  closing: `${SOURCES_TEXT}

Exit status: 0 written, 1 not written, 2 wrong configuration or command line.

Example:
  broker backup "broker-$(date +%F).db" --config /etc/broker/broker.toml`,
};

export function readBackup(parsed: ParsedOptions): BackupArguments | readonly string[] {
  const [file = ""] = parsed.operands;
  if (file === "") return ["backup needs a FILE to write"];
  return { ...readConfigArguments(parsed), file };
}
