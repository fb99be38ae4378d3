import type { Macros, RunnableCase } from "./cases.ts";
import { matchFrame, Mismatch } from "./match.ts";
import { type Captures, encodeElements, type Names, parseNotation, toHex } from "./notation.ts";
import { Wire } from "./wire.ts";

/** Where the broker under test listens. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Plays the steps of one case against a broker; throws at the first that does not come true. */
export async function play(one: RunnableCase, macros: Macros, target: Target): Promise<void> {
  const player = new Player(target, nextToken());
  try {
    for (const written of one.steps) {
      for (const step of expand(written, macros[one.version], 0)) {
        await playStep(player, step, written);
      }
    }
  } finally {
    player.close();
  }
}

async function playStep(player: Player, step: string, written: string): Promise<void> {
  try {
    await player.step(step);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    const within = step === written ? "" : `, part of "${written}"`;
    throw new Error(`Step "${step}"${within}: ${why}`, { cause: error });
  }
}

const STEP = /^([A-Z]) (>|<\?|<any|<one|<|dribble|closed|cut|open|differ)(?: (.*))?$/s;
const MACRO = /^([A-Z]) ([a-z][\w-]*)(?:\((.*)\))?$/s;

/** Replaces a macro by its steps, for the connection that is named in front of it. */
export function expand(
  step: string,
  macros: Readonly<Record<string, readonly string[]>>,
  depth: number,
): string[] {
  if (STEP.test(step)) return [step];
  const [, connection = "", name = "", list] = MACRO.exec(step) ?? [];
  const body = macros[name];
  if (body === undefined) throw new Error(`Cannot play "${step}": neither a step nor a macro`);
  if (depth > 5) throw new Error(`Cannot play "${step}": macros call each other too deeply`);
  const values = list?.replaceAll(/\([^()]*\)/g, "").split(",").map((value) => value.trim()) ?? [];
  const wanted = Math.max(
    0,
    ...body.join().matchAll(/\$([1-9])/g).map((found) => Number(found[1])),
  );
  if (wanted !== values.length) {
    throw new Error(`Cannot play "${step}": ${wanted} values wanted, ${values.length} given`);
  }
  return body.flatMap((line) => {
    const filled = line.replaceAll(/\$([1-9])/g, (_, index) => values[Number(index) - 1] ?? "");
    return expand(`${connection} ${filled}`, macros, depth + 1);
  });
}

/** The connections of one case, opened when they are first named, and what was captured. */
class Player {
  readonly #wires = new Map<string, Wire>();
  /** Every connection that was ever opened: `open` replaces a letter's connection by a new one. */
  readonly #opened: Wire[] = [];
  readonly #captures: Captures = new Map();

  constructor(readonly target: Target, readonly token: string) {}

  async step(step: string): Promise<void> {
    const [, connection = "", verb, rest = ""] = STEP.exec(step) ?? [];
    if (verb === "differ") return this.#expectDifferent(rest);
    if (verb === "open") this.#wires.delete(connection);
    const names = { token: this.token, connection };
    const wire = await this.#wire(connection);
    switch (verb) {
      case ">":
        return wire.send(encodeElements(parseNotation(rest, names), this.#captures));
      case "dribble":
        return await wire.dribble(encodeElements(parseNotation(rest, names), this.#captures));
      case "<":
        return await this.#expectFrame(wire, rest, names);
      case "<?":
        return await this.#expectFrameOrClose(wire, rest, names);
      case "<any":
        return await this.#expectInAnyOrder(wire, rest, names);
      case "<one":
        return await this.#expectOneOf(wire, rest, names);
      case "closed":
        return await expectClosed(wire);
      case "cut":
        return wire.cut();
    }
  }

  close(): void {
    for (const wire of this.#opened) wire.cut();
  }

  async #wire(connection: string): Promise<Wire> {
    const open = this.#wires.get(connection);
    if (open !== undefined) return open;
    const wire = await Wire.open(this.target.port, this.target.host);
    this.#opened.push(wire);
    this.#wires.set(connection, wire);
    return wire;
  }

  async #expectFrame(wire: Wire, notation: string, names: Names): Promise<void> {
    const frame = await wire.frame();
    if (frame === undefined) throw new Error("the broker hung up instead");
    this.#match(notation, frame, names);
  }

  async #expectFrameOrClose(wire: Wire, notation: string, names: Names): Promise<void> {
    const frame = await wire.frame();
    if (frame !== undefined) this.#match(notation, frame, names);
  }

  /** Takes as many frames as there are patterns between semicolons, in whatever order. */
  async #expectInAnyOrder(wire: Wire, notation: string, names: Names): Promise<void> {
    const patterns = notation.split(";");
    while (patterns.length > 0) {
      const frame = await wire.frame();
      if (frame === undefined) throw new Error(`the broker hung up instead of ${patterns}`);
      const index = patterns.findIndex((pattern) => this.#matches(pattern, frame, names));
      if (index < 0) throw new Error(`${toHex(frame)} is none of: ${patterns.join(" ; ")}`);
      patterns.splice(index, 1);
    }
  }

  /** Takes one frame that must be one of those between semicolons. */
  async #expectOneOf(wire: Wire, notation: string, names: Names): Promise<void> {
    const frame = await wire.frame();
    if (frame === undefined) throw new Error("the broker hung up instead");
    if (notation.split(";").some((pattern) => this.#matches(pattern, frame, names))) return;
    throw new Error(`${toHex(frame)} is none of them`);
  }

  #match(notation: string, frame: Uint8Array, names: Names): void {
    try {
      matchFrame(parseNotation(notation, names), frame, this.#captures);
    } catch (error) {
      if (!(error instanceof Mismatch)) throw error;
      throw new Mismatch(`${error.message}; received ${toHex(frame)}`, { cause: error });
    }
  }

  #matches(notation: string, frame: Uint8Array, names: Names): boolean {
    try {
      this.#match(notation, frame, names);
      return true;
    } catch (error) {
      if (error instanceof Mismatch) return false;
      throw error;
    }
  }

  #expectDifferent(list: string): void {
    const values = list.trim().split(/\s+/).map((name) => {
      const bytes = this.#captures.get(name);
      if (bytes === undefined) throw new Error(`"${name}" was never captured`);
      return toHex(bytes);
    });
    if (new Set(values).size < values.length) throw new Error(`some are the same: ${values}`);
  }
}

async function expectClosed(wire: Wire): Promise<void> {
  const frame = await wire.frame();
  if (frame !== undefined) throw new Error(`received ${toHex(frame)} instead of the end`);
}

/** Four characters of this run: so that a second run finds no sessions and topics of the first. */
const RUN = Math.floor(Math.random() * 36 ** 4).toString(36).padStart(4, "0");
let played = 0;

function nextToken(): string {
  played++;
  return `${RUN}${played.toString(36).padStart(3, "0")}`;
}
