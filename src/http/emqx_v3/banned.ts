import * as z from "zod/mini";
import { parseIpNetwork } from "../../base/mod.ts";
import type { BanKind } from "../../management/mod.ts";
import { banDto } from "./dto.ts";
import { missingOf, type Parameters, wrong } from "./parameters.ts";
import { Code, Failure, pageReply, success } from "./result.ts";
import type { Routes } from "./routes.ts";

const KINDS: ReadonlyMap<string, BanKind> = new Map([
  ["client_id", "clientid"],
  ["username", "username"],
  ["ip_address", "peerhost"],
]);
const KINDS_TEXT = "['client_id', 'username', 'ip_address']";

const Ban = z.object({
  who: z.string(),
  as: z.enum(["client_id", "username", "ip_address"]),
  reason: z.optional(z.string()),
  desc: z.optional(z.string()),
  by: z.optional(z.string()),
  until: z.optional(z.int()),
});

/** Who is kept out. */
export function addBanned(routes: Routes): void {
  const { bans } = routes.management;
  routes
    .add("GET", "/banned", "list_banned", async ({ parameters }) => {
      const paging = parameters.paging(routes.context.options.apis.emqxV3);
      const { items, count } = await bans.list(paging);
      const { turns } = routes.context;
      return pageReply(turns, { items, toDto: banDto }, { ...paging, count });
    }, { isPaged: true })
    .add("POST", "/banned", "create_banned", async ({ parameters }) => {
      const missing = ["who", "as"].filter((name) => parameters.get(name) === undefined);
      if (missing.length > 0) throw missingOf(["who", "as"]);
      const as = kindOf(parameters);
      const who = whoOf(parameters, as);
      const until = parameters.integer("until");
      const described = parameters.text("desc");
      await bans.put({
        as,
        who,
        reason: parameters.text("reason") ?? described,
        by: parameters.text("by"),
        sparesConnected: true,
        untilMs: until === undefined ? undefined : until * 1000,
      });
      return success(Object.fromEntries(parameters.entries()));
    }, { body: Ban })
    .add("DELETE", "/banned/:who", "delete_banned", async ({ call, parameters }) => {
      if (parameters.get("as") === undefined) throw missingOf(["as"]);
      await bans.remove(kindOf(parameters), call.param("who"));
      return success();
    }, { body: z.object({ as: Ban.shape.as }) });
}

function kindOf(parameters: Parameters): BanKind {
  const as = parameters.get("as");
  const kind = typeof as === "string" ? KINDS.get(as) : undefined;
  if (kind !== undefined) return kind;
  throw new Failure(Code.wrongType, `value of 'as' must be one of: ${KINDS_TEXT}`);
}

/** One address, not a network. */
function whoOf(parameters: Parameters, as: BanKind): string {
  const who = parameters.text("who") ?? "";
  if (who === "") throw wrong("who", who, "a name");
  const isAddress = !who.includes("/") && parseIpNetwork(who) !== undefined;
  if (as === "peerhost" && !isAddress) throw wrong("who", who, "an IP address");
  return who;
}
