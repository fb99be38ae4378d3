import { chmod, chown, open, readFile, realpath, rename, stat, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import process from "node:process";

/** Undefined where there is no such file. */
export async function readFileIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
}

/**
 * Puts another text into a file, in one step, so that nobody reads half of it, and durable when the promise resolves.
 * Owner and permissions stay; a file that was not there is its maker's alone. What a link points to is replaced, not
 * the link. Rejects with the file as it was.
 */
export async function replaceFile(path: string, text: string): Promise<void> {
  const target = await targetOf(path);
  const old = await stat(target).catch((error: unknown) => {
    if (isMissing(error)) return undefined;
    throw error;
  });
  const temporary = `${target}.${process.pid}.tmp`;
  const file = await open(temporary, "wx", 0o600);
  try {
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    if (old !== undefined) {
      const { uid, gid } = await stat(temporary);
      if (old.uid !== uid || old.gid !== gid) await chown(temporary, old.uid, old.gid);
      await chmod(temporary, old.mode & 0o7777);
    }
    await rename(temporary, target);
  } catch (error) {
    await unlink(temporary);
    throw error;
  }
  await syncFolder(dirname(target));
}

async function targetOf(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    if (isMissing(error)) return path;
    throw error;
  }
}

async function syncFolder(path: string): Promise<void> {
  const folder = await open(path, "r");
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

function isMissing(error: unknown): boolean {
  return (error as { readonly code?: unknown }).code === "ENOENT";
}
