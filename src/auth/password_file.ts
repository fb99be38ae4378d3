import { parsePasswordHash, type PasswordHash, PasswordHashError } from "./password_hash.ts";

/** A password file that cannot be used; the message has a line for each problem, with the number of its line. */
export class PasswordFileError extends Error {
  override readonly name = "PasswordFileError";
}

/** Users by name, in the order of the file. */
export type PasswordFileUsers = ReadonlyMap<string, PasswordHash>;

const PROBLEMS_MAX = 20;
const NAME_BYTES_MAX = 65_535;
const ENCODER = new TextEncoder();

/**
 * Reads a file as mosquitto_passwd writes it: a line `name:hash` for each user; empty lines and such that begin with `#`
 * are passed over. Throws `PasswordFileError` with every problem; no hash and no password is ever quoted.
 */
export function readPasswordFile(text: string, fileName: string): PasswordFileUsers {
  const users = new Map<string, PasswordHash>();
  const lines = new Map<string, number>();
  const problems: string[] = [];
  for (const [index, line] of text.replace(/^\ufeff/, "").split("\n").entries()) {
    const place = `${fileName}:${index + 1}`;
    const entry = entryOf(line);
    if (entry === undefined) continue;
    if (typeof entry === "string") {
      problems.push(`${place}: ${entry}`);
      continue;
    }
    const { name, hash } = entry;
    const earlier = lines.get(name);
    if (earlier !== undefined) {
      problems.push(`${place}: user ${quoted(name)} is in line ${earlier} already`);
      continue;
    }
    lines.set(name, index + 1);
    users.set(name, hash);
  }
  if (problems.length > 0) throw new PasswordFileError(problemText(problems));
  return users;
}

/** Undefined: nothing is in the line; a text: what is wrong with it. */
function entryOf(
  line: string,
): { readonly name: string; readonly hash: PasswordHash } | string | undefined {
  const trimmed = line.trim();
  if (trimmed === "" || trimmed.startsWith("#")) return undefined;
  const colon = trimmed.indexOf(":");
  if (colon < 0) return "a user name, a colon and a hash are expected, there is no colon";
  const name = trimmed.slice(0, colon).trim();
  const problem = userNameProblem(name);
  if (problem !== undefined) return problem;
  const text = trimmed.slice(colon + 1).trim();
  if (text === "") return `user ${quoted(name)} has no hash`;
  try {
    return { name, hash: parsePasswordHash(text) };
  } catch (error) {
    if (!(error instanceof PasswordHashError)) throw error;
    const advice = text.startsWith("$") ? "" : '; "broker passwd add NAME --file FILE" writes one';
    return `user ${quoted(name)}: ${error.message}${advice}`;
  }
}

/** Why a name cannot stand in a password file or a table of accounts; undefined: it can. */
export function userNameProblem(name: string): string | undefined {
  if (name === "") return "the user name is empty";
  if (ENCODER.encode(name).length > NAME_BYTES_MAX) {
    return `the user name has more than ${NAME_BYTES_MAX} bytes`;
  }
  // deno-lint-ignore no-control-regex -- control characters are what is looked for
  if (/[\u0000-\u001f\u007f]/.test(name)) {
    return `the user name ${quoted(name)} has control characters`;
  }
  return undefined;
}

/** What `changePasswordFile` did. */
export interface PasswordFileChange {
  readonly text: string;
  /** Whether the user was in the file. */
  readonly isKnown: boolean;
}

/**
 * The text of a password file with one user's hash set, or the user removed where `hash` is undefined. All other lines
 * stay as they are, byte for byte.
 */
export function changePasswordFile(
  text: string,
  name: string,
  hash: string | undefined,
): PasswordFileChange {
  const kept: string[] = [];
  let isKnown = false;
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  for (const line of lines) {
    const trimmed = line.trim();
    const isHis = !trimmed.startsWith("#") && trimmed.includes(":") &&
      trimmed.slice(0, trimmed.indexOf(":")).trim() === name;
    if (!isHis) kept.push(line);
    else if (hash !== undefined && !isKnown) kept.push(`${name}:${hash}`);
    isKnown ||= isHis;
  }
  if (!isKnown && hash !== undefined) kept.push(`${name}:${hash}`);
  return { text: kept.map((line) => `${line}\n`).join(""), isKnown };
}

function problemText(problems: readonly string[]): string {
  const shown = problems.slice(0, PROBLEMS_MAX);
  const left = problems.length - shown.length;
  return [...shown, ...(left > 0 ? [`and ${left} more`] : [])].join("\n");
}

function quoted(name: string): string {
  return JSON.stringify(name);
}
