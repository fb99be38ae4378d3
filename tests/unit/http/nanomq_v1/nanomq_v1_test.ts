import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { exportSPKI, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import type { ClientView, SubscriptionView } from "../../../../src/management/mod.ts";
import type { NanomqV1Options } from "../../../../src/http/mod.ts";
import {
  API_OPTIONS,
  type HttpRig,
  type HttpRigOptions,
  withHttp,
} from "../../../support/http_rig.ts";
import { rawRequest } from "../../../support/raw_http.ts";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const BASIC = `Basic ${btoa("admin:public")}`;

const row = (clientId: string, filter: string, qos: 0 | 1 | 2): SubscriptionView =>
  ({ clientId, filter, qos }) as SubscriptionView;

function clientRow(clientId: string): ClientView {
  return {
    clientId,
    username: clientId === "b" ? "user" : undefined,
    keepAliveS: 60,
    protocolVersion: 4,
    isConnected: clientId !== "away",
    traffic: { received: { qos0: 1, qos1: 2, qos2: 3 } },
  } as ClientView;
}

const figures = {
  messagesReceived: { total: 3 },
  messagesFromApi: 1,
  messagesSent: { total: 9 },
  messagesResent: 2,
  messagesWithoutSubscriber: 4,
};

async function* batches<T>(...lists: (readonly T[])[]): AsyncGenerator<readonly T[]> {
  for (const list of lists) yield await Promise.resolve(list);
}

const MANAGEMENT: HttpRigOptions["management"] = {
  metrics: {
    read: () => Promise.resolve(figures as never),
    stats: () => Promise.resolve({ connectedSubscribers: { count: 1, max: 2 } } as never),
  },
  subscriptions: {
    stream: (query) =>
      batches(
        [row("nanomq-b", "a/b/c", 0), row("nanomq-a", "$share/g/t", 2)],
        [row("nanomq-b", "d", 1)],
        query?.isConnected === true ? [] : [row("away", "e", 1)],
      ),
  },
  clients: {
    stream: (query) =>
      batches(
        [],
        ["b", "a", "away"].map(clientRow)
          .filter(({ isConnected }) => isConnected || query?.isConnected === undefined),
      ),
  },
};

function withNanomq(
  use: (rig: HttpRig) => Promise<void>,
  options: Partial<NanomqV1Options> = {},
  rest: Partial<HttpRigOptions> = {},
): Promise<void> {
  const nanomqV1 = { ...API_OPTIONS.nanomqV1, ...options };
  return withHttp({
    apis: ["nanomq-v1"],
    management: MANAGEMENT ?? {},
    api: { ...API_OPTIONS, nanomqV1 },
    ...rest,
  }, use);
}

async function ask(
  { url }: HttpRig,
  body: string,
  init: RequestInit & { authorization?: string } = {},
): Promise<[status: number, body: string]> {
  const { authorization = BASIC, ...rest } = init;
  const headers: HeadersInit = authorization === "" ? {} : { authorization };
  const reply = await fetch(`${url}/api/v1`, { method: "POST", headers, body, ...rest });
  return [reply.status, await reply.text()];
}

test("NanoMQ check 1: statistics, whatever the content type, in the document's order", async () => {
  await withNanomq(async (rig) => {
    assertEquals(await ask(rig, '{"req": 2,"seq": 1111111}'), [
      200,
      '{"code":0,"seq":1111111,"rep":2,' +
      '"data":{"client_size":1,"message_in":4,"message_out":7,"message_drop":4}}',
    ]);
    const reply = await fetch(`${rig.url}/api/v1/?x=1`, {
      method: "PUT",
      headers: { authorization: BASIC, "content-type": "text/plain" },
      body: '{"seq":0,"req":2}',
    });
    assertEquals([reply.status, reply.headers.get("content-type")], [200, "application/json"]);
    await reply.text();
  });
});

test("NanoMQ check 2: GET with a body is as POST, and without one the query counts", async () => {
  await withNanomq(async ({ port, url }) => {
    const body = '{"req": 2,"seq": 9999}';
    const reply = await rawRequest(
      port,
      `GET /api/v1 HTTP/1.1\r\nHost: a\r\nAuthorization: ${BASIC}\r\nConnection: close\r\n` +
        `Content-Length: ${body.length}\r\n\r\n${body}`,
    );
    assertEquals([reply.status, JSON.parse(reply.body).seq], [200, 9999]);
    const headers = { authorization: BASIC };
    const query = await fetch(`${url}/api/v1?req=2&seq=5`, { headers });
    assertEquals([query.status, (await query.json()).seq], [200, 5]);
    const wrong = await fetch(`${url}/api/v1?req=x&seq=5`, { headers });
    assertEquals([wrong.status, await wrong.text()], [400, '{"code":108,"seq":5}']);
  });
});

test("NanoMQ check 3: strangers get 401 and their two numbers back", async () => {
  await withNanomq(async (rig) => {
    const body = '{"req":2,"seq":1}';
    const cases: [authorization: string, code: number][] = [
      [`Basic ${btoa("admin:wrong")}`, 103],
      [`Basic ${btoa("nobody:public")}`, 103],
      [`Basic ${btoa("nocolon")}`, 103],
      ["Basic ???", 103],
      ["", 104],
      ["Bearer abc", 104],
      [`Basic ${btoa(":public")}`, 104],
      [`Basic ${btoa("admin:")}`, 104],
    ];
    for (const [authorization, code] of cases) {
      const expected = [401, `{"code":${code},"seq":1,"rep":2}`];
      assertEquals(await ask(rig, body, { authorization }), expected, authorization);
    }
    assertEquals(await ask(rig, "no json", { authorization: "" }), [401, '{"code":104,"seq":0}']);
    const reply = await fetch(`${rig.url}/api/v1`, { method: "POST", body });
    assertEquals(reply.headers.get("www-authenticate"), 'Basic realm="nanomq"');
    await reply.text();
  });
});

test("NanoMQ check 4: every wrong request has its code", async () => {
  await withNanomq(async (rig) => {
    const cases: [body: string, status: number, reply: string][] = [
      ["not json", 400, '{"code":109,"seq":0}'],
      ["", 400, '{"code":109,"seq":0}'],
      ["[1]", 400, '{"code":109,"seq":0}'],
      ["null", 400, '{"code":109,"seq":0}'],
      ['{"req":99,"seq":1}', 404, '{"code":108,"seq":1,"rep":99}'],
      ['{"req":1,"seq":1}', 404, '{"code":108,"seq":1,"rep":1}'],
      ['{"req":10,"seq":1,"data":{"action":"stop"}}', 404, '{"code":108,"seq":1,"rep":10}'],
      ['{"req":2}', 400, '{"code":107,"seq":0,"rep":2}'],
      ['{"seq":3}', 400, '{"code":107,"seq":3}'],
      ['{"req":"2","seq":1}', 400, '{"code":108,"seq":1}'],
      ['{"req":2.5,"seq":1}', 400, '{"code":108,"seq":1}'],
      ['{"req":2,"seq":1.5}', 400, '{"code":108,"seq":0,"rep":2}'],
      ['{"req":2,"seq":"1"}', 400, '{"code":108,"seq":0,"rep":2}'],
      ['{"req":2,"seq":-1}', 400, '{"code":108,"seq":0,"rep":2}'],
      ['{"data":{"req":2,"seq":1}}', 400, '{"code":107,"seq":0}'],
    ];
    for (const [body, status, reply] of cases) {
      assertEquals(await ask(rig, body), [status, reply], body);
    }
    const [status] = await ask(rig, `{"req":2,"seq":1,"x":"${"x".repeat(140_000)}"}`);
    assertEquals(status, 400);
    for (const path of ["/api/v1/anything", "/api/v1//"]) {
      const other = await fetch(`${rig.url}${path}`, { headers: { authorization: BASIC } });
      assertEquals([other.status, await other.text()], [404, '{"code":108,"seq":0}']);
    }
    assertEquals((await ask(rig, "{}", { method: "DELETE" }))[0], 404);
  });
});

test("a sequence number comes back digit for digit", async () => {
  await withNanomq(async (rig) => {
    for (const seq of ["0", "9007199254740993", "18446744073709551615"]) {
      const [status, body] = await ask(rig, `{"a":{"seq":7},"b":["seq"],"seq" : ${seq},"req":5}`);
      assertEquals([status, body.startsWith(`{"code":0,"seq":${seq},"rep":5,`)], [200, true]);
    }
    const [status] = await ask(rig, '{"req":2,"seq":18446744073709551616}');
    assertEquals(status, 400);
  });
  await withNanomq(async (rig) => {
    assertEquals((await ask(rig, '{"req":5}'))[1].startsWith('{"code":0,"seq":0,"rep":5'), true);
  }, { lenientSeq: true });
});

test("NanoMQ check 5: with tokens only those of the key count, until their time is over", async () => {
  const { privateKey, publicKey } = await generateKeyPair("RS256", { extractable: true });
  const pem = await exportSPKI(publicKey);
  const folder = mkdtempSync(join(tmpdir(), "broker-test-"));
  const file = join(folder, "key.pem");
  writeFileSync(file, pem);
  const now = Math.floor(Date.now() / 1000);
  const sign = (claims: JWTPayload): Promise<string> =>
    new SignJWT(claims).setProtectedHeader({ alg: "RS256" }).sign(privateKey);
  const confused = await new SignJWT({ exp: now + 60, iss: "key.pem" })
    .setProtectedHeader({ alg: "HS256" }).sign(new TextEncoder().encode(pem));
  try {
    await withNanomq(async (rig) => {
      const verdict = async (token: string): Promise<string> =>
        (await ask(rig, '{"req":5,"seq":1}', { authorization: `Bearer ${token}` }))[1].slice(0, 11);
      const iss = "key.pem";
      assertEquals(await verdict(await sign({ iss, exp: now + 60 })), '{"code":0,"');
      assertEquals(await verdict(await sign({ iss, exp: now - 100 })), '{"code":0,"');
      assertEquals(await verdict(await sign({ iss, exp: now - 300 })), '{"code":116');
      assertEquals(await verdict(await sign({ iss })), '{"code":116');
      assertEquals(await verdict(await sign({ iss: "other", exp: now + 60 })), '{"code":103');
      assertEquals(
        await verdict(await sign({ iss, exp: now + 60, nbf: now + 400 })),
        '{"code":103',
      );
      assertEquals(await verdict(confused), '{"code":103');
      assertEquals(await verdict("abc"), '{"code":103');
      const [status, body] = await ask(rig, '{"req":5,"seq":1}');
      assertEquals([status, body], [401, '{"code":104,"seq":1,"rep":5}']);
    }, { authType: "jwt", jwtPublicKeyFile: file, jwtIssuer: "key.pem" });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("NanoMQ check 7: each client once with all its filters, by client; clients as they are", async () => {
  await withNanomq(async (rig) => {
    const [, subscriptions] = await ask(rig, '{"req":4,"seq":1}');
    assertEquals(JSON.parse(subscriptions).data, [
      { client_id: "nanomq-a", subscriptions: [{ topic: "$share/g/t", qos: 2 }] },
      {
        client_id: "nanomq-b",
        subscriptions: [{ topic: "a/b/c", qos: 0 }, { topic: "d", qos: 1 }],
      },
    ]);
    const [, clients] = await ask(rig, '{"req":5,"seq":1}');
    assertEquals(JSON.parse(clients).data, [
      {
        client_id: "b",
        username: "user",
        keepalive: 60,
        protocol: 4,
        connect_status: 1,
        message_receive: 6,
      },
      {
        client_id: "a",
        username: "",
        keepalive: 60,
        protocol: 4,
        connect_status: 1,
        message_receive: 6,
      },
    ]);
  });
  await withNanomq(async (rig) => {
    const { data } = JSON.parse((await ask(rig, '{"req":5,"seq":1}'))[1]);
    assertEquals(data[2].connect_status, 0);
    assertEquals(JSON.parse((await ask(rig, '{"req":4,"seq":1}'))[1]).data[0].client_id, "away");
  }, { includeOffline: true });
});

test("req 10 stops or restarts the broker where that is allowed, and nothing else", async () => {
  const asked: string[] = [];
  const requestStop = (how: string): void => void asked.push(how);
  await withNanomq(
    async (rig) => {
      const cases: [data: string, code: number][] = [
        ['"data":{"action":"stop"}', 0],
        ['"action":"restart"', 0],
        ['"data":{}', 107],
        ['"data":{"action":"dance"}', 108],
      ];
      for (const [data, code] of cases) {
        const [, body] = await ask(rig, `{"req":10,"seq":1,${data}}`);
        assertEquals(body, `{"code":${code},"seq":1,"rep":10}`);
      }
      assertEquals(asked, ["stop", "restart"]);
    },
    { control: true },
    { requestStop },
  );
});
