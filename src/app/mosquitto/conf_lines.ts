/** One option of a mosquitto.conf, where it stands. */
export interface ConfLine {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  readonly name: string;
  /** Without blanks around it; "" where there is none. */
  readonly value: string;
}

/** What configuration files are read with. */
export interface ConfReader {
  readTextFile(path: string): Promise<string>;
  /** Names of what is in a folder. */
  namesIn(folder: string): Promise<readonly string[]>;
}

export interface ReadConf {
  readonly lines: readonly ConfLine[];
  /** Of `include_dir`: how many files each of them brought, or why none. */
  readonly includes: readonly {
    readonly from: ConfLine;
    readonly fileCount: number;
    readonly problem: string | undefined;
  }[];
}

/** As mosquitto does: files below files below files are more likely a mistake. */
const DEPTH_MAX = 10;

/** `file:line` with the line itself, for people. */
export function placeOf({ file, line }: ConfLine): string {
  return `${file}:${line}`;
}

export function textOf({ name, value }: ConfLine): string {
  return value === "" ? name : `${name} ${value}`;
}

/**
 * Every option of a file, and of those that its `include_dir` lines bring in their place: all *.conf of the folder in
 * the order of their names. Rejects where the file itself cannot be read.
 */
export async function readConf(reader: ConfReader, file: string, depth = 0): Promise<ReadConf> {
  const lines: ConfLine[] = [];
  const includes: ReadConf["includes"][number][] = [];
  for (const line of parseLines(file, await reader.readTextFile(file))) {
    if (line.name !== "include_dir") {
      lines.push(line);
      continue;
    }
    const brought = await readFolder(reader, line, depth + 1);
    lines.push(...brought.lines);
    includes.push(...brought.includes);
  }
  return { lines, includes };
}

async function readFolder(reader: ConfReader, from: ConfLine, depth: number): Promise<ReadConf> {
  const failed = (problem: string): ReadConf => ({
    lines: [],
    includes: [{ from, fileCount: 0, problem }],
  });
  if (from.value === "") return failed("it names no folder");
  if (depth > DEPTH_MAX) return failed("files are included too deeply");
  const lines: ConfLine[] = [];
  const includes: ReadConf["includes"][number][] = [];
  try {
    const names = (await reader.namesIn(from.value)).filter((name) => name.endsWith(".conf"));
    includes.push({ from, fileCount: names.length, problem: undefined });
    for (const name of [...names].sort()) {
      const path = `${from.value.replace(/\/+$/, "")}/${name}`;
      const read = await readConf(reader, path, depth);
      lines.push(...read.lines);
      includes.push(...read.includes);
    }
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error));
  }
  return { lines, includes };
}

/** "#" makes a comment only where it begins the line. */
export function parseLines(file: string, text: string): ConfLine[] {
  return text.split("\n").flatMap((whole, index) => {
    if (whole.startsWith("#")) return [];
    const [, name, value = ""] = /^\s*(\S+)(?:\s+([^]*?))?\s*$/.exec(whole) ?? [];
    return name === undefined ? [] : [{ file, line: index + 1, name, value }];
  });
}
