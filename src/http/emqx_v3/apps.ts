import * as z from "zod/mini";
import type { AppChange } from "../../management/mod.ts";
import { appDto } from "./dto.ts";
import { type Parameters, wrong } from "./parameters.ts";
import { Code, Failure, success } from "./result.ts";
import { type Routes, translating } from "./routes.ts";

const MASKED = "******";

const Change = z.object({
  name: z.optional(z.string()),
  desc: z.optional(z.string()),
  status: z.optional(z.boolean()),
  expired: z.optional(z.union([z.int(), z.literal("undefined")])),
});

/** Applications: who may use this API. */
export function addApps(routes: Routes): void {
  const { apps } = routes.management;
  routes
    .add("POST", "/apps", "add_app", async ({ parameters }) => {
      const id = parameters.text("app_id");
      if (id === undefined || id === "") throw new Failure(Code.missing, "app_id");
      const { defaultAppSecret } = routes.context.options.apis.emqxV3;
      const secret = parameters.text("secret") || defaultAppSecret;
      const made = await translating(
        { conflict: [Code.unknown, "alread_existed"] },
        () => apps.add(id, secret, changeOf(parameters)),
      );
      return success({ secret: made });
    }, {
      body: z.object({ ...Change.shape, app_id: z.string(), secret: z.optional(z.string()) }),
    })
    .add("GET", "/apps", "list_apps", async () => {
      return success((await apps.list()).map((app) => appDto(app, undefined)));
    })
    .add("GET", "/apps/:appid", "lookup_app", async ({ call }) => {
      const id = call.param("appid");
      const app = await apps.get(id);
      if (app === undefined) return success([]);
      const isHidden = routes.context.options.apis.emqxV3.hideAppSecret;
      const secret = isHidden ? undefined : await apps.secretOf(id);
      return success(appDto(app, secret ?? MASKED));
    })
    .add("PUT", "/apps/:appid", "update_app", async ({ call, parameters }) => {
      await translating(
        { "not-found": [Code.unknown, "ont_found"] },
        () => apps.change(call.param("appid"), changeOf(parameters)),
      );
      return success();
    }, { body: Change })
    .add("DELETE", "/apps/:appid", "del_app", async ({ call }) => {
      await apps.remove(call.param("appid"));
      return success();
    });
}

function changeOf(parameters: Parameters): AppChange {
  return {
    name: parameters.text("name"),
    description: parameters.text("desc"),
    isEnabled: parameters.flag("status"),
    expiresAtS: expiryOf(parameters),
  };
}

function expiryOf(parameters: Parameters): AppChange["expiresAtS"] {
  const isNamed = parameters.entries().some(([name]) => name === "expired");
  const value = parameters.get("expired");
  if (value === undefined) return isNamed ? "never" : undefined;
  if (value === "undefined") return "never";
  const seconds = parameters.integer("expired");
  if (seconds !== undefined && seconds >= 0) return seconds;
  throw wrong("expired", value, "seconds since 1970");
}
