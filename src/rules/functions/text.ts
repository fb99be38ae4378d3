import { RESULT_BYTES_MAX } from "../sql/limits.ts";
import { EvaluationFailure } from "../sql/failure.ts";
import type { SqlValue } from "../sql/value.ts";
import { integerOf, refuse, textOf } from "./arguments.ts";
import type { FunctionTable, ValueFunction } from "./function.ts";
import { graphemeCount, reverseGraphemes, sliceGraphemes } from "./graphemes.ts";

export const TEXT_FUNCTIONS: FunctionTable = {
  lower: ofText((text) => text.toLowerCase()),
  upper: ofText((text) => text.toUpperCase()),
  trim: ofText((text) => text.trim()),
  ltrim: ofText((text) => text.trimStart()),
  rtrim: ofText((text) => text.trimEnd()),
  reverse: ofText(reverseGraphemes),
  strlen: ofText(graphemeCount),
  substr: {
    kind: "value",
    arities: [2, 3],
    apply: (text, start, length, count) =>
      sliceGraphemes(
        limitedTextOf(text),
        naturalOf(start),
        count === 3 ? naturalOf(length) : Infinity,
      ),
  },
  split: {
    kind: "value",
    arities: [2, 3],
    apply: (text, separator, where, count) =>
      split(limitedTextOf(text), textOf(separator), count === 3 ? where : "all"),
  },
};

function ofText(compute: (text: string) => SqlValue): ValueFunction {
  return { kind: "value", arities: [1], apply: (text) => compute(limitedTextOf(text)) };
}

function naturalOf(value: SqlValue): number {
  const number = integerOf(value);
  return number >= 0 ? number : refuse("0 or more", value);
}

/** Nobody waits for texts that are larger than any result may be. */
function limitedTextOf(value: SqlValue): string {
  const text = textOf(value);
  if (text.length > RESULT_BYTES_MAX) {
    throw new EvaluationFailure(`a text is larger than ${RESULT_BYTES_MAX} bytes`);
  }
  return text;
}

/** Empty pieces are left out. */
function split(text: string, separator: string, where: SqlValue): string[] {
  return pieces(text, separator, where).filter((piece) => piece !== "");
}

function pieces(text: string, separator: string, where: SqlValue): string[] {
  if (separator === "") return [text];
  if (where === "all") return text.split(separator);
  if (where !== "leading" && where !== "trailing") return refuse('"leading" or "trailing"', where);
  const at = where === "leading" ? text.indexOf(separator) : text.lastIndexOf(separator);
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + separator.length)];
}
