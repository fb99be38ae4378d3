import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import {
  loadRuntime,
  type WebHandler,
  type WebReply,
  type WebRequest,
  type WebServer,
  type WebServerOptions,
} from "../../../src/runtime/mod.ts";
import { RawHttpClient, rawRequest } from "../../support/raw_http.ts";

const runtime = await loadRuntime();
const MAX_BODY = 100_000;

/** Answers what it has understood. */
async function echo(request: WebRequest): Promise<WebReply> {
  const body = await request.readBody(MAX_BODY);
  if (body === undefined) return { status: 413, headers: [], body: "too large" };
  const { method, target, httpVersion } = request;
  const seen = { method, target, httpVersion, body: new TextDecoder().decode(body) };
  return {
    status: 200,
    headers: [["content-type", "application/json"]],
    body: JSON.stringify(seen),
  };
}

async function withServer(
  options: Partial<WebServerOptions>,
  handler: WebHandler,
  use: (server: WebServer, errors: unknown[]) => Promise<void>,
): Promise<void> {
  const errors: unknown[] = [];
  const server = await runtime.serveWeb({
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    maxConnections: 100,
    headerTimeoutMs: 30_000,
    requestTimeoutMs: 30_000,
    idleTimeoutMs: 30_000,
    onError: (error) => errors.push(error),
    ...options,
  }, handler);
  try {
    await use(server, errors);
  } finally {
    await server.close(100);
  }
}

/** What the head and the body of a request must arrive as. */
const REQUESTS: ReadonlyArray<[what: string, bytes: string, seen: Record<string, string>]> = [
  [
    "a GET with a body",
    'GET /api/v1 HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{"req":1}',
    { method: "GET", target: "/api/v1", httpVersion: "1.1", body: '{"req":1}' },
  ],
  [
    "a raw path",
    "POST /topics/a%2Fb//c/%25/./../%zz?x=%2f+a%00 HTTP/1.1\r\nHost: a\r\n\r\n",
    { method: "POST", target: "/topics/a%2Fb//c/%25/./../%zz?x=%2f+a%00", body: "" },
  ],
  ["a path that begins with //", "GET //a/b HTTP/1.1\r\nHost: a\r\n\r\n", { target: "//a/b" }],
  ["an absolute target", "GET http://b/c?d HTTP/1.1\r\nHost: a\r\n\r\n", { target: "/c?d" }],
  ["an absolute target without path", "GET http://b HTTP/1.1\r\nHost: a\r\n\r\n", { target: "/" }],
  [
    "HTTP/1.0 without a host",
    "POST /x HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi",
    { httpVersion: "1.0", body: "hi" },
  ],
  ["HTTP/1.1 without a host", "POST /x HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi", { body: "hi" }],
  ["a host that is none", "POST /x HTTP/1.1\r\nHost: <b c>\r\n\r\n", { target: "/x" }],
  [
    "a chunked body",
    "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n1\r\n!\r\n0\r\n\r\n",
    { body: "hi!" },
  ],
  [
    "a body for which the client waits to be asked",
    "POST /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\nhi",
    { body: "hi" },
  ],
];

for (const [what, bytes, seen] of REQUESTS) {
  test(`serveWeb() understands ${what}`, async () => {
    await withServer({}, echo, async ({ port }, errors) => {
      const client = await RawHttpClient.open(port);
      client.send(bytes);
      let reply = await client.reply();
      if (reply.status === 100) reply = await client.reply();
      assertEquals(reply.status, 200);
      const found = JSON.parse(reply.body) as Record<string, string>;
      for (const [name, value] of Object.entries(seen)) assertEquals(found[name], value);
      assertEquals(errors, []);
      client.close();
    });
  });
}

/** Two readers of such a message could disagree on where it ends. */
const MALFORMED: ReadonlyArray<[what: string, bytes: string]> = [
  ["bytes that are no HTTP", "\x00\x01\xff garbage\r\n\r\n"],
  [
    "a length and chunks",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n",
  ],
  [
    "two lengths",
    "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 2\r\n\r\nabc",
  ],
  ["a length that is no number", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc"],
  ["a negative length", "POST /x HTTP/1.1\r\nHost: a\r\nContent-Length: -3\r\n\r\nabc"],
];

for (const [what, bytes] of MALFORMED) {
  test(`serveWeb() refuses ${what} and closes`, async () => {
    await withServer({}, echo, async (server) => {
      const client = await RawHttpClient.open(server.port);
      client.send(bytes);
      assertEquals((await client.reply()).status, 400);
      await client.ended();
      assertEquals(
        (await rawRequest(server.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n")).status,
        200,
      );
    });
  });
}

test("serveWeb() keeps an HTTP/1.1 connection and answers requests in order", async () => {
  await withServer({}, echo, async ({ port }) => {
    const client = await RawHttpClient.open(port);
    client.send(
      "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\naPOST /2 HTTP/1.1\r\nHost: a\r\n\r\n",
    );
    assertStringIncludes((await client.reply()).body, '"/1"');
    assertStringIncludes((await client.reply()).body, '"/2"');
    client.send("POST /3 HTTP/1.1\r\nHost: a\r\n\r\n");
    assertStringIncludes((await client.reply()).body, '"/3"');
    client.close();
  });
});

test("serveWeb() ends an HTTP/1.0 connection after the reply", async () => {
  await withServer({}, echo, async ({ port }) => {
    const client = await RawHttpClient.open(port);
    client.send("GET / HTTP/1.0\r\n\r\n");
    assertEquals((await client.reply()).status, 200);
    await client.ended();
  });
});

for (
  const [how, head] of [["announced", "Content-Length: 9999999"], [
    "chunked",
    "Transfer-Encoding: chunked",
  ]]
) {
  test(`serveWeb() reads no more of a body that is too large, ${how}, and the refusal arrives`, async () => {
    await withServer({}, echo, async ({ port }) => {
      const client = await RawHttpClient.open(port);
      client.send(`POST / HTTP/1.1\r\nHost: a\r\n${head}\r\n\r\n`);
      const piece = "x".repeat(60_000);
      const chunk = how === "chunked" ? `EA60\r\n${piece}\r\n` : piece;
      const count = Math.ceil(9_999_999 / piece.length);
      for (let sent = 0; sent < count - 1; sent++) client.send(chunk);
      const reply = await client.reply();
      assertEquals([reply.status, reply.body], [413, "too large"]);
      // The rest is read and forgotten, and the connection goes on.
      client.send(how === "chunked" ? "0\r\n\r\n" : "x".repeat(9_999_999 % piece.length));
      client.send("GET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
      assertStringIncludes((await client.reply()).body, '"/2"');
      client.close();
    });
  });
}

for (const version of ["1.0", "1.1"]) {
  test(`serveWeb() gives its refusal to a client of HTTP/${version} that sends 10 MB and then ends`, async () => {
    await withServer({}, echo, async ({ port }, errors) => {
      const head = `POST / HTTP/${version}\r\nHost: a\r\nConnection: close\r\n`;
      const client = await RawHttpClient.open(port);
      await client.sendFirst(`${head}Content-Length: 10000000\r\n\r\n${"x".repeat(10_000_000)}`);
      assertEquals((await client.reply()).status, 413);
      await client.ended();
      assertEquals(errors, []);
    });
  });
}

test("serveWeb() does not ask for a body that is announced as too large", async () => {
  await withServer({}, echo, async ({ port }) => {
    const client = await RawHttpClient.open(port);
    client.send(
      "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 9999999\r\n\r\n",
    );
    assertEquals((await client.reply()).status, 413);
    client.close();
  });
});

test("serveWeb() answers a rejection with 500 and nothing else", async () => {
  const fail: WebHandler = () => Promise.reject(new Error("a secret in /some/where.ts"));
  await withServer({}, fail, async ({ port }, errors) => {
    const reply = await rawRequest(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals([reply.status, reply.body], [500, ""]);
    assertEquals(String(errors[0]), "Error: a secret in /some/where.ts");
  });
});

const SLOW: ReadonlyArray<[what: string, limit: keyof WebServerOptions, bytes: string]> = [
  ["no head at all", "headerTimeoutMs", ""],
  ["half a head", "headerTimeoutMs", "GET / HTTP/1.1\r\nHo"],
  ["half a body", "requestTimeoutMs", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab"],
  ["no second request", "idleTimeoutMs", "GET / HTTP/1.1\r\nHost: a\r\n\r\n"],
];

for (const [what, limit, bytes] of SLOW) {
  test(`serveWeb() drops a client with ${what} after ${limit}`, async () => {
    await withServer({ [limit]: 50 }, echo, async (server, errors) => {
      const client = await RawHttpClient.open(server.port);
      client.send(bytes);
      await client.ended();
      assertEquals(server.figures.timedOut, 1);
      assertEquals(errors.length, limit === "requestTimeoutMs" ? 0 : 0);
    });
  });
}

test("serveWeb() closes connections above maxConnections and counts them", async () => {
  await withServer({ maxConnections: 2 }, echo, async (server) => {
    const clients = [];
    for (let count = 0; count < 2; count++) {
      const client = await RawHttpClient.open(server.port);
      client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
      assertEquals((await client.reply()).status, 200);
      clients.push(client);
    }
    const third = await RawHttpClient.open(server.port);
    await third.ended();
    assertEquals(server.figures.connections, 2);
    assertEquals(server.figures.refused, 1);
    for (const client of clients) client.close();
  });
});

test("serveWeb() closes idle connections at once and lets a request end first", async () => {
  const { promise: release, resolve } = Promise.withResolvers<void>();
  const started = Promise.withResolvers<void>();
  const slow: WebHandler = async ({ target }) => {
    if (target === "/slow") {
      started.resolve();
      await release;
    }
    return { status: 200, headers: [], body: "done" };
  };
  const errors: unknown[] = [];
  const server = await runtime.serveWeb({
    host: "127.0.0.1",
    port: 0,
    tls: undefined,
    maxConnections: 10,
    headerTimeoutMs: 30_000,
    requestTimeoutMs: 30_000,
    idleTimeoutMs: 30_000,
    onError: (error) => errors.push(error),
  }, slow);
  const idle = await RawHttpClient.open(server.port);
  idle.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  await idle.reply();
  const busy = await RawHttpClient.open(server.port);
  busy.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\n");
  await started.promise;
  const closed = server.close(20_000);
  await idle.ended();
  resolve();
  const reply = await busy.reply();
  assertEquals([reply.status, reply.body, reply.headers["connection"]], [200, "done", "close"]);
  await busy.ended();
  await closed;
  assertEquals(errors, []);
});

test("serveWeb() sends a sequence piece by piece, no faster than the client takes it", async () => {
  let made = 0;
  async function* pieces(): AsyncGenerator<string> {
    for (; made < 200; made++) {
      yield "x".repeat(100_000);
      await Promise.resolve();
    }
  }
  const handler: WebHandler = () => ({ status: 200, headers: [], body: pieces() });
  await withServer({}, handler, async ({ port }) => {
    const client = await RawHttpClient.open(port);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    const reply = await client.reply();
    assertEquals(reply.body.length, 20_000_000);
    client.close();
  });
});

test("serveWeb() goes on when a client leaves in the middle of its body", async () => {
  await withServer({}, echo, async (server, errors) => {
    const client = await RawHttpClient.open(server.port);
    client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab");
    client.close();
    const reply = await rawRequest(server.port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(reply.status, 200);
    assertEquals(errors, []);
  });
});

test("serveWeb() answers HEAD without a body", async () => {
  await withServer({}, echo, async ({ port }) => {
    const client = await RawHttpClient.open(port);
    client.send("HEAD / HTTP/1.1\r\nHost: a\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n");
    const head = await client.reply(true);
    assert(Number(head.headers["content-length"]) > 0);
    assertStringIncludes((await client.reply()).body, '"/2"');
    client.close();
  });
});

test("serveWeb() knows the peer's address", async () => {
  const handler: WebHandler = ({ connection }) => {
    assert(connection.remotePort > 0);
    return { status: 200, headers: [], body: connection.remoteAddress };
  };
  await withServer({}, handler, async ({ port }) => {
    const reply = await rawRequest(port, "GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assertEquals(reply.body, "127.0.0.1");
  });
});
