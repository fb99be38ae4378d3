/** The table of the README, made of the schema and of the comments of `config/broker.toml`. */
import { DEFAULT_FILE } from "../../../src/config/mod.ts";
import { keysOf, SCHEMA, type SectionName } from "../../../src/config/schema.ts";

/** One key as `config/broker.toml` writes it, also where it is commented out. */
export interface WrittenKey {
  readonly section: string;
  readonly name: string;
  /** As it stands there, in TOML. */
  readonly value: string;
  /** Whether the line is a comment, because the default follows from other keys. */
  readonly isCommentedOut: boolean;
  /** The comment above it, in one line; empty when there is none. */
  readonly comment: string;
}

export function writtenKeys(source: string = DEFAULT_FILE.text): WrittenKey[] {
  const keys: WrittenKey[] = [];
  let section = "";
  let comment: string[] = [];
  for (const line of source.split("\n")) {
    const header = /^\[\[?(\w+)\]\]?$/.exec(line);
    const key = /^(# )?([a-z0-9_]+) = (.+)$/.exec(line);
    if (header !== null) section = header[1] ?? "";
    if (key !== null) {
      const [, mark, name = "", value = ""] = key;
      const isCommentedOut = mark !== undefined;
      keys.push({ section, name, value, isCommentedOut, comment: comment.join(" ") });
    }
    comment = key === null && line.startsWith("# ") ? [...comment, line.slice(2)] : [];
  }
  return keys;
}

export function configTable(): string {
  const written = writtenKeys();
  const rows = (Object.keys(SCHEMA) as SectionName[]).flatMap((section) =>
    keysOf(SCHEMA[section]).map((key) => {
      const found = written.find((each) => each.section === section && each.name === key.name);
      const name = SCHEMA[section].isRepeated
        ? `[[${section}]] ${key.name}`
        : `${section}.${key.name}`;
      const standard = found === undefined || found.isCommentedOut ? "" : `\`${found.value}\``;
      return [`\`${name}\``, standard, key.kind.allowed, found?.comment ?? ""];
    })
  );
  return markdownTable([["key", "default", "allowed", "meaning"], ...rows]);
}

/** With its columns filled up, as the formatter wants it. */
function markdownTable(rows: readonly (readonly string[])[]): string {
  const [head = [], ...body] = rows;
  const widths = head.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)));
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column]!)).join(" | ")} |`;
  const rule = line(widths.map((width) => "-".repeat(width)));
  return [line(head), rule, ...body.map(line), ""].join("\n");
}
