import { ManagementError } from "../../management/mod.ts";
import type { JsonObject } from "../../management/mod.ts";
import type { Parameters } from "./parameters.ts";
import { Code, Failure } from "./result.ts";

/** How the rule engine of the product says what is wrong: code 400, and what there is none of by its name. */
const SUBJECT_WORDS = {
  action: (name: string) => `Action ${name} Not Found`,
  resource: (name: string) => `Resource ${name} Not Found`,
  "resource-type": (name: string) => `Resource Type ${name} Not Found`,
  event: (name: string) => `Event ${name} Not Found`,
  hook: (name: string) => `Hook ${name} Not Found`,
  column: (name: string) => `Unknown Column: ${name}`,
} as const;

export function unknown(kind: keyof typeof SUBJECT_WORDS, name: string): Failure {
  return new Failure(Code.badRequest, SUBJECT_WORDS[kind](name));
}

/** `phrase`: short, "required_field_missing target_topic". */
export function badArguments(phrase: string): Failure {
  return new Failure(Code.badRequest, `Bad Arguments: ${phrase}`);
}

export function nothingFound(): Failure {
  return new Failure(Code.notFound, "Not Found");
}

/** Runs `work` with the rule engine's words for what it is refused. */
export async function inRuleWords<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof ManagementError)) throw error;
    const { code, subject, phrase, message } = error;
    if (subject !== undefined) throw unknown(subject.kind, subject.name);
    // Whoever asked cannot help it.
    if (code === "unavailable") throw error;
    throw badArguments(phrase ?? message);
  }
}

/** The text that must be there. */
export function neededText(parameters: Parameters, name: string): string {
  const text = givenText(parameters, name);
  if (text === undefined) throw badArguments(`required_field_missing ${name}`);
  return text;
}

/** Undefined: it is not given. */
export function givenText(parameters: Parameters, name: string): string | undefined {
  const value = parameters.get(name);
  if (value === undefined || typeof value === "string") return value;
  throw wrongType(name);
}

/** Undefined: it is not given. */
export function givenObject(parameters: Parameters, name: string): JsonObject | undefined {
  const value = parameters.get(name);
  if (value === undefined) return undefined;
  return asObject(value, name);
}

export function asObject(value: unknown, name: string): JsonObject {
  // What stands in a JSON body can be nothing else.
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    return value as JsonObject;
  }
  throw wrongType(name);
}

/** Whether a request is only a test: the word as such, or as text. */
export function isTest(parameters: Parameters): boolean {
  const value = parameters.get("test");
  if (value === undefined || value === false || value === "false") return false;
  if (value === true || value === "true") return true;
  throw wrongType("test");
}

export function wrongType(name: string): Failure {
  return badArguments(`wrong_type ${name}`);
}
