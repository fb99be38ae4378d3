import type { CreateDialect } from "./dialect.ts";
import type { ApiName } from "./options.ts";

/**
 * Every API that there is, loaded when a listener names it. Asked in this order whose a path is, so one whose paths
 * have a prefix of their own stands before one that is at the root.
 */
export const DIALECTS: ReadonlyArray<readonly [name: ApiName, load: () => Promise<CreateDialect>]> =
  [
    ["health", async () => (await import("./health/mod.ts")).createHealth],
    ["tdmq", async () => (await import("./tdmq/mod.ts")).createTdmq],
    ["metrics", async () => (await import("./metrics/mod.ts")).createMetrics],
    ["emqx-v3", async () => (await import("./emqx_v3/mod.ts")).createEmqxV3],
    ["nanomq-v1", async () => (await import("./nanomq_v1/mod.ts")).createNanomqV1],
    ["smqtt", async () => (await import("./smqtt/mod.ts")).createSmqtt],
    ["emqx-cloud", async () => (await import("./emqx_cloud/mod.ts")).createEmqxCloud],
  ];
