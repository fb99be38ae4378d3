/** The SQL of rules: statements to closures, and back to text. */
export type {
  ArithmeticOperator,
  CaseBranch,
  ComparisonOperator,
  Expression,
  Field,
  ForeachStatement,
  SelectStatement,
  Source,
  Statement,
} from "./ast.ts";
export { type Columns, RecordColumns } from "./columns.ts";
export {
  type CompiledStatement,
  type CompileOptions,
  compileStatement,
  type SelectedData,
} from "./compile.ts";
export { type EventName, isEventName, RULE_EVENTS } from "./events.ts";
export { EvaluationFailure } from "./failure.ts";
export { decodeJson, decodePayload } from "./json.ts";
export {
  EXPRESSION_DEPTH_MAX,
  FOREACH_ELEMENTS_MAX,
  RESULT_BYTES_MAX,
  STATEMENT_BYTES_MAX,
} from "./limits.ts";
export type { Flavor } from "./names.ts";
export { parseStatement } from "./parser.ts";
export { printExpression, printStatement } from "./printer.ts";
export { SqlError, type SqlErrorCode } from "./sql_error.ts";
export { isObject, type SqlObject, type SqlValue, valueText } from "./value.ts";
export {
  compileMemberTemplate,
  compileTemplate,
  type MemberTemplate,
  type Template,
} from "../template.ts";
