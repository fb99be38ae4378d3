import type { MaybePromise } from "../base/mod.ts";
import { RuleError } from "../rules/mod.ts";
import {
  type ErrorSubject,
  ManagementError,
  type ManagementErrorCode,
} from "./management_error.ts";

/** Runs `work` with what the rule engine refuses in our terms; `what`: "create a rule", behind "Cannot". */
export async function inRuleTerms<T>(what: string, work: () => MaybePromise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw error instanceof RuleError ? ruleError(what, error) : error;
  }
}

const SUBJECTS: Partial<Record<RuleError["code"], ErrorSubject["kind"]>> = {
  "unknown-action": "action",
  "unknown-event": "event",
  "unknown-hook": "hook",
  "unknown-column": "column",
  "unknown-resource": "resource",
  "unknown-resource-type": "resource-type",
};

const CODES: Partial<Record<RuleError["code"], ManagementErrorCode>> = {
  "in-use": "conflict",
  "read-only": "forbidden",
  unavailable: "unavailable",
};

function ruleError(what: string, error: RuleError): ManagementError {
  const { code, subject, detail } = error;
  const kind = SUBJECTS[code];
  return new ManagementError(CODES[code] ?? "invalid", `Cannot ${what}: ${error.message}`, {
    cause: error,
    ...(kind === undefined ? {} : { subject: { kind, name: subject } }),
    ...(detail === "" ? {} : { phrase: detail }),
  });
}
