import type { ClientQuery } from "../../management/mod.ts";
import { connectionDto, sessionDto } from "./dto.ts";
import { Code, success } from "./result.ts";
import { type Routes, translating } from "./routes.ts";

/** Rows of a list that has no pages in the product. */
const ROWS_MAX = 10_000;

/** Connections and sessions. */
export function addClients(routes: Routes): void {
  const { clients } = routes.management;
  routes.addLists("/connections", ["list_connections", "list_node_connections"], async (paging) => {
    const { items, count } = await clients.list(paging, { isConnected: true });
    return { items, count, toDto: connectionDto };
  });
  routes.addLists("/sessions", ["list_sessions", "list_node_sessions"], async (paging) => {
    const { items, count } = await clients.list(paging);
    return { items, count, toDto: sessionDto };
  });
  for (const [at, of] of [["", ""], ["/nodes/:node", "_node"]] as const) {
    addConnection(routes, at, of);
    addSession(routes, at, of);
  }
  routes.add("DELETE", "/connections/:clientid", "kickout_connection", async ({ call }) => {
    await translating(
      { "not-found": [Code.notOnline, "not_found"] },
      () => clients.kick(call.param("clientid")),
    );
    return success();
  });
}

function addConnection(routes: Routes, at: string, of: string): void {
  const { clients } = routes.management;
  const find = async (query: ClientQuery): Promise<unknown[]> => {
    const { items } = await clients.list({ limit: ROWS_MAX }, { ...query, isConnected: true });
    return items.map(connectionDto);
  };
  routes
    .add("GET", `${at}/connections/:clientid`, `lookup${of}_connections`, async ({ call }) => {
      await routes.nodeOf(call);
      const client = await clients.get(call.param("clientid"));
      return success(client?.isConnected === true ? [connectionDto(client)] : []);
    })
    .add(
      "GET",
      `${at}/connection/username/:username`,
      `lookup${of}_connection_via_username`,
      async ({ call }) => {
        await routes.nodeOf(call);
        return success(await find({ username: call.param("username") }));
      },
    );
}

function addSession(routes: Routes, at: string, of: string): void {
  const { clients } = routes.management;
  routes
    .add("GET", `${at}/sessions/:clientid`, `lookup${of}_session`, async ({ call }) => {
      await routes.nodeOf(call);
      const client = await clients.get(call.param("clientid"));
      return success(client === undefined ? [] : [sessionDto(client)]);
    })
    .add(
      "DELETE",
      `${at}/sessions/persistent/:clientid`,
      `clean${of}_presisent_session`,
      async ({ call }) => {
        await routes.nodeOf(call);
        await translating({
          "not-found": [Code.notOnline, "not_found"],
          conflict: [Code.unknown, "running_session"],
        }, () => clients.removeOffline(call.param("clientid")));
        return success();
      },
    );
}
