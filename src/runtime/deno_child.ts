import { type Child, type ChildOptions, spawnError } from "./child.ts";

/** Throws `SpawnError`. */
export function spawnWithDeno({ command, args, environment, stdin }: ChildOptions): Child {
  const child = start({ command, args, environment, stdin });
  let hasEnded = false;
  const ended = child.status.then(({ code, signal }) => {
    hasEnded = true;
    return signal === null
      ? { status: code, signal: undefined } as const
      : { status: undefined, signal } as const;
  });
  return {
    pid: child.pid,
    ended,
    // Not `child.kill`: early versions take the child for ended by the signal that they have sent.
    signal: (name) => {
      if (!hasEnded) Deno.kill(child.pid, name);
    },
    write: (text) => withInput(child, (input) => input.write(new TextEncoder().encode(text))),
    endInput: () => withInput(child, (input) => input.close()),
  };
}

function start({ command, args, environment, stdin }: ChildOptions): Deno.ChildProcess {
  try {
    return new Deno.Command(command, {
      args: [...args],
      env: { ...environment },
      clearEnv: true,
      stdin: stdin === "pipe" ? "piped" : "inherit",
      stdout: "inherit",
      stderr: "inherit",
    }).spawn();
  } catch (error) {
    throw spawnError(command, error);
  }
}

/** Whoever does not read is gone: that is for `ended` to say. */
async function withInput(
  { stdin }: Deno.ChildProcess,
  use: (input: WritableStreamDefaultWriter<Uint8Array>) => Promise<void>,
): Promise<void> {
  const input = stdin.getWriter();
  try {
    await use(input);
  } catch (error) {
    if (!(error instanceof Deno.errors.BrokenPipe || error instanceof TypeError)) throw error;
  } finally {
    input.releaseLock();
  }
}
