import { actionForms } from "../actions/catalogue.ts";
import { checkAction } from "../actions/create_performer.ts";
import type { ActionDraft } from "../rule.ts";
import { RuleError } from "../rule_error.ts";
import { compileRule } from "./compile_rule.ts";
import type { ConfiguredRule } from "./configured_rule.ts";

/** What of a configured rule cannot be used. */
export interface RuleProblem {
  /** "sql", or an action by its place with the key that is wrong. */
  readonly path: readonly (string | number)[];
  readonly found: string;
  readonly allowed: string;
}

/** Everything that is wrong with a rule, whatever resources there are. */
export function ruleProblems(rule: ConfiguredRule): readonly RuleProblem[] {
  const problem = sqlProblem(rule.sql);
  return [
    ...(problem === undefined ? [] : [problem]),
    ...rule.actions.flatMap((action, index) => actionProblem(action, index) ?? []),
  ];
}

function sqlProblem(sql: string): RuleProblem | undefined {
  const error = refusalOf(() => compileRule(sql, undefined, Date.now));
  if (error === undefined) return undefined;
  const { line, column, message } = error;
  const place = line === undefined ? "" : `, line ${line} column ${column} of it`;
  return {
    path: ["sql"],
    found: `a statement that cannot be used${place}: ${withoutBeginning(message)}`,
    allowed: "a statement of the rule engine, SELECT … FROM … or FOREACH … FROM …",
  };
}

function actionProblem({ name, params }: ActionDraft, index: number): RuleProblem | undefined {
  const error = refusalOf(() => checkAction({ name, params, legacy: undefined }));
  if (error === undefined) return undefined;
  if (error.code === "unknown-action") {
    const allowed = actionForms("3.2").map((form) => `"${form.name}"`).join(", ");
    return { path: ["action", index, "name"], found: JSON.stringify(name), allowed };
  }
  return {
    path: ["action", index, "params"],
    found: `parameters that do not fit: ${withoutBeginning(error.message)}`,
    allowed: `the parameters of "${name}"`,
  };
}

function refusalOf(check: () => unknown): RuleError | undefined {
  try {
    check();
    return undefined;
  } catch (error) {
    if (error instanceof RuleError) return error;
    throw error;
  }
}

/** The reason behind "Cannot do this: ". */
function withoutBeginning(message: string): string {
  return message.replace(/^Cannot [^:]*: (?:line \d+ column \d+: )?/, "");
}
