import * as z from "zod/mini";
import type {
  ListenerView,
  ManagementService,
  SettingValue,
  SettingView,
} from "../../management/mod.ts";
import { listenOn } from "./format.ts";
import { missingOf, type Parameters, wrong } from "./parameters.ts";
import { Code, Failure, NotFound, success } from "./result.ts";
import { type Routes, translating } from "./routes.ts";
import { type Datatype, FIXED, type Fixed, MAPPED, type Mapped } from "./settings_table.ts";

/** The one application of the product whose settings are the broker's. */
const APP = "emqx";
const ANONYMOUS = "auth.allow_anonymous";
const INVALID_VALUE = "invalid_value";
const READ_ONLY = "read_only";

const Change = z.object({ key: z.string(), value: z.string() });

/** Settings of the broker under the names of the product. */
export function addConfigs(routes: Routes): void {
  const { management } = routes;
  const change = async (app: string, parameters: Parameters): Promise<void> => {
    if (app !== APP) throw new NotFound(`There are no settings of "${app}"`);
    if (["key", "value"].some((name) => parameters.get(name) === undefined)) {
      throw missingOf(["key", "value"]);
    }
    await changeSetting(management, printed(parameters, "key"), printed(parameters, "value"));
  };
  routes
    .add("GET", "/configs", "get_all_configs", async () => {
      return success([{ node: management.nodes.localName, config: await entries(management) }]);
    })
    .add("GET", "/nodes/:node/configs", "get_all_configs.node", async ({ call }) => {
      await routes.nodeOf(call);
      return success(await entries(management));
    })
    .add("PUT", "/configs/:app", "update_config", async ({ call, parameters }) => {
      await change(call.param("app"), parameters);
      return success();
    }, { body: Change })
    .add("PUT", "/nodes/:node/configs/:app", "update_node_config", async (request) => {
      await routes.nodeOf(request.call);
      await change(request.call.param("app"), request.parameters);
      return success();
    }, { body: Change });
}

/** Numbers and truth values count as they are printed. Throws `Failure`. */
function printed(parameters: Parameters, name: string): string {
  const value = parameters.get(name);
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value === "string") return value;
  throw wrong(name, value, "a text");
}

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly datatpye: Datatype;
  readonly app: string;
}

async function entries(management: ManagementService): Promise<readonly Entry[]> {
  const listeners = await management.listeners.list();
  const views = await settingsByKey(management);
  const list: Entry[] = [];
  for (const { key, form, ours } of MAPPED) {
    const value = ours === ANONYMOUS && listeners.length > 0
      ? listeners.every(({ allowAnonymous }) => allowAnonymous)
      : await management.settings.inClear(ours) ?? views.get(ours)?.value;
    if (value !== undefined) list.push(entry(key, form.datatype, form.format(value)));
  }
  for (const { key, datatype, value } of [...FIXED, ...listenerSettings(listeners)]) {
    list.push(entry(key, datatype, value));
  }
  return list.sort((a, b) => a.key < b.key ? -1 : 1);
}

function entry(key: string, datatpye: Datatype, value: string): Entry {
  return { key, value, datatpye, app: APP };
}

async function settingsByKey(
  { settings }: ManagementService,
): Promise<ReadonlyMap<string, SettingView>> {
  return new Map((await settings.list()).map((view) => [view.key, view]));
}

const LISTENER_WORDS = { tcp: "tcp", tls: "ssl", ws: "ws", wss: "wss", unix: "unix" } as const;

/** The first listener of each type is the external one, the others have their name. */
function listenerSettings(listeners: readonly ListenerView[]): readonly Fixed[] {
  const seen = new Set<string>();
  return listeners.flatMap((listener): readonly Fixed[] => {
    const { type, name, host, port, url, maxConnections } = listener;
    const own = name.slice(name.indexOf(":") + 1);
    const key = `listener.${LISTENER_WORDS[type]}.${seen.has(type) ? own : "external"}`;
    seen.add(type);
    return [
      { key, datatype: "string", value: type === "unix" ? url : listenOn(host, port) },
      // One loop accepts for each listener.
      { key: `${key}.acceptors`, datatype: "integer", value: "1" },
      { key: `${key}.max_connections`, datatype: "integer", value: String(maxConnections) },
    ];
  });
}

async function changeSetting(
  management: ManagementService,
  key: string,
  value: string,
): Promise<void> {
  const mapped = MAPPED.find((each) => each.key === key);
  if (mapped === undefined) {
    const isThere = (await entries(management)).some((each) => each.key === key);
    throw new Failure(Code.unknown, isThere ? READ_ONLY : "unknown_key");
  }
  const parsed = mapped.form.parse(value);
  if (parsed === undefined) throw new Failure(Code.unknown, INVALID_VALUE);
  const changes = await changesFor(management, mapped, parsed);
  // In conflict is what the environment or the command line fixes.
  await translating(
    { invalid: [Code.unknown, INVALID_VALUE], conflict: [Code.unknown, READ_ONLY] },
    () => management.settings.change(changes),
  );
}

/** Listeners that decide by themselves about clients without a name follow, too: the product has one setting for all. */
async function changesFor(
  management: ManagementService,
  { ours }: Mapped,
  value: SettingValue,
): Promise<ReadonlyMap<string, SettingValue>> {
  const changes = new Map([[ours, value]]);
  if (ours !== ANONYMOUS) return changes;
  for (const { key, origin } of (await settingsByKey(management)).values()) {
    const isOwn = origin !== "default" && /^listener\.\d+\.allow_anonymous$/.test(key);
    if (isOwn) changes.set(key, value);
  }
  return changes;
}
