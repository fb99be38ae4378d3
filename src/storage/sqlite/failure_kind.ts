import { StoredDataError } from "../codec/byte_source.ts";

/**
 * What a failed call to the database says of it.
 *
 * - `passing`: the system is in the way (no room, read-only, locked): another database would not help, waiting does.
 * - `damage`: the file is not as we wrote it, or not ours any more.
 * - `unclear`: it may be either; looked into when it stays.
 */
export type FailureKind = "passing" | "damage" | "unclear";

/** By SQLite's primary result code: perm, busy, locked, nomem, readonly, interrupt, full, cantopen, auth. */
const PASSING_CODES = new Set([3, 5, 6, 7, 8, 9, 13, 14, 23]);
/** corrupt, notadb */
const DAMAGE_CODES = new Set([11, 26]);

/** Not every version of the runtimes gives the code; on the words they agree. */
const PASSING_WORDS =
  /locked|busy|is full|read-?only|unable to open|out of memory|denied|permitted|interrupted/i;
const DAMAGE_WORDS = /malformed|not a database|corrupt/i;

export function failureKindOf(error: unknown): FailureKind {
  if (error instanceof StoredDataError) return "damage";
  if (!(error instanceof Error)) return "unclear";
  const { errcode, code } = error as { readonly errcode?: unknown; readonly code?: unknown };
  const primary = typeof errcode === "number" ? errcode & 0xff : 0;
  if (DAMAGE_CODES.has(primary)) return "damage";
  if (PASSING_CODES.has(primary)) return "passing";
  // An error of the file system, not of SQLite.
  if (/^E[A-Z]+$/.test(String(code))) return "passing";
  if (DAMAGE_WORDS.test(error.message)) return "damage";
  return PASSING_WORDS.test(error.message) ? "passing" : "unclear";
}

/** Another database would not help. */
export function isOfTheSystem(error: unknown): boolean {
  return failureKindOf(error) === "passing";
}
