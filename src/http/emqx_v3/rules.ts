import * as z from "zod/mini";
import type { ActionDraft, LegacyForm, RuleDraft } from "../../management/mod.ts";
import type { Parameters } from "./parameters.ts";
import { Code, Failure, listReply, success } from "./result.ts";
import type { Routes } from "./routes.ts";
import { eventDto, ruleDto } from "./rule_dto.ts";
import {
  asObject,
  badArguments,
  givenObject,
  givenText,
  inRuleWords,
  isTest,
  neededText,
  nothingFound,
  wrongType,
} from "./rule_words.ts";

const Action = z.object({ name: z.string(), params: z.optional(z.looseObject({})) });
const Rule = z.object({
  name: z.optional(z.string()),
  for: z.optional(z.string()),
  rawsql: z.string(),
  actions: z.array(Action),
  description: z.optional(z.string()),
  test: z.optional(z.boolean()),
  ctx: z.optional(z.looseObject({})),
});

export const TestQuery = z.object({ test: z.optional(z.enum(["true", "false"])) });

/** Rules, and what they can be about. */
export function addRules(routes: Routes): void {
  const { rules } = routes.management;
  const dto = (): ReturnType<typeof ruleDto> => ruleDto(routes.context);
  routes
    .add("POST", "/rules", "create_rule", async ({ parameters }) => {
      if (isTest(parameters)) return success(await tried(routes, parameters));
      const rule = await inRuleWords(() => rules.create(ruleDraft(parameters)));
      return success((await dto())(rule));
    }, { body: Rule, query: TestQuery })
    .add("GET", "/rules", "list_rules", async () => {
      return listReply(routes.context.turns, { items: await rules.list(), toDto: await dto() });
    })
    .add("GET", "/rules/:id", "show_rule", async ({ call }) => {
      const rule = await rules.get(call.param("id"));
      if (rule === undefined) throw nothingFound();
      return success((await dto())(rule));
    })
    .add("DELETE", "/rules/:id", "delete_rule", async ({ call }) => {
      await inRuleWords(() => rules.remove(call.param("id")));
      return success();
    })
    .add("GET", "/rule_events", "list_events", () => success(rules.events.map(eventDto)));
}

/** What a statement selects from a made-up event. */
async function tried({ management }: Routes, parameters: Parameters): Promise<unknown> {
  const sql = neededText(parameters, "rawsql");
  const context = givenObject(parameters, "ctx");
  if (context === undefined) throw badArguments("required_field_missing ctx");
  const result = await inRuleWords(() => management.rules.test(sql, context));
  if (!result.isMatch) throw new Failure(Code.notFound, "SQL Not Match");
  return result.isForeach ? result.selected : result.selected[0];
}

function ruleDraft(parameters: Parameters): RuleDraft {
  return {
    legacy: legacyForm(parameters),
    sql: neededText(parameters, "rawsql"),
    actions: actionDrafts(parameters),
    description: givenText(parameters, "description"),
  };
}

/** Only with both members is a rule one in the form of 3.1. */
function legacyForm(parameters: Parameters): LegacyForm | undefined {
  const isLegacy = ["name", "for"].every((member) => parameters.get(member) !== undefined);
  if (!isLegacy) return undefined;
  return { name: neededText(parameters, "name"), hook: neededText(parameters, "for") };
}

function actionDrafts(parameters: Parameters): ActionDraft[] {
  const actions = parameters.get("actions");
  if (actions === undefined) throw badArguments("required_field_missing actions");
  if (!Array.isArray(actions)) throw wrongType("actions");
  return actions.map((action: unknown) => {
    const { name, params = {} } = asObject(action, "actions");
    if (name === undefined) throw badArguments("required_field_missing name");
    if (typeof name !== "string") throw wrongType("name");
    return { name, params: asObject(params, "params") };
  });
}
