import type { SignalName } from "./runtime.ts";

export interface ChildOptions {
  /** A path, or a name that is looked for in `PATH`. */
  readonly command: string;
  readonly args: readonly string[];
  /** All of it: nothing is added. */
  readonly environment: Readonly<Record<string, string>>;
  /** "inherit": it has our standard input. "pipe": it has what is written to the child, and sees its end when we end. */
  readonly stdin: "inherit" | "pipe";
}

/** How a program ended: by itself, with a status, or by a signal. */
export type ChildEnd =
  | { readonly status: number; readonly signal: undefined }
  | {
    readonly status: undefined;
    /** "SIGKILL" … */
    readonly signal: string;
  };

/** A program that we have started; standard output and standard error are ours. */
export interface Child {
  readonly pid: number;
  /** Never rejects. */
  readonly ended: Promise<ChildEnd>;
  /** Does nothing when it has ended. */
  signal(name: SignalName): void;
  /** Writes to its standard input, which is a pipe. Resolves also where nobody reads that any more. */
  write(text: string): Promise<void>;
  /** Ends its standard input, which is a pipe. */
  endInput(): Promise<void>;
}

export type SpawnProblem = "not-found" | "not-executable" | "not-allowed" | "other";

/** A program could not be started. */
export class SpawnError extends Error {
  override readonly name = "SpawnError";

  constructor(readonly problem: SpawnProblem, message: string, options?: ErrorOptions) {
    super(message, options);
  }
}

const PROBLEMS: Readonly<Record<string, SpawnProblem>> = {
  ENOENT: "not-found",
  ENOTDIR: "not-found",
  EACCES: "not-executable",
  EISDIR: "not-executable",
  ENOEXEC: "not-executable",
};
const REASONS: Readonly<Record<Exclude<SpawnProblem, "other">, string>> = {
  "not-found": "there is no such program, or not the one that its first line names",
  "not-executable": "it is not executable",
  "not-allowed": "this program may not start others; Deno allows it with --allow-run",
};

/** `cause`: what the runtime threw. */
export function spawnError(command: string, cause: unknown): SpawnError {
  const { name, code, message } = cause as {
    readonly name?: string;
    readonly code?: string;
    readonly message?: string;
  };
  // Deno has names of its own for what it does not allow; early versions have one name for two things.
  const isDenied = name === "NotCapable" || (name === "PermissionDenied" && code === undefined);
  const problem = isDenied ? "not-allowed" : PROBLEMS[code ?? ""] ?? "other";
  const reason = problem === "other" ? message ?? String(cause) : REASONS[problem];
  return new SpawnError(problem, `Cannot run "${command}": ${reason}`, { cause });
}
