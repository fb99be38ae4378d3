/**
 * Why something cannot be done with rules. `subject` is the name that it is about: of the action, event, hook, column,
 * resource, resource type or rule; "" for "invalid" and "unavailable".
 */
export type RuleErrorCode =
  | "unknown-action"
  | "unknown-event"
  | "unknown-hook"
  | "unknown-column"
  | "unknown-resource"
  | "unknown-resource-type"
  /** Anything else that is wrong with what was asked for; `detail` is a short phrase. */
  | "invalid"
  /** A rule uses the resource; `detail` names it. */
  | "in-use"
  /** It is from the configuration, and changes there. */
  | "read-only"
  /** It could not be stored. */
  | "unavailable";

export interface RuleErrorOptions extends ErrorOptions {
  readonly subject?: string;
  readonly detail?: string;
  /** Where in the SQL, from 1. */
  readonly line?: number;
  readonly column?: number;
}

/** Something was asked of the rule engine that cannot be; nothing has changed. The message says what and why. */
export class RuleError extends Error {
  override readonly name = "RuleError";
  readonly code: RuleErrorCode;
  readonly subject: string;
  /** For an answer in the words of a product: "required_field_missing target_topic". */
  readonly detail: string;
  readonly line: number | undefined;
  readonly column: number | undefined;

  constructor(code: RuleErrorCode, message: string, options: RuleErrorOptions = {}) {
    super(message, options);
    this.code = code;
    this.subject = options.subject ?? "";
    this.detail = options.detail ?? "";
    this.line = options.line;
    this.column = options.column;
  }
}
