/** The rules of style that need no judgement. Each looks at one file, or at all of them. */
import { type ProjectFile, resolveImport } from "./project_files.ts";
import { importsOf, type SplitSource, splitSource } from "./source_text.ts";

/** A rule that judges each file by itself. */
export interface FileRule {
  readonly name: string;
  /** Files that it judges. */
  applies(path: string): boolean;
  /** Lines (1-based) that break the rule. */
  find(text: string, split: SplitSource): number[];
}

const SOURCE_LINES_MAX = 500;
// Written in two halves, so that this file does not break its own rules.
const UNFINISHED = new RegExp("\\bFIX" + "ME\\b|\\bX" + "XX\\b");
const MACHINE_NAMES = new RegExp(
  "(?:^|[\\s\"'`(=:])/(?:wo" + "rk|ro" + "ot|t" + "mp|ho" + "me)/|npm" + "js\\.(?:org|com)",
);
const COMMENTED_CODE = new RegExp(
  [
    // A statement that begins with a keyword or a call and ends as statements do.
    "^\\s*(?:(?:const|let|var|import|export|return|throw|if|for|while|switch|function|class|await|" +
    "type|interface)\\b|[\\w.#]+\\().*[;{]\\s*$",
    // An assignment.
    "^\\s*(?:this\\.)?[\\w.#[\\]]+\\s*[-+*|&]?=\\s.*;\\s*$",
    // A closing brace.
    "^\\s*\\}[\\s;,)]*$",
  ].join("|"),
);

export const FILE_RULES: readonly FileRule[] = [
  {
    name: "Deno. and Bun. only in src/runtime",
    applies: (path) => isSource(path) && !path.startsWith("src/runtime/"),
    find: (_text, { codeOnly }) => linesMatching(codeOnly, /(?<![\w$.])(?:Deno|Bun)\b/),
  },
  {
    name: "node: imports only in src/runtime, src/storage, src/sinks and src/app",
    applies: (path) =>
      isSource(path) && !/^src\/(?:runtime|storage|sinks|app)\//.test(path) && !usesCrypto(path),
    find: (text) => nodeImportLines(text, []),
  },
  {
    name: "of node: only crypto in src/auth and src/http",
    applies: usesCrypto,
    find: (text) => nodeImportLines(text, ["node:crypto"]),
  },
  {
    name: "console only in base/logger.ts and app/cli.ts",
    applies: (path) => isSource(path) && path !== "src/base/logger.ts" && path !== "src/app/cli.ts",
    find: (_text, { codeOnly }) => linesMatching(codeOnly, /(?<![\w$.])console\b/),
  },
  {
    name: "timers only in base/timer_wheel.ts and src/runtime",
    applies: (path) =>
      isSource(path) && path !== "src/base/timer_wheel.ts" && !path.startsWith("src/runtime/"),
    find: (_text, { codeOnly }) => linesMatching(codeOnly, /\bset(?:Timeout|Interval)\b/),
  },
  {
    name: "no timers in tests: wait for the event, deadlines are in tests/support",
    applies: (path) => /^tests\/.*_test\.ts$/.test(path),
    find: (_text, { codeOnly }) => linesMatching(codeOnly, /\bset(?:Timeout|Interval)\b/),
  },
  {
    name: "no non-null assertion outside tests",
    applies: isSource,
    find: (_text, { codeOnly }) => linesMatching(codeOnly, /[\w)\]]!(?=[.[;,)\s}])/),
  },
  {
    name: "no enum",
    applies: isTypeScript,
    find: (_text, { codeOnly }) =>
      linesMatching(codeOnly, /^\s*(?:export\s+)?(?:declare\s+)?(?:const\s+)?enum\s+\w/),
  },
  {
    name: "no export default",
    applies: isTypeScript,
    find: (_text, { codeOnly }) => linesMatching(codeOnly, /\bexport\s+default\b|\bas\s+default\b/),
  },
  {
    name: "no empty catch",
    applies: isTypeScript,
    find: (_text, { codeOnly }) =>
      startLines(
        codeOnly,
        /\bcatch\s*(?:\([^)]*\))?\s*\{\s*\}|\.catch\(\s*\([^)]*\)\s*=>\s*\{\s*\}/g,
      ),
  },
  {
    name: "no index.ts",
    applies: (path) => /(?:^|\/)index\.ts$/.test(path),
    find: () => [1],
  },
  {
    name: `no file over ${SOURCE_LINES_MAX} lines`,
    applies: isSource,
    find: (text) => text.split("\n").length - 1 > SOURCE_LINES_MAX ? [SOURCE_LINES_MAX + 1] : [],
  },
  {
    name: "no commented-out code",
    applies: isTypeScript,
    find: (_text, { comments }) =>
      comments.filter(({ kind, text }) => kind === "line" && COMMENTED_CODE.test(text))
        .map(({ line }) => line),
  },
  {
    name: "nothing marked as unfinished",
    applies: isOurs,
    find: (text) => linesMatching(text, UNFINISHED),
  },
  {
    name: "no path of one machine, no name of a registry's host",
    applies: isOurs,
    find: (text) => linesMatching(text, MACHINE_NAMES),
  },
];

/** What breaks a rule in one file, as "path:line: rule", in the order of the rules. */
export function fileProblems({ path, text }: ProjectFile): string[] {
  const rules = FILE_RULES.filter((rule) => rule.applies(path));
  if (rules.length === 0) return [];
  const split = isTypeScript(path) ? splitSource(text) : EMPTY_SPLIT;
  return rules.flatMap((rule) =>
    rule.find(text, split).map((line) => `${path}:${line}: ${rule.name}`)
  );
}

const EMPTY_SPLIT: SplitSource = { withoutComments: "", codeOnly: "", comments: [] };

/** Source files that main.ts does not reach by any chain of imports. */
export function unusedFiles(files: readonly ProjectFile[]): string[] {
  const sources = new Map(files.filter(({ path }) => isSource(path)).map((f) => [f.path, f.text]));
  const reached = new Set<string>();
  const waiting = ["main.ts"];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const text = sources.get(path);
    if (text === undefined || reached.has(path)) continue;
    reached.add(path);
    for (const { specifier } of importsOf(text)) {
      const target = resolveImport(path, specifier);
      if (target !== undefined) waiting.push(target);
    }
  }
  return [...sources.keys()].filter((path) => !reached.has(path))
    .map((path) => `${path}:1: no file that main.ts does not reach`);
}

/** Files of tests/support whose name stands in no other file. */
export function unusedSupport(files: readonly ProjectFile[]): string[] {
  const candidates = files.filter(({ path }) =>
    path.startsWith("tests/support/") && path.endsWith(".ts") && !path.endsWith("_test.ts")
  );
  return candidates.filter(({ path }) => {
    const name = path.slice(path.lastIndexOf("/"));
    return !files.some((other) =>
      other.path !== path && other.path !== path.replace(".ts", "_test.ts") &&
      other.text.includes(name)
    );
  }).map(({ path }) => `${path}:1: no test support that nothing uses`);
}

function isTypeScript(path: string): boolean {
  return path.endsWith(".ts");
}

function isSource(path: string): boolean {
  return path === "main.ts" || (path.startsWith("src/") && isTypeScript(path));
}

/** Folders that hash, sign and compare secrets. */
function usesCrypto(path: string): boolean {
  return isSource(path) && /^src\/(?:auth|http)\//.test(path);
}

function nodeImportLines(text: string, allowed: readonly string[]): number[] {
  return importsOf(text)
    .filter(({ specifier }) => specifier.startsWith("node:") && !allowed.includes(specifier))
    .map(({ line }) => line);
}

/** Everything that we wrote by hand, not what a tool writes. */
function isOurs(path: string): boolean {
  return path !== "deno.lock" && path !== "LICENSE";
}

function linesMatching(text: string, pattern: RegExp): number[] {
  return text.split("\n").flatMap((line, index) => pattern.test(line) ? [index + 1] : []);
}

function startLines(text: string, pattern: RegExp): number[] {
  return [...text.matchAll(pattern)].map(({ index }) => text.slice(0, index).split("\n").length);
}
