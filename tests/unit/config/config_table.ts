/** The table of the README, made of the schema and of the comments of `config/broker.toml`. */
import { DEFAULT_FILE } from "../../../src/config/mod.ts";
import { ROOT } from "../../../src/config/root.ts";
import { EACH, formatPattern, type KnownKey, knownKeys } from "../../../src/config/schema_walk.ts";

/** One key as `config/broker.toml` writes it, also where it is commented out. */
export interface WrittenKey {
  /** As its header has it: "mqtt", "auth.jwt". */
  readonly section: string;
  readonly name: string;
  /** As it stands there, in TOML. */
  readonly value: string;
  /** Whether the line is a comment, because the default follows from other keys. */
  readonly isCommentedOut: boolean;
  /** Whether the header of its table is a comment, because there is none by default. */
  readonly isInCommentedOut: boolean;
  /** The comment above it, in one line; empty when there is none. */
  readonly comment: string;
}

export function writtenKeys(source: string = DEFAULT_FILE.text): WrittenKey[] {
  const keys: WrittenKey[] = [];
  let section = "";
  let isInCommentedOut = false;
  let comment: string[] = [];
  for (const line of source.split("\n")) {
    const header = /^(# )?\[\[?([\w.]+)\]\]?$/.exec(line);
    const key = /^(# )?([a-z0-9_]+) = (.+)$/.exec(line);
    if (header !== null) {
      isInCommentedOut = header[1] !== undefined;
      section = header[2] ?? "";
    }
    if (key !== null) {
      const [, mark, name = "", value = ""] = key;
      const isCommentedOut = mark !== undefined;
      keys.push({
        section,
        name,
        value,
        isCommentedOut,
        isInCommentedOut,
        comment: comment.join(" "),
      });
    }
    const isText = key === null && header === null && line.startsWith("# ");
    comment = isText ? [...comment, line.slice(2)] : [];
  }
  return keys;
}

/** As `WrittenKey.section` and `name` have it. */
export function writtenName({ pattern }: KnownKey): string {
  return pattern.filter((segment) => segment !== EACH).join(".");
}

export function configTable(): string {
  const written = writtenKeys();
  const rows = knownKeys(ROOT).map((known) => {
    const { pattern, key } = known;
    const name = writtenName(known);
    const found = written.find((each) => `${each.section}.${each.name}` === name);
    const hasDefault = found !== undefined && key.default !== undefined;
    const standard = hasDefault ? `\`${found.value}\`` : key.isRequired ? "required" : "";
    const meaning = found?.comment ?? "";
    return [`\`${formatPattern(pattern)}\``, standard, key.kind.allowed, meaning, known.applies];
  });
  return markdownTable([["key", "default", "allowed", "meaning", "a change counts"], ...rows]);
}

/** With its columns filled up, as the formatter wants it. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|")));
  const [head = [], ...body] = cells;
  const widths = head.map((_, column) => Math.max(...cells.map((row) => row[column]!.length)));
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(head), rule, ...body.map(line), ""].join("\n");
}
