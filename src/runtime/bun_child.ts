import type { BunGlobal, BunSubprocess } from "./bun_types.ts";
import { type Child, type ChildOptions, spawnError } from "./child.ts";

const bun = (globalThis as unknown as { Bun: BunGlobal }).Bun;

/** Throws `SpawnError`. */
export function spawnWithBun(options: ChildOptions): Child {
  const child = start(options);
  let hasEnded = false;
  const ended = child.exited.then(() => {
    hasEnded = true;
    const { exitCode, signalCode } = child;
    return signalCode === null
      ? { status: exitCode ?? 0, signal: undefined } as const
      : { status: undefined, signal: signalCode } as const;
  });
  return {
    pid: child.pid,
    ended,
    signal: (name) => {
      if (!hasEnded) child.kill(name);
    },
    write: async (text) => {
      child.stdin?.write(text);
      await child.stdin?.flush();
    },
    endInput: async () => {
      await child.stdin?.end();
    },
  };
}

function start({ command, args, environment, stdin }: ChildOptions): BunSubprocess {
  const run = (cmd: readonly string[]): BunSubprocess =>
    bun.spawn({ cmd, env: environment, stdio: [stdin, "inherit", "inherit"] });
  try {
    return run([command, ...args]);
  } catch (error) {
    // A script without a first line that names its shell.
    if ((error as { readonly code?: unknown }).code === "ENOEXEC") {
      return run(["/bin/sh", command, ...args]);
    }
    throw spawnError(command, error);
  }
}
