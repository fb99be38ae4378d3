import type { ConfLine } from "./conf_lines.ts";
import type { Draft, Section, TomlValue } from "./draft.ts";

/** What becomes of one option. */
export type Translate = (line: ConfLine, draft: Draft) => void;

/** Undefined: it is none. Mosquitto takes these four. */
export function readBoolean(text: string): boolean | undefined {
  if (text === "true" || text === "1") return true;
  return text === "false" || text === "0" ? false : undefined;
}

/** Undefined: it is none between `min` and `max`. */
export function readInteger(
  text: string,
  min: number,
  max: number = Number.MAX_SAFE_INTEGER,
): number | undefined {
  const value = Number(text);
  return /^-?\d{1,16}$/.test(text) && value >= min && value <= max ? value : undefined;
}

export function wrongValue(line: ConfLine, draft: Draft, allowed: string): void {
  draft.remark("lost", line, `found "${line.value}"; allowed: ${allowed}`);
}

export function flag(section: Section, key: string): Translate {
  return (line, draft) => {
    const value = readBoolean(line.value);
    if (value === undefined) wrongValue(line, draft, "true or false");
    else draft.section(section).set(key, value, line);
  };
}

export function needless(why: string): Translate {
  return (line, draft) => draft.remark("needless", line, why);
}

export function lost(why: string): Translate {
  return (line, draft) => draft.remark("lost", line, why);
}

/** There is nothing to do for one value, and nothing that could be done for others. */
export function onlyFor(values: readonly string[], why: string): Translate {
  return (line, draft) => {
    const isSo = values.includes(line.value);
    draft.remark(isSo ? "needless" : "lost", line, isSo ? "it is so here, too" : why);
  };
}

/** A whole number, put into as many keys as `keys` answers. */
export function count(
  section: Section,
  min: number,
  keys: (value: number) => Readonly<Record<string, TomlValue>>,
): Translate {
  return (line, draft) => {
    const value = readInteger(line.value, min);
    if (value === undefined) return wrongValue(line, draft, `a whole number from ${min} on`);
    for (const [key, ours] of Object.entries(keys(value))) {
      draft.section(section).set(key, ours, line);
    }
  };
}

export function path(section: Section, key: string): Translate {
  return (line, draft) => {
    if (line.value === "") wrongValue(line, draft, "path of a file");
    else draft.section(section).set(key, line.value, line);
  };
}
