/** The statements of all tables. */
import * as conditions from "./conditions.ts";
import * as functions from "./functions.ts";
import * as operators from "./operators.ts";
import * as refusals from "./refusals.ts";
import * as statements from "./statements.ts";

export const EXPRESSION_ROWS = [
  operators.NAME_ROWS,
  operators.LITERAL_ROWS,
  operators.ARITHMETIC_ROWS,
  operators.CASE_ROWS,
  functions.EVENT_ROWS,
  functions.MATH_ROWS,
  functions.BIT_ROWS,
  functions.TEXT_ROWS,
  functions.CONVERSION_ROWS,
  functions.TYPE_ROWS,
  functions.COLLECTION_ROWS,
  functions.MAP_ROWS,
  functions.FILTER_ROWS,
  functions.HASH_ROWS,
  functions.ENCODING_ROWS,
].flat();

export const CONDITION_ROWS = [
  conditions.COMPARISON_ROWS,
  conditions.MATCH_ROWS,
  conditions.LOGIC_ROWS,
  conditions.IN_ROWS,
].flat();

export const STATEMENT_ROWS = [
  statements.SELECT_ROWS,
  statements.WHERE_ROWS,
  statements.FOREACH_ROWS,
].flat();

export const REFUSAL_ROWS = [
  refusals.SYNTAX_ROWS,
  refusals.UNSUPPORTED_ROWS,
  refusals.MEANING_ROWS,
].flat();

export const SOUND_STATEMENTS: readonly string[] = [
  ...EXPRESSION_ROWS.map(([expression]) => `SELECT ${expression} AS r FROM "message.publish"`),
  ...CONDITION_ROWS.map(([condition]) => `SELECT qos FROM "message.publish" WHERE ${condition}`),
  ...[...STATEMENT_ROWS, ...statements.OLD_ROWS].map(([sql]) => sql),
];

export const REFUSED_STATEMENTS: readonly string[] = REFUSAL_ROWS.map(([sql]) => sql);
