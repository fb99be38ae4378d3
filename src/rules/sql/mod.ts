/** The SQL of rules: statements to closures, and back to text. */
export type { Expression, Field, Statement } from "./ast.ts";
export type { Columns } from "./columns.ts";
export {
  type CompiledStatement,
  type CompileOptions,
  compileStatement,
  type SelectedData,
} from "./compile.ts";
export { type EventName, isEventName, RULE_EVENTS } from "./events.ts";
export { EvaluationFailure } from "./failure.ts";
export { decodePayload } from "./json.ts";
export type { Flavor } from "./names.ts";
export { parseStatement } from "./parser.ts";
export { printStatement } from "./printer.ts";
export { SqlError, type SqlErrorCode } from "./sql_error.ts";
export { isObject, type SqlObject, type SqlValue, valueText } from "./value.ts";
export {
  compileMemberTemplate,
  compileTemplate,
  type MemberTemplate,
  type Template,
} from "../template.ts";
