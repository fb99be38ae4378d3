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
