// deno-lint-ignore-file camelcase -- the spelling of the product
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import {
  type BanRequest,
  ManagementError,
  type PublishRequest,
} from "../../../../src/management/mod.ts";
import API_LIST from "../../../../src/http/emqx_v3/api_list.json" with { type: "json" };
import {
  API_OPTIONS,
  type HttpRig,
  type HttpRigOptions,
  withHttp,
} from "../../../support/http_rig.ts";
import { ManualClock } from "../../../support/manual_clock.ts";
import { rawRequest } from "../../../support/raw_http.ts";

const AUTHORIZATION = `Basic ${btoa("app:secret")}`;
const NODE = { name: "broker@127.0.0.1", status: "running", isLocal: true };

class Broker {
  readonly published: PublishRequest[] = [];
  readonly banned: BanRequest[] = [];
  readonly done: unknown[] = [];
  readonly parts: HttpRigOptions["management"] = {
    apps: {
      authenticate: (id, secret) => Promise.resolve(id === "app" && secret === "secret"),
      add: (id, secret, change) => {
        this.done.push([id, secret, change]);
        if (id === "taken") return Promise.reject(new ManagementError("conflict", "Cannot"));
        return Promise.resolve(secret ?? "made");
      },
      get: () => Promise.resolve(undefined),
    },
    nodes: {
      localName: NODE.name,
      get: (name) => Promise.resolve(name === NODE.name ? NODE as never : undefined),
    },
    messages: {
      publish: (request) => {
        this.published.push(request);
        return Promise.resolve({ reasonCode: 0, matched: 0 });
      },
    },
    clients: {
      list: (page, query) => {
        this.done.push([page, query]);
        return Promise.resolve({ items: [], count: 7, nextCursor: undefined });
      },
      kick: () => Promise.reject(new ManagementError("not-found", "Cannot")),
      subscribe: (clientId, requests) => {
        this.done.push([clientId, requests]);
        if (clientId !== "c") return Promise.reject(new ManagementError("not-found", "Cannot"));
        return Promise.resolve([]);
      },
    },
    bans: {
      put: (ban) => {
        this.banned.push(ban);
        return Promise.resolve({ ...ban, reason: "", by: "", createdAtMs: 0, untilMs: undefined });
      },
    },
    dashboardUsers: {
      authenticate: (name, password) =>
        Promise.resolve(name !== "admin" ? "unknown" : password === "public" ? "right" : "wrong"),
    },
  };
}

async function withEmqx(
  use: (rig: HttpRig & { broker: Broker }) => Promise<void>,
  options: Partial<HttpRigOptions> = {},
): Promise<void> {
  const broker = new Broker();
  const setup = { apis: ["emqx-v3"] as const, management: broker.parts ?? {}, ...options };
  await withHttp(setup, (rig) => use({ ...rig, broker }));
}

// deno-lint-ignore no-explicit-any -- whatever JSON there is
type Json = any;

async function ask(
  { url }: HttpRig,
  path: string,
  json?: unknown,
  method = json === undefined ? "GET" : "POST",
): Promise<[status: number, body: Json]> {
  const body = json === undefined ? null : typeof json === "string" ? json : JSON.stringify(json);
  const headers = { authorization: AUTHORIZATION };
  const reply = await fetch(`${url}/api/v3${path}`, { method, body, headers });
  const text = await reply.text();
  const isJson = reply.headers.get("content-type") === "application/json";
  return [reply.status, isJson ? JSON.parse(text) : text];
}

test("EMQX v3 check 1: the list, slashes of any number, strangers, unknown paths", async () => {
  await withEmqx(async (rig) => {
    for (const path of ["", "/", "//"]) {
      const [status, body] = await ask(rig, path);
      assertEquals([status, body.code, body.data.length], [200, 0, 87], path);
      assertEquals(body.data, API_LIST);
    }
    const raw = `GET //api//v3//connections/ HTTP/1.1\r\nHost: a\r\nConnection: close\r\n` +
      `Authorization: ${AUTHORIZATION}\r\n\r\n`;
    assertEquals(JSON.parse((await rawRequest(rig.port, raw)).body).meta.count, 7);
    assertEquals(await ask(rig, "", {}), [400, "Bad Request"]);
    assertEquals(await ask(rig, "/nothing"), [404, "Not found."]);
    assertEquals(await ask(rig, "/nodes/other/connections"), [404, "Not found."]);
    assertEquals(await ask(rig, "/brokers", {}, "PATCH"), [404, "Not found."]);
    assertEquals(await ask(rig, "/apps", "{"), [400, "Bad Request"]);
    assertEquals(await ask(rig, "/apps", "[]"), [400, "Bad Request"]);
    const stranger = await fetch(`${rig.url}/api/v3/`, { headers: { authorization: "Basic x" } });
    assertEquals([stranger.status, await stranger.text()], [401, "UNAUTHORIZED"]);
    assertEquals(stranger.headers.get("www-authenticate"), 'Basic Realm="minirest-server"');
    const state = await (await fetch(`${rig.url}/status`)).text();
    assertEquals(state, "Node broker@127.0.0.1 is started\nemqx is running");
  });
});

test("every entry of the documented list has a route", async () => {
  await withEmqx(async (rig) => {
    const document = await (await fetch(`${rig.url}/openapi/emqx-v3.json`)).json();
    for (const { method, path } of API_LIST) {
      const whole = `/${path}`.replace(/^\/+/, "/").replace(/\/$/, "");
      const template = `/api/v3${whole.replaceAll(/:(\w+)/g, "{$1}")}`;
      const known = document.paths[template]?.[method.toLowerCase()];
      assertEquals(known !== undefined, true, `${method} ${template}`);
    }
  });
});

test("EMQX v3 check 3: pages, and what is no number", async () => {
  await withEmqx(async (rig) => {
    const [, body] = await ask(rig, "/connections?_page=2&_limit=1");
    assertEquals(body, { code: 0, data: [], meta: { page: 2, limit: 1, count: 7 } });
    assertEquals(rig.broker.done, [[{ page: 2, limit: 1 }, { isConnected: true }]]);
    assertEquals((await ask(rig, "/sessions?_page=-1"))[1].meta, {
      page: 1,
      limit: 10_000,
      count: 7,
    });
    for (const query of ["_limit=x", "_limit=-1", "_limit=10001", "_page=1.5"]) {
      const [status, { code }] = await ask(rig, `/connections?${query}`);
      assertEquals([status, code], [200, 108], query);
    }
  });
});

test("parameters: the query beats the body, its texts stand for numbers and truth values", async () => {
  await withEmqx(async (rig) => {
    const body = { app_id: "body", status: true, expired: 5, secret: "s" };
    const [, { data }] = await ask(rig, "/apps?app_id=query&status=false&name=a+b", body);
    assertEquals(data, { secret: "s" });
    assertEquals(JSON.parse(JSON.stringify(rig.broker.done)), [[
      "query",
      "s",
      { name: "a b", isEnabled: false, expiresAtS: 5 },
    ]]);
    const cases: [body: unknown, code: number, message: string][] = [
      [{}, 107, "app_id"],
      [{ app_id: "taken" }, 102, "alread_existed"],
    ];
    for (const [json, code, message] of cases) {
      assertEquals(await ask(rig, "/apps", json), [200, { code, message }]);
    }
    for (const wrong of [{ status: "yes" }, { expired: "soon" }, { expired: -1 }, { name: 1 }]) {
      assertEquals((await ask(rig, "/apps", { app_id: "a", ...wrong }))[1].code, 108);
    }
    assertEquals(await ask(rig, "/apps/nobody"), [200, { code: 0, data: [] }]);
  });
});

test("bans are made of what is named, one address at a time", async () => {
  await withEmqx(async (rig) => {
    const ban = { who: "::ffff:1.2.3.4", as: "ip_address", until: 1_700_000_000, other: 1 };
    assertEquals(await ask(rig, "/banned", ban), [200, { code: 0, data: ban }]);
    const { as, who, untilMs } = rig.broker.banned[0]!;
    assertEquals([as, who, untilMs], ["peerhost", "::ffff:1.2.3.4", 1_700_000_000_000]);
    const kinds = "value of 'as' must be one of: ['client_id', 'username', 'ip_address']";
    const cases: [body: unknown, code: number, message?: string][] = [
      [{ who: "a" }, 107, "missing mandatory params: ['who', 'as']"],
      [{ as: "username" }, 107, "missing mandatory params: ['who', 'as']"],
      [{ who: "a", as: "name" }, 108, kinds],
      [{ who: "10.0.0.0/8", as: "ip_address" }, 108],
      [{ who: "here", as: "ip_address" }, 108],
      [{ who: "a", as: "username", until: "soon" }, 108],
      [{ who: 1, as: "username" }, 108],
    ];
    for (const [json, code, message] of cases) {
      const [status, reply] = await ask(rig, "/banned", json);
      assertEquals([status, reply.code], [200, code], JSON.stringify(json));
      if (message !== undefined) assertEquals(reply.message, message);
    }
    assertEquals(rig.broker.banned.length, 1);
    const [, { message }] = await ask(rig, "/banned/a", undefined, "DELETE");
    assertEquals(message, "missing mandatory params: ['as']");
  });
});

test("a message goes to each of its topics, or to none", async () => {
  await withEmqx(async (rig) => {
    const sent = { topics: "a,b/c", payload: "温", qos: 1, retain: true, client_id: "c" };
    assertEquals(await ask(rig, "/mqtt/publish", sent), [200, { code: 0 }]);
    assertEquals(
      rig.broker.published.map(({ topic, payload, qos, retain, publisher }) => [
        topic,
        new TextDecoder().decode(payload),
        qos,
        retain,
        publisher.clientId,
      ]),
      [["a", "温", 1, true, "c"], ["b/c", "温", 1, true, "c"]],
    );
    const cases: [body: unknown, code: number][] = [
      [{}, 115],
      [{ topic: "" }, 115],
      [{ topic: "a,b/#" }, 115],
      [{ topics: [] }, 115],
      [{ topic: "a", qos: 3 }, 108],
      [{ topic: "a", qos: "x" }, 108],
      [{ topic: "a", payload: {} }, 108],
      [{ topic: "a", retain: "yes" }, 108],
      [{ topic: "a", payload: "!", encoding: "base64" }, 108],
    ];
    for (const [json, code] of cases) {
      const [status, reply] = await ask(rig, "/mqtt/publish", json);
      assertEquals([status, reply.code], [200, code], JSON.stringify(json));
    }
    assertEquals(rig.broker.published.length, 2);
    const binary = { topics: ["x"], payload: "AP8=", encoding: "base64" };
    assertEquals((await ask(rig, "/mqtt/publish", binary))[1].code, 0);
    assertEquals([...rig.broker.published[2]!.payload], [0, 255]);
  });
});

test("EMQX v3 check 4: clients that nobody knows", async () => {
  await withEmqx(async (rig) => {
    const kick = await ask(rig, "/connections/nobody", undefined, "DELETE");
    assertEquals(kick, [200, { code: 112, message: "not_found" }]);
    const topics = { client_id: "nobody", topic: "a" };
    const unknown = await ask(rig, "/mqtt/subscribe", topics);
    assertEquals(unknown, [200, { code: 112, message: "session_not_found" }]);
    const shared = { client_id: "c", topic: "$queue/a,$share/g/b", qos: 2 };
    assertEquals(await ask(rig, "/mqtt/subscribe", shared), [200, { code: 0 }]);
    assertEquals(rig.broker.done.at(-1), ["c", [
      { filter: "$share/$queue/a", qos: 2 },
      { filter: "$share/g/b", qos: 2 },
    ]]);
    for (const topic of ["a/#/b", "a,,b", "$share/g"]) {
      const [, reply] = await ask(rig, "/mqtt/subscribe", { client_id: "c", topic });
      assertEquals(reply, { code: 115, message: "bad_topic" }, topic);
    }
  });
});

test("POST /auth is open, says what is wrong, and not too often", async () => {
  const clock = new ManualClock();
  await withEmqx(async (rig) => {
    const login = async (body: unknown): Promise<[number, Json]> => {
      const reply = await fetch(`${rig.url}/api/v3/auth`, {
        method: "POST",
        body: JSON.stringify(body),
      });
      const text = await reply.text();
      return [reply.status, reply.status === 200 ? JSON.parse(text) : text];
    };
    const cases: [body: unknown, code: number, message?: string][] = [
      [{ username: "admin", password: "public" }, 0],
      [{ password: "public" }, 104, "Username undefined"],
      [{ username: "admin" }, 104, "Password undefined"],
      [{ username: "nobody", password: "x" }, 105, "Username Not Found"],
      [{ username: "admin", password: "x" }, 103, "Password Error"],
    ];
    for (const [body, code, message] of cases) {
      const expected = message === undefined ? { code } : { code, message };
      assertEquals(await login(body), [200, expected]);
    }
    for (let n = 0; n < 5; n++) await login({});
    assertEquals((await login({ username: "admin", password: "public" }))[0], 429);
    clock.advance(2000);
    assertEquals((await login({ username: "admin", password: "public" }))[0], 200);
  }, { clock });
});

test("failures of code 102 have the status that the configuration says", async () => {
  const emqxV3 = { ...API_OPTIONS.emqxV3, errorHttpStatus: 500 } as const;
  await withEmqx(async (rig) => {
    assertEquals((await ask(rig, "/apps", { app_id: "taken" }))[0], 500);
    assertEquals((await ask(rig, "/apps", {}))[0], 200);
  }, { api: { ...API_OPTIONS, emqxV3 } });
});
