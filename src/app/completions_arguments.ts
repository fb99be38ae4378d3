import type { CommandTable, ParsedOptions } from "./options.ts";

export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

/** What `broker completions` is asked for. */
export interface CompletionsArguments {
  readonly shell: Shell;
}

export const COMPLETIONS_TABLE: CommandTable = {
  name: "completions",
  summary: "Prints what makes a shell complete commands and options of broker",
  usage: [`completions ${SHELLS.join("|")}`],
  operandsMax: 1,
  operands: [SHELLS],
  groups: [],
  closing: `To have it in every shell:
  bash    broker completions bash > ~/.local/share/bash-completion/completions/broker
  zsh     broker completions zsh > ~/.zfunc/_broker     with fpath+=~/.zfunc before compinit
  fish    broker completions fish > ~/.config/fish/completions/broker.fish
In this one only, with bash: source <(broker completions bash)

Exit status: 0 printed, 2 wrong command line.`,
};

export function readCompletions(parsed: ParsedOptions): CompletionsArguments | readonly string[] {
  const [word] = parsed.operands;
  const shell = SHELLS.find((each) => each === word);
  return shell === undefined ? [`completions needs a shell: ${SHELLS.join(", ")}`] : { shell };
}
