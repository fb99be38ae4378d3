import * as z from "zod/mini";
import type { ActionForm, Flavor, ResourceTypeForm, RulesService } from "../../management/mod.ts";
import { success } from "./result.ts";
import type { Routes } from "./routes.ts";
import { actionDto, resourceTypeDto } from "./rule_dto.ts";
import { nothingFound, unknown } from "./rule_words.ts";

/** What rules can do, and what they can use for it, in the words of either generation. */
export function addActions(routes: Routes): void {
  const { rules, resources } = routes.management;
  const flavor = (): Flavor => routes.context.options.apis.emqxV3.ruleFlavor;
  routes
    .add("GET", "/actions", "list_actions", ({ parameters }) => {
      const all = rules.actionForms(flavor());
      const wanted = parameters.get("for");
      if (wanted === undefined) return success(all.map(actionDto));
      const fits = filterFor(String(wanted), rules, flavor());
      return success(all.filter(fits).map(actionDto));
    }, { query: z.object({ for: z.optional(z.string()) }) })
    .add("GET", "/actions/:name", "show_action", ({ call }) => {
      const form = rules.findActionForm(call.param("name"));
      if (form === undefined) throw nothingFound();
      return success(actionDto(form));
    })
    .add("GET", "/resource_types", "list_resource_types", () => {
      return success(resources.types(flavor()).map(resourceTypeDto));
    })
    .add("GET", "/resource_types/:name", "show_resource_type", ({ call }) => {
      const name = call.param("name");
      const [type] = typeForms(routes, name);
      if (type === undefined) throw nothingFound();
      return success(resourceTypeDto(type));
    })
    .add("GET", "/resource_types/:type/actions", "list_actions_by_type", ({ call }) => {
      const name = call.param("type");
      const [type] = typeForms(routes, name);
      if (type === undefined) return success([]);
      // The document has this list the other way round than the list of all.
      const forms = rules.actionForms(type.flavor).toReversed();
      return success(forms.filter(({ types }) => types.includes(name)).map(actionDto));
    });
}

const GROUPS: ReadonlyMap<string, readonly string[]> = new Map([
  ["$any", []],
  ["$messages", ["$messages", "message."]],
  ["$message", ["$messages", "message."]],
  ["$events", ["$events", "client.", "session."]],
  ["$client", ["client."]],
  ["$session", ["session."]],
]);

/** Whether an action is offered for `wanted`, an event or a group of them. Throws `Failure` where there is no such. */
function filterFor(
  wanted: string,
  { hookNames, events }: RulesService,
  flavor: Flavor,
): (form: ActionForm) => boolean {
  const group = GROUPS.get(wanted);
  if (group !== undefined) {
    return (form) => form.for === "$any" || group.some((begin) => form.for.startsWith(begin));
  }
  if (flavor === "3.1") {
    if (!hookNames.includes(wanted)) throw unknown("hook", wanted);
  } else if (!events.some(({ event }) => event === wanted)) throw unknown("event", wanted);
  return (form) => form.for === "$any" || form.for === wanted;
}

/** The forms of a type: the one in the words that lists have first, where it has both. */
function typeForms({ management, context }: Routes, name: string): readonly ResourceTypeForm[] {
  const { ruleFlavor } = context.options.apis.emqxV3;
  const other = ruleFlavor === "3.1" ? "3.2" : "3.1";
  return [ruleFlavor, other].flatMap((flavor) =>
    management.resources.types(flavor as Flavor).filter((type) => type.name === name)
  );
}
