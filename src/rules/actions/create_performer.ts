import type { Logger } from "../../base/mod.ts";
import type { Publisher } from "../../ports/mod.ts";
import type { Qos } from "../../mqtt/mod.ts";
import { checkParams } from "../params/check_params.ts";
import type { JsonObject, LegacyForm } from "../rule.ts";
import { RuleError } from "../rule_error.ts";
import { compileMemberTemplate, compileTemplate, type SqlObject } from "../sql/mod.ts";
import type { Performer } from "./action.ts";
import { type ActionForm, findActionForm } from "./catalogue.ts";
import { InspectPerformer } from "./inspect.ts";
import { type PublishLimits, RepublishPerformer } from "./republish.ts";
import type { RepublishChain } from "./republish_chain.ts";
import { type RuleResources, SinkPerformer } from "./sink_actions.ts";

/** What actions work with. */
export interface ActionSurroundings {
  readonly logger: Logger;
  readonly publisher: Publisher;
  readonly chain: RepublishChain;
  readonly limits: () => PublishLimits;
  readonly resources: RuleResources;
  /** Of the resources that there will be; undefined: there is none of that name. */
  readonly typeOf: (resourceId: string) => string | undefined;
}

export interface PerformerRequest {
  readonly ruleId: string;
  readonly actionId: string;
  readonly name: string;
  readonly params: JsonObject;
  readonly legacy: LegacyForm | undefined;
  /** The rule selects something under the name of the payload that is not the payload. */
  readonly namesPayload: boolean;
}

/** What an event web hook sends that has no template of its own. */
const WHO_AND_WHAT = {
  render: (selected: SqlObject): SqlObject =>
    Object.fromEntries(
      ["event", "client_id", "username"]
        .filter((name) => selected[name] !== undefined)
        .map((name) => [name, selected[name]]),
    ),
};

const RESOURCE = "$resource";
const encoder = new TextEncoder();

/** The resource that parameters name, whether or not the action does anything with it; undefined: none. */
export function resourceOf(params: JsonObject): string | undefined {
  const id = params[RESOURCE];
  return typeof id === "string" ? id : undefined;
}

/** Whether an action can do with a resource of that type, be it because it does nothing with it. */
export function takesType(actionName: string, type: string): boolean {
  const form = findActionForm(actionName);
  return form?.params[RESOURCE] === undefined || form.types.includes(type);
}

/** Whether there is such an action with such parameters. Throws `RuleError`. */
export function checkAction(
  request: Pick<PerformerRequest, "name" | "params" | "legacy">,
): { readonly form: ActionForm; readonly params: JsonObject } {
  const { name } = request;
  const form = findActionForm(name);
  if (form === undefined) {
    throw new RuleError("unknown-action", `Cannot use action "${name}": there is none`, {
      subject: name,
    });
  }
  const params = checkParams(specsFor(form, request), request.params, `action "${name}"`);
  return { form, params };
}

/** Makes ready what an action is asked to do. Throws `RuleError` where that cannot be. */
export function createPerformer(
  request: PerformerRequest,
  surroundings: ActionSurroundings,
): Performer {
  const { form, params } = checkAction(request);
  checkResource(form, resourceOf(params), surroundings.typeOf);
  switch (form.kind) {
    case "inspect":
      return new InspectPerformer(surroundings.logger, request.ruleId, request.params);
    case "do_nothing":
      return { perform: () => "done" };
    case "republish":
      return republish(request, params, surroundings);
    case "send_data":
    case "send_event":
    case "write_file":
    case "write_table":
      return sinkPerformer(form, params, request.namesPayload, surroundings.resources);
  }
}

/** A rule of EMQX 3.1 need not say of a republishing what only 3.2 has. */
function specsFor(
  form: ActionForm,
  { legacy, params }: Pick<PerformerRequest, "params" | "legacy">,
): ActionForm["params"] {
  const isRelaxed = form.kind === "republish" && form.flavor === "3.2" && legacy !== undefined &&
    !hasTemplates(params);
  return isRelaxed ? findActionForm("built_in:republish_action")?.params ?? {} : form.params;
}

function hasTemplates(params: JsonObject): boolean {
  return params["target_qos"] !== undefined || params["payload_tmpl"] !== undefined;
}

function checkResource(
  form: ActionForm,
  id: string | undefined,
  typeOf: ActionSurroundings["typeOf"],
): void {
  if (id === undefined) return;
  const type = typeOf(id);
  if (type === undefined) {
    throw new RuleError("unknown-resource", `Cannot use resource "${id}": there is none`, {
      subject: id,
    });
  }
  if (takesType(form.name, type)) return;
  const allowed = form.types.join(", ");
  throw new RuleError(
    "invalid",
    `Cannot use resource "${id}" for action "${form.name}": its type is ${type}; ` +
      `allowed: ${allowed}`,
    { detail: `wrong_resource_type ${type}` },
  );
}

function republish(
  { actionId, name, params: given, legacy, namesPayload }: PerformerRequest,
  params: JsonObject,
  { publisher, chain, limits }: ActionSurroundings,
): Performer {
  const topic = String(params["target_topic"]);
  const isOldName = findActionForm(name)?.flavor === "3.1";
  const isLegacy = !hasTemplates(given) && (isOldName || legacy !== undefined);
  const template = isLegacy ? "" : String(params["payload_tmpl"] ?? "${payload}");
  return new RepublishPerformer({
    actionId,
    publisher,
    chain,
    limits,
    options: isLegacy
      ? {
        topic: { render: () => topic },
        qos: -1,
        payload: { isPayload: false, render: (selected) => JSON.stringify(selected) },
        isLegacy,
      }
      : {
        topic: compileTemplate(topic),
        qos: Number(params["target_qos"] ?? 0) as -1 | Qos,
        payload: compileTemplate(template, namesPayload),
        isLegacy,
      },
  });
}

function sinkPerformer(
  { kind }: ActionForm,
  params: JsonObject,
  namesPayload: boolean,
  resources: RuleResources,
): Performer {
  const { payload_tmpl: text } = params;
  const line = typeof text === "string" ? compileTemplate(text, namesPayload) : undefined;
  const { template: members } = params;
  const eventTemplate = members === undefined ? WHO_AND_WHAT : compileMemberTemplate(members);
  const bytes = (text: string) => ({ kind: "bytes", bytes: encoder.encode(text) }) as const;
  return new SinkPerformer({
    resources,
    resourceId: String(params[RESOURCE]),
    encode: (selected, event) => {
      switch (kind) {
        case "write_table":
          return { kind: "row", row: plainJson(selected) };
        case "send_event":
          return bytes(JSON.stringify(eventTemplate.render(selected)));
        default:
          // Whatever bytes it has: it may be no text at all.
          if (line?.isPayload === true && event.message !== undefined) {
            return { kind: "bytes", bytes: event.message.payload };
          }
          return bytes(
            line === undefined ? JSON.stringify(selected) : line.render(selected, event),
          );
      }
    },
  });
}

/** What is selected is nobody's to change, and has nothing that JSON has not, but for what is missing. */
function plainJson(selected: SqlObject): JsonObject {
  return Object.fromEntries(
    Object.entries(selected).filter(([, value]) => value !== undefined),
  ) as JsonObject;
}
