/** TDMQ's publishing by POST: the document's examples as they stand there, and the specification's checks. */
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { CertificateFolder } from "../support/certificates.ts";
import { tlsSkip } from "../support/tls_target.ts";
import { curl, hasCurl } from "../support/curl.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { RawHttpClient, rawRequest } from "../support/raw_http.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

const skip = hasCurl() ? await tlsSkip() : "curl is not installed";
const BASIC = "Basic dXNlcjA6c2VjcmV0MA==";
const HOST = "http://mqtt.cloud.tencent.com";

/** The commands of the document, its doubled backslashes made single. */
const DOCUMENT = {
  first:
    `curl --verbose --request POST -H "Authorization: Basic dXNlcjA6c2VjcmV0MA==" --data "{ \\"message\\": \\"Hello, world\\" }" "http://mqtt.cloud.tencent.com/topics/home?qos=1&client_id=curl-x&retained=false"`,
  second:
    `curl --verbose -k --request POST -H "Authorization: Basic dXNlcjA6c2VjcmV0MA==" --data "{ \\"message\\": \\"Hello, world\\" }" "https://mqtt.cloud.tencent.com/topics/home?qos=1&client_id=curl-x&retained=true&username=sample-user"`,
  third:
    `curl --tlsv1.2 --cacert CA.crt --cert client.chain.crt --key client.pkcs8.key --verbose --request POST --data "{ \\"message\\": \\"Hello, world\\" }" "https://mqtt.cloud.tencent.com/topics/home?qos=1"`,
};
const PAYLOAD = '{ "message": "Hello, world" }';
const CONFIG = `
[auth]
allow_anonymous = false
[[auth.user]]
username = "user0"
password = "secret0"
[[auth.user]]
username = "reader"
password = "reader"
[[acl.rule]]
permit = "deny"
action = "publish"
topics = ["closed/#"]
[[acl.rule]]
permit = "allow"
topics = ["#"]
`;

function reader({ port }: RunningBroker): Promise<TestClient> {
  return TestClient.connect(port, { username: "reader", password: "reader" as never });
}

async function post(
  { httpUrl }: RunningBroker,
  path: string,
  init: RequestInit = {},
): Promise<Response> {
  const headers = { authorization: BASIC };
  const reply = await fetch(`${httpUrl}${path}`, { method: "POST", headers, body: "x", ...init });
  await reply.text();
  return reply;
}

test(
  "check 1: the document's first example reaches a subscriber, and has an identifier",
  { skip },
  () =>
    withBroker({ config: CONFIG }, async (broker) => {
      const client = await reader(broker);
      await client.subscribe("home", { qos: 1 });
      const reply = await curl(DOCUMENT.first, HOST, broker.httpUrl);
      assertEquals([reply.status, reply.body, reply.headers["content-length"]], [200, "", "0"]);
      assertMatch(reply.headers["x-message-id"] ?? "", /^[0-9A-F]{32}$/);
      const message = await client.receive();
      assertEquals([String(message.payload), message.qos, message.retain], [PAYLOAD, 1, false]);
    }),
);

test(
  "the document's examples over HTTPS: a password, and a certificate for each device",
  { skip },
  async () => {
    const folder = new CertificateFolder();
    try {
      const authority = folder.authority();
      const server = authority.issue({ subject: "/CN=localhost" });
      const device = authority.issue({ subject: "/CN=device-7", extensions: [] });
      const config = `${CONFIG}
[[http]]
bind = "127.0.0.1:0"
apis = ["tdmq"]
cert = "${server.certFile}"
key = "${server.keyFile}"
ca = "${authority.certFile}"
verify_peer = true
`;
      await withBroker({ config }, async (broker) => {
        const client = await reader(broker);
        await client.subscribe("home", { qos: 1 });
        const host = "https://mqtt.cloud.tencent.com";
        const at = `https://localhost:${broker.httpPort}`;
        const second = await curl(DOCUMENT.second, host, at);
        assertEquals(second.status, 200, second.body);
        assertEquals(String((await client.receive()).payload), PAYLOAD);
        const withFiles = DOCUMENT.third.replace("CA.crt", authority.certFile)
          .replace("client.chain.crt", device.certFile)
          .replace("client.pkcs8.key", device.keyFile);
        const third = await curl(withFiles, host, at);
        assertEquals(third.status, 200, third.body);
        assertEquals(String((await client.receive()).payload), PAYLOAD);
        // Neither certificate nor password.
        const none = await curl(`curl -k -X POST -d x "${host}/topics/home"`, host, at);
        assertEquals(none.status, 401);
      });
    } finally {
      folder.remove();
    }
  },
);

test("check 2: paths as they are sent", () =>
  withBroker({ config: CONFIG }, async (broker) => {
    const client = await reader(broker);
    await client.subscribe("#", { qos: 1 });
    for (
      const [encoded, topic] of [
        ["a%2Fb%2Fc", "a/b/c"],
        ["a/b/c", "a/b/c"],
        ["a%252Fb", "a%2Fb"],
        ["a//b", "a//b"],
        ["%E6%B8%A9", "温"],
      ] as const
    ) {
      const reply = await rawRequest(
        broker.httpPort,
        `POST /topics/${encoded} HTTP/1.1\r\nHost: a\r\nAuthorization: ${BASIC}\r\n` +
          "Content-Length: 1\r\nConnection: close\r\n\r\nx",
      );
      assertEquals(reply.status, 200, encoded);
      assertEquals((await client.receive()).topic, topic);
    }
  }));

test("checks 3 and 4: wrong requests, strangers, and topics that are closed; nothing is published", () =>
  withBroker({ config: CONFIG }, async (broker) => {
    const client = await reader(broker);
    await client.subscribe("#", { qos: 1 });
    for (const path of ["home?qos=3", "home?qos=x", "home?retained=maybe", "a%2F%23", "", "%FF"]) {
      assertEquals((await post(broker, `/topics/${path}`)).status, 400, path);
    }
    const get = await post(broker, "/topics/home", { method: "GET", body: null });
    assertEquals([get.status, get.headers.get("allow")], [405, "POST"]);
    for (const authorization of ["", `Basic ${btoa("user0:wrong")}`, "Bearer abc"]) {
      const headers: HeadersInit = authorization === "" ? {} : { authorization };
      const reply = await post(broker, "/topics/home", { headers });
      assertEquals([reply.status, reply.headers.get("www-authenticate")], [
        401,
        'Basic realm="mqtt"',
      ]);
    }
    const closed = await post(broker, "/topics/closed%2Fa");
    assertEquals([closed.status, closed.headers.get("www-authenticate")], [401, null]);
    assertEquals((await post(broker, "/topics/$SYS%2Fbroker")).status, 401);
    await client.expectNothing();
  }));

test("checks 5 and 6: retained messages and properties of MQTT 5", () =>
  withBroker({ config: CONFIG }, async (broker) => {
    assertEquals((await post(broker, "/topics/kept?retained=true")).status, 200);
    const client = await reader(broker);
    await client.subscribe("kept", { qos: 1 });
    const kept = await client.receive();
    assertEquals([String(kept.payload), kept.retain], ["x", true]);
    assertEquals((await post(broker, "/topics/kept?retained=true", { body: null })).status, 200);
    await client.receive();
    const later = await reader(broker);
    await later.subscribe("kept", { qos: 1 });
    await later.expectNothing();

    await later.subscribe("props", { qos: 2 });
    const query = "UserProp.2.Key=b&UserProp.2.Value=2&UserProp.1.Key=a&UserProp.1.Value=1" +
      "&ContentType=application/json&CorrelationData=SN0001&ResponseTopic=sample/response/topic" +
      "&PayloadFormatIndicator=1&MessageExpiryInterval=3600&QoS=2";
    assertEquals((await post(broker, `/topics/props?${query}`)).status, 200);
    const { qos, properties } = await later.receive();
    assertEquals(qos, 2);
    assertEquals({ ...properties, correlationData: String(properties?.correlationData) }, {
      payloadFormatIndicator: true,
      messageExpiryInterval: 3600,
      contentType: "application/json",
      responseTopic: "sample/response/topic",
      correlationData: "SN0001",
      userProperties: { a: "1", b: "2" },
    } as never);
  }));

test("check 8: over the quota is 429, and does not arrive", () =>
  withBroker({
    config: `${CONFIG}[api.tdmq]\nrate = 1\nburst = 3\n`,
  }, async (broker) => {
    const client = await reader(broker);
    await client.subscribe("t", { qos: 1 });
    const statuses = [];
    for (let n = 0; n < 6; n++) statuses.push((await post(broker, "/topics/t")).status);
    assertEquals(statuses.slice(0, 3), [200, 200, 200]);
    const allowed = statuses.filter((status) => status === 200).length;
    assertEquals(statuses.filter((status) => status !== 200 && status !== 429), []);
    for (let n = 0; n < allowed; n++) await client.receive();
    await client.expectNothing();
  }));

test("check 9: HTTP/1.0 without a host, and a ban", () =>
  withBroker({ config: CONFIG }, async (broker) => {
    const client = await RawHttpClient.open(broker.httpPort);
    client.send(
      `POST /topics/t HTTP/1.0\r\nAuthorization: ${BASIC}\r\nContent-Length: 1\r\n\r\nx`,
    );
    assertEquals((await client.reply()).status, 200);
    await client.ended();
    const ban = await fetch(`${broker.httpUrl}/api/v3/banned`, {
      method: "POST",
      headers: { authorization: `Basic ${btoa("admin:public")}` },
      body: JSON.stringify({ who: "user0", as: "username" }),
    });
    assertEquals((await ban.json()).code, 0);
    assertEquals((await post(broker, "/topics/t")).status, 401);
  }));
