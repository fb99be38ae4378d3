import type { ModuleName } from "../../management/mod.ts";
import { pluginConfigs, readPluginChanges } from "./plugin_configs.ts";
import { Code, Failure, success } from "./result.ts";
import { type Operation, type Request, type Routes, translating } from "./routes.ts";

interface Plugin {
  readonly name: string;
  readonly description: string;
  readonly module: ModuleName;
  /** What versions from 3.2 on call the kind of it. */
  readonly type: "auth" | "feature";
}

/** The modules of this broker that the product has, too, in the product's order. */
const PLUGINS: readonly Plugin[] = [
  {
    name: "emqx_auth_clientid",
    description: "Authentication by client identifier and password",
    module: "client_accounts",
    type: "auth",
  },
  {
    name: "emqx_auth_http",
    description: "Authentication by an HTTP service",
    module: "http_auth",
    type: "auth",
  },
  {
    name: "emqx_auth_jwt",
    description: "Authentication by JSON Web Tokens",
    module: "jwt",
    type: "auth",
  },
  {
    name: "emqx_auth_username",
    description: "Authentication by user name and password",
    module: "user_accounts",
    type: "auth",
  },
  {
    name: "emqx_delayed_publish",
    description: "Delayed publishing",
    module: "delayed_publish",
    type: "feature",
  },
  {
    name: "emqx_management",
    description: "Management by HTTP",
    module: "management",
    type: "feature",
  },
  { name: "emqx_retainer", description: "Retained messages", module: "retainer", type: "feature" },
  {
    name: "emqx_rule_engine",
    description: "Rules and what they do",
    module: "rule_engine",
    type: "feature",
  },
  {
    name: "emqx_web_hook",
    description: "Events to a web service",
    module: "web_hook",
    type: "feature",
  },
];

const NOT_FOUND = "not_found";
const CONFIG_FAILED = "parse_config_file_failed";
const NOT_ALLOWED = "not_allowed";
const UNKNOWN_ERROR = "unknown_error";

/** Modules, switched on and off for good, and their settings. */
export function addPlugins(routes: Routes): void {
  const { modules, nodes } = routes.management;
  const list = async (): Promise<unknown[]> => {
    const views = new Map((await modules.list()).map((view) => [view.name, view]));
    const { ruleFlavor } = routes.context.options.apis.emqxV3;
    return PLUGINS.map(({ name, description, module, type }) => ({
      name,
      version: `v${routes.context.version}`,
      description,
      active: views.get(module)?.isActive === true,
      ...(ruleFlavor === "3.2" ? { type } : {}),
    }));
  };
  routes
    .add("GET", "/plugins", "list_all_plugins", async () => {
      return success([{ node: nodes.localName, plugins: await list() }]);
    })
    .add("GET", "/nodes/:node/plugins", "list_node_plugins", async ({ call }) => {
      await routes.nodeOf(call);
      return success(await list());
    });
  addSwitches(routes);
  addPluginConfigs(routes);
}

function addSwitches(routes: Routes): void {
  const { modules } = routes.management;
  const fixed = [Code.unknown, NOT_ALLOWED] as const;
  const unusable = [Code.unknown, CONFIG_FAILED] as const;
  const switches = [
    ["load", { conflict: [Code.unknown, "already_started"], invalid: unusable, forbidden: fixed }],
    ["unload", { conflict: [Code.unknown, "not_started"], forbidden: fixed }],
    ["reload", { invalid: unusable, forbidden: fixed }],
  ] as const;
  for (const [verb, words] of switches) {
    const operation: Operation = async (request) => {
      const { module } = await pluginOf(routes, request);
      await translating(words, () => {
        if (verb === "load") return modules.activate(module);
        return verb === "unload" ? modules.deactivate(module) : modules.reread(module);
      });
      return success();
    };
    routes.add("PUT", `/nodes/:node/plugins/:plugin/${verb}`, `${verb}_plugin`, operation);
  }
}

function addPluginConfigs(routes: Routes): void {
  const { management, context } = routes;
  const path = "/nodes/:node/plugin_configs/:plugin";
  routes
    .add("GET", path, "get_plugin_configs", async (request) => {
      const { name } = await pluginOf(routes, request);
      return success(await pluginConfigs(name, management, context));
    })
    .add("PUT", path, "update_plugin_configs", async (request) => {
      const { name, module } = await pluginOf(routes, request);
      const present = await pluginConfigs(name, management, context);
      const changes = readPluginChanges(name, present, request.parameters.entries());
      if (changes === undefined) throw new Failure(Code.unknown, UNKNOWN_ERROR);
      const failed = [Code.unknown, UNKNOWN_ERROR] as const;
      await translating(
        { invalid: failed, forbidden: failed },
        () => management.modules.configure(module, changes),
      );
      return success();
    });
}

/** The plugin of the path. Throws `NotFound` for the node, `Failure` for the plugin. */
async function pluginOf(routes: Routes, { call }: Request): Promise<Plugin> {
  await routes.nodeOf(call);
  const name = call.param("plugin");
  const plugin = PLUGINS.find((each) => each.name === name);
  if (plugin === undefined) throw new Failure(Code.unknown, NOT_FOUND);
  return plugin;
}
