import { RuleError } from "../rule_error.ts";
import type { ConfiguredResource } from "./resource_manager.ts";
import { checkResourceConfig } from "./resource_config.ts";

/** What of the configuration of a resource cannot be used. */
export interface ResourceProblem {
  readonly found: string;
  readonly allowed: string;
}

/** What is wrong with a resource, as far as it can be told without opening it; the values themselves stay unsaid. */
export function resourceProblems({ type, config }: ConfiguredResource): readonly ResourceProblem[] {
  try {
    checkResourceConfig(type, config);
    return [];
  } catch (error) {
    if (!(error instanceof RuleError)) throw error;
    return [{
      found: `values that do not fit: ${error.detail}`,
      allowed: `what a resource of type "${type}" has`,
    }];
  }
}
