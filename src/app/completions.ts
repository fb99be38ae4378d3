import { bashCompletions } from "./completions_bash.ts";
import { fishCompletions } from "./completions_fish.ts";
import type { Shell } from "./completions_arguments.ts";
import { zshCompletions } from "./completions_zsh.ts";
import type { CommandTable } from "./options.ts";

const WRITERS: Readonly<Record<Shell, (tables: readonly CommandTable[]) => string>> = {
  bash: bashCompletions,
  zsh: zshCompletions,
  fish: fishCompletions,
};

/** The script for a shell; all of it comes from the tables that the command line is read by. */
export function completionScript(shell: Shell, tables: readonly CommandTable[]): string {
  return WRITERS[shell](tables);
}
