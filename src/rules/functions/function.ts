import type { Columns } from "../sql/columns.ts";
import type { SqlValue } from "../sql/value.ts";

/** A function of its arguments alone. */
export interface ValueFunction {
  readonly kind: "value";
  /** How many arguments it may have. */
  readonly arities: readonly number[];
  /** Arguments that are not there are undefined; `count` tells them from those that have no value. */
  readonly apply: (first: SqlValue, second: SqlValue, third: SqlValue, count: number) => SqlValue;
}

/** A function of the event, with one argument or none. */
export interface EventFunction {
  readonly kind: "event";
  readonly arities: readonly number[];
  /** What it reads. */
  readonly columns: readonly string[];
  readonly apply: (columns: Columns, argument: SqlValue, count: number) => SqlValue;
}

export type SqlFunction = ValueFunction | EventFunction;

export type FunctionTable = Readonly<Record<string, SqlFunction>>;
