import { RuleError } from "../rule_error.ts";

/** What people call a rule or a resource. */
export interface OwnTexts {
  /** Undefined: it is given one. */
  readonly name: string | undefined;
  readonly description: string;
}

const NAME_LENGTH_MAX = 256;
const DESCRIPTION_LENGTH_MAX = 4096;

/** Throws a `RuleError` "invalid" for what is too long, for a name that says nothing, and for what controls a terminal. */
export function checkTexts(of: "rule" | "resource", { name, description }: OwnTexts): void {
  if (name !== undefined) checkText(of, "name", name, 1, NAME_LENGTH_MAX);
  checkText(of, "description", description, 0, DESCRIPTION_LENGTH_MAX);
}

function checkText(of: string, what: string, text: string, min: number, max: number): void {
  const { length } = text;
  if (length >= min && length <= max && !/\p{Cc}/u.test(text.replaceAll(/[\t\r\n]/g, ""))) return;
  throw new RuleError(
    "invalid",
    `Cannot use this ${what} for a ${of}: it has ${length} characters; allowed: ${min} to ${max}, ` +
      "and none that controls a terminal",
    { detail: `bad_${what}` },
  );
}
