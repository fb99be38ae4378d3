import { chmodSync, lstatSync, unlinkSync } from "node:fs";

/**
 * Gives the socket that was just bound at `path` its permissions. The function that it answers removes the file, unless
 * there is another one by then; to be called when the listener is closed.
 */
export function claimSocketFile(path: string, mode: number): () => void {
  chmodSync(path, mode);
  const { ino } = lstatSync(path);
  return () => {
    try {
      if (lstatSync(path).ino === ino) unlinkSync(path);
    } catch (error) {
      // The runtime may have been quicker.
      if ((error as { code?: string }).code !== "ENOENT") throw error;
    }
  };
}
