import { setPriority } from "node:os";
import process from "node:process";

/**
 * Has the system prefer the other threads to the one that calls, where processors are scarce: by `steps` of its niceness, 1
 * to 19. False: that is not possible here. Nothing but Linux counts the niceness of single threads, and Deno has to be
 * started with `--allow-sys=setPriority`.
 */
export function lowerThreadPriority(steps: number): boolean {
  if (process.platform !== "linux") return false;
  try {
    // 0 is the calling thread.
    setPriority(0, steps);
    return true;
  } catch (error) {
    // Whatever the runtime or the system calls it: it goes on as before.
    if (error instanceof Error) return false;
    throw error;
  }
}
