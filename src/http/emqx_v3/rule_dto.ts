import type {
  ActionForm,
  EventDescription,
  JsonObject,
  ResourceTypeForm,
  ResourceView,
  RuleActionView,
  RuleView,
} from "../../management/mod.ts";
import { maskSecrets } from "../../management/mod.ts";
import type { DialectContext } from "../dialect.ts";
import { UNDEFINED } from "./format.ts";

type Dto = Record<string, unknown>;

/** Whether the secrets of something are masked in answers. */
type IsMasked = (params: JsonObject) => boolean;

/** A rule in the form in which it was made. */
export async function ruleDto(
  { management, options }: DialectContext,
): Promise<(rule: RuleView) => Dto> {
  const node = management.nodes.localName;
  const configured = (await management.resources.list()).filter(({ isReadOnly }) => isReadOnly);
  const ids = new Set(configured.map(({ id }) => id));
  // Parameters may have what the resource says in them.
  const shown = shownUnless(({ $resource }) =>
    options.apis.emqxV3.maskSecrets || ids.has(String($resource))
  );
  return (rule) => {
    const { id, legacy, sql, actions, description, isEnabled, events } = rule;
    const common = { rawsql: sql, enabled: isEnabled, description, ...remarks(rule) };
    if (legacy !== undefined) {
      const named = actions.map(({ name, params }) => ({ name, params: shown(params) }));
      return { id, name: legacy.name, for: legacy.hook, ...common, actions: named };
    }
    return {
      id,
      for: events,
      ...common,
      actions: actions.map((action) => actionOfRuleDto(action, node, shown)),
      metrics: [ruleMetrics(rule, node)],
    };
  };
}

/** What only those have that are not from this API, or cannot be used. */
function remarks({ isReadOnly, problem }: Pick<RuleView, "isReadOnly" | "problem">): Dto {
  return {
    ...(isReadOnly ? { read_only: true } : {}),
    ...(problem === undefined ? {} : { problem }),
  };
}

function actionOfRuleDto(
  { id, name, params, counters }: RuleActionView,
  node: string,
  shown: (params: JsonObject) => JsonObject,
): Dto {
  const { success, failed } = counters;
  return { id, name, params: shown(params), metrics: [{ node, success, failed }] };
}

function ruleMetrics({ counters }: RuleView, node: string): Dto {
  const { matched, speed, speedMax, speedLast5m } = counters;
  const [now, max, mean] = [speed, speedMax, speedLast5m].map((each) => Number(each.toFixed(2)));
  return { node, matched, speed: now, speed_max: max, speed_last5m: mean };
}

/** A resource in the form in which it was made. */
export function resourceDto({ options }: DialectContext): (resource: ResourceView) => Dto {
  return (resource) => {
    const { id, name, type, config, description } = resource;
    const legacy = name === undefined ? {} : { name, attrs: UNDEFINED };
    return {
      id,
      type,
      config: shownUnless(() => resource.isReadOnly || options.apis.emqxV3.maskSecrets)(config),
      description,
      ...legacy,
      ...remarks(resource),
    };
  };
}

/** What stands in the configuration does not come out of it in clear. */
function shownUnless(isMasked: IsMasked): (params: JsonObject) => JsonObject {
  return (params) => isMasked(params) ? maskSecrets(params) : params;
}

/** An action of the catalogue in the words of its generation. */
export function actionDto(form: ActionForm): Dto {
  const { name, app, types, params, title, description, flavor } = form;
  const common = { name, app, for: form.for, params, description };
  return flavor === "3.1" ? { ...common, type: types[0] } : { ...common, types, title };
}

export function resourceTypeDto(form: ResourceTypeForm): Dto {
  const { name, provider, params, title, description, flavor } = form;
  return { name, provider, params, description, ...(flavor === "3.1" ? {} : { title }) };
}

export function eventDto(event: EventDescription): Dto {
  const { title, description, testColumns, columns, sqlExample } = event;
  return {
    event: event.event,
    title,
    description,
    test_columns: testColumns,
    columns,
    sql_example: sqlExample,
  };
}
