/** The functions of the SQL of rules, by their names in lower case. */
import { FILTER_FUNCTIONS, LIST_FUNCTIONS, MAP_FUNCTIONS } from "./collections.ts";
import { CONVERSION_FUNCTIONS, TYPE_FUNCTIONS } from "./conversion.ts";
import { ENCODING_FUNCTIONS, HASH_FUNCTIONS } from "./encoding.ts";
import { eventFunctions } from "./event.ts";
import type { SqlFunction } from "./function.ts";
import { BIT_FUNCTIONS, MATH_FUNCTIONS } from "./math.ts";
import { TEXT_FUNCTIONS } from "./text.ts";

export type { EventFunction, SqlFunction, ValueFunction } from "./function.ts";

/** Functions that the product sells separately: known, and refused. */
export const ENTERPRISE_FUNCTIONS: ReadonlySet<string> = new Set([
  "schema_decode",
  "schema_encode",
]);

const TABLES = [
  MATH_FUNCTIONS,
  BIT_FUNCTIONS,
  TEXT_FUNCTIONS,
  CONVERSION_FUNCTIONS,
  TYPE_FUNCTIONS,
  LIST_FUNCTIONS,
  MAP_FUNCTIONS,
  FILTER_FUNCTIONS,
  HASH_FUNCTIONS,
  ENCODING_FUNCTIONS,
];

/** One table serves all statements of a broker: there may be thousands. */
const tables = new WeakMap<() => number, ReadonlyMap<string, SqlFunction>>();

/** `nowMs`: the wall clock; the same one gives the same table. */
export function functionsFor(nowMs: () => number): ReadonlyMap<string, SqlFunction> {
  const known = tables.get(nowMs);
  if (known !== undefined) return known;
  const made = new Map([eventFunctions(nowMs), ...TABLES].flatMap((each) => Object.entries(each)));
  tables.set(nowMs, made);
  return made;
}
