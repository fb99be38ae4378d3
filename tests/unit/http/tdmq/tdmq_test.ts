import { test } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { PublishRequest } from "../../../../src/management/mod.ts";
import { ReasonCode } from "../../../../src/mqtt/mod.ts";
import type { Credentials, Identity } from "../../../../src/ports/mod.ts";
import {
  API_OPTIONS,
  type HttpRig,
  type HttpRigOptions,
  withHttp,
} from "../../../support/http_rig.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { RawHttpClient, rawRequest } from "../../../support/raw_http.ts";

const BASIC = { authorization: `Basic ${btoa("user0:secret0")}` };
const ACCOUNTS: Readonly<Record<string, string>> = { user0: "secret0" };

/** What the broker was asked, and how it answers. */
class Broker {
  readonly published: PublishRequest[] = [];
  readonly asked: Credentials[] = [];
  readonly authorized: [clientId: string, username: string | undefined, topic: string][] = [];
  denied = new Set<string>();
  allowAnonymous = false;
  answer: ReasonCode = ReasonCode.success;

  readonly parts: HttpRigOptions["management"] = {
    access: {
      authenticate: (credentials) => {
        this.asked.push(credentials);
        return Promise.resolve(this.#judge(credentials));
      },
      authorize: ({ clientId, username }, _action, topic) => {
        this.authorized.push([clientId, username, topic]);
        return Promise.resolve(this.denied.has(topic) ? "deny" : "allow");
      },
    },
    messages: {
      publish: (request) => {
        this.published.push(request);
        return Promise.resolve({ reasonCode: this.answer, matched: 0 });
      },
    },
    settings: {
      get: () => Promise.resolve({ value: this.allowAnonymous } as never),
    },
  };

  #judge(shown: Credentials): Identity | { denied: ReasonCode } {
    const { clientId, username, remoteAddress, password } = shown;
    const identity = { clientId, username, remoteAddress, method: "config" } as const;
    if (password !== undefined) {
      const isRight = ACCOUNTS[username ?? ""] === new TextDecoder().decode(password);
      return isRight ? identity : { denied: ReasonCode.badUserNameOrPassword };
    }
    return shown.allowAnonymous ? identity : { denied: ReasonCode.notAuthorized };
  }

  get last(): PublishRequest {
    const last = this.published.at(-1);
    if (last === undefined) throw new Error("nothing was published");
    return last;
  }
}

function withTdmq(
  use: (rig: HttpRig & { broker: Broker }) => Promise<void>,
  options: Partial<HttpRigOptions> = {},
): Promise<void> {
  const broker = new Broker();
  return withHttp(
    { apis: ["tdmq"], management: broker.parts ?? {}, ...options },
    (rig) => use({ ...rig, broker }),
  );
}

async function post(url: string, init: RequestInit = {}): Promise<[status: number, body: string]> {
  const reply = await fetch(url, { method: "POST", headers: BASIC, body: "x", ...init });
  return [reply.status, await reply.text()];
}

test("TDMQ check 1: the document's first example is published, and answered with an identifier", async () => {
  await withTdmq(async ({ url, broker }) => {
    const body = '{ "message": "Hello, world" }';
    const path = "/topics/home?qos=1&client_id=curl-x&retained=false";
    const headers = { ...BASIC, "content-type": "application/x-www-form-urlencoded" };
    const reply = await fetch(`${url}${path}`, { method: "POST", headers, body });
    assertEquals([reply.status, await reply.text()], [200, ""]);
    assertEquals(reply.headers.get("content-length"), "0");
    assertMatch(reply.headers.get("x-message-id") ?? "", /^[0-9A-F]{32}$/);
    const { topic, payload, qos, retain, publisher } = broker.last;
    assertEquals([topic, new TextDecoder().decode(payload), qos, retain], ["home", body, 1, false]);
    assertEquals([publisher.clientId, publisher.username], ["curl-x", "user0"]);
  });
});

test("TDMQ check 2: the topic is what follows /topics/, decoded once, with its raw slashes", async () => {
  await withTdmq(async ({ port, broker }) => {
    const topics = ["a%2Fb%2Fc", "a/b/c", "a%252Fb", "a//b/", "%2F", "%E6%B8%A9%20x", "a+b", "."];
    for (const encoded of topics) {
      await rawRequest(
        port,
        `POST /topics/${encoded} HTTP/1.1\r\nHost: a\r\nAuthorization: ${BASIC.authorization}\r\n` +
          "Content-Length: 1\r\nConnection: close\r\n\r\nx",
      );
    }
    assertEquals(
      broker.published.map(({ topic }) => topic),
      ["a/b/c", "a/b/c", "a%2Fb", "a//b/", "/", "温 x", "."],
    );
  });
});

test("TDMQ check 3: what is wrong is 400 and names the field, and nothing is published", async () => {
  await withTdmq(async ({ url, broker }) => {
    const cases: [path: string, named: string][] = [
      ["/topics/home?qos=3", "qos"],
      ["/topics/home?qos=x", "qos"],
      ["/topics/home?qos=", "qos"],
      ["/topics/home?QoS=01", "qos"],
      ["/topics/home?retained=maybe", "retained"],
      ["/topics/home?retained=", "retained"],
      ["/topics/home?PayloadFormatIndicator=2", "PayloadFormatIndicator"],
      ["/topics/home?MessageExpiryInterval=-1", "MessageExpiryInterval"],
      ["/topics/home?MessageExpiryInterval=4294967296", "MessageExpiryInterval"],
      ["/topics/home?ResponseTopic=a/%23", "ResponseTopic"],
      ["/topics/home?UserProp.1.Value=a", "UserProp.1"],
      ["/topics/home?qos=%zz", "query"],
      ["/topics/a%2F%23", "topic"],
      ["/topics/a%2B", "topic"],
      ["/topics/a%00", "topic"],
      ["/topics/%FF", "topic"],
      ["/topics/%2", "topic"],
      ["/topics/", "path"],
      ["/topics", "path"],
    ];
    for (const [path, named] of cases) {
      const [status, text] = await post(`${url}${path}`);
      assertEquals(status, 400, path);
      assertStringIncludes(text, named, path);
    }
    const numbers = Array.from({ length: 65 }, (_, n) => `UserProp.${n}.Key=k`).join("&");
    assertEquals((await post(`${url}/topics/home?${numbers}`))[0], 400);
    assertEquals(broker.published, []);
  });
});

test("TDMQ check 3: other methods are 405 and told which is allowed, whoever asks", async () => {
  await withTdmq(async ({ url }) => {
    for (const method of ["GET", "PUT", "DELETE", "OPTIONS", "HEAD"]) {
      const reply = await fetch(`${url}/topics/home`, { method });
      await reply.text();
      assertEquals([reply.status, reply.headers.get("allow")], [405, "POST"], method);
    }
  });
});

test("TDMQ check 4: who is unknown or denied gets 401, and only the unknown are asked for a name", async () => {
  await withTdmq(async ({ url, broker }) => {
    broker.denied.add("secret");
    const wrong = { authorization: `Basic ${btoa("user0:wrong")}` };
    const bearer = { authorization: "Bearer abc" };
    const garbage = { authorization: "Basic ???" };
    for (const headers of [{}, wrong, bearer, garbage]) {
      const reply = await fetch(`${url}/topics/home`, { method: "POST", headers, body: "x" });
      await reply.text();
      assertEquals([reply.status, reply.headers.get("www-authenticate")], [
        401,
        'Basic realm="mqtt"',
      ]);
      assertEquals(reply.headers.get("x-message-id"), null);
    }
    for (const topic of ["secret", "$SYS%2Fx", "$SYS"]) {
      const path = `${url}/topics/${topic}`;
      const reply = await fetch(path, { method: "POST", headers: BASIC, body: "x" });
      await reply.text();
      assertEquals([reply.status, reply.headers.get("www-authenticate")], [401, null]);
    }
    assertEquals(broker.published, []);
  });
});

test("TDMQ check 5: retained and an empty body arrive as such", async () => {
  await withTdmq(async ({ url, broker }) => {
    assertEquals((await post(`${url}/topics/t?Retained=TRUE`))[0], 200);
    assertEquals([broker.last.retain, broker.last.payload.length], [true, 1]);
    assertEquals((await post(`${url}/topics/t?retained=true`, { body: null }))[0], 200);
    assertEquals([broker.last.retain, broker.last.payload.length], [true, 0]);
  });
});

test("TDMQ check 6: properties arrive, user properties in the order of their numbers", async () => {
  await withTdmq(async ({ url, broker }) => {
    const query = "UserProp.2.Key=b&UserProp.2.Value=2&UserProp.1.Key=a&UserProp.1.Value=1" +
      "&UserProp.10.Key=b&UserProp.x.Key=no&ContentType=application/json&CorrelationData=SN0001" +
      "&ResponseTopic=sample/response/topic&PayloadFormatIndicator=1&MessageExpiryInterval=3600";
    assertEquals((await post(`${url}/topics/t?${query}&qos=2&qos=0`))[0], 200);
    assertEquals([broker.last.qos, broker.last.messageExpiryS], [2, 3600]);
    assertEquals(broker.last.properties, {
      payloadFormatUtf8: true,
      contentType: "application/json",
      responseTopic: "sample/response/topic",
      correlationData: new TextEncoder().encode("SN0001"),
      userProperties: [
        { name: "a", value: "1" },
        { name: "b", value: "2" },
        { name: "b", value: "" },
      ],
    });
    const [status, text] = await post(`${url}/topics/t?PayloadFormatIndicator=1`, {
      body: Uint8Array.of(0xff),
    });
    assertEquals(status, 400);
    assertStringIncludes(text, "PayloadFormatIndicator");
  });
});

test("TDMQ check 7: the header's user name wins over the query's", async () => {
  await withTdmq(async ({ url, broker }) => {
    assertEquals((await post(`${url}/topics/t?username=other&client_id=c`))[0], 200);
    assertEquals(broker.authorized, [["c", "user0", "t"]]);
    broker.allowAnonymous = true;
    assertEquals((await post(`${url}/topics/t?username=other`, { headers: {} }))[0], 200);
    const [clientId, username] = broker.authorized[1] ?? [];
    assertMatch(clientId ?? "", /^http-\d+$/);
    assertEquals(username, "other");
  });
});

test("TDMQ check 8: over the quota is 429 and nothing is published, until there is room again", async () => {
  const clock = new ManualClock();
  const api = { ...API_OPTIONS, tdmq: { rate: 1, burst: 2, strictPath: false } };
  await withTdmq(async ({ url, broker }) => {
    // Whoever is unknown uses nothing of it.
    assertEquals((await post(`${url}/topics/t`, { headers: {} }))[0], 401);
    assertEquals((await post(`${url}/topics/t`))[0], 200);
    assertEquals((await post(`${url}/topics/t`))[0], 200);
    const reply = await fetch(`${url}/topics/t?qos=x`, { method: "POST", headers: BASIC });
    await reply.text();
    assertEquals([reply.status, reply.headers.get("retry-after")], [429, "1"]);
    assertEquals(broker.published.length, 2);
    clock.advance(1000);
    assertEquals((await post(`${url}/topics/t`))[0], 200);
  }, { clock, api });
});

test("TDMQ check 9: HTTP/1.0 without a host is served, and the connection closed", async () => {
  await withTdmq(async ({ port, broker }) => {
    const reply = await rawRequest(
      port,
      `POST /topics/t HTTP/1.0\r\nAuthorization: ${BASIC.authorization}\r\nContent-Length: 1\r\n\r\nx`,
    );
    assertEquals(reply.status, 200);
    assertEquals(broker.published.length, 1);
  });
});

test("TDMQ asks about a caller once for a connection, and again for another one, or later", async () => {
  const clock = new ManualClock();
  await withTdmq(async ({ port, broker }) => {
    const request = (secret: string): string =>
      `POST /topics/t?client_id=c HTTP/1.1\r\nHost: a\r\n` +
      `Authorization: Basic ${btoa(`user0:${secret}`)}\r\nContent-Length: 1\r\n\r\nx`;
    const closing = request("secret0").replace("Host: a", "Host: a\r\nConnection: close");
    const client = await RawHttpClient.open(port);
    const statuses: number[] = [];
    for (const secret of ["secret0", "secret0", "secret0"]) {
      client.send(request(secret));
      statuses.push((await client.reply()).status);
    }
    assertEquals(statuses, [200, 200, 200]);
    assertEquals(broker.asked.length, 1);
    clock.advance(10_000);
    client.send(request("secret0"));
    assertEquals((await client.reply()).status, 200);
    assertEquals(broker.asked.length, 2);
    client.send(request("wrong"));
    assertEquals((await client.reply()).status, 401);
    assertEquals(broker.asked.length, 3);
    client.close();
    await rawRequest(port, closing);
    assertEquals(broker.asked.length, 4);
  }, { clock });
});

test("TDMQ refuses a body over the limit with 400, and what the broker refuses", async () => {
  await withTdmq(async ({ url, broker }) => {
    assertEquals((await post(`${url}/topics/t`, { body: "x".repeat(2000) }))[0], 400);
    for (
      const [answer, status] of [
        [ReasonCode.noMatchingSubscribers, 200],
        [ReasonCode.notAuthorized, 401],
        [ReasonCode.topicNameInvalid, 400],
        [ReasonCode.quotaExceeded, 500],
      ] as const
    ) {
      broker.answer = answer;
      assertEquals((await post(`${url}/topics/t`))[0], status);
    }
  }, { listener: { maxBodyBytes: 1000 } });
});

test("TDMQ answers for every path on a listener of its own, and for its own beside others", async () => {
  await withTdmq(async ({ url }) => {
    assertEquals((await post(`${url}/elsewhere`))[0], 400);
    assertEquals((await fetch(`${url}/openapi/tdmq.json`)).status, 200);
  });
  const broker = new Broker();
  const shared = { apis: ["tdmq", "smqtt"] as const, management: broker.parts ?? {} };
  await withHttp(shared, async ({ url }) => {
    assertEquals((await post(`${url}/elsewhere`))[0], 404);
    assertEquals((await post(`${url}/topics/a/b`))[0], 200);
  });
});

test("TDMQ takes one segment only where the configuration is strict", async () => {
  const api = { ...API_OPTIONS, tdmq: { rate: 0, burst: 0, strictPath: true } };
  await withTdmq(async ({ url, broker }) => {
    assertEquals((await post(`${url}/topics/a/b`))[0], 400);
    assertEquals((await post(`${url}/topics/a%2Fb`))[0], 200);
    assertEquals(broker.last.topic, "a/b");
  }, { api });
});
