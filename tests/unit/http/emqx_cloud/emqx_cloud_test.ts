import { test } from "node:test";
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  type ClientQuery,
  type ClientView,
  ManagementError,
  type PageRequest,
  type SubscribeRequest,
  type SubscriptionView,
} from "../../../../src/management/mod.ts";
import {
  API_OPTIONS,
  type HttpRig,
  type HttpRigOptions,
  withHttp,
} from "../../../support/http_rig.ts";
import { rawRequest } from "../../../support/raw_http.ts";

const headers = { authorization: `Basic ${btoa("app:secret")}` };
const CREATED_MS = Date.UTC(2023, 8, 15, 9, 36, 20, 871);

/** Every figure is another one, so that none can stand for another. */
const CLIENT: ClientView = {
  node: "broker@127.0.0.1",
  clientId: "mqttx_07cb8109",
  username: undefined,
  isConnected: false,
  protocolName: "MQTT",
  protocolVersion: 5,
  isBridge: false,
  address: "192.0.2.1",
  port: 13312,
  listenerName: "tcp:default",
  listenerType: "tcp",
  mountpoint: "",
  authentication: "config",
  tls: undefined,
  keepAliveS: 60,
  cleanStart: true,
  sessionExpiryS: 120,
  isPersistent: true,
  acceptedAtMs: CREATED_MS,
  connectedAtMs: CREATED_MS + 1000,
  disconnectedAtMs: CREATED_MS + 2000,
  createdAtMs: CREATED_MS,
  will: undefined,
  session: {
    subscriptions: 1,
    subscriptionsMax: 2,
    inflight: 3,
    inflightMax: 4,
    queuedMessages: 5,
    queuedMessagesMax: 6,
    queuedBytes: 7,
    awaitingRelease: 8,
    awaitingReleaseMax: 9,
    deliveredMessages: 10,
    enqueuedMessages: 11,
    dropped: { total: 12, expired: 13, queueFull: 14, tooLarge: 15, slow: 16 },
    heldBytes: 17,
  },
  traffic: {
    received: { bytes: 21, transfers: 22, packets: 23, qos0: 24, qos1: 25, qos2: 26 },
    sent: { bytes: 31, transfers: 32, packets: 33, qos0: 34, qos1: 35, qos2: 36 },
    refusedMessages: 41,
    unsentBytes: 42,
    waitingPackets: 43,
  },
  subscriptions: undefined,
};

class Broker {
  readonly asked: [page: PageRequest, query: ClientQuery | undefined][] = [];
  readonly done: unknown[] = [];
  readonly known = new Set(["mqttx_07cb8109", "a/b c", "温"]);
  readonly parts: HttpRigOptions["management"] = {
    apps: { authenticate: (id, secret) => Promise.resolve(id === "app" && secret === "secret") },
    clients: {
      list: (page, query) => {
        this.asked.push([page, query]);
        return Promise.resolve({ items: [CLIENT], count: 120, nextCursor: undefined });
      },
      get: (clientId) =>
        Promise.resolve(this.known.has(clientId) ? { ...CLIENT, clientId } : undefined),
      remove: async (clientId) => await Promise.resolve(this.#note(clientId, ["remove"])),
      subscribe: async (clientId, requests) => {
        this.#note(clientId, ["subscribe", ...requests]);
        return await Promise.resolve(requests.map((request) => granted(clientId, request)));
      },
      unsubscribe: async (clientId, filters) => {
        this.#note(clientId, ["unsubscribe", ...filters]);
        return await Promise.resolve(filters.map(() => false));
      },
    },
    subscriptions: {
      list: (_page, query) => {
        const items = [granted(query?.clientId ?? "", { filter: "t/a", qos: 1 })];
        return Promise.resolve({ items, count: 1, nextCursor: undefined });
      },
    },
  };

  #note(clientId: string, what: readonly unknown[]): void {
    if (!this.known.has(clientId)) throw new ManagementError("not-found", "Cannot find it");
    this.done.push([clientId, ...what]);
  }
}

function granted(clientId: string, request: SubscribeRequest): SubscriptionView {
  return {
    node: "broker@127.0.0.1",
    clientId,
    filter: request.filter,
    topicFilter: request.filter,
    shareName: undefined,
    qos: request.qos,
    noLocal: request.noLocal ?? false,
    retainAsPublished: request.retainAsPublished ?? false,
    retainHandling: request.retainHandling ?? 0,
    identifier: 0,
    client: undefined,
  };
}

async function withCloud(
  use: (rig: HttpRig & { broker: Broker }) => Promise<void>,
  options: Partial<HttpRigOptions> = {},
): Promise<void> {
  const broker = new Broker();
  const setup = { apis: ["emqx-cloud"] as const, management: broker.parts ?? {}, ...options };
  await withHttp(setup, (rig) => use({ ...rig, broker }));
}

// deno-lint-ignore no-explicit-any -- whatever JSON there is
type Json = any;

async function ask(
  url: string,
  init: RequestInit & { json?: unknown } = {},
): Promise<[status: number, body: Json]> {
  const { json, ...rest } = init;
  const body = json === undefined ? null : JSON.stringify(json);
  const method = json === undefined ? "GET" : "POST";
  const reply = await fetch(url, { method, body, headers, ...rest });
  const text = await reply.text();
  return [reply.status, text === "" ? undefined : JSON.parse(text)];
}

test("EMQX Cloud check 1: a page of clients has the shape of the sample", async () => {
  await withCloud(async ({ url, broker }) => {
    for (const base of ["", "/api", "/api/v5", "/api/v4"]) {
      const [status, body] = await ask(`${url}${base}/clients?_page=1&_limit=50`);
      assertEquals(status, 200, base);
      assertEquals(body.meta, { page: 1, limit: 50, hasnext: true, count: 120 });
      assertEquals(body.data.length, 1);
    }
    assertEquals(broker.asked[0]?.[0], { page: 1, limit: 50 });
    const [, { meta }] = await ask(`${url}/clients?page=3&limit=40`);
    assertEquals(meta, { page: 3, limit: 40, hasnext: false, count: 120 });
    assertEquals((await ask(`${url}/clients/`))[1].meta.limit, 100);
  });
});

test("a client has every name of the samples and of the table", async () => {
  await withCloud(async ({ url }) => {
    const [, client] = await ask(`${url}/clients/mqttx_07cb8109`);
    assertEquals(client, {
      node: "broker@127.0.0.1",
      clientid: "mqttx_07cb8109",
      username: null,
      proto_name: "MQTT",
      proto_ver: 5,
      ip_address: "192.0.2.1",
      port: 13312,
      is_bridge: false,
      connected: false,
      connected_at: "2023-09-15T09:36:21.871+00:00",
      disconnected_at: "2023-09-15T09:36:22.871+00:00",
      created_at: "2023-09-15T09:36:20.871+00:00",
      keepalive: 60,
      clean_start: true,
      expiry_interval: 120,
      is_persistent: true,
      zone: "default",
      listener: "tcp:default",
      enable_authn: true,
      subscriptions_cnt: 1,
      subscriptions_max: 2,
      max_subscriptions: 2,
      inflight_cnt: 3,
      inflight: 3,
      inflight_max: 4,
      max_inflight: 4,
      mqueue_len: 5,
      mqueue_max: 6,
      max_mqueue: 6,
      mqueue_dropped: 14,
      awaiting_rel_cnt: 8,
      awaiting_rel: 8,
      awaiting_rel_max: 9,
      max_awaiting_rel: 9,
      "send_msg.dropped": 12,
      "send_msg.dropped.expired": 13,
      "send_msg.dropped.queue_full": 14,
      "send_msg.dropped.too_large": 15,
      heap_size: 17,
      recv_oct: 21,
      recv_cnt: 22,
      recv_pkt: 23,
      recv_msg: 75,
      "recv_msg.qos0": 24,
      "recv_msg.qos1": 25,
      "recv_msg.qos2": 26,
      "recv_msg.dropped": 41,
      "recv_msg.dropped.await_pubrel_timeout": 0,
      send_oct: 31,
      send_cnt: 32,
      send_pkt: 33,
      send_msg: 105,
      "send_msg.qos0": 34,
      "send_msg.qos1": 35,
      "send_msg.qos2": 36,
      mailbox_len: 43,
      reductions: 128,
      peersni: null,
      tenant_id_from: null,
      cn: null,
      dn: null,
    });
  });
  const emqxCloud = { prefix: "/cloud", emitTenantFields: false, timeFormat: "plain" } as const;
  await withCloud(async ({ url }) => {
    const [, client] = await ask(`${url}/cloud/clients/mqttx_07cb8109`);
    assertEquals(client.created_at, "2023-09-15 09:36:20");
    assertEquals("tenant_id_from" in client, false);
  }, { api: { ...API_OPTIONS, emqxCloud } });
});

test("EMQX Cloud check 2: what is wrong in a query is INVALID_PARAMETER", async () => {
  await withCloud(async ({ url, broker }) => {
    const wrong = [
      "_limit=0",
      "_limit=10001",
      "_page=0",
      "_page=x",
      "conn_state=foo",
      "clean_start=yes",
      "proto_name=HTTP",
      "proto_ver=five",
      "ip_address=1.2.3",
      "ip_address=10.0.0.0/8",
      "_gte_created_at=yesterday",
      "_lte_connected_at=2023-13-45T00:00:00Z",
    ];
    for (const query of wrong) {
      const [status, body] = await ask(`${url}/clients?${query}`);
      assertEquals([status, body.code], [400, "INVALID_PARAMETER"], query);
      const isPaging = /^_(?:page|limit)/.test(query);
      if (isPaging) assertEquals(body.message, "page_limit_invalid");
      else assertStringIncludes(body.message, query.split("=")[0] ?? "");
    }
    assertEquals(broker.asked, []);
  });
});

test("filters reach the broker; what cannot match is not asked for", async () => {
  await withCloud(async ({ url, broker }) => {
    await ask(
      `${url}/clients?clientid=a%2Fb+c&username=u&ip_address=::ffff:1.2.3.4&conn_state=disconnected` +
        "&clean_start=false&proto_name=MQTT&proto_ver=4&_like_clientid=x&like_username=&zone=default" +
        "&unknown=1",
    );
    assertEquals(JSON.parse(JSON.stringify(broker.asked[0]?.[1])), {
      clientId: "a/b c",
      username: "u",
      address: "::ffff:1.2.3.4",
      isConnected: false,
      cleanStart: false,
      protocolVersion: 4,
    });
    await ask(`${url}/clients?_like_clientid=x&like_username=y&clientid=`);
    assertEquals(broker.asked[1]?.[1]?.clientIdContains, "x");
    assertEquals(broker.asked[1]?.[1]?.usernameContains, "y");
    for (const query of ["conn_state=idle", "proto_name=CoAP", "zone=other", "proto_ver=7"]) {
      const [status, { data, meta }] = await ask(`${url}/clients?${query}`);
      assertEquals([status, data, meta.count, meta.hasnext], [200, [], 0, false], query);
    }
    assertEquals(broker.asked.length, 2);
  });
});

test("EMQX Cloud check 3: seconds, milliseconds and RFC 3339 say the same time", async () => {
  await withCloud(async ({ url, broker }) => {
    const from = Date.UTC(2023, 8, 15, 9, 36, 20);
    for (const time of [from / 1000, from, "2023-09-15T11:36:20%2B02:00", "2023-09-15T09:36:20Z"]) {
      await ask(`${url}/clients?_gte_connected_at=${time}&_gte_created_at=${time}`);
      const query = broker.asked.at(-1)?.[1];
      assertEquals([query?.connectedFromMs, query?.createdFromMs], [from, from], String(time));
    }
    await ask(`${url}/clients?_lte_connected_at=${from / 1000}&lte_created_at=${from}`);
    const query = broker.asked.at(-1)?.[1];
    assertEquals([query?.connectedToMs, query?.createdToMs], [from + 999, from]);
  });
});

test("EMQX Cloud check 4: a client that nobody knows is CLIENTID_NOT_FOUND everywhere", async () => {
  await withCloud(async ({ url, broker }) => {
    const calls: [path: string, init: RequestInit & { json?: unknown }][] = [
      ["", {}],
      ["", { method: "DELETE" }],
      ["/subscribe", { json: { topic: "t" } }],
      ["/unsubscribe", { json: { topic: "t" } }],
      ["/subscribe/bulk", { json: [{ topic: "t" }] }],
      ["/subscribe/bulk", { json: [] }],
      ["/unsubscribe/bulk", { json: [{ topic: "t" }] }],
      ["/unsubscribe/bulk", { json: [] }],
      ["/subscriptions", {}],
    ];
    for (const [path, init] of calls) {
      const [status, body] = await ask(`${url}/clients/nobody${path}`, init);
      assertEquals([status, body], [404, {
        code: "CLIENTID_NOT_FOUND",
        message: "Client ID not found",
      }], path);
    }
    assertEquals(broker.done, []);
  });
});

test("EMQX Cloud checks 5 to 7: kick, subscribe and unsubscribe, with any client identifier", async () => {
  await withCloud(async ({ url, broker }) => {
    const path = `${url}/api/clients/a%2Fb%20c`;
    assertEquals(await ask(path, { method: "DELETE" }), [204, undefined]);
    assertEquals(await ask(`${path}/subscribe`, { json: { topic: "t/a", qos: 1 } }), [200, {
      clientid: "a/b c",
      topic: "t/a",
      qos: 1,
      nl: 0,
      rap: 0,
      rh: 0,
      node: "broker@127.0.0.1",
    }]);
    for (let n = 0; n < 2; n++) {
      assertEquals(await ask(`${path}/unsubscribe`, { json: { topic: "t/a" } }), [204, undefined]);
    }
    const entry = { topic: "$share/g/t", qos: 2, nl: 0, rap: 1, rh: 2 };
    const [status, body] = await ask(`${url}/clients/%E6%B8%A9/subscribe/bulk`, {
      json: [entry, { topic: "u" }],
    });
    assertEquals([status, body.data.length, body.data[0].topic], [200, 2, "$share/g/t"]);
    assertEquals((await ask(`${path}/unsubscribe/bulk`, { json: [{ topic: "u" }] }))[0], 204);
    assertEquals(await ask(`${path}/subscribe/bulk`, { json: [] }), [200, { data: [] }]);
    assertEquals((await ask(`${path}/subscriptions`))[1][0].topic, "t/a");
    const kicked = { json: ["nobody", "温"] };
    assertEquals((await ask(`${url}/clients/kickout/bulk`, kicked))[0], 204);
    assertEquals(broker.done.slice(0, 2), [
      ["a/b c", "remove"],
      ["a/b c", "subscribe", {
        filter: "t/a",
        qos: 1,
        noLocal: false,
        retainAsPublished: false,
        retainHandling: 0,
      }],
    ]);
    assertEquals(broker.done.at(-1), ["温", "remove"]);
  });
});

test("a body that is wrong is BAD_REQUEST as a whole, and nothing is done", async () => {
  await withCloud(async ({ url, broker }) => {
    const path = `${url}/clients/mqttx_07cb8109`;
    const wrong: unknown[] = [
      {},
      [],
      { topic: "" },
      { topic: 1 },
      { topic: "t", qos: 3 },
      { topic: "t", qos: "1" },
      { topic: "t", nl: true },
      { topic: "t", rh: 3 },
      { topic: "$share/g/t", nl: 1 },
    ];
    for (const json of wrong) {
      const [status, body] = await ask(`${path}/subscribe`, { json });
      assertEquals([status, body.code], [400, "BAD_REQUEST"], JSON.stringify(json));
      const bulk = { json: [{ topic: "fine" }, json] };
      assertEquals((await ask(`${path}/subscribe/bulk`, bulk))[0], 400, JSON.stringify(json));
    }
    const many = { json: Array(1001).fill({ topic: "t" }) };
    assertEquals((await ask(`${path}/subscribe/bulk`, many))[0], 400);
    assertEquals((await ask(`${path}/subscribe`, { method: "POST", body: "{" }))[0], 400);
    assertEquals(broker.done, []);
  });
});

test("who is not an application gets 401, and told why", async () => {
  await withCloud(async ({ url }) => {
    const cases: [authorization: string | undefined, code: string][] = [
      [undefined, "AUTHORIZATION_HEADER_ERROR"],
      ["Bearer x", "AUTHORIZATION_HEADER_ERROR"],
      [`Basic ${btoa("app:wrong")}`, "BAD_API_KEY_OR_SECRET"],
      ["Basic ???", "BAD_API_KEY_OR_SECRET"],
    ];
    for (const [authorization, code] of cases) {
      const reply = await fetch(`${url}/clients`, {
        headers: authorization === undefined ? {} : { authorization },
      });
      assertEquals([reply.status, (await reply.json()).code], [401, code]);
      assertMatch(reply.headers.get("www-authenticate") ?? "", /^Basic Realm="emqx-dashboard"$/);
    }
  });
});

test("unknown paths are NOT_FOUND, other methods METHOD_NOT_ALLOWED, a bad escape BAD_REQUEST", async () => {
  await withCloud(async ({ url, port }) => {
    assertEquals((await ask(`${url}/api/elsewhere`))[1].code, "NOT_FOUND");
    assertEquals((await ask(`${url}/clients/a/b`))[1].code, "NOT_FOUND");
    const reply = await fetch(`${url}/clients`, { method: "PUT", headers });
    assertEquals([reply.status, (await reply.json()).code, reply.headers.get("allow")], [
      405,
      "METHOD_NOT_ALLOWED",
      "GET",
    ]);
    const bad = await rawRequest(
      port,
      `GET /clients/%zz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
        `Authorization: ${headers.authorization}\r\n\r\n`,
    );
    assertEquals([bad.status, JSON.parse(bad.body).code], [400, "BAD_REQUEST"]);
  });
});
