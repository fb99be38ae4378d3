import type { CommandTable, ParsedOptions } from "./options.ts";

/** What `broker import` is asked for. */
export interface ImportArguments {
  readonly file: string;
  /** Undefined: standard output. */
  readonly output: string | undefined;
}

export const IMPORT_TABLE: CommandTable = {
  name: "import",
  summary: "Makes a configuration of Mosquitto's",
  usage: ["import MOSQUITTO.CONF [--output FILE]"],
  operandsMax: 1,
  operands: ["file"],
  introduction:
    `Reads mosquitto.conf of Mosquitto 2 with the folders that it includes, and writes TOML for this
broker, each key below a comment that names the line it comes from. Defaults of Mosquitto that are
not those of this broker are written out, so that clients notice no difference. A line that cannot
be translated, or need not be, is named on standard error with the reason, and in the output.

Password files and ACL files stay as they are: this broker reads them. The database does not.`,
  groups: [{
    title: "Options",
    options: [{
      name: "output",
      letter: "o",
      value: "FILE",
      completes: "file",
      help: "where to write; standard output without it. FILE must not exist",
    }],
  }],
  closing:
    `Exit status: 0 everything has been translated, 3 written, but not every line has a place here,
1 not written, 2 wrong command line.

Example:
  broker import /etc/mosquitto/mosquitto.conf -o broker.toml
  broker check --config broker.toml`,
};

export function readImport(parsed: ParsedOptions): ImportArguments | readonly string[] {
  const [file = ""] = parsed.operands;
  if (file === "") return ["import needs the path of a mosquitto.conf"];
  return { file, output: parsed.text("output") };
}
