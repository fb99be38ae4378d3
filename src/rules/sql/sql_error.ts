/** Why a statement was refused. */
export type SqlErrorCode =
  | "syntax"
  | "unsupported"
  | "too-large"
  | "unknown-event"
  | "unknown-column"
  | "unknown-function"
  | "wrong-arity"
  | "invalid-filter";

export interface SqlProblem {
  readonly code: SqlErrorCode;
  /** Without the position; for "syntax" what was expected and what was found. */
  readonly detail: string;
  /** The column, function or event that is unknown, or the filter that is none. */
  readonly name?: string;
}

/** A statement that cannot become a rule, and where in it the reason stands. */
export class SqlError extends Error {
  override readonly name = "SqlError";
  readonly code: SqlErrorCode;
  /** From 1. */
  readonly line: number;
  /** From 1, in characters. */
  readonly column: number;
  readonly detail: string;
  readonly subject: string | undefined;

  /** `at`: UTF-16 units in front of the place in `text`. */
  constructor(text: string, at: number, { code, detail, name }: SqlProblem) {
    const { line, column } = positionOf(text, at);
    super(`Cannot read SQL: line ${line} column ${column}: ${detail}`);
    this.code = code;
    this.line = line;
    this.column = column;
    this.detail = detail;
    this.subject = name;
  }
}

function positionOf(text: string, at: number): { line: number; column: number } {
  const before = text.slice(0, at);
  const lineStart = before.lastIndexOf("\n") + 1;
  let line = 1;
  for (let end = before.indexOf("\n"); end >= 0; end = before.indexOf("\n", end + 1)) line++;
  return { line, column: Array.from(before.slice(lineStart)).length + 1 };
}
