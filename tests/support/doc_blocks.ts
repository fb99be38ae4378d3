/**
 * What a document shows, and what is to be done with it. Comments in front of a fenced block, which a reader does not
 * see, say that:
 *
 *   <!-- docs: background -->        a broker that serves from here to the end of the document
 *   <!-- docs: with broker -->       a broker with its defaults serves meanwhile
 *   <!-- docs: stop -->              all of those end first
 *   <!-- docs: needs PROGRAM -->     left out where that is not installed
 *   <!-- docs: not run: REASON -->   a command that no test can run
 *   <!-- docs: file NAME -->         the contents of a file, for the commands that follow
 *   <!-- docs: output -->            lines that the commands in front of it print, in this order; "…" stands for anything
 */

export interface DocBlock {
  /** Of its first fence, from 1. */
  readonly line: number;
  readonly text: string;
  /** Behind the fence: "sh", "toml"; "" where there is none. */
  readonly language: string;
  readonly kind: "commands" | "file" | "output" | "other";
  /** Of a file. */
  readonly name: string;
  readonly isBackground: boolean;
  readonly stopsFirst: boolean;
  readonly isWithBroker: boolean;
  /** Programs. */
  readonly needs: readonly string[];
  /** Undefined: it is run. */
  readonly whyNotRun: string | undefined;
}

const MARKER = /^<!-- docs: (.*) -->$/;
const COMMAND_LANGUAGES = ["sh", "bash", "console", "shell"];

/** Throws where a marker is none that is known, or stands before nothing. */
export function docBlocks(text: string): DocBlock[] {
  const blocks: DocBlock[] = [];
  const lines = text.split("\n");
  let markers: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? "";
    const [, marker] = MARKER.exec(line) ?? [];
    const [, fence, language = ""] = /^(`{3,})(\w*)$/.exec(line) ?? [];
    if (marker !== undefined) markers.push(marker);
    else if (fence !== undefined) {
      const end = lines.indexOf(fence, at + 1);
      if (end < 0) {
        throw new Error(`Cannot read the document: the block of line ${at + 1} has no end`);
      }
      blocks.push(blockOf(at + 1, lines.slice(at + 1, end).join("\n"), language, markers));
      markers = [];
      at = end;
    } else if (line !== "" && markers.length > 0) {
      throw new Error(
        `Cannot read the document: the markers above line ${at + 1} belong to no block`,
      );
    }
  }
  return blocks;
}

function blockOf(
  line: number,
  text: string,
  language: string,
  markers: readonly string[],
): DocBlock {
  const value = (prefix: string): string[] =>
    markers.filter((marker) => marker.startsWith(prefix)).map((marker) =>
      marker.slice(prefix.length)
    );
  const known = /^(?:background|stop|with broker|output|needs \S+|not run: .{5,}|file \S+)$/;
  const wrong = markers.find((marker) => !known.test(marker));
  if (wrong !== undefined) throw new Error(`Cannot read the document: line ${line} has "${wrong}"`);
  const [name = ""] = value("file ");
  const kind = name !== ""
    ? "file"
    : markers.includes("output")
    ? "output"
    : COMMAND_LANGUAGES.includes(language)
    ? "commands"
    : "other";
  return {
    line,
    text,
    language,
    kind,
    name,
    isBackground: markers.includes("background"),
    stopsFirst: markers.includes("stop"),
    isWithBroker: markers.includes("with broker"),
    needs: value("needs "),
    whyNotRun: value("not run: ")[0],
  };
}

/** The first line of `expected` that `printed` does not have behind the one before it. */
export function missingLine(expected: string, printed: string): string | undefined {
  const lines = printed.split("\n");
  let at = 0;
  for (const wanted of expected.split("\n")) {
    const pattern = new RegExp(
      `^${
        wanted.split("…").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, "\\$&")).join(".*")
      }$`,
    );
    while (at < lines.length && !pattern.test(lines[at] ?? "")) at++;
    if (at++ >= lines.length) return wanted;
  }
  return undefined;
}
