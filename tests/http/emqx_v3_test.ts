/** The REST API of EMQX 3.x with the real program: what it says is so, and what it changes changes. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { type RestartableBroker, withRestarts } from "../support/restarts.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

const AUTHORIZATION = `Basic ${btoa("admin:public")}`;
const NODE = "/nodes/broker@127.0.0.1";

// deno-lint-ignore no-explicit-any -- whatever JSON there is
type Json = any;

async function ask(
  { httpUrl }: Pick<RunningBroker, "httpUrl">,
  method: string,
  path: string,
  json?: unknown,
): Promise<Json> {
  const body = json === undefined ? null : JSON.stringify(json);
  const headers = { authorization: AUTHORIZATION };
  const reply = await fetch(`${httpUrl}/api/v3${path}`, { method, body, headers });
  const text = await reply.text();
  return reply.headers.get("content-type") === "application/json"
    ? JSON.parse(text)
    : [reply.status, text];
}

interface Entry {
  readonly key: string;
  readonly value: string;
  readonly datatpye: string;
  readonly app: string;
}

async function configs(broker: RunningBroker): Promise<ReadonlyMap<string, Entry>> {
  const { data } = await ask(broker, "GET", `${NODE}/configs/`);
  return new Map((data as Entry[]).map((entry) => [entry.key, entry]));
}

function set(broker: RunningBroker, key: string, value: unknown): Promise<Json> {
  return ask(broker, "PUT", `${NODE}/configs/emqx`, { key, value });
}

/** The code of the CONNACK. */
async function connackOf(port: number, fields = {}): Promise<number | undefined> {
  const client = await TestClient.open(port);
  client.sendConnect(fields);
  const { reasonCode } = await client.expect("connack");
  client.cut();
  return reasonCode;
}

const OK = { code: 0 };

test("check 13: entries carry datatpye, values are texts, by key, the same for all nodes and one", () =>
  withBroker({}, async (broker) => {
    const one: Entry[] = (await ask(broker, "GET", `${NODE}/configs`)).data;
    const all = await ask(broker, "GET", "/configs/");
    assertEquals(all, { code: 0, data: [{ node: "broker@127.0.0.1", config: one }] });
    assertEquals(one.map(({ key }) => key), one.map(({ key }) => key).sort());
    for (const entry of one) {
      assertEquals(Object.keys(entry), ["key", "value", "datatpye", "app"]);
      assertEquals([typeof entry.value, entry.app], ["string", "emqx"], entry.key);
    }
    const shown = new Map(one.map(({ key, value, datatpye }) => [key, `${datatpye} ${value}`]));
    for (
      const [key, text] of [
        ["allow_anonymous", "enum true"],
        ["acl_nomatch", "enum allow"],
        ["mqtt.max_packet_size", "bytesize 1MB"],
        ["mqtt.max_qos_allowed", "integer 2"],
        ["zone.external.idle_timeout", "duration 10s"],
        ["zone.external.keepalive_backoff", "float 0.75"],
        ["zone.external.session_expiry_interval", "duration 2h"],
        ["broker.sys_interval", "duration 1m"],
        ["zone.external.enable_flapping_detect", "flag off"],
        ["listener.tcp.external", `string 127.0.0.1:${broker.port}`],
        ["listener.tcp.external.max_connections", "integer 100000"],
      ] as const
    ) assertEquals(shown.get(key), text, key);
    assertEquals(await ask(broker, "GET", "/nodes/unknown@x/configs"), [404, "Not found."]);
  }));

test("every failure of a change of settings, after which nothing has changed", () =>
  withBroker({ args: ["--set", "mqtt.max_qos=2"] }, async (broker) => {
    const before = [...(await configs(broker)).values()];
    const missing = { code: 107, message: "missing mandatory params: ['key', 'value']" };
    const put = (body: unknown, app = "emqx") => ask(broker, "PUT", `/configs/${app}`, body);
    const failed = (message: string) => ({ code: 102, message });
    assertEquals(await put({ key: "allow_anonymous" }), missing);
    assertEquals(await put({ value: "true" }), missing);
    assertEquals((await put({ key: "allow_anonymous", value: ["true"] })).code, 108);
    assertEquals((await put({ key: { a: 1 }, value: "true" })).code, 108);
    assertEquals(await put({ key: "a", value: "b" }, "nobody"), [404, "Not found."]);
    assertEquals(
      await ask(broker, "PUT", "/nodes/x@y/configs/emqx", { key: "a", value: "b" }),
      [404, "Not found."],
    );
    assertEquals(await put({ key: "mqtt.nothing", value: "1" }), failed("unknown_key"));
    for (
      const [key, value] of [
        ["allow_anonymous", "maybe"],
        ["acl_nomatch", "perhaps"],
        ["mqtt.max_packet_size", "1 elephant"],
        ["mqtt.max_packet_size", "1GB"],
        ["mqtt.max_topic_alias", "-1"],
        ["mqtt.max_topic_alias", "65536"],
        ["mqtt.max_topic_alias", ""],
        ["zone.external.idle_timeout", "15"],
        ["zone.external.keepalive_backoff", "0.1"],
      ] as const
    ) assertEquals(await put({ key, value }), failed("invalid_value"), `${key} ${value}`);
    for (
      const [key, value] of [
        ["listener.tcp.external", "0.0.0.0:1883"],
        ["zone.external.enable_acl", "off"],
        // The command line fixes it.
        ["mqtt.max_qos_allowed", "1"],
      ] as const
    ) assertEquals(await put({ key, value }), failed("read_only"), key);
    assertEquals([...(await configs(broker)).values()], before);
  }));

/** As a client sees it, before and after. */
async function checkChanged({ running }: RestartableBroker): Promise<void> {
  const { port } = running;
  assertEquals(await connackOf(port), 0x87);
  const user = { username: "u", password: Buffer.from("p") };
  assertEquals(await connackOf(port, user), 0);
  const client = await TestClient.connect(port, user);
  assertEquals(client.connack.properties?.maximumPacketSize, 2048);
  assertEquals(client.connack.properties?.maximumQoS, 1);
  client.send({
    cmd: "publish",
    topic: "a",
    payload: "x",
    qos: 1,
    dup: false,
    retain: false,
    messageId: 7,
  });
  // No rule is about it, and that means no.
  assertEquals((await client.expect("puback")).reasonCode, 0x87);
  client.cut();
  const shown = await configs(running);
  assertEquals(shown.get("mqtt.max_packet_size")?.value, "2KB");
  assertEquals(shown.get("allow_anonymous")?.value, "false");
}

test("changes count at once, for MQTT clients, and after kill -9", () =>
  withRestarts({}, async (broker) => {
    const { running } = broker;
    assertEquals(await connackOf(running.port), 0);
    assertEquals(
      await ask(running, "POST", "/auth_username", { username: "u", password: "p" }),
      OK,
    );
    assertEquals(await set(running, "allow_anonymous", false), OK);
    assertEquals(await set(running, "mqtt.max_packet_size", "2KB"), OK);
    assertEquals(await set(running, "mqtt.max_qos_allowed", 1), OK);
    assertEquals(await set(running, "acl_nomatch", "deny"), OK);
    await checkChanged(broker);
    await broker.restart("kill");
    await checkChanged(broker);
    assertEquals(await set(broker.running, "allow_anonymous", "true"), OK);
    assertEquals(await connackOf(broker.running.port), 0);
  }));

test("a listener that decides about clients without a name by itself follows, too", () =>
  withBroker({ config: '[[listener]]\nbind = "127.0.0.1:0"\nallow_anonymous = true\n' }, async (
    broker,
  ) => {
    assertEquals(await connackOf(broker.port), 0);
    assertEquals(await set(broker, "allow_anonymous", "off"), OK);
    assertEquals(await connackOf(broker.port), 0x87);
    assertEquals((await configs(broker)).get("allow_anonymous")?.value, "false");
  }));

function plugin(broker: RunningBroker, verb: string, name: string): Promise<Json> {
  return ask(broker, "PUT", `${NODE}/plugins/${name}/${verb}`);
}

async function activePlugins(broker: RunningBroker): Promise<readonly string[]> {
  const { data } = await ask(broker, "GET", `${NODE}/plugins/`);
  return (data as { name: string; active: boolean }[]).filter(({ active }) => active)
    .map(({ name }) => name);
}

const failure = (message: string) => ({ code: 102, message });

test("only plugins that exist are listed, in the product's order, and each says what it is", () =>
  withBroker({}, async (broker) => {
    const { data } = await ask(broker, "GET", "/plugins/");
    const [{ node, plugins }] = data;
    assertEquals(node, "broker@127.0.0.1");
    assertEquals(plugins.map(({ name, active }: Json) => `${name} ${active}`), [
      "emqx_auth_clientid true",
      "emqx_auth_http false",
      "emqx_auth_jwt false",
      "emqx_auth_username true",
      "emqx_delayed_publish true",
      "emqx_management true",
      "emqx_retainer true",
      "emqx_rule_engine true",
      "emqx_web_hook false",
    ]);
    assertEquals(Object.keys(plugins[0]), ["name", "version", "description", "active"]);
    assertEquals((await ask(broker, "GET", `${NODE}/plugins`)).data, plugins);
  }));

test("check 6: every failure of loading, unloading and reloading", () =>
  withBroker({}, async (broker) => {
    const put = (verb: string, name: string) => plugin(broker, verb, name);
    assertEquals(await put("load", "emqx_retainer"), failure("already_started"));
    assertEquals(await put("unload", "emqx_auth_jwt"), failure("not_started"));
    assertEquals(await put("unload", "emqx_management"), failure("not_allowed"));
    // Nothing says what it could do.
    assertEquals(await put("load", "emqx_auth_http"), failure("parse_config_file_failed"));
    assertEquals(await put("reload", "emqx_auth_http"), failure("parse_config_file_failed"));
    for (const verb of ["load", "unload", "reload"]) {
      assertEquals(await put(verb, "emqx_lua_hook"), failure("not_found"), verb);
      const path = `/nodes/x@y/plugins/emqx_retainer/${verb}`;
      assertEquals(await ask(broker, "PUT", path), [404, "Not found."], verb);
    }
    assertEquals(await put("reload", "emqx_retainer"), OK);
    assertEquals(await put("unload", "emqx_retainer"), OK);
    assertEquals(await put("unload", "emqx_retainer"), failure("not_started"));
    assertEquals(await put("reload", "emqx_retainer"), OK);
    assertEquals((await activePlugins(broker)).includes("emqx_retainer"), true);
  }));

async function retained(broker: RunningBroker, topic: string): Promise<string | undefined> {
  const client = await TestClient.connect(broker.port);
  await client.subscribe(topic);
  // What comes after all that is retained.
  await client.publish(topic, "end");
  const { payload, retain } = await client.receive();
  client.cut();
  return retain ? String(payload) : undefined;
}

test("without the retainer nothing is kept or sent again; what was kept is back with it", () =>
  withRestarts({}, async (broker) => {
    const publish = async (payload: string): Promise<void> => {
      const client = await TestClient.connect(broker.port);
      await client.publish("r", payload, { qos: 1, retain: true });
      client.cut();
    };
    await publish("old");
    assertEquals(await retained(broker.running, "r"), "old");
    assertEquals(await plugin(broker.running, "unload", "emqx_retainer"), OK);
    await publish("new");
    assertEquals(await retained(broker.running, "r"), undefined);
    await broker.restart("kill");
    assertEquals((await activePlugins(broker.running)).includes("emqx_retainer"), false);
    assertEquals(await retained(broker.running, "r"), undefined);
    assertEquals(await plugin(broker.running, "load", "emqx_retainer"), OK);
    assertEquals(await retained(broker.running, "r"), "old");
  }));

test("without the rule engine no rule fires and its paths are none; rules are back with it", () =>
  withRestarts({}, async (broker) => {
    const rule = {
      rawsql: 'SELECT * FROM "in"',
      actions: [{
        name: "republish",
        params: { target_topic: "out", target_qos: 0, payload_tmpl: "x" },
      }],
    };
    const { data: { id } } = await ask(broker.running, "POST", "/rules", rule);
    /** Whether a message on "in" comes out. */
    const fires = async (): Promise<boolean> => {
      const client = await TestClient.connect(broker.port);
      await client.subscribe("out");
      await client.publish("in", "");
      await client.publish("out", "end");
      const { payload } = await client.receive();
      client.cut();
      return String(payload) === "x";
    };
    const listed = async (): Promise<Json> => {
      const answer = await ask(broker.running, "GET", "/rules");
      return Array.isArray(answer) ? answer : answer.data.map((each: Json) => each.id);
    };
    assertEquals([await fires(), await listed()], [true, [id]]);
    assertEquals(await plugin(broker.running, "unload", "emqx_rule_engine"), OK);
    assertEquals([await fires(), await listed()], [false, [404, "Not found."]]);
    await broker.restart("kill");
    assertEquals([await fires(), await listed()], [false, [404, "Not found."]]);
    assertEquals(await plugin(broker.running, "load", "emqx_rule_engine"), OK);
    assertEquals([await fires(), await listed()], [true, [id]]);
    const configs = `${NODE}/plugin_configs/emqx_rule_engine`;
    const shown = async (): Promise<string> =>
      (await ask(broker.running, "GET", configs)).data[0].value;
    const setting = { "rule_engine.ignore_sys_message": "off" };
    assertEquals(await ask(broker.running, "PUT", configs, setting), OK);
    assertEquals(await shown(), "off");
  }));

test("the two tables of names and passwords are switched each by itself, and stay so", () =>
  withRestarts({}, async (broker) => {
    const post = (path: string, body: unknown) => ask(broker.running, "POST", path, body);
    assertEquals(await post("/auth_username", { username: "u", password: "p" }), OK);
    assertEquals(await post("/auth_clientid", { clientid: "c", password: "p" }), OK);
    const user = { username: "u", password: Buffer.from("wrong") };
    const client = { clientId: "c", username: "other", password: Buffer.from("wrong") };
    const codes = async () => [
      await connackOf(broker.port, user),
      await connackOf(broker.port, client),
    ];
    assertEquals(await codes(), [0x86, 0x86]);
    // Both at once: neither undoes the other.
    assertEquals(
      await Promise.all(
        ["emqx_auth_username", "emqx_auth_clientid"]
          .map((name) => plugin(broker.running, "unload", name)),
      ),
      [OK, OK],
    );
    assertEquals(await codes(), [0, 0]);
    await broker.restart("kill");
    assertEquals(await codes(), [0, 0]);
    assertEquals(await plugin(broker.running, "load", "emqx_auth_username"), OK);
    assertEquals(await codes(), [0x86, 0]);
    assertEquals(await plugin(broker.running, "load", "emqx_auth_clientid"), OK);
    assertEquals(await codes(), [0x86, 0x86]);
  }));

async function pluginConfigs(
  broker: RunningBroker,
  name: string,
): Promise<ReadonlyArray<Record<string, unknown>>> {
  return (await ask(broker, "GET", `${NODE}/plugin_configs/${name}`)).data;
}

async function shownConfigs(broker: RunningBroker, name: string): Promise<readonly string[]> {
  const entries = await pluginConfigs(broker, name);
  return entries.map(({ key, value, required }) => `${key}=${value} ${required}`);
}

const ALL_HOOKS = [
  "client.connected",
  "client.disconnected",
  "client.subscribe",
  "client.unsubscribe",
  "session.created",
  "session.subscribed",
  "session.unsubscribed",
  "session.terminated",
  "message.publish",
  "message.deliver",
  "message.acked",
].map((hook) => `web.hook.rule.${hook}.1={"action":"on_${hook.replace(".", "_")}"} true`);

test("the web hook has the product's settings, a rule for each hook among them, and keeps its state", () =>
  withRestarts({}, async (broker) => {
    const name = "emqx_web_hook";
    const put = (body: unknown) =>
      ask(broker.running, "PUT", `${NODE}/plugin_configs/${name}`, body);
    assertEquals(await shownConfigs(broker.running, name), [
      ...ALL_HOOKS,
      "web.hook.api.url= false",
      "web.hook.encode_payload= false",
    ]);
    const changed = {
      "web.hook.api.url": "http://127.0.0.1:1/x",
      "web.hook.encode_payload": "base62",
      "web.hook.rule.message.publish.1": '{"action": "on_message_publish", "topic": "a/#"}',
      "web.hook.rule.message.publish.2": '{"action": "on_message_publish", "topic": "b"}',
      "web.hook.rule.client.connected.1": '{"action": "on_client_connected"}',
    };
    assertEquals(await put(changed), OK);
    assertEquals((await activePlugins(broker.running)).includes(name), false);
    assertEquals(await plugin(broker.running, "load", name), OK);
    const shown = [
      "web.hook.api.url=http://127.0.0.1:1/x true",
      "web.hook.encode_payload=base62 true",
      'web.hook.rule.message.publish.1={"action":"on_message_publish","topic":"a/#"} true',
      'web.hook.rule.message.publish.2={"action":"on_message_publish","topic":"b"} true',
      'web.hook.rule.client.connected.1={"action":"on_client_connected"} true',
    ];
    assertEquals(await shownConfigs(broker.running, name), shown);
    for (
      const wrong of [
        { "web.hook.api.url": "nowhere" },
        { "web.hook.encode_payload": "base61" },
        { "web.hook.rule.message.publish.1": "on_message_publish" },
        { "web.hook.rule.message.publish.1": '{"action": "on_message_acked"}' },
        { "web.hook.rule.message.lost.1": '{"action": "on_message_lost"}' },
        { "web.hook.rule.message.publish.1": '{"action":"on_message_publish","topic":"a/#/b"}' },
        { "web.hook.rule.client.connected.1": '{"action":"on_client_connected","topic":"a"}' },
      ]
    ) {
      assertEquals(await put(wrong), failure("unknown_error"), JSON.stringify(wrong));
    }
    await broker.restart("kill");
    assertEquals((await activePlugins(broker.running)).includes(name), true);
    assertEquals(await shownConfigs(broker.running, name), shown);
    assertEquals(await put({}), OK);
    assertEquals((await shownConfigs(broker.running, name)).length, 13);
    assertEquals((await activePlugins(broker.running)).includes(name), true);
    assertEquals(await plugin(broker.running, "unload", name), OK);
    await broker.restart("stop");
    assertEquals((await activePlugins(broker.running)).includes(name), false);
  }));

test("settings of a plugin: what is put takes the place of all, and is in force", () =>
  withRestarts({}, async (broker) => {
    const name = "emqx_retainer";
    const path = `${NODE}/plugin_configs/${name}`;
    const put = (body: unknown) => ask(broker.running, "PUT", path, body);
    assertEquals(await shownConfigs(broker.running, name), [
      "retainer.expiry_interval=0 true",
      "retainer.max_payload_size= false",
      "retainer.max_retained_messages= false",
    ]);
    assertEquals(Object.keys((await pluginConfigs(broker.running, name))[0] ?? {}), [
      "key",
      "value",
      "desc",
      "required",
    ]);
    for (
      const body of [
        { "retainer.nothing": "1" },
        { "retainer.max_payload_size": "1 elephant" },
        { "retainer.max_payload_size": ["1KB"] },
        { "retainer.max_payload_size": "1KB", "retainer.expiry_interval": "1h" },
      ]
    ) assertEquals(await put(body), failure("unknown_error"), JSON.stringify(body));
    assertEquals(
      await put({ "retainer.max_payload_size": "4", "retainer.expiry_interval": "0" }),
      OK,
    );
    await broker.restart("kill");
    assertEquals(await shownConfigs(broker.running, name), [
      "retainer.max_payload_size=4 true",
      "retainer.expiry_interval=0 true",
      "retainer.max_retained_messages= false",
    ]);
    const client = await TestClient.connect(broker.port);
    await client.publish("a", "four", { qos: 1, retain: true });
    await client.publish("b", "fives", { qos: 1, retain: true });
    client.cut();
    assertEquals(await retained(broker.running, "a"), "four");
    assertEquals(await retained(broker.running, "b"), undefined);
    // Not given is as never set.
    assertEquals(await put({ "retainer.max_retained_messages": 10 }), OK);
    assertEquals(await shownConfigs(broker.running, name), [
      "retainer.max_retained_messages=10 true",
      "retainer.expiry_interval=0 true",
      "retainer.max_payload_size= false",
    ]);
  }));

test("tokens are configured, loaded and unloaded through the API; nobody sees their secret", () =>
  withBroker({}, async (broker) => {
    const name = "emqx_auth_jwt";
    const put = (body: unknown) => ask(broker, "PUT", `${NODE}/plugin_configs/${name}`, body);
    const token = { username: "u", password: Buffer.from("no.token.atall") };
    assertEquals(await put({ "auth.jwt.from": "password" }), failure("unknown_error"));
    const secret = "0123456789abcdef0123456789abcdef";
    assertEquals(await put({ "auth.jwt.secret": secret, "auth.jwt.from": "password" }), OK);
    // It has what it needs, and is where it was.
    assertEquals((await activePlugins(broker)).includes(name), false);
    assertEquals(await connackOf(broker.port, token), 0);
    assertEquals(await plugin(broker, "load", name), OK);
    assertEquals(await connackOf(broker.port, token), 0x86);
    assertEquals(await shownConfigs(broker, name), [
      "auth.jwt.from=password true",
      "auth.jwt.secret=****** true",
      "auth.jwt.pubkey= false",
    ]);
    // What is shown can be put back.
    assertEquals(await put({ "auth.jwt.secret": "******", "auth.jwt.from": "password" }), OK);
    assertEquals(await connackOf(broker.port, token), 0x86);
    assertEquals(await plugin(broker, "unload", name), OK);
    assertEquals(await connackOf(broker.port, token), 0);
  }));

test("rows of a page and the secret of new applications are as the management is configured", () =>
  withBroker({}, async (broker) => {
    const path = `${NODE}/plugin_configs/emqx_management`;
    const port = { "management.listener.http": String(broker.httpPort) };
    const settings = {
      "management.max_row_limit": "1",
      "management.application.default_secret": "a secret of ours",
    };
    assertEquals(await ask(broker, "PUT", path, { ...settings, ...port }), OK);
    const clients = [await TestClient.connect(broker.port), await TestClient.connect(broker.port)];
    const { data, meta } = await ask(broker, "GET", "/connections");
    assertEquals([data.length, meta], [1, { page: 1, limit: 1, count: 2 }]);
    assertEquals((await ask(broker, "GET", "/connections?_limit=2")).code, 108);
    const made = await ask(broker, "POST", "/apps", { app_id: "new" });
    assertEquals(made, { code: 0, data: { secret: "a secret of ours" } });
    for (const client of clients) client.cut();
  }));

test("alarms are raised and cleared for real, on $SYS too, and remembered over kill -9", () => {
  const config = '[[listener]]\nbind = "127.0.0.1:0"\nmax_connections = 4\n' +
    '[alarms]\nsessions_check_interval = "1s"\nsessions_high = 75\nsessions_low = 50\n';
  return withRestarts({ config }, async (broker) => {
    const { running, port } = broker;
    const watcher = await TestClient.connect(port);
    await watcher.subscribe("$SYS/brokers/+/alarms/#");
    const others = [await TestClient.connect(port), await TestClient.connect(port)];
    const alert = await watcher.receive();
    assertEquals(alert.topic, "$SYS/brokers/broker@127.0.0.1/alarms/alert");
    assertEquals(JSON.parse(String(alert.payload)), { id: "too_many_processes", desc: "3" });
    const alarm = { id: "too_many_processes", desc: "3" };
    const present = await ask(running, "GET", "/alarms/present");
    assertEquals(present.data, [{ node: "broker@127.0.0.1", alarms: [alarm] }]);
    assertEquals((await ask(running, "GET", "/alarms/present/broker@127.0.0.1")).data, [alarm]);
    for (const client of others) client.cut();
    let message = await watcher.receive();
    while (message.topic.endsWith("/alert")) message = await watcher.receive();
    assertEquals(message.topic, "$SYS/brokers/broker@127.0.0.1/alarms/clear");
    assertEquals(JSON.parse(String(message.payload)), { id: "too_many_processes" });
    watcher.cut();
    assertEquals((await ask(running, "GET", "/alarms/present/broker@127.0.0.1")).data, []);
    const history = async () => (await ask(broker.running, "GET", "/alarms/history")).data;
    const before = await history();
    const [{ id, desc, clear_at: clearAt }] = before[0].alarms;
    assertEquals([id, desc], ["too_many_processes", "3"]);
    assertEquals(/^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/.test(clearAt), true);
    // What was noted before it is on disk when this one is.
    const ban = { who: "nobody", as: "client_id" };
    assertEquals((await ask(running, "POST", "/banned", ban)).code, 0);
    await broker.restart("kill");
    assertEquals(await history(), before);
  });
});
