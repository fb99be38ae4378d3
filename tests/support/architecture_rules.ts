/** The direction of imports, and what the map says of the folders. */
import { type ProjectFile, resolveImport } from "./project_files.ts";
import { importsOf } from "./source_text.ts";

/** Lower rank = nearer the bottom. A file may import its own folder or a lower rank. */
export const RANK: Readonly<Record<string, number>> = {
  base: 0,
  mqtt: 1,
  runtime: 1,
  transport: 2,
  routing: 2,
  session: 2,
  retain: 2,
  ports: 3,
  sinks: 3,
  client: 3,
  broker: 4,
  access: 4,
  auth: 4,
  storage: 4,
  cluster: 4,
  rules: 4,
  bridge: 4,
  metrics: 4,
  "web_hook": 4,
  "warm_up": 5,
  management: 5,
  http: 6,
  dashboard: 7,
  config: 8,
  app: 9,
};

/** What breaks the architecture, as "path:line: what". */
export function architectureProblems(files: readonly ProjectFile[]): string[] {
  const sources = files.filter(({ path }) =>
    path === "main.ts" || (path.startsWith("src/") && path.endsWith(".ts"))
  );
  return [...sources.flatMap(importProblems), ...folderProblems(files)];
}

function importProblems({ path, text }: ProjectFile): string[] {
  return importsOf(text).flatMap(({ specifier, line }) => {
    const target = resolveImport(path, specifier);
    // Data (the default configuration, the version) has no rank.
    const problem = target === undefined || !target.endsWith(".ts")
      ? undefined
      : judge(path, target);
    return problem === undefined ? [] : [`${path}:${line}: ${problem}`];
  });
}

/** Why `from` may not import `target`, or undefined where it may. */
function judge(from: string, target: string): string | undefined {
  if (!target.startsWith("src/")) return `imports "${target}", which is not below src`;
  const folder = folderOf(target);
  if (from === "main.ts") {
    return folder === "app" ? undefined : `imports "${target}": main.ts knows src/app only`;
  }
  const own = folderOf(from);
  if (own === folder) return undefined;
  const [ownRank, rank] = [RANK[own], RANK[folder]];
  if (ownRank === undefined || rank === undefined) {
    return `imports "${target}": "${ownRank === undefined ? own : folder}" has no rank`;
  }
  if (rank === ownRank) return `imports "${target}", a stranger of the same rank ${rank}`;
  if (rank > ownRank) return `imports "${target}" upward, rank ${rank} from rank ${ownRank}`;
  if (target !== `src/${folder}/mod.ts`) return `enters "${target}" not through its mod.ts`;
  return undefined;
}

/** "routing" for "src/routing/topic_trie.ts", "" for a file that stands in src itself. */
function folderOf(path: string): string {
  const parts = path.split("/");
  return parts.length > 2 ? parts[1] ?? "" : "";
}

function folderProblems(files: readonly ProjectFile[]): string[] {
  const map = files.find(({ path }) => path === "ARCHITECTURE.md")?.text ?? "";
  const paths = new Set(files.map(({ path }) => path));
  const folders = new Set(
    [...paths].filter((path) => /^src\/.*\.ts$/.test(path)).map((path) => folderOf(path)),
  );
  return [...folders].sort().flatMap((folder) => {
    if (folder === "") return ["src:1: a file stands in src itself, in no folder"];
    const problems: string[] = [];
    if (RANK[folder] === undefined) problems.push(`src/${folder}:1: has no rank`);
    if (!paths.has(`src/${folder}/mod.ts`)) problems.push(`src/${folder}:1: has no mod.ts`);
    if (!map.includes(`\`${folder}/\``)) {
      problems.push(`src/${folder}:1: ARCHITECTURE.md does not name \`${folder}/\``);
    }
    return problems;
  });
}
