/** Rules of the configuration and of the API with the real program and real clients. */
import { test } from "node:test";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { within } from "../support/deadline.ts";
import { askV3, type Json } from "../support/emqx_v3.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { readProjectFile } from "../support/project_files.ts";
import { withRestarts } from "../support/restarts.ts";
import { type RunningBroker, runToEnd, withBroker } from "../support/start_broker.ts";
import { withWebTarget } from "../support/web_target.ts";

async function inFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "broker-rules-"));
  try {
    await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** A rule that republishes, in TOML. */
function rule(name: string, sql: string, target: string, more = ""): string {
  return `[[rule]]
name = "${name}"
sql = '''${sql}'''
${more}
[[rule.action]]
name = "republish"
params = { target_topic = '${target}', target_qos = -1, payload_tmpl = '\${payload}' }
`;
}

async function subscriber(port: number, filter: string): Promise<TestClient> {
  const client = await TestClient.connect(port);
  await client.subscribe(filter, { qos: 2 });
  return client;
}

async function counters({ httpUrl }: Pick<RunningBroker, "httpUrl">, id: string): Promise<Json> {
  const { data } = await askV3({ httpUrl }, "GET", `/rules/${id}`);
  const [{ success, failed }] = data.actions[0].metrics;
  return { matched: data.metrics[0].matched, success, failed };
}

test("a rule publishes what it selected: bytes as they are, with QoS and retain of the message", () =>
  withBroker(
    { config: rule("r", 'SELECT topic(2) AS n FROM "in/+"', "out/${n}") },
    async (broker) => {
      const listener = await subscriber(broker.port, "out/#");
      const client = await TestClient.connect(broker.port);
      const bytes = Uint8Array.of(0, 0xff, 0xfe, 0x80);
      for (const [qos, retain] of [[0, false], [1, true], [2, false]] as const) {
        await client.publish(`in/${qos}`, bytes, { qos, retain });
        const got = await listener.receive();
        assertEquals([got.topic, got.qos, new Uint8Array(got.payload as Uint8Array)], [
          `out/${qos}`,
          qos,
          bytes,
        ]);
      }
      // What was retained is there for who comes later.
      const late = await subscriber(broker.port, "out/#");
      assertEquals((await late.receive()).topic, "out/1");
      await late.expectNothing();
      assertEquals(await counters(broker, "r"), { matched: 3, success: 3, failed: 0 });
    },
  ));

test("rules see topics behind the mountpoint of the publisher, aliases resolved", () => {
  const config = `[[listener]]\nmountpoint = "site/"\n${
    rule("r", 'SELECT topic FROM "site/a"', "site/b")
  }`;
  return withBroker({ config }, async (broker) => {
    const listener = await subscriber(broker.port, "b");
    const client = await TestClient.connect(broker.port, { properties: { topicAliasMaximum: 5 } });
    await client.publish("a", "1", { properties: { topicAlias: 1 } });
    await client.publish("", "2", { properties: { topicAlias: 1 } });
    const got = [await listener.receive(), await listener.receive()];
    assertEquals(got.map(({ topic, payload }) => [topic, String(payload)]), [["b", "1"], [
      "b",
      "2",
    ]]);
  });
});

test("rules hear of clients and their subscriptions", () => {
  const events = [
    "client.connected",
    "client.subscribe",
    "session.subscribed",
    "client.unsubscribe",
    "session.unsubscribed",
    "client.disconnected",
  ];
  const from = events.map((event) => `"${event}"`).join(", ");
  const config = `[[rule]]
name = "events"
sql = '''SELECT event, client_id, username, topic, proto_ver, reason_code FROM ${from} WHERE client_id = 'watched' '''
[[rule.action]]
name = "republish"
params = { target_topic = 'events', target_qos = 0, payload_tmpl = '\${event} \${topic} \${proto_ver} \${reason_code}' }
`;
  return withBroker({ config }, async (broker) => {
    const listener = await subscriber(broker.port, "events");
    const client = await TestClient.connect(broker.port, { clientId: "watched", version: 4 });
    await client.subscribe("x/+", { qos: 1 });
    client.send({ cmd: "unsubscribe", messageId: 9, unsubscriptions: ["x/+"] });
    await client.expect("unsuback");
    await client.disconnect();
    const got: string[] = [];
    for (const _event of events) got.push(String((await listener.receive()).payload));
    assertEquals(got, [
      "client.connected undefined 4 undefined",
      "client.subscribe x/+ undefined undefined",
      "session.subscribed x/+ undefined undefined",
      "client.unsubscribe x/+ undefined undefined",
      "session.unsubscribed x/+ undefined undefined",
      "client.disconnected undefined undefined normal",
    ]);
  });
});

test("rules hear of messages that are delivered, acknowledged and dropped", () => {
  const config = ["deliver", "acked", "dropped"].map((what) =>
    rule(what, `SELECT payload FROM "message.${what}" WHERE topic =~ 'm/#'`, `told/${what}`)
  ).join("");
  return withBroker({ config }, async (broker) => {
    const listener = await subscriber(broker.port, "told/#");
    const receiver = await subscriber(broker.port, "m/1");
    const client = await TestClient.connect(broker.port);
    await client.publish("m/1", "hello", { qos: 1 });
    await receiver.receive();
    await client.publish("m/2", "nobody", { qos: 1 });
    const got = [await listener.receive(), await listener.receive(), await listener.receive()];
    assertEquals(
      got.map(({ topic, payload }) => `${topic} ${String(payload)}`).sort(),
      ["told/acked hello", "told/deliver hello", "told/dropped nobody"],
    );
  });
});

test("a rule does not feed itself, at once or after a delay", () => {
  const config = rule("now", 'SELECT * FROM "now/#"', "now/again") +
    rule("later", 'SELECT * FROM "later/#"', "$delayed/1/later/again");
  return withBroker({ config }, async (broker) => {
    const [now, later] = [
      await subscriber(broker.port, "now/#"),
      await subscriber(broker.port, "later/#"),
    ];
    const client = await TestClient.connect(broker.port);
    await client.publish("now/1", "x", { qos: 1 });
    assertEquals([(await now.receive()).topic, (await now.receive()).topic].sort(), [
      "now/1",
      "now/again",
    ]);
    assertEquals(await counters(broker, "now"), { matched: 2, success: 1, failed: 1 });
    await client.publish("later/1", "x", { qos: 1 });
    assertEquals([(await later.receive()).topic, (await later.receive()).topic], [
      "later/1",
      "later/again",
    ]);
    assertEquals(await counters(broker, "later"), { matched: 2, success: 1, failed: 1 });
    await now.expectNothing();
    await later.expectNothing();
  });
});

test("rules and resources that were made through the API work after a crash, in their order", () =>
  withWebTarget((target) =>
    withRestarts({}, async (broker) => {
      const make = async (path: string, body: Json): Promise<string> => {
        const { code, data, message } = await askV3(broker.running, "POST", path, body);
        assertEquals([code, message], [0, undefined]);
        return data.id;
      };
      const resource = await make("/resources", { type: "web_hook", config: { url: target.url } });
      const hook = { name: "data_to_webserver", params: { $resource: resource } };
      const ids = [
        await make("/rules", { rawsql: 'SELECT payload, 1 AS n FROM "a"', actions: [hook] }),
        await make("/rules", {
          name: "old",
          for: "message.publish",
          rawsql: 'select payload, 2 as n from "a"',
          actions: [{ name: "web_hook:publish_action", params: { $resource: resource } }],
        }),
      ];
      const before = await askV3(broker.running, "GET", "/rules");
      await broker.restart("kill");
      assertEquals(await askV3(broker.running, "GET", "/rules"), before);
      assertEquals(before.data.map(({ id }: Json) => id), ids);
      const client = await TestClient.connect(broker.port);
      await client.publish("a", "x", { qos: 1 });
      const bodies = [
        JSON.parse((await target.next()).body),
        JSON.parse((await target.next()).body),
      ];
      assertEquals(bodies, [{ payload: "x", n: 1 }, { payload: "x", n: 2 }]);
      const refused = await askV3(broker.running, "DELETE", `/resources/${resource}`);
      assertEquals([refused.code, refused.message.startsWith("Bad Arguments: ")], [400, true]);
      for (const id of ids) {
        assertEquals(await askV3(broker.running, "DELETE", `/rules/${id}`), { code: 0 });
      }
      assertEquals(await askV3(broker.running, "DELETE", `/resources/${resource}`), { code: 0 });
      await broker.restart("stop");
      assertEquals((await askV3(broker.running, "GET", "/rules")).data, []);
      assertEquals((await askV3(broker.running, "GET", "/resources")).data, []);
    })
  ));

test("rules and resources of the configuration are shown, and changed there only", () => {
  const config = `[[resource]]\nname = "res"\ntype = "built_in"\n${
    rule("mine", 'SELECT * FROM "a"', "b", 'description = "of the file"')
  }`;
  return withBroker({ config }, async (broker) => {
    const { data: [shown] } = await askV3(broker, "GET", "/rules");
    const { id, description, read_only: isReadOnly, enabled } = shown;
    assertEquals([id, description, isReadOnly, enabled], ["mine", "of the file", true, true]);
    const refused = await askV3(broker, "DELETE", "/rules/mine");
    assertEquals([refused.code, refused.message.startsWith("Bad Arguments: ")], [400, true]);
    assertEquals((await askV3(broker, "DELETE", "/resources/res")).code, 400);
    assertEquals((await askV3(broker, "GET", "/rules")).data.length, 1);
  });
});

test("a reload changes rules and resources, all of them or none", () =>
  inFolder(async (folder) => {
    const path = join(folder, "broker.toml");
    const one = rule("one", 'SELECT * FROM "a"', "one");
    await writeFile(path, one);
    await withBroker({ args: ["--config", path] }, async (broker) => {
      const listener = await subscriber(broker.port, "#");
      const client = await TestClient.connect(broker.port);
      const told = async (count: number): Promise<string[]> => {
        await client.publish("a", "x", { qos: 1 });
        const topics: string[] = [];
        for (let index = 0; index < count; index++) topics.push((await listener.receive()).topic);
        await listener.expectNothing();
        return topics.sort();
      };
      assertEquals(await told(2), ["a", "one"]);
      const reload = async (text: string, expected: string): Promise<void> => {
        await writeFile(path, text);
        broker.signal("SIGHUP");
        await broker.logged(expected);
      };
      // The first is right, and must not count; the second cannot be read, the third has no resource.
      const two = rule("two", 'SELECT * FROM "a"', "two");
      await reload(two + rule("bad", 'SELECT FROM "a"', "c"), "rule.1.sql");
      assertStringIncludes(broker.stderr(), "broker.toml:10:7: rule.1.sql");
      await reload(
        `${two}[[rule.action]]\nname = "data_to_file"\nparams = { "$resource" = "nope" }\n`,
        'Cannot use resource "nope"',
      );
      assertEquals(await told(2), ["a", "one"]);
      await reload(two + one, "changed=rule\n");
      assertEquals(await told(3), ["a", "one", "two"]);
      await reload("[rule_engine]\nignore_sys_message = false\n", "rule_engine.ignore_sys_message");
      assertEquals(await told(1), ["a"]);
    });
  }));

test("a reload takes a rule to another place, and does not take one away that is needed", () =>
  inFolder((folder) =>
    withWebTarget((one) =>
      withWebTarget(async (other) => {
        const path = join(folder, "broker.toml");
        const hook = (url: string): string =>
          `[[resource]]\nname = "hook"\ntype = "web_hook"\nconfig = { url = "${url}" }\n`;
        const hooked = `[[rule]]\nname = "hooked"\nsql = 'SELECT payload FROM "a"'
[[rule.action]]\nname = "data_to_webserver"\nparams = { "$resource" = "hook" }\n`;
        await writeFile(path, hook(one.url) + hooked);
        await withBroker({ args: ["--config", path] }, async (broker) => {
          const client = await TestClient.connect(broker.port);
          const told = async (payload: string): Promise<void> => {
            await client.publish("a", payload, { qos: 1 });
          };
          const reload = async (text: string, expected: string): Promise<void> => {
            await writeFile(path, text);
            broker.signal("SIGHUP");
            await broker.logged(expected);
          };
          await told("1");
          assertEquals(JSON.parse((await one.next()).body), { payload: "1" });
          await reload(hook(other.url) + hooked, "changed=resource");
          await told("2");
          assertEquals(JSON.parse((await other.next()).body), { payload: "2" });
          // Its own rule is in the same file, the one of the API is not.
          const made = await askV3(broker, "POST", "/rules", {
            rawsql: 'SELECT topic FROM "b"',
            actions: [{ name: "data_to_webserver", params: { $resource: "hook" } }],
          });
          await reload("", `Cannot remove resource "hook": rule "${made.data.id}" uses it`);
          await told("3");
          assertEquals(JSON.parse((await other.next()).body), { payload: "3" });
          assertEquals(await askV3(broker, "DELETE", `/rules/${made.data.id}`), { code: 0 });
          await reload("", 'changed="resource,rule"');
          await told("4");
          assertEquals((await askV3(broker, "GET", "/rules")).data, []);
          assertEquals([one.waiting, other.waiting], [0, 0]);
        });
      })
    )
  ));

test("a broker whose rules have no resource does not start, and says why", () =>
  inFolder(async (folder) => {
    const path = join(folder, "broker.toml");
    await writeFile(
      path,
      `[[rule]]\nname = "hooked"\nsql = 'SELECT * FROM "a"'
[[rule.action]]\nname = "data_to_webserver"\nparams = { "$resource" = "nope" }\n`,
    );
    const { code, stderr } = await runToEnd(["run", "--ephemeral", "--config", path]);
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'Cannot use rule "hooked": Cannot use resource "nope"');
  }));

test("broker check says where in the file and where in the statement a rule is wrong", () =>
  inFolder(async (folder) => {
    const path = join(folder, "broker.toml");
    await writeFile(
      path,
      `[[resource]]
name = "r"
type = "web_hook"
config = { url = "ftp://secret-host" }
[[resource]]
name = "header"
type = "web_hook"
config = { url = "http://127.0.0.1", headers = { "a b" = "secret-host" } }
[[resource]]
name = "table"
type = "sqlite"
config = { path = "secret-host.db", table = "" }
[[resource]]
name = "column"
type = "sqlite"
config = { path = "a.db", table = "t", columns = { a = 1 } }
[[resource]]
name = "path"
type = "file"
config = { path = "../secret-host" }
[[rule]]
name = "a"
sql = """
SELECT payload.a AS a,
FROM "t"
"""
[[rule.action]]
name = "fly"
[[rule.action]]
name = "republish"
params = { target_topic = "a" }
[[rule]]
name = "a"
sql = 'SELECT colour FROM "t"'
`,
    );
    const { code, stderr } = await runToEnd(["check", "--config", path]);
    assertEquals(code === 0, false);
    assertMatch(stderr, /broker\.toml:4:10: resource\.0\.config: .*wrong_format url/);
    assertMatch(stderr, /broker\.toml:8:10: resource\.1\.config: .*wrong_format headers\.a b/);
    assertMatch(stderr, /broker\.toml:12:10: resource\.2\.config: .*no table can be called ""/);
    assertMatch(stderr, /broker\.toml:16:10: resource\.3\.config: .*wrong_type columns\.a/);
    assertMatch(stderr, /broker\.toml:20:10: resource\.4\.config: .*wrong_path path/);
    assertMatch(stderr, /broker\.toml:23:7: rule\.0\.sql: .*line 2 column 1/);
    assertMatch(
      stderr,
      /broker\.toml:28:8: rule\.0\.action\.0\.name: found "fly"; allowed: .*"republish"/,
    );
    assertMatch(stderr, /broker\.toml:31:10: rule\.0\.action\.1\.params: .*target_qos/);
    assertMatch(
      stderr,
      /broker\.toml:33:8: rule\.1\.name: found "a", which rule\.0\.name has already/,
    );
    assertMatch(stderr, /broker\.toml:34:7: rule\.1\.sql: .*line 1 column 8.*colour/);
    assert(!stderr.includes("secret-host"), "what a resource is configured with is not shown");
  }));

test("a resource that cannot be used because of where the broker keeps things is named", () =>
  inFolder(async (folder) => {
    const path = join(folder, "broker.toml");
    await writeFile(path, '[[resource]]\nname = "out"\ntype = "file"\nconfig = { path = "x" }\n');
    // Nothing is kept, and so there is no folder.
    const { code, stderr } = await runToEnd(["run", "--ephemeral", "--config", path]);
    assertEquals(code === 0, false);
    assertMatch(stderr, /Cannot use resource "out": .*there is no folder/);
  }));

test("config/examples/rules.toml does what it says", () =>
  inFolder((folder) =>
    withWebTarget(async (target) => {
      const file = join(folder, "readings.jsonl");
      const config = readProjectFile("config/examples/rules.toml")
        .replace('path = "readings.jsonl"', `path = "${file}"`)
        .replace("http://127.0.0.1:9000", target.url);
      await withBroker({ config }, async (broker) => {
        const [alarms, sensors] = [
          await subscriber(broker.port, "alarms/#"),
          await subscriber(broker.port, "sensors/#"),
        ];
        const client = await TestClient.connect(broker.port, { clientId: "thermometer" });
        await client.publish("site/kitchen/telemetry", '{"temp": 31.5}', { qos: 1 });
        await client.publish("site/cellar/telemetry", '{"temp": 12}', { qos: 1 });
        const { topic, payload, qos } = await alarms.receive();
        assertEquals([topic, String(payload), qos], [
          "alarms/kitchen",
          "kitchen has 31.5 degrees",
          1,
        ]);
        await alarms.expectNothing();
        const readings = [{ sensor: "a", value: 1 }, { sensor: "b", value: -1 }, {
          sensor: "c",
          value: 3,
        }];
        await client.publish("site/kitchen/batch", JSON.stringify({ readings }), { qos: 1 });
        const got = [await sensors.receive(), await sensors.receive()];
        assertEquals(got.map((each) => `${each.topic} ${String(each.payload)}`), [
          "sensors/a 1",
          "sensors/c 3",
        ]);
        await client.disconnect();
        const { path, headers, body } = await target.next();
        assertEquals([path, headers["x-site"], JSON.parse(body).client_id], [
          "/devices",
          "home",
          "thermometer",
        ]);
        assertEquals(
          (await within(lines(file, 2), "two lines")).map(({ room, temp }) => [room, temp]),
          [
            ["kitchen", 31.5],
            ["cellar", 12],
          ],
        );
      });
    })
  ));

/** The lines of a file as JSON, once there are so many. */
async function lines(path: string, count: number): Promise<Json[]> {
  for (;;) {
    const text = await readFile(path, "utf8").catch(() => "");
    const found = text.split("\n").filter((line) => line !== "");
    if (found.length >= count) return found.map((line) => JSON.parse(line));
  }
}
