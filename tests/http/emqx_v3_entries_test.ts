/**
 * Every entry of EMQX 3's documented list is there, and all but the rule engine's, which have tests of their own, answer
 * as the document's examples show it.
 */
// deno-lint-ignore-file camelcase -- the spelling of the product
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import API_LIST from "../../src/http/emqx_v3/api_list.json" with { type: "json" };
import { TestClient } from "../support/mqtt_client.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";
import ANSWERS from "./emqx_v3_answers.json" with { type: "json" };

const NODE = "emqx@127.0.0.1";
const CLIENT = "mosquitto_mqtt";
const OFFLINE = "offline";
const RULE_ENGINE = /^\/(?:rules|actions|resources|resource_status|resource_types|rule_events)\b/;

interface Step {
  readonly name: string;
  readonly method: string;
  /** As the document has it, behind `/api/v3`. */
  readonly path: string;
  readonly body?: unknown;
  /** Undefined: what the document shows, by names and types. */
  readonly answer?: unknown;
}

const OK = { code: 0 };
const PAGE = "_page=1&_limit=10000";
const BAN = {
  who: "mqttjs_ab9069449e",
  as: "client_id",
  reason: "banned the clientId",
  desc: "normal banned",
  until: 1_536_146_187,
};
const SECRET = { code: 0, data: { secret: "s" } };
const APP = { app_id: "a", name: "", desc: "", status: true, expired: "undefined" };
const ADMIN = { app_id: "admin", name: "admin", desc: "", status: true, expired: "undefined" };

function get(name: string, path: string, answer?: unknown): Step {
  return { name, method: "GET", path, answer };
}

function post(name: string, path: string, body: unknown, answer: unknown = OK): Step {
  return { name, method: "POST", path, body, answer };
}

function put(name: string, path: string, body?: unknown): Step {
  return { name, method: "PUT", path, body, answer: OK };
}

function remove(name: string, path: string): Step {
  return { name, method: "DELETE", path, answer: OK };
}

/** In an order in which each finds what it needs. */
const STEPS: readonly Step[] = [
  post("add_clientid", "/auth_clientid", { clientid: "c", password: "p" }),
  get("list_clientid", "/auth_clientid", { code: 0, data: ["c"] }),
  get("lookup_clientid", "/auth_clientid/c", { code: 0, data: { clientid: "c", password: "64" } }),
  put("update_clientid", "/auth_clientid/c", { password: "q" }),
  remove("delete_clientid", "/auth_clientid/c"),
  post("add_username", "/auth_username", { username: "u", password: "p" }),
  get("list_username", "/auth_username", { code: 0, data: ["u"] }),
  get("lookup_username", "/auth_username/u", { code: 0, data: { username: "u", password: "64" } }),
  put("update_username", "/auth_username/u", { password: "q" }),
  remove("delete_username", "/auth_username/u"),
  post("create_user", "/users/", { username: "d", password: "p", tags: "viewer" }),
  put("update_user", "/users/d", { tags: "editor" }),
  get("list_users", "/users/", {
    code: 0,
    data: [{ username: "admin", tags: "administrator" }, { username: "d", tags: "editor" }],
  }),
  put("change_pwd", "/change_pwd/d", { old_pwd: "p", new_pwd: "q" }),
  post("auth_user", "/auth", { username: "d", password: "q" }),
  remove("delete_user", "/users/d"),
  get("list_all_alarms", "/alarms/present"),
  get("list_node_alarms", `/alarms/present/${NODE}`),
  get("list_all_alarm_history", "/alarms/history"),
  get("list_node_alarm_history", `/alarms/history/${NODE}`),
  post("add_app", "/apps/", { app_id: "a", secret: "s" }, SECRET),
  get("list_apps", "/apps/", { code: 0, data: [ADMIN, { ...APP, name: "a" }] }),
  put("update_app", "/apps/a", { name: "b" }),
  get("lookup_app", "/apps/a", { code: 0, data: { ...APP, name: "b", secret: "s" } }),
  remove("del_app", "/apps/a"),
  get("list_banned", `/banned/?${PAGE}`),
  post("create_banned", "/banned/", BAN, { code: 0, data: BAN }),
  remove("delete_banned", "/banned/mqttjs_ab9069449e?as=client_id"),
  get("list_brokers", "/brokers/"),
  get("get_broker", `/brokers/${NODE}`),
  put("update_config", "/configs/emqx", { key: "mqtt.max_topic_alias", value: "7" }),
  put("update_node_config", `/nodes/${NODE}/configs/emqx`, { key: "acl_nomatch", value: "allow" }),
  get("get_all_configs", "/configs/", {
    code: 0,
    data: [{ node: NODE, config: [{ key: "", value: "", datatpye: "", app: "" }] }],
  }),
  get("get_all_configs", `/nodes/${NODE}/configs/`, {
    code: 0,
    data: [{ key: "", value: "", datatpye: "", app: "" }],
  }),
  put("update_plugin_configs", `/nodes/${NODE}/plugin_configs/emqx_retainer`, {
    "retainer.max_retained_messages": "0",
  }),
  get("get_plugin_configs", `/nodes/${NODE}/plugin_configs/emqx_retainer`, {
    code: 0,
    data: [{ key: "", value: "", desc: "", required: true }],
  }),
  get("list_connections", `/connections/?${PAGE}`),
  get("list_node_connections", `/nodes/${NODE}/connections/?${PAGE}`),
  get("lookup_connections", `/connections/${CLIENT}`),
  get("lookup_node_connections", `/nodes/${NODE}/connections/${CLIENT}`),
  get("lookup_connection_via_username", "/connection/username/nobody", { code: 0, data: [] }),
  get("lookup_node_connection_via_username", `/nodes/${NODE}/connection/username/nobody`, {
    code: 0,
    data: [],
  }),
  get("list_listeners", "/listeners/"),
  get("list_node_listeners", `/nodes/${NODE}/listeners`),
  get("list_all_metrics", "/metrics/"),
  get("list_node_metrics", `/nodes/${NODE}/metrics/`),
  get("list_nodes", "/nodes/"),
  get("get_node", `/nodes/${NODE}`),
  get("list_all_plugins", "/plugins/"),
  get("list_node_plugins", `/nodes/${NODE}/plugins/`),
  put("unload_plugin", `/nodes/${NODE}/plugins/emqx_auth_clientid/unload`),
  put("load_plugin", `/nodes/${NODE}/plugins/emqx_auth_clientid/load`),
  put("reload_plugin", `/nodes/${NODE}/plugins/emqx_auth_clientid/reload`),
  post("mqtt_subscribe", "/mqtt/subscribe", { topic: "test_topic", qos: 1, client_id: CLIENT }),
  post("mqtt_publish", "/mqtt/publish", {
    topic: "test_topic",
    payload: "hello",
    qos: 1,
    retain: false,
    client_id: "mqttjs_ab9069449e",
  }),
  post("mqtt_unsubscribe", "/mqtt/unsubscribe", { topic: "test_topic", client_id: CLIENT }),
  get("list_routes", "/routes/"),
  get("lookup_routes", "/routes/t"),
  get("list_sessions", `/sessions/?${PAGE}`),
  get("list_node_sessions", `/nodes/${NODE}/sessions/?${PAGE}`),
  get("lookup_session", `/sessions/${CLIENT}`),
  get("lookup_node_session", `/nodes/${NODE}/sessions/${CLIENT}`),
  remove("clean_presisent_session", `/sessions/persistent/${OFFLINE}-1`),
  remove("clean_node_presisent_session", `/nodes/${NODE}/sessions/persistent/${OFFLINE}-2`),
  get("list_stats", "/stats/"),
  get("lookup_node_stats", `/nodes/${NODE}/stats/`),
  get("list_subscriptions", `/subscriptions/?${PAGE}`),
  get("list_node_subscriptions", `/nodes/${NODE}/subscriptions/?${PAGE}`),
  get("lookup_client_subscriptions", `/subscriptions/${CLIENT}`),
  get("lookup_client_subscriptions_with_node", `/nodes/${NODE}/subscriptions/${CLIENT}`),
  remove("kickout_connection", `/connections/${CLIENT}`),
];

/** Names and types of all members: those of lists by their rows, of which an empty one has none. */
function assertLike(found: unknown, sample: unknown, where: string): void {
  // A list where nothing was counted, an object where something was.
  if (where.endsWith(".shutdown_count")) return assertEquals(typeof found, "object", where);
  assertEquals(typeof found, typeof sample, where);
  assertEquals(Array.isArray(found), Array.isArray(sample), where);
  if (Array.isArray(found) && Array.isArray(sample)) {
    for (const row of sample.length > 0 ? found : []) assertLike(row, sample[0], `${where}[]`);
  } else if (typeof found === "object" && typeof sample === "object") {
    const [ours, theirs] = [found, sample].map((each) => Object.keys(each ?? {}).sort());
    assertEquals(ours, theirs, where);
    for (const [name, value] of Object.entries(found ?? {})) {
      assertLike(value, (sample as Record<string, unknown>)[name], `${where}.${name}`);
    }
  }
}

/** The document's lists have a row, and so must ours: of an empty one nothing would be known. */
function hasRows(answer: unknown): boolean {
  const { data } = answer as { data?: unknown };
  return !Array.isArray(data) || data.length > 0;
}

async function ask({ httpUrl }: RunningBroker, { method, path, body }: Step): Promise<unknown> {
  const reply = await fetch(`${httpUrl}/api/v3${path}`, {
    method,
    headers: { authorization: `Basic ${btoa("admin:public")}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  assertEquals(reply.status, 200, `${method} ${path}: ${reply.statusText}`);
  return await reply.json();
}

function check(step: Step, answer: unknown): void {
  const where = `${step.name} ${step.path}`;
  if (step.method !== "GET") return assertEquals(answer, step.answer, where);
  const documented = (ANSWERS as Record<string, unknown>)[step.path];
  const sample = step.answer ?? documented;
  assert(sample !== undefined, `${where}: the document has no such answer`);
  assertLike(answer, sample, where);
  if (!step.path.includes("/history")) assertEquals(hasRows(answer), hasRows(sample), where);
}

test("the table has every entry of the list, as often as the list, under its path", () => {
  const rest = API_LIST.filter(({ path }) => !RULE_ENGINE.test(path));
  assertEquals(rest.length, 71);
  const left = [...STEPS];
  for (const { name, method, path } of rest) {
    const template = `/${path}`.replace(/^\/\//, "/").replace(/\/$/, "").replaceAll(
      /:\w+/g,
      "[^/]+",
    );
    const pattern = new RegExp(`^${template}/?(?:\\?.*)?$`);
    const index = left.findIndex((step) =>
      step.name === name && step.method === method && pattern.test(step.path)
    );
    assert(index >= 0, `${name} ${method} ${path}`);
    left.splice(index, 1);
  }
  assertEquals(left, []);
});

test("every entry of the list answers as the document shows it, one after the other", () =>
  withBroker({ args: ["--set", `node.name=${NODE}`] }, async (broker) => {
    for (const name of [`${OFFLINE}-1`, `${OFFLINE}-2`]) {
      const client = await TestClient.connect(broker.port, {
        version: 4,
        clientId: name,
        clean: false,
      });
      await client.disconnect();
    }
    const client = await TestClient.connect(broker.port, {
      version: 3,
      clientId: CLIENT,
      keepalive: 60,
    });
    await client.subscribe("t");
    await client.subscribe("testtopic/#");
    for (const step of STEPS) check(step, await ask(broker, step));
    const { topic, payload } = await client.receive();
    assertEquals([topic, String(payload)], ["test_topic", "hello"]);
    await client.expectClosed();
  }));

test("there is an answer of the API to every entry of the list, never that there is no such path", () =>
  withBroker({ args: ["--set", `node.name=${NODE}`] }, async ({ httpUrl }) => {
    assertEquals(API_LIST.length, 87);
    const values: Readonly<Record<string, string>> = {
      node: NODE,
      plugin: "emqx_retainer",
      app: "emqx",
    };
    for (const { name, method, path } of API_LIST) {
      const url = `${httpUrl}/api/v3/${path.replaceAll(/:(\w+)/g, (_, key) => values[key] ?? "x")}`;
      const reply = await fetch(url, {
        method,
        headers: { authorization: `Basic ${btoa("admin:public")}` },
        body: method === "GET" ? null : "{}",
      });
      const text = await reply.text();
      assertEquals(reply.status, 200, `${name} ${method} ${path}: ${text}`);
      assertEquals(typeof JSON.parse(text).code, "number", `${name} ${method} ${path}: ${text}`);
    }
  }));
