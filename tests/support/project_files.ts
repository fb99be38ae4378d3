/** The project's own text files, for the tests that judge all of them. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A file with its path from the project's root, in forward slashes. */
export interface ProjectFile {
  readonly path: string;
  readonly text: string;
}

export const PROJECT_ROOT = join(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** What is made, fetched or kept by a tool: folders that .gitignore names, and git's own. */
const NOT_OURS = new Set([".git", "node_modules", "dist", "data"]);
/** No source or document comes near this; data of this size is not read for words. */
const LARGEST_BYTES = 2_000_000;

/** Every text file of the project, by path. Binary files are left out. */
export function readProject(): ProjectFile[] {
  const files: ProjectFile[] = [];
  readFolder("", files);
  return files.sort((a, b) => a.path < b.path ? -1 : 1);
}

function readFolder(folder: string, files: ProjectFile[]): void {
  for (const entry of readdirSync(join(PROJECT_ROOT, folder), { withFileTypes: true })) {
    const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
    if (NOT_OURS.has(entry.name) || entry.name.endsWith(".log")) continue;
    if (entry.isDirectory()) readFolder(path, files);
    if (!entry.isFile() || statSync(join(PROJECT_ROOT, path)).size > LARGEST_BYTES) continue;
    const text = readProjectFile(path);
    if (!text.includes("\0")) files.push({ path, text });
  }
}

/** A file of the project that must be there. */
export function readProjectFile(path: string): string {
  return readFileSync(join(PROJECT_ROOT, path), "utf8");
}

/** The file that a relative import means, or undefined for a package or `node:` module. */
export function resolveImport(fromPath: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  const parts = fromPath.split("/").slice(0, -1);
  for (const part of specifier.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== ".") parts.push(part);
  }
  return parts.join("/");
}
