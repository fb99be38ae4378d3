/** SMQTT's built-in HTTP API: the document's examples as they stand there, and the specification's checks. */
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { curl, type CurlReply, hasCurl } from "../support/curl.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { rawRequest } from "../support/raw_http.ts";
import { type RunningBroker, startBroker, withBroker } from "../support/start_broker.ts";

const skip = hasCurl() ? false : "curl is not installed";
const CORS = {
  "access-control-allow-origin": "*",
  "access-control-allow-headers": "*",
  "access-control-allow-methods": "*",
};

/** The commands of the document; that of the last section names another path there, by mistake. */
const DOCUMENT = {
  publish:
    `curl -H "Content-Type: application/json" -X POST -d '{"topic": "test/teus", "qos":2, "retain":true, "message":"我来测试保留消息3" }' "http://localhost:1999/smqtt/publish"`,
  connection:
    `curl -H "Content-Type: application/json" -X POST "http://localhost:1999/smqtt/connection"`,
  cluster: `curl -H "Content-Type: application/json" -X POST "http://localhost:1999/smqtt/cluster"`,
  subscribe:
    `curl -H "Content-Type: application/json" -X POST "http://localhost:1999/smqtt/subscribe"`,
};

function asWritten(command: string, { httpPort }: RunningBroker): Promise<CurlReply> {
  return curl(command, "localhost:1999", `localhost:${httpPort}`);
}

async function post(
  { httpUrl }: RunningBroker,
  path: string,
  body: unknown = undefined,
): Promise<[status: number, body: string]> {
  const text = typeof body === "string" || body === undefined ? body : JSON.stringify(body);
  const init = text === undefined ? {} : { body: text };
  const reply = await fetch(`${httpUrl}${path}`, { method: "POST", ...init });
  return [reply.status, await reply.text()];
}

async function list<T>(broker: RunningBroker, path: string): Promise<T> {
  const [status, body] = await post(broker, path);
  assertEquals(status, 200);
  return JSON.parse(body) as T;
}

interface Connection {
  readonly clientIdentifier: string;
  readonly status: string;
  readonly topics: string[];
  readonly activeTime: number;
  readonly authTime: number;
  readonly will?: { readonly willMessage: string };
}

/** All volatile members as their types. */
function masked(text: string): string {
  return text.replaceAll(/\d{13}/g, "<ms>");
}

/** How many messages the broker has taken from HTTP. */
async function published(broker: RunningBroker): Promise<number> {
  const text = await (await fetch(`${broker.httpUrl}/metrics`)).text();
  return Number(/^mqtt_messages_from_api_total (\d+)$/m.exec(text)?.[1]);
}

test("check 1: the document's publish, Chinese, QoS 2, retained, reaches a later subscriber", {
  skip,
}, () =>
  withBroker({}, async (broker) => {
    const reply = await asWritten(DOCUMENT.publish, broker);
    assertEquals([reply.status, reply.body, reply.headers["content-length"]], [200, "", "0"]);
    assertEquals(reply.headers["content-type"], undefined);
    const client = await TestClient.connect(broker.port);
    await client.subscribe("test/teus", { qos: 2 });
    const message = await client.receive();
    assertEquals(String(message.payload), "我来测试保留消息3");
    assertEquals([message.qos, message.retain], [2, true]);
  }));

const REFUSED: ReadonlyArray<[what: string, body: string | Uint8Array, words: string]> = [
  ["an empty body", "", "the body is empty"],
  ["{}", "{}", "topic: found nothing, allowed a string; message: found nothing, allowed a string"],
  ["no JSON", "{'topic':'a','message':'b'}", "the body is not JSON"],
  ["no UTF-8", Buffer.from('{"topic":"a","message":"\xff"}', "latin1"), "the body is not UTF-8"],
  ["an array", '[{"topic":"a","message":"b"}]', "found an array, allowed an object"],
  ["a text", '"a"', 'found \\"a\\", allowed an object'],
  ["no topic", '{"message":"b"}', "topic: found nothing, allowed a string"],
  ["a topic that is a number", '{"topic":1,"message":"b"}', "topic: found 1, allowed a string"],
  ["an empty topic", '{"topic":"","message":"b"}', 'topic: found \\"\\", allowed at least 1'],
  ["a topic with #", '{"topic":"a/#","message":"b"}', "allowed a topic name"],
  ["a topic with +", '{"topic":"a/+/b","message":"b"}', "allowed a topic name"],
  ["a topic with NUL", '{"topic":"a\\u0000","message":"b"}', "allowed a topic name"],
  ["half a surrogate pair", '{"topic":"a\\ud800","message":"b"}', "allowed a topic name"],
  ["a topic of 65536 bytes", `{"topic":"${"ä".repeat(32_768)}","message":"b"}`, "a topic name"],
  ["a topic of the broker's own", '{"topic":"$SYS/a","message":"b"}', "allowed none of $SYS"],
  ["no message", '{"topic":"a"}', "message: found nothing, allowed a string"],
  ["a message that is a number", '{"topic":"a","message":1}', "message: found 1, allowed a string"],
  ["qos 3", '{"topic":"a","message":"b","qos":3}', "qos: found 3, allowed 0, 1, 2"],
  ["qos 1.5", '{"topic":"a","message":"b","qos":1.5}', "qos: found 1.5, allowed 0, 1, 2"],
  ["qos x", '{"topic":"a","message":"b","qos":"x"}', 'qos: found \\"x\\", allowed 0, 1, 2'],
  ["qos null", '{"topic":"a","message":"b","qos":null}', "qos: found null, allowed 0, 1, 2"],
  ["retain 1", '{"topic":"a","message":"b","retain":1}', "retain: found 1, allowed a boolean"],
  ["retain yes", '{"topic":"a","message":"b","retain":"yes"}', "retain: found"],
  ["a name twice", '{"topic":"a","topic":"c","message":"b"}', "stands twice in one object"],
  ["many levels", `{"topic":"a","message":"b","x":${"[".repeat(40)}${"]".repeat(40)}}`, "levels"],
];

test("check 2: what is not a publish is answered with 400 and a reason, and not published", () =>
  withBroker({}, async (broker) => {
    for (const [what, body, words] of REFUSED) {
      const reply = await fetch(`${broker.httpUrl}/smqtt/publish`, {
        method: "POST",
        body: body as BodyInit,
      });
      const text = await reply.text();
      assertEquals(reply.status, 400, what);
      assertMatch(text, /^\{"message":"[^]*"\}$/, what);
      assertStringIncludes(text, words, what);
      assertEquals(reply.headers.get("access-control-allow-origin"), "*");
    }
    assertEquals(await published(broker), 0);
  }));

test("check 3: a persistent client that has dropped is OFFLINE, with will and topics", () =>
  withBroker({}, async (broker) => {
    const client = await TestClient.connect(broker.port, {
      version: 4,
      clean: false,
      clientId: "c",
      will: { topic: "w", payload: Buffer.from("asdnblkahasd"), qos: 1, retain: false },
    });
    await client.subscribe("test/+", { qos: 1 });
    const [online] = await list<Connection[]>(broker, "/smqtt/connection");
    assertEquals([online?.status, online?.topics], ["ONLINE", ["test/+"]]);
    assert((online?.authTime ?? 0) >= (online?.activeTime ?? 0));
    client.cut();
    let offline: Connection | undefined;
    do [offline] = await list<Connection[]>(broker, "/smqtt/connection"); while (
      offline?.status === "ONLINE"
    );
    assertEquals([offline?.status, offline?.topics], ["OFFLINE", ["test/+"]]);
    assertEquals(offline?.will?.willMessage, btoa("asdnblkahasd"));
    assertEquals(offline?.activeTime, online?.activeTime);
    const filters = await list<Record<string, Connection[]>>(broker, "/smqtt/subscribe");
    assertEquals(Object.keys(filters), ["test/+"]);
    assertEquals(filters["test/+"]?.[0], offline);
  }));

test("check 4: another method and an unknown path are 404 without a body, OPTIONS is 200 with CORS", () =>
  withBroker({}, async ({ httpUrl }) => {
    const paths = [
      ["GET", "/smqtt/connection"],
      ["PUT", "/smqtt/publish"],
      ["POST", "/smqtt"],
      [
        "POST",
        "/smqtt/nothing",
      ],
      ["POST", "/smqtt/publish/"],
      ["POST", "//smqtt/publish"],
    ];
    for (const [method = "", path = ""] of paths) {
      const reply = await fetch(`${httpUrl}${path}`, { method });
      assertEquals([reply.status, await reply.text()], [404, ""], `${method} ${path}`);
    }
    for (const path of ["/smqtt/publish", "/smqtt/anything/at/all"]) {
      const reply = await fetch(`${httpUrl}${path}`, { method: "OPTIONS" });
      assertEquals([reply.status, await reply.text()], [200, ""]);
      for (const [name, value] of Object.entries(CORS)) {
        assertEquals(reply.headers.get(name), value);
      }
    }
  }));

test(
  "check 5: a broker that is alone has no cluster",
  { skip },
  () =>
    withBroker({}, async (broker) => {
      const reply = await asWritten(DOCUMENT.cluster, broker);
      assertEquals([reply.status, reply.body], [200, "[]"]);
      assertEquals(reply.headers["content-type"], "application/json");
      const isCluster = await fetch(`${broker.httpUrl}/smqtt/is/cluster`);
      assertEquals(await isCluster.text(), "false");
    }),
);

test(
  "the document's lists have the document's shape, members in alphabetical order",
  { skip },
  () =>
    withBroker({}, async (broker) => {
      for (const command of [DOCUMENT.connection, DOCUMENT.subscribe]) {
        const { status, body } = await asWritten(command, broker);
        assertEquals([status, body], [200, command === DOCUMENT.connection ? "[]" : "{}"]);
      }
      const client = await TestClient.connect(broker.port, {
        version: 4,
        clientId: "mqttx_20fe13251",
        keepalive: 60,
        clean: false,
        username: "u",
        will: { topic: "test/close", payload: Buffer.from("asdnblkahasd"), qos: 0, retain: false },
      });
      await client.subscribe("test/+");
      await client.subscribe("$share/g/b/#");
      const item = '{"activeTime":<ms>,"authTime":<ms>,"clientIdentifier":"mqttx_20fe13251",' +
        '"connection":{"disposed":false,"inboundCancelled":false,"inboundDisposed":false,' +
        '"persistent":true,"subscriptionDisposed":false},"keepalive":60,"sessionPersistent":true,' +
        '"status":"ONLINE","topics":["test/+","$share/g/b/#"],"username":"u",' +
        '"will":{"mqttQoS":"AT_MOST_ONCE","retain":false,"willMessage":"YXNkbmJsa2FoYXNk",' +
        '"willTopic":"test/close"}}';
      const connections = await asWritten(DOCUMENT.connection, broker);
      assertEquals(masked(connections.body), `[${item}]`);
      assertEquals(connections.headers["content-type"], "application/json");
      const subscriptions = await asWritten(DOCUMENT.subscribe, broker);
      const filters = JSON.parse(masked(subscriptions.body).replaceAll("<ms>", "0"));
      assertEquals(Object.keys(filters).sort(), ["$share/g/b/#", "test/+"]);
      assertStringIncludes(masked(subscriptions.body), `"test/+":[${item}]`);
    }),
);

const ACCEPTED: ReadonlyArray<
  [what: string, body: Record<string, unknown>, qos: number, retain: boolean]
> = [
  ["qos and retain absent", {}, 0, false],
  ["qos as text", { qos: "2" }, 2, false],
  ["retain as text", { retain: "true", qos: 1 }, 1, true],
  ["members that nobody knows", { qos: 1, x: [1], __proto__: null, constructor: 1 }, 1, false],
];

test("qos and retain may be absent or texts, unknown members are passed over", () =>
  withBroker({}, async (broker) => {
    for (const [what, fields, qos, retain] of ACCEPTED) {
      const client = await TestClient.connect(broker.port);
      await client.subscribe("t", { qos: 2, rap: true });
      const body = { topic: "t", message: "ä", ...fields };
      assertEquals(await post(broker, "/smqtt/publish", body), [200, ""], what);
      const message = await client.receive();
      assertEquals(
        [String(message.payload), message.qos, message.retain],
        ["ä", qos, retain],
        what,
      );
      client.cut();
      await post(broker, "/smqtt/publish", { topic: "t", message: "", retain: true });
    }
  }));

test("every content type is taken as JSON; a GET's body is none of ours", () =>
  withBroker({}, async ({ httpUrl, httpPort }) => {
    const body = '{"topic":"t","message":"m"}';
    for (const type of ["application/x-www-form-urlencoded", "text/plain; charset=latin1", "x"]) {
      const headers = { "content-type": type };
      const reply = await fetch(`${httpUrl}/smqtt/publish`, { method: "POST", headers, body });
      assertEquals(reply.status, 200, type);
      await reply.text();
    }
    const none = `POST /smqtt/publish HTTP/1.0\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    assertEquals((await rawRequest(httpPort, none)).status, 200);
    const get =
      `GET /smqtt/publish HTTP/1.1\r\nHost: a\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
    assertEquals((await rawRequest(httpPort, get)).status, 404);
  }));

test("an empty retained message clears the topic", () =>
  withBroker({}, async (broker) => {
    const publish = (message: string): Promise<[number, string]> =>
      post(broker, "/smqtt/publish", { topic: "r", message, retain: true, qos: 1 });
    assertEquals(await publish("kept"), [200, ""]);
    assertEquals(await publish(""), [200, ""]);
    const client = await TestClient.connect(broker.port);
    await client.subscribe("r");
    client.send({ cmd: "pingreq" });
    assertEquals((await client.next()).cmd, "pingresp");
  }));

test("a body above max_body is 413, and the connection closes", () =>
  withBroker({ args: ["--set", "http.0.max_body=1KB"] }, async (broker) => {
    const [status, text] = await post(broker, "/smqtt/publish", {
      topic: "t",
      message: "x".repeat(2000),
    });
    assertEquals(status, 413);
    assertEquals(JSON.parse(text), {
      message: "Cannot take the body: it is larger than 1024 bytes",
    });
    assertEquals(await published(broker), 0);
  }));

test("with credentials Basic is asked for, there is no CORS, and a wrong one is 401 without a body", () =>
  withBroker({
    args: ["--set", "api.smqtt.username=u", "--set", "api.smqtt.password=ä:b"],
  }, async ({ httpUrl }) => {
    const basic = (text: string): string =>
      `Basic ${btoa(String.fromCharCode(...new TextEncoder().encode(text)))}`;
    const ask = (authorization?: string): Promise<Response> =>
      fetch(`${httpUrl}/smqtt/connection`, {
        method: "POST",
        ...(authorization === undefined ? {} : { headers: { authorization } }),
      });
    for (
      const wrong of [undefined, basic("u:x"), basic("x:ä:b"), basic("u"), "Bearer a", "Basic %"]
    ) {
      const reply = await ask(wrong);
      assertEquals([reply.status, await reply.text()], [401, ""], wrong);
      assertEquals(reply.headers.get("www-authenticate"), 'Basic realm="smqtt"');
      assertEquals(reply.headers.get("access-control-allow-origin"), null);
    }
    const right = await ask(basic("u:ä:b"));
    assertEquals([right.status, await right.text()], [200, "[]"]);
    const preflight = await fetch(`${httpUrl}/smqtt/publish`, { method: "OPTIONS" });
    assertEquals([preflight.status, await preflight.text()], [404, ""]);
  }));

test("the switches: publish_reply, cors, extended", () =>
  withBroker({
    args: ["publish_reply=success", "cors=false", "extended=true"]
      .flatMap((setting) => ["--set", `api.smqtt.${setting}`]),
  }, async (broker) => {
    const reply = await fetch(`${broker.httpUrl}/smqtt/publish`, {
      method: "POST",
      body: '{"topic":"t","message":"m"}',
    });
    assertEquals([reply.status, await reply.text()], [200, "success"]);
    assertEquals(reply.headers.get("content-type"), null);
    assertEquals(reply.headers.get("access-control-allow-origin"), null);
    const client = await TestClient.connect(broker.port, { clientId: "c" });
    const [item] = await list<(Connection & { address: string; connectTime: number })[]>(
      broker,
      "/smqtt/connection",
    );
    assertEquals(item?.address, `127.0.0.1:${client.localPort}`);
    assertEquals(item?.connectTime, item?.activeTime);
  }));

test("access rules for smqtt-http hold", () =>
  withBroker({
    config: `[[acl.rule]]
permit = "deny"
client_id = "smqtt-http"
action = "publish"
topics = ["closed/#"]
`,
  }, async (broker) => {
    const [status, text] = await post(broker, "/smqtt/publish", {
      topic: "closed/a",
      message: "m",
    });
    assertEquals(status, 500);
    assertMatch(text, /^\{"message":"Cannot publish/);
    assertEquals((await post(broker, "/smqtt/publish", { topic: "open/a", message: "m" }))[0], 200);
  }));

test("close/connection closes those who are there and passes over the others", () =>
  withBroker({}, async (broker) => {
    const client = await TestClient.connect(broker.port, { clientId: "c" });
    const reply = await fetch(`${broker.httpUrl}/smqtt/close/connection`, {
      method: "POST",
      body: '{"ids":["nobody","c","c"]}',
    });
    assertEquals([reply.status, await reply.text()], [200, ""]);
    assertEquals(reply.headers.get("content-type"), "application/json");
    assertEquals((await client.expect("disconnect")).reasonCode, 0x98);
    await client.expectClosed();
    assertEquals((await post(broker, "/smqtt/close/connection", { ids: "c" }))[0], 400);
  }));

test("the monitors have their members", () =>
  withBroker({}, async (broker) => {
    const client = await TestClient.connect(broker.port, { clientId: "c" });
    await client.subscribe("a");
    await client.publish("b", "x", { qos: 1 });
    const get = async (path: string): Promise<Record<string, number | string>> => {
      const reply = await fetch(`${broker.httpUrl}/smqtt/monitor/${path}`);
      assertEquals(reply.headers.get("content-type"), "application/json");
      return await reply.json();
    };
    assertEquals(await get("event"), {
      connect_size: 1,
      subscribe_size: 1,
      publish_size: 1,
      disconnect_size: 0,
      un_subscribe_size: 0,
      close_size: 0,
    });
    const counter = await get("counter");
    assertEquals([counter["all_connect_size"], counter["all_subscribe_size"]], [1, 1]);
    for (const name of ["read_size", "read_second_size", "write_size", "write_second_size"]) {
      assertMatch(String(counter[name]), /^\d+(\.\d{1,2})?[KMGT]B$/);
    }
    const runtime = await get("jvm");
    assertMatch(String(runtime["jdk_version"]), /^(deno|bun) \d/);
    assertMatch(String(runtime["start_time"]), /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d$/);
    assert(Number((await get("cpu"))["cpuNum"]) >= 1);
    const meter = await fetch(`${broker.httpUrl}/smqtt/meter`);
    assertMatch(meter.headers.get("content-type") ?? "", /^text\/plain; ?version=0\.0\.4/);
    assertStringIncludes(await meter.text(), 'smqtt_publish_events_total{application="smqtt"} 1\n');
  }));

test("what was published over HTTP with QoS 1 is there after a crash", async () => {
  const { mkdtemp, rm } = await import("node:fs/promises");
  const { tmpdir } = await import("node:os");
  const { join } = await import("node:path");
  const dataDir = await mkdtemp(join(tmpdir(), "broker-http-"));
  const first = await startBroker({ dataDir });
  const message = { topic: "kept", message: "still here", retain: true, qos: 1 };
  assertEquals(await post(first, "/smqtt/publish", message), [200, ""]);
  await first.kill();
  const second = await startBroker({ dataDir });
  const client = await TestClient.connect(second.port);
  await client.subscribe("kept");
  assertEquals(String((await client.receive()).payload), "still here");
  await second.stop();
  await rm(dataDir, { recursive: true });
});
