import { resourceProblems, ruleProblems } from "../../rules/mod.ts";
import type { Written } from "../root.ts";
import { type Complain, complainOfTwins } from "./complain.ts";

/** Statements, actions and resources. Whether the resources are there that rules name shows when the broker starts. */
export function checkRules(complain: Complain, written: Written): void {
  checkResources(complain, written);
  const { rules, ruleEngine } = written;
  complainOfTwins(complain, rules, {
    nameOf: ({ name }) => name,
    pathOf: (index) => ["rule", index, "name"],
  });
  const { maxRules, maxActions } = ruleEngine;
  if (rules.length > maxRules) {
    complain(["rule"], `${rules.length} rules`, `up to ${maxRules}, see rule_engine.max_rules`);
  }
  for (const [index, rule] of rules.entries()) {
    if (rule.actions.length > maxActions) {
      const allowed = `up to ${maxActions}, see rule_engine.max_actions`;
      complain(["rule", index, "action"], `${rule.actions.length} actions`, allowed);
    }
    for (const { path, found, allowed } of ruleProblems(rule)) {
      complain(["rule", index, ...path], found, allowed);
    }
  }
}

function checkResources(complain: Complain, { resources, ruleEngine }: Written): void {
  complainOfTwins(complain, resources, {
    nameOf: ({ id }) => id,
    pathOf: (index) => ["resource", index, "name"],
  });
  const { maxResources } = ruleEngine;
  if (resources.length > maxResources) {
    const allowed = `up to ${maxResources}, see rule_engine.max_resources`;
    complain(["resource"], `${resources.length} resources`, allowed);
  }
  for (const [index, resource] of resources.entries()) {
    for (const { found, allowed } of resourceProblems(resource)) {
      complain(["resource", index, "config"], found, allowed);
    }
  }
}
