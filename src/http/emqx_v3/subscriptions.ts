import { routeDto, subscriptionDto } from "./dto.ts";
import { pageReply, success } from "./result.ts";
import type { Routes } from "./routes.ts";

const ROWS_MAX = 10_000;

/** Subscriptions, and the filters that there are. */
export function addSubscriptions(routes: Routes): void {
  const { subscriptions, routes: filters } = routes.management;
  const names = ["list_subscriptions", "list_node_subscriptions"] as const;
  routes.addLists("/subscriptions", names, async (paging) => {
    const { items, count } = await subscriptions.list(paging);
    return { items, count, toDto: subscriptionDto };
  });
  for (
    const [at, name] of [
      ["", "lookup_client_subscriptions"],
      ["/nodes/:node", "lookup_client_subscriptions_with_node"],
    ] as const
  ) {
    routes.add("GET", `${at}/subscriptions/:clientid`, name, async ({ call }) => {
      await routes.nodeOf(call);
      const clientId = call.param("clientid");
      const { items } = await subscriptions.list({ limit: ROWS_MAX }, { clientId });
      return success(items.map(subscriptionDto));
    });
  }
  routes
    .add("GET", "/routes", "list_routes", async ({ parameters }) => {
      const paging = parameters.paging(routes.context.options.apis.emqxV3);
      const { items, count } = await filters.list(paging);
      const { turns } = routes.context;
      return pageReply(turns, { items, toDto: routeDto }, { ...paging, count });
    }, { isPaged: true })
    .add("GET", "/routes/:topic", "lookup_routes", async ({ call }) => {
      const topicFilter = call.param("topic");
      const { items } = await filters.list({ limit: ROWS_MAX }, { topicFilter });
      return success(items.map(routeDto));
    });
}
