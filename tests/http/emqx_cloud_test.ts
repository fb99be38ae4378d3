/** The clients API of EMQX Cloud: the document's examples as they stand there, and the specification's checks. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { curl, hasCurl } from "../support/curl.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

const skip = hasCurl() ? false : "curl is not installed";

/** The commands of the document. */
const DOCUMENT = {
  list: `curl -u app_id:app_secret -X GET {api}/clients?_page=1&_limit=50`,
  get: `curl -u app_id:app_secret -X GET {api}/clients/client_1`,
  kick: `curl -u app_id:app_secret -X DELETE {api}/clients/client_1`,
  subscribe:
    `curl -u app_id:app_secret -X POST -H 'Content-Type: application/json' -d '{"topic": "t/a","qos": 1}' {api}/clients/client_1/subscribe`,
  unsubscribe:
    `curl -u app_id:app_secret -X POST -H 'Content-Type: application/json' -d '{"topic": "t/a"}' {api}/clients/client_1/unsubscribe`,
};
const APP = '[[app]]\nid = "app_id"\nsecret = "app_secret"\n';
const headers = { authorization: `Basic ${btoa("app_id:app_secret")}` };

// deno-lint-ignore no-explicit-any -- whatever JSON there is
type Json = any;

async function asWritten(
  name: keyof typeof DOCUMENT,
  { httpUrl }: RunningBroker,
): Promise<[status: number, body: Json]> {
  // A shell takes what stands behind "&" for another command: the address is quoted, as whoever copies it must.
  const command = DOCUMENT[name].replace(/\{api\}\S*/, (url) => `"${url}"`);
  const { status, body } = await curl(command, "{api}", `${httpUrl}/api`);
  return [status, body === "" ? undefined : JSON.parse(body)];
}

async function ask(
  { httpUrl }: RunningBroker,
  path: string,
  json?: unknown,
  method = json === undefined ? "GET" : "POST",
): Promise<[status: number, body: Json]> {
  const body = json === undefined ? null : JSON.stringify(json);
  const reply = await fetch(`${httpUrl}${path}`, { method, body, headers });
  const text = await reply.text();
  return [reply.status, text === "" ? undefined : JSON.parse(text)];
}

/** Names of the sample's client. */
const SAMPLE_NAMES = [
  ..."peersni reductions expiry_interval clean_start send_msg.dropped.expired recv_msg.qos0".split(
    " ",
  ),
  ..."mqueue_dropped recv_cnt send_cnt keepalive recv_oct heap_size recv_pkt proto_ver".split(" "),
  ..."recv_msg.dropped.await_pubrel_timeout inflight_max send_msg.dropped created_at".split(" "),
  ..."awaiting_rel_max inflight_cnt ip_address mqueue_len send_msg.qos2 send_pkt".split(" "),
  ..."subscriptions_cnt send_msg.dropped.too_large recv_msg send_msg.dropped.queue_full".split(" "),
  ..."send_msg node awaiting_rel_cnt listener connected username recv_msg.qos1 proto_name".split(
    " ",
  ),
  ..."port send_msg.qos1 is_persistent enable_authn mailbox_len subscriptions_max".split(" "),
  ..."recv_msg.qos2 connected_at tenant_id_from is_bridge clientid send_oct send_msg.qos0".split(
    " ",
  ),
  ..."mqueue_max cn recv_msg.dropped dn".split(" "),
];

test(
  "the document's commands: list, get, subscribe, unsubscribe and kick",
  { skip },
  () =>
    withBroker({ config: APP }, async (broker) => {
      const client = await TestClient.connect(broker.port, { clientId: "client_1", keepalive: 60 });
      await client.publish("x", "abc", { qos: 0 });
      const [status, page] = await asWritten("list", broker);
      assertEquals([status, page.meta], [200, { page: 1, limit: 50, hasnext: false, count: 1 }]);
      const names = Object.keys(page.data[0]);
      assertEquals(SAMPLE_NAMES.filter((name) => !names.includes(name)), []);
      const [, one] = await asWritten("get", broker);
      assertEquals([one.clientid, one.connected, one.proto_ver, one.keepalive], [
        "client_1",
        true,
        5,
        60,
      ]);
      assertEquals([one["recv_msg.qos0"], one.recv_msg, one.listener], [1, 1, "tcp:default"]);
      assertEquals(one.ip_address, "127.0.0.1");
      assertEquals(one.port, client.localPort);

      assertEquals(await asWritten("subscribe", broker), [200, {
        clientid: "client_1",
        topic: "t/a",
        qos: 1,
        nl: 0,
        rap: 0,
        rh: 0,
        node: one.node,
      }]);
      const publisher = await TestClient.connect(broker.port);
      await publisher.publish("t/a", "for it", { qos: 1 });
      assertEquals(String((await client.receive()).payload), "for it");
      await publisher.disconnect();
      assertEquals(await asWritten("unsubscribe", broker), [204, undefined]);
      assertEquals(await asWritten("unsubscribe", broker), [204, undefined]);
      assertEquals((await asWritten("get", broker))[1].subscriptions_cnt, 0);
      assertEquals(await asWritten("kick", broker), [204, undefined]);
      assertEquals((await client.expect("disconnect")).reasonCode, 0x98);
      assertEquals((await asWritten("get", broker))[0], 404);
    }),
);

test("check 5: a kick ends the session, too; the will is published at once", () =>
  withBroker({ config: APP }, async (broker) => {
    const watcher = await TestClient.connect(broker.port);
    await watcher.subscribe("will");
    const client = await TestClient.connect(broker.port, {
      clientId: "lasting",
      clean: false,
      properties: { sessionExpiryInterval: 600 },
      will: {
        topic: "will",
        payload: "gone" as never,
        qos: 0,
        retain: false,
        properties: { willDelayInterval: 500 },
      },
    });
    await client.subscribe("t");
    assertEquals((await ask(broker, "/clients/lasting", undefined, "DELETE"))[0], 204);
    assertEquals(String((await watcher.receive()).payload), "gone");
    await client.expect("disconnect");
    const again = await TestClient.connect(broker.port, { clientId: "lasting", clean: false });
    assertEquals(again.connack.sessionPresent, false);
  }));

test("check 6: a client that is away is subscribed, and gets what comes meanwhile", async () => {
  await withBroker({ config: APP }, async (broker) => {
    const fields = { clientId: "away", clean: false, properties: { sessionExpiryInterval: 600 } };
    const client = await TestClient.connect(broker.port, fields);
    await client.disconnect();
    const entries = [{ topic: "t/+", qos: 1 }, { topic: "$share/g/s", qos: 1 }];
    const [status, { data }] = await ask(broker, "/clients/away/subscribe/bulk", entries);
    assertEquals([status, data.length], [200, 2]);
    const publisher = await TestClient.connect(broker.port);
    await publisher.publish("t/1", "while away", { qos: 1 });
    const [, listed] = await ask(broker, "/clients?conn_state=disconnected");
    assertEquals([listed.meta.count, listed.data[0].mqueue_len], [1, 1]);
    assert(listed.data[0].disconnected_at !== undefined);
    const back = await TestClient.connect(broker.port, fields);
    assertEquals(String((await back.receive()).payload), "while away");
    const [, subscriptions] = await ask(broker, "/clients/away/subscriptions");
    assertEquals(subscriptions.map(({ topic }: Json) => topic), ["t/+", "$share/g/s"]);
  });
});

test("check 7: any client identifier can be named in the path", () =>
  withBroker({ config: APP }, async (broker) => {
    for (const clientId of ["a/b c", "温度", "100%", "a?b#c"]) {
      const client = await TestClient.connect(broker.port, { clientId });
      const path = `/clients/${encodeURIComponent(clientId)}`;
      assertEquals((await ask(broker, path))[1].clientid, clientId);
      assertEquals((await ask(broker, `${path}/subscribe`, { topic: "t" }))[0], 200);
      assertEquals((await ask(broker, path, undefined, "DELETE"))[0], 204);
      await client.expect("disconnect");
    }
  }));

test("filters and pages find just those that match", () =>
  withBroker({ config: APP }, async (broker) => {
    const clients: TestClient[] = [];
    for (let n = 0; n < 5; n++) {
      const version = n < 2 ? 4 : 5;
      clients.push(await TestClient.connect(broker.port, { clientId: `c${n}`, version }));
    }
    const ids = async (query: string): Promise<string[]> =>
      (await ask(broker, `/clients?${query}`))[1].data.map(({ clientid }: Json) => clientid);
    assertEquals(await ids("proto_ver=4"), ["c0", "c1"]);
    assertEquals(await ids("_like_clientid=3"), ["c3"]);
    assertEquals(await ids("ip_address=::ffff:127.0.0.1&_limit=2&_page=2"), ["c2", "c3"]);
    assertEquals(await ids("conn_state=idle"), []);
    const [, third] = await ask(broker, "/clients/c3");
    const at = encodeURIComponent(third.connected_at);
    assertEquals((await ids(`_gte_connected_at=${at}`)).includes("c3"), true);
    assertEquals((await ids(`_gte_connected_at=${at}`)).includes("c4"), true);
    for (const client of clients) await client.disconnect();
  }));
