import { type ConfLine, placeOf, textOf } from "./conf_lines.ts";

export type TomlValue = string | number | boolean | readonly string[];

/** What was not simply put into other words. */
export interface Remark {
  readonly line: ConfLine;
  /** "needless": it is so anyhow, or means nothing here. "differs": translated, with a difference. "lost": not translated. */
  readonly kind: "needless" | "differs" | "lost";
  readonly text: string;
}

interface Entry {
  readonly value: TomlValue;
  /** A line that says where it comes from. */
  readonly comment: string;
  readonly from: readonly ConfLine[];
}

/** One table of TOML on its way. */
export class DraftTable {
  readonly header: string;
  readonly comments: string[] = [];
  readonly entries = new Map<string, Entry>();

  constructor(header: string) {
    this.header = header;
  }

  /** From one or more lines of the input. */
  set(key: string, value: TomlValue, ...from: readonly ConfLine[]): void {
    const comment = from.map((line) => `${placeOf(line)}: ${textOf(line)}`).join("; ");
    this.entries.set(key, { value, comment, from });
  }

  /** What mosquitto does without being told, and this broker does not. */
  setDefault(key: string, value: TomlValue, why: string): void {
    if (!this.entries.has(key)) this.entries.set(key, { value, comment: why, from: [] });
  }
}

const SECTIONS = ["node", "log", "mqtt", "persistence", "auth", "acl"] as const;
export type Section = (typeof SECTIONS)[number];

/** The configuration that is being made of another one, and all that has to be said about it. */
export class Draft {
  readonly listeners: DraftTable[] = [];
  readonly remarks: Remark[] = [];
  readonly #sections = new Map<Section, DraftTable>();

  section(name: Section): DraftTable {
    let table = this.#sections.get(name);
    if (table === undefined) this.#sections.set(name, table = new DraftTable(`[${name}]`));
    return table;
  }

  remark(kind: Remark["kind"], line: ConfLine, text: string): void {
    this.remarks.push({ kind, line, text });
  }

  /** Puts remarks into the order of the input. */
  sortRemarks(lines: readonly ConfLine[]): void {
    const places = new Map(lines.map((line, index) => [line, index]));
    const placeIn = ({ line }: Remark): number => places.get(line) ?? -1;
    this.remarks.sort((a, b) => placeIn(a) - placeIn(b));
  }

  /** Every line that became a key or a remark. */
  linesTold(): ReadonlySet<ConfLine> {
    const entries = [...this.#sections.values(), ...this.listeners]
      .flatMap((table) => [...table.entries.values()]);
    return new Set([
      ...entries.flatMap(({ from }) => from),
      ...this.remarks.map(({ line }) => line),
    ]);
  }

  /** TOML with a comment for each key. `origin`: the file that was translated. */
  text(origin: string): string {
    const tables = [
      ...["node" as const, "log" as const].map((name) => this.#sections.get(name)),
      ...this.listeners,
      ...SECTIONS.slice(2).map((name) => this.#sections.get(name)),
    ].filter((table) => table !== undefined && table.entries.size > 0) as DraftTable[];
    return [
      `# Made of ${oneLine(origin)} by "broker import".\n${this.#remarkText()}`,
      "# Mosquitto has no HTTP APIs. Without this line those of this broker are on 127.0.0.1:8080.\n" +
      "http = []\n",
      ...tables.map(tableText),
    ].join("\n");
  }

  #remarkText(): string {
    const groups = [
      ["lost", "Not translated:"],
      ["differs", "Translated, but not the same:"],
      ["needless", "Left out, because there is nothing to do:"],
    ] as const;
    return groups.map(([kind, title]) => {
      const remarks = this.remarks.filter((remark) => remark.kind === kind);
      if (remarks.length === 0) return "";
      return `#\n# ${title}\n${remarks.map((each) => `#   ${remarkLine(each)}\n`).join("")}`;
    }).join("");
  }
}

export function remarkLine({ line, text }: Remark): string {
  return oneLine(`${placeOf(line)}: ${hidden(line)}: ${text}`);
}

/** Passwords of bridges are nobody's business. */
function hidden(line: ConfLine): string {
  return /password|psk$|kpass/.test(line.name) && line.name !== "password_file"
    ? `${line.name} …`
    : textOf(line);
}

function tableText({ header, comments, entries }: DraftTable): string {
  const keys = [...entries].map(([key, { value, comment }]) =>
    `# ${oneLine(comment)}\n${key} = ${tomlText(value)}\n`
  );
  return `${header}\n${comments.map((each) => `# ${oneLine(each)}\n`).join("")}${keys.join("")}`;
}

function tomlText(value: TomlValue): string {
  if (typeof value === "string") return quoted(value);
  if (typeof value !== "object") return String(value);
  return `[${value.map(quoted).join(", ")}]`;
}

/** JSON's strings are TOML's, but for one character. */
function quoted(text: string): string {
  return JSON.stringify(text).replaceAll("\u007f", "\\u007f");
}

/** Comments may not hold control characters. */
function oneLine(text: string): string {
  return [...text].map((each) => each < " " || each === "\u007f" ? " " : each).join("");
}
