import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { HttpAuthOptions } from "../../../src/auth/mod.ts";
import type { Identity } from "../../../src/ports/mod.ts";
import { type AuthRig, authRig, credentials, HTTP } from "./auth_rig.ts";

interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

interface Service extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
}

/** A service that answers as `answer` does. */
async function serve(
  answer: (response: ServerResponse, asked: Asked) => void,
): Promise<Service> {
  const asked: Asked[] = [];
  const server = createServer((request, response) => {
    let body = "";
    request.setEncoding("utf8").on("data", (text: string) => body += text).on("end", () => {
      const { method = "", url = "", headers } = request;
      const question = { method, url, headers, body };
      asked.push(question);
      answer(response, question);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/auth?fixed=1`,
    asked,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

const status = (code: number) => (response: ServerResponse): void => {
  response.writeHead(code).end();
};

async function rig(url: string, options: Partial<HttpAuthOptions> = {}): Promise<AuthRig> {
  return await authRig({ http: { ...HTTP, url, ...options } });
}

const ALICE = { username: "alice", password: "a&b=c%P ü" };

test("the question is a form with the client's names, each once and whole", async () => {
  await using service = await serve(status(200));
  const { knock } = await rig(service.url, {
    fields: [...HTTP.fields, ["where", "%a via %l"], ["fixed", "100%%"]],
    headers: [["x-key", "k"], ["x-user", "%u"]],
  });
  assertEquals(await knock({ ...ALICE, clientId: "%u&x=1" }), "http alice");
  const [{ method, url, headers, body } = service.asked[0]!] = service.asked;
  assertEquals([method, url], ["POST", "/auth?fixed=1"]);
  assertEquals(headers["content-type"], "application/x-www-form-urlencoded");
  assertEquals([headers["x-key"], headers["x-user"]], ["k", "alice"]);
  assertEquals([...new URLSearchParams(body)], [
    ["clientid", "%u&x=1"],
    ["username", "alice"],
    ["password", "a&b=c%P ü"],
    ["where", "192.0.2.1 via tcp:default"],
    ["fixed", "100%"],
  ]);
});

test("the question may be JSON, or the query of a GET", async () => {
  await using service = await serve(status(204));
  const asJson = await rig(service.url, { body: "json" });
  assertEquals(await asJson.knock(ALICE), "http alice");
  assertEquals(service.asked[0]?.headers["content-type"], "application/json");
  assertEquals(JSON.parse(service.asked[0]!.body), {
    clientid: "c",
    username: "alice",
    password: "a&b=c%P ü",
  });
  const asQuery = await rig(service.url, { method: "GET" });
  assertEquals(await asQuery.knock(ALICE), "http alice");
  const { method, url } = service.asked[1]!;
  assertEquals(method, "GET");
  assertEquals([...new URL(url, "http://x").searchParams], [
    ["fixed", "1"],
    ["clientid", "c"],
    ["username", "alice"],
    ["password", "a&b=c%P ü"],
  ]);
});

test("200 and 204 let in, 4xx refuses, all else is as configured", async () => {
  let code = 200;
  await using service = await serve((response) => status(code)(response));
  const deny = await rig(service.url);
  const ignore = await rig(service.url, { onError: "ignore" });
  const answers: readonly [number, string, string][] = [
    [200, "http alice", "http alice"],
    [204, "http alice", "http alice"],
    [400, "denied 86 by http", "denied 86 by http"],
    [401, "denied 86 by http", "denied 86 by http"],
    [404, "denied 86 by http", "denied 86 by http"],
    [201, "denied 88 by http", "denied 86 by anonymous"],
    [304, "denied 88 by http", "denied 86 by anonymous"],
    [500, "denied 88 by http", "denied 86 by anonymous"],
    [503, "denied 88 by http", "denied 86 by anonymous"],
  ];
  for (const [next, whenDenied, whenIgnored] of answers) {
    code = next;
    // Nobody is let in as an anonymous client because the service is out of order.
    for (const allowAnonymous of [true, false]) {
      const client = { ...ALICE, allowAnonymous };
      assert((await deny.knock(client)).startsWith(whenDenied), `${next}`);
      assert((await ignore.knock(client)).startsWith(whenIgnored), `${next} ignored`);
    }
  }
  assertEquals(deny.service.figures.http, { asked: 18, allowed: 4, denied: 6, failed: 8 });
});

test("a redirect is not followed, wherever it leads", async () => {
  await using other = await serve(status(200));
  for (const code of [301, 302, 307, 308]) {
    await using service = await serve((response) => {
      response.writeHead(code, { location: other.url }).end();
    });
    const { knock } = await rig(service.url);
    assert((await knock(ALICE)).startsWith("denied 88 by http"));
  }
  assertEquals(other.asked.length, 0);
});

test("without a user name nobody is asked about one, and nobody slips through", async () => {
  await using service = await serve(status(200));
  const { knock } = await rig(service.url);
  assertEquals(
    await knock({ password: "x" }),
    "denied 87 by anonymous: anonymous clients are not allowed here",
  );
  assertEquals(await knock({ allowAnonymous: true }), "anonymous");
  assertEquals(service.asked.length, 0);
  // An empty user name is one; the service sees it and says what it thinks.
  assertEquals(await knock({ username: "", password: "x" }), "http ");
  assertEquals(service.asked.length, 1);
  // A question that is only about the client identifier can be asked.
  const byId = await rig(service.url, { fields: [["id", "%c"], ["password", "%P"]] });
  assertEquals(await byId.knock(), "http");
  assertEquals(service.asked[1]?.body, "id=c&password=");
});

test("a name that fits into no header is nobody's", async () => {
  await using service = await serve(status(200));
  const { knock } = await rig(service.url, { headers: [["x-user", "%u"]] });
  for (const username of ["a\r\nx-admin: 1", "größe", "a\0"]) {
    assert((await knock({ username, password: "x" })).startsWith("denied 86 by anonymous"));
  }
  assertEquals(service.asked.length, 0);
});

test("JSON in the answer refuses, knows nothing, makes superusers and brings rules", async () => {
  let answer = "";
  await using service = await serve((response) => {
    response.writeHead(200, { "content-type": "application/json; charset=utf-8" }).end(answer);
  });
  const { knock, service: auth } = await rig(service.url);
  const cases: readonly [json: string, outcome: string][] = [
    ["", "http alice"],
    ["{}", "http alice"],
    ['{"result":"allow"}', "http alice"],
    ['{"result":"allow","is_superuser":true}', "http alice (superuser)"],
    ['{"is_superuser":false}', "http alice"],
    ['{"result":"deny","is_superuser":true}', "denied 86 by http: the service says no"],
    ['{"result":"ignore"}', "denied 86 by anonymous: the user is not known"],
    ['{"result":"perhaps"}', "denied 88 by http: the service's JSON makes no sense"],
    ['{"is_superuser":"yes"}', "denied 88 by http: the service's JSON makes no sense"],
    ['{"acl":7}', "denied 88 by http: the service's JSON makes no sense"],
    ["[]", "denied 88 by http: the service's JSON is no object"],
    ["{", "denied 88 by http: the service's JSON is no object"],
  ];
  for (const [json, outcome] of cases) {
    answer = json;
    assertEquals(await knock(ALICE), outcome, json);
  }
  answer = '{"acl":[{"permission":"deny","action":"publish","topic":"a/#"}]}';
  const identity = await auth.authenticate(credentials(ALICE)) as Identity;
  assertEquals(identity.aclRules, [{ permit: "deny", action: "publish", topics: ["a/#"] }]);
  answer = `{"x":"${"y".repeat(70_000)}"}`;
  assert((await knock(ALICE)).startsWith("denied 88 by http: the answer has more than 65536"));
});

test("a service that does not answer in time, or is not there, is an error", async () => {
  await using service = await serve(() => undefined);
  const slow = await rig(service.url, { timeoutMs: 50 });
  assert((await slow.knock(ALICE)).startsWith("denied 88 by http: no answer within 50 ms"));
  await using half = await serve((response) => {
    response.writeHead(200, { "content-type": "application/json" }).write("{");
  });
  const stuck = await rig(half.url, { timeoutMs: 50 });
  assert((await stuck.knock(ALICE)).startsWith("denied 88 by http"));
  const gone = await serve(status(200));
  await gone[Symbol.asyncDispose]();
  const { knock, service: auth } = await rig(gone.url, { method: "GET" });
  const answer = await knock({ ...ALICE, password: "hunter2" });
  assert(answer.startsWith("denied 88 by http: the service cannot be reached"), answer);
  assert(!answer.includes("hunter2"), answer);
  assertEquals(auth.figures.http.failed, 1);
});

test("so many questions at a time, so many wait, the rest is refused as busy", async () => {
  const open: ServerResponse[] = [];
  const { promise: isAsked, resolve: onAsked } = Promise.withResolvers<void>();
  await using service = await serve((response) => {
    open.push(response);
    onAsked();
    if (open.length > 1) status(200)(response);
  });
  const { knock, service: auth } = await rig(service.url, { maxConcurrent: 1, maxWaiting: 2 });
  const first = knock(ALICE);
  const left = knock({ ...ALICE, hasLeft: () => true });
  const second = knock(ALICE);
  assertEquals(
    await knock(ALICE),
    "denied 89 by http: too many questions wait for the service",
  );
  await isAsked;
  status(401)(open[0]!);
  assert((await first).startsWith("denied 86 by http"));
  assertEquals(await second, "http alice");
  assert((await left).startsWith("denied 89"));
  assertEquals(service.asked.length, 2);
  const { declined, abandoned, waiting } = auth.figures.httpQuestions;
  assertEquals([declined, abandoned, waiting], [1, 1, 0]);
});
