import { listenerDto, webListenerDto } from "./dto.ts";
import { success } from "./result.ts";
import type { Routes } from "./routes.ts";

/** Listeners of MQTT and of HTTP. */
export function addListeners(routes: Routes): void {
  const { management, context } = routes;
  const all = async (): Promise<unknown[]> => [
    ...(await management.listeners.list()).map(listenerDto),
    ...context.webListeners().flatMap(webListenerDto),
  ];
  routes
    .add("GET", "/listeners", "list_listeners", async () => {
      return success([{ node: management.nodes.localName, listeners: await all() }]);
    })
    .add("GET", "/nodes/:node/listeners", "list_node_listeners", async ({ call }) => {
      await routes.nodeOf(call);
      return success(await all());
    });
}
