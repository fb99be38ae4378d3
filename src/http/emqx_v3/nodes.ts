import type { AlarmView, NodeView } from "../../management/mod.ts";
import { alarmDto, brokerDto, metricsDto, nodeDto, nodeListDto, statsDto } from "./dto.ts";
import { success } from "./result.ts";
import type { Routes } from "./routes.ts";

/** What is true of whole nodes: what they are, their figures, their alarms. */
export function addNodes(routes: Routes): void {
  const { nodes } = routes.management;
  const all = async <T>(show: (node: NodeView) => T | Promise<T>): Promise<T[]> =>
    await Promise.all((await nodes.list()).map(show));
  routes
    .add("GET", "/brokers", "list_brokers", async () => {
      return success(await all((node) => ({ ...brokerDto(node), node: node.name })));
    })
    .add("GET", "/brokers/:node", "get_broker", async ({ call }) => {
      return success(brokerDto(await routes.nodeOf(call)));
    })
    .add("GET", "/nodes", "list_nodes", async () => success(await all(nodeListDto)))
    .add("GET", "/nodes/:node", "get_node", async ({ call }) => {
      return success(nodeDto(await routes.nodeOf(call)));
    });
  addFigures(routes, all);
  addAlarms(routes, all);
}

type ForAll = <T>(show: (node: NodeView) => T | Promise<T>) => Promise<T[]>;

function addFigures(routes: Routes, all: ForAll): void {
  const { metrics, rules } = routes.management;
  const readMetrics = async (): Promise<Record<string, number>> =>
    metricsDto(await metrics.read(), await rules.totals(), routes.context.options.apis.emqxV3);
  const readStats = async (): Promise<Record<string, number>> => statsDto(await metrics.stats());
  routes
    .add("GET", "/metrics", "list_all_metrics", async () => {
      return success(await all(async ({ name }) => ({ node: name, metrics: await readMetrics() })));
    })
    .add("GET", "/nodes/:node/metrics", "list_node_metrics", async ({ call }) => {
      await routes.nodeOf(call);
      return success(await readMetrics());
    })
    .add("GET", "/stats", "list_stats", async () => {
      return success(await all(async ({ name }) => ({ node: name, ...await readStats() })));
    })
    .add("GET", "/nodes/:node/stats", "lookup_node_stats", async ({ call }) => {
      await routes.nodeOf(call);
      return success(await readStats());
    });
}

function addAlarms(routes: Routes, all: ForAll): void {
  const { alarms } = routes.management;
  const kinds = [
    ["present", () => alarms.present(), "list_all_alarms", "list_node_alarms"],
    ["history", () => alarms.history(), "list_all_alarm_history", "list_node_alarm_history"],
  ] as const;
  for (const [kind, read, allName, nodeName] of kinds) {
    const of = async (name: string): Promise<unknown[]> => {
      const list: readonly AlarmView[] = await read();
      return list.filter(({ node }) => node === name).map(alarmDto);
    };
    routes
      .add("GET", `/alarms/${kind}`, allName, async () => {
        return success(await all(async ({ name }) => ({ node: name, alarms: await of(name) })));
      })
      .add("GET", `/alarms/${kind}/:node`, nodeName, async ({ call }) => {
        return success(await of((await routes.nodeOf(call)).name));
      });
  }
}
