import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import * as z from "zod/mini";
import type { HttpEnv } from "../../../../src/http/env.ts";
import { Api, jsonReply, type Refusal, RequestRefused } from "../../../../src/http/kit/mod.ts";
import { RawRequest } from "../../../../src/http/raw_request.ts";
import { ManagementError } from "../../../../src/management/mod.ts";
import type { WebReply, WebRequest } from "../../../../src/runtime/mod.ts";

interface Asked {
  readonly status: number;
  readonly body: unknown;
}

const STATUS: Readonly<Record<Refusal["kind"], number>> = {
  "not-found": 404,
  "method-not-allowed": 405,
  "unauthorized": 401,
  "rate-limited": 429,
  "body-too-large": 413,
  "not-json": 400,
  "bad-encoding": 400,
  "invalid": 400,
  "management": 409,
  "internal": 500,
};

function newApi(log: string[]): Api<string> {
  const api = new Api<string>({
    title: "Test",
    description: "A test.",
    security: ["basic"],
    authenticate: (call) => {
      log.push("authenticate");
      const { authorization } = call;
      if (authorization.scheme === "bearer") return authorization.token;
      throw new RequestRefused({ kind: "unauthorized", reason: "none" });
    },
    refuse: (refusal) => jsonReply(STATUS[refusal.kind], refusal.kind),
    onInternalError: (error) => void log.push(String(error)),
  });
  const replies = { 200: { description: "Good" } };
  const query = z.object({ n: z.optional(z.string().check(z.regex(/^\d+$/))) });
  const body = z.object({ a: z.number() });
  api.route(
    { method: "POST", path: "/one/:id", operationId: "one", summary: "One", query, body, replies },
    (call, checked) => {
      log.push("handler");
      return jsonReply(200, [call.param("id"), checked.query.n, checked.body.a, checked.caller]);
    },
  );
  api.route(
    { method: "GET", path: "/fails", operationId: "f", summary: "Fails", replies, isOpen: true },
    ({ request }) => {
      if (request.target.endsWith("m")) throw new ManagementError("conflict", "Cannot do it");
      throw new TypeError("a mistake");
    },
  );
  api.app.get("/hono", (c) => c.text("plain", 202));
  return api.seal();
}

async function ask(
  api: Api<string>,
  method: string,
  target: string,
  { token, body = "" }: { readonly token?: string; readonly body?: string } = {},
): Promise<Asked> {
  const headers: Record<string, string> = token === undefined
    ? {}
    : { authorization: `Bearer ${token}` };
  const request: WebRequest = {
    method,
    target,
    httpVersion: "1.1",
    connection: {
      remoteAddress: "127.0.0.1",
      remotePort: 1,
      isSecure: false,
      serverName: undefined,
      peerCertificate: undefined,
    },
    header: (name) => headers[name],
    headers: () => Object.entries(headers),
    readBody: () => Promise.resolve(new TextEncoder().encode(body)),
  };
  const bindings: HttpEnv["Bindings"] = {
    request,
    listener: { maxBodyBytes: 1000 } as HttpEnv["Bindings"]["listener"],
    api: "smqtt",
    isServing: true,
    reply: undefined,
  };
  const response = await api.app.fetch(new RawRequest(request).asRequest(), bindings);
  const reply: WebReply | undefined = bindings.reply;
  if (reply === undefined) return { status: response.status, body: await response.text() };
  return { status: reply.status, body: JSON.parse(String(reply.body)) };
}

const CASES: ReadonlyArray<
  [what: string, target: string, options: Parameters<typeof ask>[3], Asked]
> = [
  ["what is sound", "/one/x?n=1", { token: "t", body: '{"a":1}' }, {
    status: 200,
    body: ["x", "1", 1, "t"],
  }],
  ["a variable of the path, once", "/one/a%252Fb%2Fc%20+", { token: "t", body: '{"a":1}' }, {
    status: 200,
    body: ["a%2Fb/c +", null, 1, "t"],
  }],
  ["UTF-8 in a variable", "/one/%E6%B6%88", { token: "t", body: '{"a":1}' }, {
    status: 200,
    body: ["消", null, 1, "t"],
  }],
  ["a bad escape in a variable", "/one/%zz", { token: "t", body: '{"a":1}' }, {
    status: 400,
    body: "bad-encoding",
  }],
  ["no UTF-8 in a variable", "/one/%FF", { token: "t", body: '{"a":1}' }, {
    status: 400,
    body: "bad-encoding",
  }],
  ["a bad escape in the query", "/one/x?n=%", { token: "t", body: '{"a":1}' }, {
    status: 400,
    body: "bad-encoding",
  }],
  ["a wrong query", "/one/x?n=y", { token: "t", body: '{"a":1}' }, {
    status: 400,
    body: "invalid",
  }],
  ["a wrong body", "/one/x", { token: "t", body: '{"a":"1"}' }, { status: 400, body: "invalid" }],
  ["no JSON", "/one/x", { token: "t", body: "{" }, { status: 400, body: "not-json" }],
  ["nobody, whatever else is wrong", "/one/%zz?n=%", { body: "{" }, {
    status: 401,
    body: "unauthorized",
  }],
  ["an unknown path", "/two/x", { token: "t" }, { status: 404, body: "not-found" }],
  ["a slash too many", "/one/x/", { token: "t" }, { status: 404, body: "not-found" }],
  ["two slashes", "//one/x", { token: "t" }, { status: 404, body: "not-found" }],
  ["an escaped slash", "/one%2Fx", { token: "t" }, { status: 404, body: "not-found" }],
];

for (const [what, target, options, expected] of CASES) {
  test(`Api answers ${what} with ${expected.status}`, async () => {
    const log: string[] = [];
    assertEquals(await ask(newApi(log), "POST", target, options), expected);
    assertEquals(log.includes("handler"), expected.status === 200);
  });
}

test("Api refuses other methods of a path by name, and says failures of ours only to the log", async () => {
  const log: string[] = [];
  const api = newApi(log);
  assertEquals(await ask(api, "PUT", "/one/x"), { status: 405, body: "method-not-allowed" });
  assertEquals(await ask(api, "GET", "/fails?m"), { status: 409, body: "management" });
  assertEquals(log, []);
  assertEquals(await ask(api, "GET", "/fails"), { status: 500, body: "internal" });
  assertEquals(log, ["TypeError: a mistake"]);
});

test("Api lets a handler answer as hono has it", async () => {
  assertEquals(await ask(newApi([]), "GET", "/hono"), { status: 202, body: "plain" });
});

test("Api makes its document of the schemas that judge", () => {
  const document = newApi([]).openapi("1.2.3");
  assertEquals(document.info.version, "1.2.3");
  const { post } = document.paths["/one/{id}"] ?? {};
  assertEquals(post?.parameters, [
    { name: "id", in: "path", required: true, schema: { type: "string" } },
    { name: "n", in: "query", required: false, schema: { type: "string", pattern: "^\\d+$" } },
  ]);
  assertEquals(post?.requestBody?.content, {
    "application/json": {
      schema: { type: "object", properties: { a: { type: "number" } }, required: ["a"] },
    },
  });
  assertEquals(post?.security, [{ basic: [] }]);
  const { get } = document.paths["/fails"] ?? {};
  assertEquals(get?.security, []);
  assert(document.components.securitySchemes["basic"] !== undefined);
});
