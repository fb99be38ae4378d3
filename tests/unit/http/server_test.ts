import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { LineLogger } from "../../../src/base/mod.ts";
import type { PublishRequest } from "../../../src/management/mod.ts";
import { withHttp } from "../../support/http_rig.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { rawRequest } from "../../support/raw_http.ts";

const HEALTHY = { isAlive: true, isReady: true, problems: [] as string[] };
const health = { nodes: { health: () => Promise.resolve(HEALTHY) } };

test("an unknown path is 404 without a body, also for an API that the listener does not serve", async () => {
  await withHttp({ apis: ["health"], management: health }, async ({ url }) => {
    for (const path of ["/", "/nothing", "/healthz/x", "/smqtt/publish", "/openapi/smqtt.json"]) {
      const reply = await fetch(`${url}${path}`);
      assertEquals([reply.status, await reply.text()], [404, ""], path);
    }
  });
});

test("every API of a listener has its document, and the document names its operations", async () => {
  await withHttp({ apis: ["health", "smqtt"], management: health }, async ({ url }) => {
    const reply = await fetch(`${url}/openapi/smqtt.json`);
    assertEquals(reply.headers.get("content-type"), "application/json");
    const document = await reply.json();
    assertEquals(document.openapi, "3.1.0");
    const { post } = document.paths["/smqtt/publish"];
    const { schema } = post.requestBody.content["application/json"];
    assertEquals(schema.required, ["topic", "message"]);
    assertEquals(schema.properties.topic, { type: "string", minLength: 1 });
  });
});

test("requests that come while the APIs are loaded are all answered by the right one", async () => {
  const apis = ["health", "metrics", "smqtt"] as const;
  await withHttp({ apis: [...apis], management: health }, async ({ url, server }) => {
    assertEquals(server.views()[0]?.apis, apis);
    const paths = ["/openapi/smqtt.json", "/healthz", "/nothing", "/openapi/metrics.json"];
    const replies = await Promise.all([...paths, ...paths].map((path) => fetch(`${url}${path}`)));
    const texts = await Promise.all(replies.map((reply) => reply.text()));
    const [smqtt, healthy, nothing, metrics] = texts;
    assertEquals(replies.map(({ status }) => status), [200, 200, 404, 200, 200, 200, 404, 200]);
    assertEquals(texts.slice(paths.length), [smqtt, healthy, nothing, metrics]);
    assertStringIncludes(smqtt ?? "", "SMQTT");
    assertStringIncludes(healthy ?? "", "alive");
    assertStringIncludes(metrics ?? "", "/metrics");
  });
});

test("a request is counted by what became of it, and logged without what could break a line", async () => {
  const lines: string[] = [];
  const logger = new LineLogger(
    { level: "debug", format: "text" },
    new ManualClock(),
    (line) => lines.push(line),
  );
  await withHttp(
    { apis: ["health"], management: health, logger },
    async ({ url, server, port }) => {
      await (await fetch(`${url}/healthz?password=secret`)).text();
      await rawRequest(port, 'GET /a"b%0ac HTTP/1.1\r\nHost: a\r\n\r\n');
      const [view] = server.views();
      assertEquals(view?.requests, 2);
      assertEquals([view?.replies["2"], view?.replies["4"]], [1, 1]);
      assert((view?.latencySumS ?? 0) > 0);
    },
  );
  assertEquals(lines.length, 2);
  assertStringIncludes(lines[0] ?? "", "path=/healthz status=200");
  assertMatch(lines[1] ?? "", /path="\/a\\"b%0ac" status=404/);
  assert(!lines.join("").includes("secret"));
});

test("a failure inside tells the client nothing and the log everything", async () => {
  const lines: string[] = [];
  const logger = new LineLogger(
    { level: "info", format: "text" },
    new ManualClock(),
    (line) => lines.push(line),
  );
  const management = { nodes: { health: () => Promise.reject(new Error("a secret reason")) } };
  await withHttp({ apis: ["health"], management, logger }, async ({ url }) => {
    const reply = await fetch(`${url}/healthz`);
    assertEquals([reply.status, await reply.text()], [500, "Internal error"]);
  });
  assertStringIncludes(lines[0] ?? "", "a secret reason");
});

test("/readyz is 503 while the program starts or stops, and says what is wrong when something is", async () => {
  let isServing = false;
  const starting = ["The broker is starting or stopping"];
  let answer = { isAlive: true, isReady: false, problems: starting };
  const management = { nodes: { health: () => Promise.resolve(answer) } };
  await withHttp(
    { apis: ["health", "smqtt"], management, isServing: () => isServing },
    async ({ url }) => {
      const ready = async (): Promise<[number, unknown]> => {
        const reply = await fetch(`${url}/readyz`);
        return [reply.status, (await reply.json()).problems];
      };
      assertEquals(await ready(), [503, starting]);
      assertEquals((await fetch(`${url}/healthz`)).status, 200);
      const publish = await fetch(`${url}/smqtt/publish`, { method: "POST", body: "{}" });
      assertEquals([publish.status, await publish.json()], [503, {
        message: "Cannot serve this now: the broker is starting or stopping",
      }]);
      isServing = true;
      answer = HEALTHY;
      assertEquals(await ready(), [200, []]);
      answer = { isAlive: true, isReady: false, problems: ["The store cannot write"] };
      assertEquals(await ready(), [503, ["The store cannot write"]]);
    },
  );
});

test("a body above max_body is refused by the API's own words, and not published", async () => {
  const published: PublishRequest[] = [];
  const management = {
    messages: {
      publish: (request: PublishRequest) => {
        published.push(request);
        return Promise.resolve({ reasonCode: 0 as const, matched: 0 });
      },
    },
  };
  const listener = { maxBodyBytes: 100 };
  await withHttp({ apis: ["smqtt"], management, listener }, async ({ url }) => {
    const send = async (message: string): Promise<[number, string]> => {
      const body = JSON.stringify({ topic: "a", message });
      const reply = await fetch(`${url}/smqtt/publish`, { method: "POST", body });
      return [reply.status, await reply.text()];
    };
    assertEquals(await send("x".repeat(200)), [
      413,
      '{"message":"Cannot take the body: it is larger than 100 bytes"}',
    ]);
    assertEquals(await send("x"), [200, ""]);
    assertEquals(published.map(({ payload }) => payload.length), [1]);
  });
});
