/**
 * What a rule meets when it is evaluated: text that is no number, division by zero, a result that is too large. The
 * rule is skipped for that event. Not an `Error`, because clients decide how often it happens: an `Error` collects the
 * stack, which takes longer than the rule.
 */
export class EvaluationFailure {
  /** Words that fit behind "skipped: ". */
  readonly reason: string;

  constructor(reason: string) {
    this.reason = reason;
  }
}
