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

/** `nowMs`: the wall clock. */
export function createFunctions(nowMs: () => number): ReadonlyMap<string, SqlFunction> {
  return new Map(
    [
      eventFunctions(nowMs),
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
    ].flatMap((table) => Object.entries(table)),
  );
}
