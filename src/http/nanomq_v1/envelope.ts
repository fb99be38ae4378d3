import type { JsonResult } from "../kit/mod.ts";

/** What stands around every request, as far as it could be read. */
export interface Envelope {
  /** The members of the body; undefined: it is no JSON object. */
  readonly members: Readonly<Record<string, unknown>> | undefined;
  /** Undefined: missing, or not an integer from 0. */
  readonly req: number | undefined;
  /** Digits to be sent back as they came; undefined: missing, or not an integer from 0. */
  readonly seq: string | undefined;
}

const NO_MEMBERS: Envelope = { members: undefined, req: undefined, seq: undefined };
const INTEGER = /^(?:0|[1-9]\d{0,19})$/;
const UINT64_MAX = 18_446_744_073_709_551_615n;

/** Reads a body, which may be anything. */
export function readEnvelope(body: JsonResult): Envelope {
  if (!body.ok || typeof body.value !== "object" || body.value === null) return NO_MEMBERS;
  if (Array.isArray(body.value)) return NO_MEMBERS;
  const members = body.value as Readonly<Record<string, unknown>>;
  return {
    members,
    req: integerOf(tokenOf(body.text, "req")),
    seq: digitsOf(tokenOf(body.text, "seq")),
  };
}

/** What a query says in the place of a body. */
export function envelopeOfQuery(query: Readonly<Record<string, string>>): Envelope {
  const members: Record<string, unknown> = {};
  for (const name of ["req", "seq"]) if (query[name] !== undefined) members[name] = query[name];
  return { members, req: integerOf(query["req"]), seq: digitsOf(query["seq"]) };
}

function integerOf(token: string | undefined): number | undefined {
  const digits = digitsOf(token);
  const number = digits === undefined ? undefined : Number(digits);
  return number !== undefined && Number.isSafeInteger(number) ? number : undefined;
}

function digitsOf(token: string | undefined): string | undefined {
  if (token === undefined || !INTEGER.test(token)) return undefined;
  return BigInt(token) <= UINT64_MAX ? token : undefined;
}

/**
 * The number that a member of the outermost object has, as it is written: a sequence number may have more digits
 * than a number of ours. Undefined: there is none, or it is no plain number. `text` is JSON.
 */
function tokenOf(text: string, name: string): string | undefined {
  let depth = 0;
  let isNameNext = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (character === '"') {
      const end = endOfString(text, at);
      if (depth === 1 && isNameNext && JSON.parse(text.slice(at, end + 1)) === name) {
        return /^\s*:\s*([^\s,}\]]+)/.exec(text.slice(end + 1))?.[1];
      }
      isNameNext = false;
      at = end;
    } else if (character === "{" || character === "[") {
      depth++;
      isNameNext = true;
    } else if (character === "}" || character === "]") depth--;
    else if (character === ",") isNameNext = true;
  }
  return undefined;
}

/** Index of the closing quote. */
function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === "\\") at++;
    else if (text[at] === '"') return at;
  }
  return text.length;
}
