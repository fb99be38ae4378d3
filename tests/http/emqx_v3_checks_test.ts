/** The acceptance checks of EMQX 3's REST API, by their numbers, with the real program and MQTT clients. */
// deno-lint-ignore-file camelcase -- the spelling of the product
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { rawRequest } from "../support/raw_http.ts";
import { withRestarts } from "../support/restarts.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

const NODE = "broker@127.0.0.1";
const OK = { code: 0 };
const BANNED = 0x8a;
const BAD_PASSWORD = 0x86;

// deno-lint-ignore no-explicit-any -- whatever JSON there is
type Json = any;

/** The answer, or status and text where it is no JSON. */
async function ask(
  { httpUrl }: Pick<RunningBroker, "httpUrl">,
  method: string,
  path: string,
  body?: unknown,
  login = "admin:public",
): Promise<Json> {
  const reply = await fetch(`${httpUrl}/api/v3${path}`, {
    method,
    headers: { authorization: `Basic ${btoa(login)}` },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await reply.text();
  const isJson = reply.headers.get("content-type") === "application/json";
  return isJson ? JSON.parse(text) : [reply.status, text];
}

/** The code of the CONNACK; undefined: the broker hung up without one. */
async function connackOf(
  port: number,
  fields: Parameters<TestClient["sendConnect"]>[0],
  version: 4 | 5 = 5,
): Promise<number | undefined> {
  const client = await TestClient.open(port, version).catch((error: Error) => error);
  if (client instanceof Error) {
    // It may be reset before we have heard that it is there.
    assertMatch(client.message, /ECONNRESET/);
    return undefined;
  }
  client.sendConnect(fields);
  const connack = await client.expect("connack").catch((error: Error) => error);
  client.cut();
  if (connack instanceof Error) {
    assertMatch(connack.message, /the broker hung up/);
    return undefined;
  }
  const { reasonCode, returnCode } = connack;
  return version === 5 ? reasonCode : returnCode;
}

test("check 1: slashes of any number, strangers, paths that there are not", () =>
  withBroker({}, async (broker) => {
    const credentials = btoa("admin:public");
    const raw = async (path: string): Promise<Json> => {
      const request = `GET ${path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
        `Authorization: Basic ${credentials}\r\n\r\n`;
      return JSON.parse((await rawRequest(broker.httpPort, request)).body);
    };
    for (const path of ["/api/v3", "/api/v3/", "//api//v3//"]) {
      assertEquals((await raw(path)).data.length, 87, path);
    }
    assertEquals((await raw("//api/v3//brokers/")).data[0].node, NODE);
    const stranger = await fetch(`${broker.httpUrl}/api/v3/brokers`);
    assertEquals([stranger.status, await stranger.text()], [401, "UNAUTHORIZED"]);
    assertEquals(stranger.headers.get("www-authenticate"), 'Basic Realm="minirest-server"');
    assertEquals(await ask(broker, "GET", "/nothing"), [404, "Not found."]);
  }));

test("check 2: an application, its login, and when that does not work", () =>
  withRestarts({}, async (broker) => {
    const { running } = broker;
    const made = await ask(running, "POST", "/apps", { app_id: "new" });
    const { data: { secret } } = made;
    assertEquals([made.code, /^\w{20,}$/.test(secret)], [0, true]);
    assertEquals(await ask(running, "POST", "/apps", { app_id: "new" }), {
      code: 102,
      message: "alread_existed",
    });
    const login = async () =>
      await ask(broker.running, "GET", "/nodes", undefined, `new:${secret}`);
    const refused = [401, "UNAUTHORIZED"];
    const change = (body: unknown) => ask(broker.running, "PUT", "/apps/new", body);
    assertEquals((await login()).code, 0);
    await broker.restart("kill");
    assertEquals((await login()).code, 0);
    assertEquals(await change({ status: false }), OK);
    assertEquals(await login(), refused);
    assertEquals(await change({ status: true, expired: 1 }), OK);
    assertEquals(await login(), refused);
    assertEquals(await change({ expired: "undefined" }), OK);
    assertEquals((await login()).code, 0);
  }));

test("checks 3 and 9: pages of connections; no user name is not an empty one", () =>
  withBroker({}, async (broker) => {
    const clients = [
      await TestClient.connect(broker.port, { clientId: "first" }),
      await TestClient.connect(broker.port, { clientId: "second", username: "" }),
    ];
    const rows = (await ask(broker, "GET", "/connections")).data;
    assertEquals(rows.map(({ client_id, username }: Json) => [client_id, username]), [
      ["first", "undefined"],
      ["second", ""],
    ]);
    const page = await ask(broker, "GET", "/connections?_page=2&_limit=1");
    assertEquals(page.data.map(({ client_id }: Json) => client_id), ["second"]);
    assertEquals(page.meta, { page: 2, limit: 1, count: 2 });
    assertEquals((await ask(broker, "GET", "/connections?_limit=x")).code, 108);
    for (const client of clients) client.cut();
  }));

test("check 4: a client that nobody knows", () =>
  withBroker({}, async (broker) => {
    const body = { client_id: "nobody", topic: "a" };
    assertEquals(await ask(broker, "GET", "/connections/nobody"), { code: 0, data: [] });
    assertEquals(await ask(broker, "DELETE", "/connections/nobody"), {
      code: 112,
      message: "not_found",
    });
    assertEquals(await ask(broker, "DELETE", "/sessions/persistent/nobody"), {
      code: 112,
      message: "not_found",
    });
    const gone = { code: 112, message: "session_not_found" };
    assertEquals(await ask(broker, "POST", "/mqtt/subscribe", body), gone);
    assertEquals(await ask(broker, "POST", "/mqtt/unsubscribe", body), gone);
  }));

test("check 5: memory is text in the list and a number for one node; loads are text", () =>
  withBroker({}, async (broker) => {
    const [listed] = (await ask(broker, "GET", "/nodes")).data;
    const one = (await ask(broker, "GET", `/nodes/${NODE}`)).data;
    for (const name of ["memory_total", "memory_used"]) {
      assertMatch(listed[name], /^\d+(?:\.\d\d[GMK])?$/);
      assert(Number.isSafeInteger(one[name]) && one[name] > 1_000_000, `${name} ${one[name]}`);
    }
    for (const name of ["load1", "load5", "load15"]) {
      assertMatch(listed[name], /^\d+\.\d\d$/);
      assertMatch(one[name], /^\d+\.\d\d$/);
    }
  }));

test("check 7: bans keep out by each kind, over kill -9, and leave who is there alone", () =>
  withRestarts({}, async (broker) => {
    const there = await TestClient.connect(broker.port, { clientId: "bad", username: "worse" });
    const kinds = [
      ["client_id", "bad", { clientId: "bad" }],
      ["username", "worse", { clientId: "x", username: "worse" }],
      ["ip_address", "127.0.0.1", { clientId: "y" }],
    ] as const;
    for (const [as, who, fields] of kinds) {
      assertEquals((await ask(broker.running, "POST", "/banned", { who, as })).code, 0);
      assertEquals(await connackOf(broker.port, fields), BANNED, as);
      assertEquals(await connackOf(broker.port, fields, 4), 5, as);
      assertEquals(await ask(broker.running, "DELETE", `/banned/${who}?as=${as}`), OK);
      if (as !== "client_id") assertEquals(await connackOf(broker.port, fields), 0, as);
    }
    await there.publish("still", "there", { qos: 1 });
    there.cut();
    await ask(broker.running, "POST", "/banned", { who: "bad", as: "client_id" });
    await broker.restart("kill");
    assertEquals(await connackOf(broker.port, { clientId: "bad" }), BANNED);
    assertEquals(await ask(broker.running, "DELETE", "/banned/bad?as=client_id"), OK);
    assertEquals(await connackOf(broker.port, { clientId: "bad" }), 0);
  }));

test("check 8: several topics at once, wrong ones, what is retained", () =>
  withBroker({}, async (broker) => {
    const publish = (body: unknown) => ask(broker, "POST", "/mqtt/publish", body);
    const client = await TestClient.connect(broker.port);
    await client.subscribe("+");
    assertEquals(await publish({ topic: "a,b", payload: "x", retain: true }), OK);
    const got = [await client.receive(), await client.receive()];
    assertEquals(got.map(({ topic }) => topic).sort(), ["a", "b"]);
    const bad = { code: 115, message: "bad_topic" };
    assertEquals(await publish({ topic: "a/#", payload: "x" }), bad);
    assertEquals(await publish({ topic: "a,b/#", payload: "nobody gets it" }), bad);
    const later = await TestClient.connect(broker.port);
    await later.subscribe("b");
    const { payload, retain } = await later.receive();
    assertEquals([String(payload), retain], ["x", true]);
    client.cut();
    later.cut();
  }));

test("check 10: the names of metrics and stats, which are flat for all nodes", () =>
  withBroker({}, async (broker) => {
    const metrics = (await ask(broker, "GET", `/nodes/${NODE}/metrics`)).data;
    assertEquals(Object.keys(metrics).length, 43);
    const [all] = (await ask(broker, "GET", "/metrics")).data;
    assertEquals([all.node, Object.keys(all.metrics)], [NODE, Object.keys(metrics)]);
    const stats = (await ask(broker, "GET", `/nodes/${NODE}/stats`)).data;
    assertEquals(Object.keys(stats).length, 18);
    const [flat] = (await ask(broker, "GET", "/stats")).data;
    assertEquals(Object.keys(flat), ["node", ...Object.keys(stats)]);
  }));

test("check 11: client identifiers with a password, which nobody sees, over kill -9", () =>
  withRestarts({}, async (broker) => {
    const post = (body: unknown) => ask(broker.running, "POST", "/auth_clientid", body);
    const account = { clientid: "meter", password: "geheim" };
    assertEquals(await post({ password: "x" }), { code: 104, message: "clientid" });
    assertEquals(await post({ clientid: "x" }), { code: 104, message: "password" });
    assertEquals(await post(account), OK);
    assertEquals(await post(account), { code: 113, message: "exitsted" });
    const shown = await ask(broker.running, "GET", "/auth_clientid/meter");
    assertMatch(shown.data.password, /^[0-9a-f]{64}$/);
    const connack = (password: string) =>
      connackOf(broker.port, { clientId: "meter", username: "u", password: Buffer.from(password) });
    assertEquals([await connack("geheim"), await connack("wrong")], [0, BAD_PASSWORD]);
    await broker.restart("kill");
    assertEquals([await connack("geheim"), await connack("wrong")], [0, BAD_PASSWORD]);
    assertEquals(await ask(broker.running, "GET", "/auth_clientid/meter"), shown);
    const put = (id: string, body: unknown) =>
      ask(broker.running, "PUT", `/auth_clientid/${id}`, body);
    assertEquals(await put("nobody", { password: "x" }), { code: 105, message: "noexitsted" });
    assertEquals(await put("meter", { password: "neu" }), OK);
    assertEquals([await connack("neu"), await connack("geheim")], [0, BAD_PASSWORD]);
  }));

test("check 12: the administrator stays, and a password changes only for who knows it", () =>
  withBroker({}, async (broker) => {
    assertEquals(await ask(broker, "DELETE", "/users/admin"), {
      code: 106,
      message: "Cannot delete admin",
    });
    const change = (old_pwd: string, new_pwd: string) =>
      ask(broker, "PUT", "/change_pwd/admin", { old_pwd, new_pwd });
    const login = (password: string) =>
      ask(broker, "POST", "/auth", { username: "admin", password });
    assertEquals(await change("wrong", "x"), { code: 114, message: "Password Error" });
    assertEquals(await change("public", "better"), OK);
    assertEquals(await login("public"), { code: 103, message: "Password Error" });
    assertEquals(await login("better"), OK);
  }));
