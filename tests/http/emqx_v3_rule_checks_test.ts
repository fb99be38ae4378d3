/** The acceptance checks of EMQX 3's rule engine, by their numbers, with the real program, MQTT clients and web hooks. */
// deno-lint-ignore-file camelcase -- the spelling of the product
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { within } from "../support/deadline.ts";
import { askV3, type Json } from "../support/emqx_v3.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { withRestarts } from "../support/restarts.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";
import { withWebTarget } from "../support/web_target.ts";
import DOCUMENT from "./emqx_v3_rule_answers.json" with { type: "json" };

const OK = { code: 0 };
const HELLO =
  "SELECT payload.msg AS msg FROM \"message.publish\" WHERE topic =~ 't/#' AND msg = 'hello'";
const HELLO_PAYLOAD = '{"msg":"hello"}';
const NOT_MATCHED = { code: 404, message: "SQL Not Match" };

type Target = Pick<RunningBroker, "httpUrl">;

/** The rule that was made. */
async function addRule(broker: Target, rule: Json): Promise<Json> {
  const { code, message, data } = await askV3(broker, "POST", "/rules", rule);
  assertEquals([code, message], [0, undefined]);
  return data;
}

function republish(target_topic: string, payload_tmpl = "${msg}"): Json {
  return { name: "republish", params: { target_topic, target_qos: -1, payload_tmpl } };
}

/** Waits until a rule has counted so much: actions are done behind the message that fired it. */
async function counts(
  broker: Target,
  id: string,
  wanted: { readonly matched: number; readonly success: number; readonly failed: number },
): Promise<void> {
  const look = async (): Promise<void> => {
    for (;;) {
      const { data: rule } = await askV3(broker, "GET", `/rules/${id}`);
      const [{ matched }] = rule.metrics;
      const [{ success, failed }] = rule.actions[0].metrics;
      const found = { matched, success, failed };
      const isMore = Object.entries(found).some(([name, count]) =>
        count > wanted[name as keyof typeof wanted]
      );
      if (isMore || JSON.stringify(found) === JSON.stringify(wanted)) {
        return assertEquals(found, wanted);
      }
    }
  };
  await within(look(), `${id} to count ${JSON.stringify(wanted)}`);
}

/** Somebody who publishes, and somebody who hears what is published. */
async function withClients(
  { port }: Pick<RunningBroker, "port">,
  filter: string,
  use: (publisher: TestClient, subscriber: TestClient) => Promise<void>,
): Promise<void> {
  const [publisher, subscriber] = [
    await TestClient.connect(port),
    await TestClient.connect(port),
  ];
  await subscriber.subscribe(filter, { qos: 2 });
  await use(publisher, subscriber);
  publisher.cut();
  subscriber.cut();
}

async function webHook(broker: Target, url: string, more: Json = {}): Promise<string> {
  const resource = { type: "web_hook", config: { url }, ...more };
  const { code, data } = await askV3(broker, "POST", "/resources", resource);
  assertEquals(code, 0);
  return data.id;
}

test("check 1: the document's rule fires for its topic, and for no other", () =>
  withBroker({}, async (broker) => {
    const { request } = DOCUMENT["POST /rules"];
    const rule = await addRule(broker, request);
    assertMatch(rule.id, /^test-rule:[0-9]{16,}$/);
    assertEquals([rule.enabled, rule.actions[0].name], [true, "built_in:inspect_action"]);
    const client = await TestClient.connect(broker.port);
    await client.publish("t/b", "no", { qos: 1 });
    await client.publish("t/a", "yes", { qos: 1 });
    await broker.logged("test-rule:");
    const lines = broker.stderr().split("\n").filter((line) => line.includes(rule.id));
    assertEquals(lines.length, 1);
    assertMatch(lines[0] ?? "", /t\/a/);
    client.cut();
  }));

test("check 2: what is selected goes to a topic that is made of it, with the same QoS", () =>
  withBroker({}, async (broker) => {
    const rule = await addRule(broker, { rawsql: HELLO, actions: [republish("out/${msg}")] });
    assertEquals(rule.for, ["message.publish"]);
    await withClients(broker, "out/#", async (publisher, subscriber) => {
      for (const qos of [0, 1, 2] as const) {
        await publisher.publish("t/1", HELLO_PAYLOAD, { qos });
        const { topic, payload, qos: gotQos } = await subscriber.receive();
        assertEquals([topic, String(payload), gotQos], ["out/hello", "hello", qos]);
      }
      await publisher.publish("t/1", '{"msg":"bye"}', { qos: 1 });
      await publisher.publish("u/1", HELLO_PAYLOAD, { qos: 1 });
      await publisher.publish("t/1", "no JSON", { qos: 1 });
      await publisher.publish("out/last", "", { qos: 1 });
      assertEquals((await subscriber.receive()).topic, "out/last");
    });
    await counts(broker, rule.id, { matched: 3, success: 3, failed: 0 });
  }));

test("check 3: a rule that feeds itself does so once", () =>
  withBroker({}, async (broker) => {
    const actions = [republish("t/again", "${payload}")];
    const rawsql = `SELECT payload, payload.msg AS msg FROM "message.publish"
      WHERE topic =~ 't/#' AND msg = 'hello'`;
    const rule = await addRule(broker, { rawsql, actions });
    await withClients(broker, "t/#", async (publisher, subscriber) => {
      await publisher.publish("t/1", HELLO_PAYLOAD, { qos: 1 });
      const got = [await subscriber.receive(), await subscriber.receive()];
      assertEquals(got.map(({ topic }) => topic).sort(), ["t/1", "t/again"]);
      assertEquals(got.map(({ payload }) => String(payload)), [HELLO_PAYLOAD, HELLO_PAYLOAD]);
      await counts(broker, rule.id, { matched: 2, success: 1, failed: 1 });
      await publisher.publish("t/end", "", { qos: 1 });
      assertEquals((await subscriber.receive()).topic, "t/end");
    });
  }));

test("check 4: a statement is tried on a message that there is not", () =>
  withBroker({}, async (broker) => {
    const ctx = {
      client_id: "c_emqx",
      username: "u_emqx",
      topic: "t/a",
      qos: 1,
      payload: '{"msg": "hello"}',
    };
    // Nobody hears what the action would do.
    const client = await TestClient.connect(broker.port);
    await client.subscribe("x");
    const tried = (body: Json, path = "/rules?test=true"): Promise<Json> =>
      askV3(broker, "POST", path, { rawsql: HELLO, actions: [republish("x")], ...body });
    const hello = { code: 0, data: { msg: "hello" } };
    assertEquals(await tried({ ctx }), hello);
    assertEquals(await tried({ ctx, test: true }, "/rules"), hello);
    assertEquals(await tried({ ctx, test: "true" }, "/rules"), hello);
    assertEquals(await tried({ ctx: { ...ctx, topic: "x" } }), NOT_MATCHED);
    const foreach = {
      rawsql: 'FOREACH payload.s AS e DO e.v AS v FROM "message.publish"',
      ctx: { payload: '{"s":[{"v":1},{"v":2}]}' },
    };
    assertEquals(await tried(foreach), { code: 0, data: [{ v: 1 }, { v: 2 }] });
    // What is not given is as the product makes it up.
    const made = await tried({
      rawsql: 'SELECT client_id, username, topic, qos, payload.name AS name FROM "message.publish"',
      ctx: {},
    });
    assertEquals(made.data, {
      client_id: "c_emqx",
      username: "u_emqx",
      topic: "t1",
      qos: 1,
      name: "ha",
    });
    assertEquals(await askV3(broker, "GET", "/rules"), { code: 0, data: [] });
    await client.expectNothing();
    client.cut();
  }));

test("check 7: a resource that a rule uses stays until the rule is gone", () =>
  withBroker({}, async (broker) => {
    await withWebTarget(async (target) => {
      const id = await webHook(broker, target.url);
      const status = async (): Promise<Json> =>
        (await askV3(broker, "GET", `/resource_status/${id}`)).data;
      assertEquals(await status(), { is_alive: true });
      const action = { name: "data_to_webserver", params: { $resource: id } };
      const rule = await addRule(broker, { rawsql: HELLO, actions: [action] });
      const refused = await askV3(broker, "DELETE", `/resources/${id}`);
      assertEquals(refused.code, 400);
      assertMatch(refused.message, /^Bad Arguments: /);
      assertEquals(refused.message.includes(rule.id), true, refused.message);
      assertEquals(await askV3(broker, "DELETE", `/rules/${rule.id}`), OK);
      assertEquals(await askV3(broker, "DELETE", `/resources/${id}`), OK);
    });
    const dead = await webHook(broker, "http://127.0.0.1:1/");
    assertEquals(await askV3(broker, "GET", `/resource_status/${dead}`), {
      code: 0,
      data: { is_alive: false },
    });
    const { data: [{ alarms }] } = await askV3(broker, "GET", "/alarms/present");
    const alarm = alarms.find(({ id }: Json) => id.includes(dead));
    assertEquals(typeof alarm?.desc, "object", JSON.stringify(alarms));
  }));

test("data goes to a web server as JSON, with the method and headers of the resource", () =>
  withBroker({}, (broker) =>
    withWebTarget(async (target) => {
      const id = await webHook(broker, `${target.url}/in?a=1`, {
        config: { url: `${target.url}/in?a=1`, method: "PUT", headers: { "x-site": "north" } },
      });
      const action = { name: "data_to_webserver", params: { $resource: id } };
      const rule = await addRule(broker, { rawsql: HELLO, actions: [action] });
      const client = await TestClient.connect(broker.port);
      await client.publish("t/1", HELLO_PAYLOAD, { qos: 1 });
      const { method, path, headers, body } = await target.next();
      assertEquals([method, path, JSON.parse(body)], ["PUT", "/in?a=1", { msg: "hello" }]);
      assertEquals([headers["content-type"], headers["x-site"]], ["application/json", "north"]);
      await counts(broker, rule.id, { matched: 1, success: 1, failed: 0 });
      client.cut();
    }, 500)));

test("check 8: an event goes to a web server as its template says, or with three members", () =>
  withBroker({}, (broker) =>
    withWebTarget(async (target) => {
      const $resource = await webHook(broker, target.url, { name: "hook" });
      assertEquals($resource, "web_hook:hook");
      const rule = (name: string, params: Json): Json => ({
        name,
        for: "client.connected",
        rawsql: 'select * from "#"',
        actions: [{ name: "web_hook:event_action", params: { $resource, ...params } }],
      });
      const { id } = await addRule(broker, rule("plain", {}));
      const first = await TestClient.connect(broker.port, { clientId: "c1", username: "u1" });
      assertEquals(JSON.parse((await target.next()).body), {
        event: "client.connected",
        client_id: "c1",
        username: "u1",
      });
      assertEquals(await askV3(broker, "DELETE", `/rules/${id}`), OK);
      const template = {
        who: "${client_id}",
        x: "${nope}",
        fixed: 1,
        text: "as ${client_id}",
        deep: { list: ["${username}", true] },
      };
      await addRule(broker, rule("shaped", { template }));
      const second = await TestClient.connect(broker.port, { clientId: "c2", username: "u2" });
      assertEquals(JSON.parse((await target.next()).body), {
        who: "c2",
        x: null,
        fixed: 1,
        text: "as ${client_id}",
        deep: { list: ["u2", true] },
      });
      assertEquals(target.waiting, 0);
      first.cut();
      second.cut();
    })));

test("check 9: one action for each element that counts", () =>
  withBroker({}, (broker) =>
    withWebTarget(async (target) => {
      const id = await webHook(broker, target.url);
      const rule = await addRule(broker, {
        rawsql: 'FOREACH payload.s AS e DO e.v AS v INCASE e.v > 1 FROM "message.publish"',
        actions: [{ name: "data_to_webserver", params: { $resource: id } }],
      });
      const client = await TestClient.connect(broker.port);
      await client.publish("t", '{"s":[{"v":1},{"v":2}]}', { qos: 1 });
      assertEquals(JSON.parse((await target.next()).body), { v: 2 });
      await counts(broker, rule.id, { matched: 1, success: 1, failed: 0 });
      await client.publish("t", '{"s":[{"v":0},{"v":3},{"v":4}]}', { qos: 1 });
      const bodies = [await target.next(), await target.next()].map(({ body }) => JSON.parse(body));
      // Each on a connection of its own.
      assertEquals(bodies.sort((a, b) => a.v - b.v), [{ v: 3 }, { v: 4 }]);
      client.cut();
    })));

test("check 10: a number and a text are compared as numbers; a text that is none skips the rule", () =>
  withBroker({}, async (broker) => {
    const rule = (condition: string, target: string): Promise<Json> =>
      addRule(broker, {
        rawsql: `SELECT payload.n AS n FROM "message.publish" WHERE ${condition}`,
        actions: [republish(target)],
      }).then(({ id }) => id);
    // As texts 10 would not be above 5.
    const [text, number, none] = [
      await rule("payload.n > '5'", "text/${n}"),
      await rule("payload.n > 5", "number/${n}"),
      await rule("payload.n > 'five'", "none/${n}"),
    ];
    const hear = async (numbers: readonly string[], topics: readonly string[]): Promise<void> => {
      await withClients(broker, "+/+", async (publisher, subscriber) => {
        for (const n of numbers) await publisher.publish("in", `{"n":${n}}`, { qos: 1 });
        await publisher.publish("the/end", "", { qos: 1 });
        for (const expected of [...topics, "the/end"]) {
          assertEquals((await subscriber.receive()).topic, expected);
        }
      });
    };
    await hear(["10", "4"], ["text/10", "number/10"]);
    await counts(broker, text, { matched: 1, success: 1, failed: 0 });
    await counts(broker, number, { matched: 1, success: 1, failed: 0 });
    await counts(broker, none, { matched: 0, success: 0, failed: 0 });
    // Two texts are compared as texts: that is another matter.
    for (const id of [text, none]) {
      assertEquals(await askV3(broker, "DELETE", `/rules/${id}`), OK);
    }
    await hear(['"4"', '"11"', '"many"'], ["number/11"]);
    await counts(broker, number, { matched: 2, success: 2, failed: 0 });
  }));

test("rules of other events: what each one selects of the client", () =>
  withBroker({}, async (broker) => {
    const events = ["client.connected", "client.disconnected", "client.subscribe"];
    for (const event of events) {
      await addRule(broker, {
        rawsql: `SELECT event, client_id FROM "${event}" WHERE client_id = 'watched'`,
        actions: [republish("seen/${event}", "${client_id}")],
      });
    }
    const watcher = await TestClient.connect(broker.port);
    await watcher.subscribe("seen/#");
    const watched = await TestClient.connect(broker.port, { clientId: "watched" });
    await watched.subscribe("a");
    await watched.disconnect();
    const got = [await watcher.receive(), await watcher.receive(), await watcher.receive()];
    assertEquals(got.map(({ topic, payload }) => [topic, String(payload)]), [
      ["seen/client.connected", "watched"],
      ["seen/client.subscribe", "watched"],
      ["seen/client.disconnected", "watched"],
    ]);
    watcher.cut();
  }));

test("rules and resources of the API are there again after kill -9, and go for good", () =>
  withRestarts({}, (broker) =>
    withWebTarget(async (target) => {
      const $resource = await webHook(broker.running, target.url, { name: "hook" });
      const later = await webHook(broker.running, target.url);
      const action = { name: "web_hook:publish_action", params: { $resource } };
      const legacy = await addRule(broker.running, {
        name: "old",
        for: "message.publish",
        rawsql: 'select * from "t/a"',
        actions: [action],
        description: "kept",
      });
      const rule = await addRule(broker.running, {
        rawsql: HELLO,
        actions: [republish("out/${msg}")],
      });
      const gone = await addRule(broker.running, {
        rawsql: HELLO,
        actions: [{ name: "do_nothing" }],
      });
      assertEquals(await askV3(broker.running, "DELETE", `/rules/${gone.id}`), OK);
      assertEquals(await askV3(broker.running, "DELETE", `/resources/${later}`), OK);
      const resources = await askV3(broker.running, "GET", "/resources");
      await broker.restart("kill");
      assertEquals(await askV3(broker.running, "GET", "/rules"), {
        code: 0,
        data: [legacy, rule],
      });
      assertEquals(await askV3(broker.running, "GET", "/resources"), resources);
      await withClients(broker, "out/#", async (publisher, subscriber) => {
        await publisher.publish("t/a", HELLO_PAYLOAD, { qos: 1 });
        assertEquals((await subscriber.receive()).topic, "out/hello");
      });
      assertEquals(JSON.parse((await target.next()).body).payload, HELLO_PAYLOAD);
      for (const { id } of [legacy, rule]) {
        assertEquals(await askV3(broker.running, "DELETE", `/rules/${id}`), OK);
      }
      await broker.restart("kill");
      assertEquals(await askV3(broker.running, "GET", "/rules"), { code: 0, data: [] });
    })));

test("rules of the configuration are shown, and stay", () =>
  withBroker({
    config: `
[[resource]]
name = "printer"
type = "built_in"

[[rule]]
name = "echo"
sql = '''${HELLO}'''

[[rule.action]]
name = "republish"
params = { target_topic = "out", target_qos = 0, payload_tmpl = "x" }
`,
  }, async (broker) => {
    const { data: [rule] } = await askV3(broker, "GET", "/rules");
    assertEquals([rule.rawsql, rule.enabled, rule.read_only], [HELLO, true, true]);
    const refused = await askV3(broker, "DELETE", `/rules/${rule.id}`);
    assertEquals(refused, { code: 400, message: "Bad Arguments: read_only_rule" });
    const { data: [resource] } = await askV3(broker, "GET", "/resources");
    assertEquals([resource.type, resource.read_only], ["built_in", true]);
    assertEquals((await askV3(broker, "DELETE", `/resources/${resource.id}`)).code, 400);
    await withClients(broker, "out", async (publisher, subscriber) => {
      await publisher.publish("t/1", HELLO_PAYLOAD, { qos: 1 });
      assertEquals((await subscriber.receive()).topic, "out");
    });
  }));

test("what rules do is counted among the metrics, in the later flavour", () =>
  withBroker({ args: ["--set", "api.emqx_v3.metric_names=dot"] }, async (broker) => {
    const actions = [republish("t/again", "${msg}")];
    const rule = await addRule(broker, { rawsql: HELLO, actions });
    const client = await TestClient.connect(broker.port);
    await client.publish("t/1", HELLO_PAYLOAD, { qos: 1 });
    await counts(broker, rule.id, { matched: 1, success: 1, failed: 0 });
    const names = ["rules.matched", "actions.success", "actions.failure"];
    const read = async (): Promise<number[]> => {
      const [{ metrics }] = (await askV3(broker, "GET", "/metrics")).data;
      return names.map((name) => metrics[name]);
    };
    assertEquals(await read(), [1, 1, 0]);
    assertEquals(await askV3(broker, "DELETE", `/rules/${rule.id}`), OK);
    // What is gone has been done nonetheless.
    assertEquals(await read(), [1, 1, 0]);
    client.cut();
  }));

/** All that `*` selects of some events. */
const SELECTED: Readonly<Record<string, readonly string[]>> = {
  "message.publish": [
    "client_id",
    "username",
    "event",
    "id",
    "payload",
    "peername",
    "qos",
    "retain",
    "timestamp",
    "topic",
    "node",
  ],
  "client.connected": [
    "client_id",
    "username",
    "event",
    "auth_result",
    "clean_start",
    "connack",
    "connected_at",
    "is_bridge",
    "keepalive",
    "peername",
    "proto_ver",
    "sockname",
    "zone",
    "timestamp",
    "node",
  ],
};

test("each of the ten events fires a rule, with all that it has", () =>
  withBroker({}, (broker) =>
    withWebTarget(async (target) => {
      const id = await webHook(broker, target.url);
      const { data: events } = await askV3(broker, "GET", "/rule_events");
      for (const { event } of events) {
        // Of the watched client and of what is sent to and by it.
        const where = event.startsWith("message.") ? "topic =~ 'w/#'" : "client_id = 'watched'";
        await addRule(broker, {
          rawsql: `SELECT * FROM "${event}" WHERE ${where}`,
          actions: [{ name: "data_to_webserver", params: { $resource: id } }],
        });
      }
      const seen = new Map<string, Json>();
      const until = async (event: string): Promise<Json> => {
        while (!seen.has(event)) {
          const data = JSON.parse((await target.next()).body);
          seen.set(data.event, data);
        }
        return seen.get(event);
      };
      const fields = { clientId: "watched", username: "u", keepalive: 7 };
      const publisher = await TestClient.connect(broker.port, { clientId: "p", username: "pu" });
      const watched = await TestClient.connect(broker.port, { version: 4, ...fields });
      await watched.subscribe("w/#", { qos: 1 });
      await publisher.publish("w/1", '{"a":1}', { qos: 1 });
      await watched.receive();
      await until("message.acked");
      watched.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["w/#"] });
      await watched.expect("unsuback");
      await publisher.publish("w/2", "nobody", { qos: 1 });
      await watched.disconnect();
      await until("client.disconnected");
      for (const { event, columns } of events) {
        const data = await until(event);
        // There is no mountpoint on this listener, and no QoS in an UNSUBSCRIBE.
        const absent = event === "client.unsubscribe" ? ["mountpoint", "qos"] : ["mountpoint"];
        const told = columns.filter((name: string) => !absent.includes(name));
        const missing = told.filter((name: string) => data[name] === undefined);
        assertEquals(missing, [], `${event}: ${JSON.stringify(data)}`);
        assertEquals([data.node, typeof data.timestamp], ["broker@127.0.0.1", "number"], event);
        const names = SELECTED[event];
        if (names !== undefined) assertEquals(Object.keys(data).sort(), [...names].sort(), event);
      }
      const of = (event: string, ...names: string[]): Json[] =>
        names.map((name) => seen.get(event)[name]);
      const who = ["client_id", "username"];
      assertEquals(of("message.publish", ...who, "topic"), ["p", "pu", "w/2"]);
      assertEquals(of("message.dropped", ...who, "payload", "qos"), ["p", "pu", "nobody", 1]);
      assertEquals(of("message.deliver", ...who, "payload"), ["watched", "u", '{"a":1}']);
      assertEquals(of("message.acked", ...who, "topic", "qos"), ["watched", "u", "w/1", 1]);
      assertEquals(of("client.connected", ...who, "keepalive", "proto_ver", "connack"), [
        "watched",
        "u",
        7,
        4,
        0,
      ]);
      assertEquals(of("client.disconnected", ...who, "reason_code"), ["watched", "u", "normal"]);
      for (const verb of ["subscribe", "unsubscribe"]) {
        assertEquals(of(`client.${verb}`, ...who, "topic"), ["watched", "u", "w/#"]);
        assertEquals(of(`session.${verb}d`, ...who, "topic", "qos"), ["watched", "u", "w/#", 1]);
      }
      assertEquals(of("client.subscribe", "topic_filters"), [[{ topic: "w/#", qos: 1 }]]);
      const [acked, published] = ["message.acked", "message.deliver"].map((event) =>
        seen.get(event).id
      );
      assertMatch(acked, /^[0-9A-F]{32}$/);
      assertEquals(acked, published);
      publisher.cut();
    })));
