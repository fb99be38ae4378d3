import * as z from "zod/mini";
import type { RequestProblem } from "./refusal.ts";

/** A schema of zod; both its checks and its JSON schema are used. */
export type Schema<T = unknown> = z.core.$ZodType<T>;

export type Validated<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly problems: readonly RequestProblem[] };

/** Problems of one request that are told; the rest are as the first. */
const PROBLEMS_MAX = 10;
const SHOWN_LENGTH_MAX = 60;
const SECRET_NAME = /passw|pwd|secret|token|key/i;

/** Judges `value` by `schema`; what the schema does not know is left out of the answer. */
export function validate<T>(schema: Schema<T>, value: unknown): Validated<T> {
  const result = z.safeParse(schema, value);
  if (result.success) return { ok: true, value: result.data };
  const problems = result.error.issues.slice(0, PROBLEMS_MAX)
    .map((issue) => problemOf(issue, value));
  return { ok: false, problems };
}

function problemOf(issue: z.core.$ZodIssue, value: unknown): RequestProblem {
  const field = issue.path.map(String).join(".");
  const found = valueAt(value, issue.path);
  return {
    field,
    detail: `found ${shown(found, field)}, allowed ${allowedBy(issue)}`,
    isMissing: found === undefined && field !== "",
  };
}

function valueAt(value: unknown, path: readonly PropertyKey[]): unknown {
  let at = value;
  for (const key of path) {
    if (typeof at !== "object" || at === null) return undefined;
    at = (at as Record<PropertyKey, unknown>)[key];
  }
  return at;
}

function shown(found: unknown, field: string): string {
  if (found === undefined) return "nothing";
  if (SECRET_NAME.test(field)) return "a value";
  if (Array.isArray(found)) return "an array";
  if (typeof found === "object" && found !== null) return "an object";
  const text = JSON.stringify(found);
  return text.length > SHOWN_LENGTH_MAX ? `${text.slice(0, SHOWN_LENGTH_MAX)}…` : text;
}

/** zod/mini brings no texts along: ours say what would have been right. */
function allowedBy(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return withArticle(issue.expected);
    case "invalid_value":
      return issue.values.map((value) => JSON.stringify(value)).join(", ");
    case "too_small":
      return `at least ${issue.minimum}${unitOf(issue.origin)}`;
    case "too_big":
      return `at most ${issue.maximum}${unitOf(issue.origin)}`;
    case "invalid_format":
      return `${withArticle(issue.format)}${issue.pattern ? ` such as ${issue.pattern}` : ""}`;
    case "invalid_union":
      return [...new Set(issue.errors.flatMap((errors) => errors.map(allowedBy)))].join(" or ") ||
        "another value";
    case "unrecognized_keys":
      return `no ${issue.keys.map((key) => JSON.stringify(key)).join(", ")}`;
    case "not_multiple_of":
      return `a multiple of ${issue.divisor}`;
    case "invalid_key":
    case "invalid_element":
      return "another value";
    case "custom":
      return issue.message === undefined || issue.message === "Invalid input"
        ? "another value"
        : issue.message;
  }
}

function unitOf(origin: string): string {
  if (origin === "string") return " characters";
  return origin === "array" || origin === "set" ? " entries" : "";
}

function withArticle(noun: string): string {
  if (noun === "int") return "an integer";
  return /^[aeiou]/.test(noun) ? `an ${noun}` : `a ${noun}`;
}
