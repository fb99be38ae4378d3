import { lstat, unlink } from "node:fs/promises";
import { connect } from "node:net";

/** Bits of a mode that say what kind of file it is. */
const FILE_TYPE = 0o170000;
const SOCKET = 0o140000;

/** See `Runtime.removeStaleSocket`. */
export async function removeStaleSocket(path: string): Promise<void> {
  if (!await isSocket(path)) return;
  if (await isAnswering(path)) {
    throw new Error(`Cannot use "${path}": another program listens there`);
  }
  await unlink(path);
}

/** False: there is nothing. Rejects when there is something else. */
async function isSocket(path: string): Promise<boolean> {
  try {
    // Not `isSocket()`, which early versions of Deno 2 have no answer for.
    if (((await lstat(path)).mode & FILE_TYPE) === SOCKET) return true;
  } catch (error) {
    if ((error as { code?: string }).code === "ENOENT") return false;
    throw error;
  }
  throw new Error(`Cannot use "${path}": it is there already and is no socket`);
}

/** Only a refusal says that nobody listens: one that may not be asked, or is too busy, is left alone. */
function isAnswering(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect({ path });
    probe.once("connect", () => {
      probe.destroy();
      resolve(true);
    });
    probe.once("error", (error) => resolve((error as { code?: string }).code !== "ECONNREFUSED"));
  });
}
