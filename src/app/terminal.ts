import process from "node:process";

/** Where passwords come from. */
export interface PasswordInput {
  /** Whether somebody sits there who can be asked. */
  readonly isTerminal: boolean;
  /** Asks without showing what is typed. Undefined: whoever was asked has given up. */
  ask(prompt: string): Promise<string | undefined>;
  /** The first line of standard input, without its end; empty where there is none. */
  readLine(): Promise<string>;
}

const CONTROL_C = "\u0003";
const CONTROL_D = "\u0004";
const ERASERS = ["\u007f", "\b"];
/** Longer than any password. */
const LINE_MAX_LENGTH = 65_536;

/** Standard input. `write` gets the prompts. */
export class TerminalInput implements PasswordInput {
  readonly #write: (text: string) => void;

  constructor(write: (text: string) => void) {
    this.#write = write;
  }

  get isTerminal(): boolean {
    return process.stdin.isTTY === true;
  }

  async ask(prompt: string): Promise<string | undefined> {
    // Before the prompt: whoever types quickly must not see it either.
    process.stdin.setRawMode(true);
    try {
      this.#write(prompt);
      return await this.#typed();
    } finally {
      process.stdin.setRawMode(false);
      process.stdin.pause();
      this.#write("\n");
    }
  }

  #typed(): Promise<string | undefined> {
    return new Promise((resolve) => {
      const line = new TypedLine();
      process.stdin.setEncoding("utf8");
      const onData = (text: string): void => {
        const end = line.type(text);
        if (end === undefined) return;
        process.stdin.off("data", onData);
        resolve(end === "given up" ? undefined : line.text);
      };
      process.stdin.on("data", onData);
      process.stdin.resume();
    });
  }

  async readLine(): Promise<string> {
    process.stdin.setEncoding("utf8");
    let text = "";
    for await (const piece of process.stdin) {
      text += String(piece);
      if (text.includes("\n") || text.length > LINE_MAX_LENGTH) break;
    }
    return text.split(/\r?\n/, 1)[0] ?? "";
  }
}

/** A line as it comes from a keyboard, key by key. */
export class TypedLine {
  text = "";

  /** Undefined: more is to come. What was typed behind the end is dropped. */
  type(keys: string): "ended" | "given up" | undefined {
    for (const key of keys) {
      if (key === "\r" || key === "\n") return "ended";
      if (key === CONTROL_C || key === CONTROL_D) return "given up";
      if (ERASERS.includes(key)) this.text = [...this.text].slice(0, -1).join("");
      else if (key >= " " && this.text.length < LINE_MAX_LENGTH) this.text += key;
    }
    return undefined;
  }
}
