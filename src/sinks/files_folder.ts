import { isAbsolute, normalize, resolve, sep } from "node:path";

/**
 * Where a file is that is named by somebody who may write below `folder` and nowhere else. Undefined: not there.
 * A link in the folder is its owner's affair.
 */
export function pathBelow(folder: string, path: string): string | undefined {
  if (path === "" || path.includes("\0") || isAbsolute(path)) return undefined;
  const parts = normalize(path).split(sep);
  const name = parts.at(-1) ?? "";
  if (parts[0] === ".." || name === "" || name === ".") return undefined;
  return resolve(folder, path);
}
