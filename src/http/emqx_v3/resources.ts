import * as z from "zod/mini";
import { RESOURCE_TYPES, type ResourceDraft } from "../../management/mod.ts";
import type { Parameters } from "./parameters.ts";
import { Code, Failure, listReply, success } from "./result.ts";
import { type Routes, translating } from "./routes.ts";
import { resourceDto } from "./rule_dto.ts";
import { TestQuery } from "./rules.ts";
import {
  givenObject,
  givenText,
  inRuleWords,
  isTest,
  neededText,
  nothingFound,
} from "./rule_words.ts";

const Resource = z.object({
  type: z.enum(RESOURCE_TYPES),
  config: z.optional(z.looseObject({})),
  name: z.optional(z.string()),
  description: z.optional(z.string()),
  test: z.optional(z.boolean()),
});

/** What actions need to reach something outside, and whether that is there. */
export function addResources(routes: Routes): void {
  const { resources, nodes } = routes.management;
  const { turns } = routes.context;
  const dtoOf = resourceDto(routes.context);
  routes
    .add("POST", "/resources", "create_resource", async ({ parameters }) => {
      const draft = resourceDraft(parameters);
      if (isTest(parameters)) {
        const isReached = await inRuleWords(() => resources.test(draft));
        if (isReached) return success();
        throw new Failure(Code.failed, "Test Creating Resource Failed");
      }
      return success(dtoOf(await inRuleWords(() => resources.create(draft))));
    }, { body: Resource, query: TestQuery })
    .add("GET", "/resources", "list_resources", async () => {
      return listReply(turns, { items: await resources.list(), toDto: dtoOf });
    })
    .add("GET", "/resources/:id", "show_resource", async ({ call }) => {
      const resource = await resources.get(call.param("id"));
      if (resource === undefined) throw nothingFound();
      const dto = dtoOf(resource);
      if (resource.name !== undefined) return success(dto);
      const isAlive = await inRuleWords(() => resources.isAlive(resource.id));
      return success({ ...dto, status: [{ node: nodes.localName, is_alive: isAlive }] });
    })
    .add("POST", "/resources/:id", "start_resource", async ({ call }) => {
      const id = call.param("id");
      await translating(
        { unavailable: [Code.badRequest, `Start Resource ${id} Failed`] },
        () => inRuleWords(() => resources.start(id)),
      );
      return success();
    })
    .add("DELETE", "/resources/:id", "delete_resource", async ({ call }) => {
      await inRuleWords(() => resources.remove(call.param("id")));
      return success();
    })
    .add("GET", "/resource_status/:id", "get_resource_status", async ({ call }) => {
      const isAlive = await inRuleWords(() => resources.isAlive(call.param("id")));
      return success({ is_alive: isAlive });
    })
    .add("GET", "/resource_types/:type/resources", "list_resources_by_type", async ({ call }) => {
      const type = call.param("type");
      const items = (await resources.list()).filter((resource) => resource.type === type);
      return listReply(turns, { items, toDto: dtoOf });
    });
}

function resourceDraft(parameters: Parameters): ResourceDraft {
  return {
    type: neededText(parameters, "type"),
    name: givenText(parameters, "name"),
    config: givenObject(parameters, "config") ?? {},
    description: givenText(parameters, "description"),
  };
}
