import { test } from "node:test";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { loadRuntime } from "../../../src/runtime/mod.ts";
import { HostRules, HttpSink, type HttpSinkOptions, SinkError } from "../../../src/sinks/mod.ts";
import { CertificateFolder, hasOpenssl } from "../../support/certificates.ts";
import { WebService } from "../../support/web_service.ts";

const NO_RULES = { allowHosts: [], denyHosts: [] };

async function sinkTo(
  url: string,
  options: Partial<HttpSinkOptions> = {},
  rules: { allowHosts: readonly string[]; denyHosts: readonly string[] } = NO_RULES,
): Promise<HttpSink> {
  return new HttpSink({
    options: {
      url,
      method: "POST",
      headers: [],
      timeoutMs: 5000,
      connectionsMax: 4,
      ca: undefined,
      isVerified: true,
      needsSuccess: false,
      ...options,
    },
    hosts: () => new HostRules(rules),
    runtime: await loadRuntime(),
  });
}

function item(text: string): { body: Uint8Array; bytes: number } {
  const body = new TextEncoder().encode(text);
  return { body, bytes: body.length };
}

async function failureOf(promise: Promise<void>): Promise<SinkError> {
  return await assertRejects(() => promise, SinkError);
}

test("HttpSink posts JSON with its headers, over one connection", async () => {
  const service = await WebService.start();
  const sink = await sinkTo(`${service.url}/hook?a=1`, {
    method: "PUT",
    headers: [["X-Key", "secret"]],
  });
  for (const text of ['{"a":"é"}', "2", "3"]) await sink.deliver([item(text)]);
  const [first] = service.seen;
  assertEquals([first?.method, first?.url, first?.body], ["PUT", "/hook?a=1", '{"a":"é"}']);
  assertEquals(first?.headers["x-key"], "secret");
  assertEquals(first?.headers["content-type"], "application/json");
  assertEquals(first?.headers.host, new URL(service.url).host);
  assertEquals(service.connections, 1);
  await sink.close();
  await service.stop();
});

test("HttpSink frames its requests itself, whatever headers it is to send", async () => {
  const service = await WebService.start();
  const sink = await sinkTo(service.url, {
    headers: [
      ["Transfer-Encoding", "chunked"],
      ["Content-Length", "1"],
      ["HOST", "other"],
      ["Upgrade", "websocket"],
      ["X-Other", "1"],
    ],
  });
  await sink.deliver([item("{}")]);
  const { headers = {}, body } = service.seen[0] ?? {};
  const { host, upgrade, "transfer-encoding": encoding, "content-length": length } = headers;
  assertEquals(
    [body, host, upgrade, encoding, length, headers["x-other"]],
    ["{}", new URL(service.url).host, undefined, undefined, "2", "1"],
  );
  await sink.close();
  await service.stop();
});

test("HttpSink shows name and password of its URL", async () => {
  const service = await WebService.start();
  const sink = await sinkTo(service.url.replace("//", "//name:p%C3%A4ss@"));
  await sink.deliver([item("1")]);
  assertEquals(service.seen[0]?.headers.authorization, "Basic bmFtZTpww6Rzcw==");
  await sink.close();
  await service.stop();
});

test("HttpSink takes any answer for a success, unless it is to look at it", async () => {
  const service = await WebService.start((response, count) => {
    response.statusCode = count < 2 ? 500 : count < 3 ? 404 : 503;
    response.end();
  });
  const sink = await sinkTo(service.url);
  await sink.deliver([item("1")]);
  const strict = await sinkTo(service.url, { needsSuccess: true });
  const notFound = await failureOf(strict.deliver([item("1")]));
  assertEquals([notFound.isRetryable, /404/.test(notFound.message)], [false, true]);
  assertEquals((await failureOf(strict.deliver([item("1")]))).isRetryable, true);
  await sink.close();
  await strict.close();
  await service.stop();
});

test("HttpSink tries again where the server closes the connection, three times at most", async () => {
  const service = await WebService.start((response, count) => {
    if (count % 5 === 0) response.end();
    else response.socket?.destroy();
  });
  const sink = await sinkTo(service.url);
  const failure = await failureOf(sink.deliver([item("1")]));
  assertEquals(failure.isRetryable, true);
  assertEquals(service.seen.length, 4);
  // The fifth request is the first try of this one.
  await sink.deliver([item("2")]);
  assertEquals(service.seen.length, 5);
  await sink.close();
  await service.stop();
});

test("HttpSink outlives a server that closes each connection after its answer", async () => {
  const service = await WebService.start((response) => {
    response.on("finish", () => response.socket?.destroy());
    response.end("ok");
  });
  const sink = await sinkTo(service.url);
  for (let count = 0; count < 20; count++) await sink.deliver([item(String(count))]);
  assertEquals(new Set(service.seen.map(({ body }) => body)).size, 20);
  await sink.close();
  await service.stop();
});

test("HttpSink waits for an answer so long and no longer", async () => {
  const service = await WebService.start(() => undefined);
  const sink = await sinkTo(service.url, { timeoutMs: 50 });
  const failure = await failureOf(sink.deliver([item("1")]));
  assertStringIncludes(failure.message, "no answer in 50 ms");
  assertEquals([failure.isRetryable, service.seen.length], [true, 1]);
  await sink.close();
  await service.stop();
});

test("HttpSink does not read an answer to its end that has none", async () => {
  const service = await WebService.start((response, count) => {
    response.write("x".repeat(count === 1 ? 10 : 200_000));
  });
  const sink = await sinkTo(service.url, { timeoutMs: 200 });
  // Of the first one the end does not come in time, of the second one more comes than anybody wants.
  await sink.deliver([item("1")]);
  await sink.deliver([item("2")]);
  assertEquals(service.seen.map(({ body }) => body), ["1", "2"]);
  await sink.close();
  await service.stop();
});

test("HttpSink gives up a request without an answer on a connection that it has used before", async () => {
  const service = await WebService.start((response, count) => {
    if (count % 2 === 1) response.end("fine");
  });
  const sink = await sinkTo(service.url, { timeoutMs: 400, connectionsMax: 1 });
  for (let round = 0; round < 4; round++) {
    await sink.deliver([item(`fine ${round}`)]);
    const failure = await failureOf(sink.deliver([item(`lost ${round}`)]));
    assertStringIncludes(failure.message, "no answer in 400 ms");
  }
  // Each of them once: nobody but us tries again.
  assertEquals(new Set(service.seen.map(({ body }) => body)).size, 8);
  assertEquals(service.seen.length, 8);
  await sink.close();
  await service.stop();
});

test("HttpSink says why there is no connection, without what is secret in the URL", async () => {
  const service = await WebService.start();
  const { url } = service;
  await service.stop();
  const sink = await sinkTo(`${url.replace("//", "//me:hidden@")}/a?token=hidden`);
  const failure = await failureOf(sink.deliver([item("1")]));
  assertEquals(failure.isRetryable, true);
  assertStringIncludes(failure.message, "ECONNREFUSED");
  assertEquals(failure.message.includes("hidden"), false);
  await sink.close();
});

test("HttpSink that found nobody connects and no more, until there is somebody to send to", async () => {
  for (const host of ["127.0.0.1", "localhost"]) {
    const first = await WebService.start();
    const { port } = first;
    const sink = await sinkTo(first.url.replace("127.0.0.1", host), { timeoutMs: 2000 });
    await first.stop();
    for (let tries = 0; tries < 3; tries++) {
      const failure = await failureOf(sink.deliver([item("lost")]));
      assertEquals(failure.isRetryable, true);
      assertStringIncludes(failure.message, "ECONNREFUSED");
    }
    const second = await WebService.start(undefined, port);
    for (const text of ["1", "2"]) await sink.deliver([item(text)]);
    assertEquals(second.seen.map(({ body }) => body), ["1", "2"]);
    // One to see whether somebody is there, and one for the requests.
    assertEquals(second.connections, 2);
    await sink.close();
    await second.stop();
  }
});

test("HttpSink that found nobody waits for an answer as long as ever, the connection included", async () => {
  const first = await WebService.start();
  const { port } = first;
  const sink = await sinkTo(first.url, { timeoutMs: 100 });
  await first.stop();
  await failureOf(sink.deliver([item("lost")]));
  const second = await WebService.start(() => undefined, port);
  const failure = await failureOf(sink.deliver([item("1")]));
  assertStringIncludes(failure.message, "no answer in 100 ms");
  await sink.close();
  await second.stop();
});

test("HttpSink.check() connects, and sends nothing", async () => {
  const service = await WebService.start();
  const sink = await sinkTo(service.url);
  await sink.check();
  assertEquals(service.seen.length, 0);
  await service.stop();
  assertStringIncludes((await failureOf(sink.check())).message, "ECONNREFUSED");
  await sink.close();
});

test("HttpSink goes nowhere where it may not go", async () => {
  const service = await WebService.start();
  const named = service.url.replace("127.0.0.1", "localhost");
  for (const url of [service.url, named]) {
    const sink = await sinkTo(url, {}, { allowHosts: [], denyHosts: ["127.0.0.0/8", "::1"] });
    for (const attempt of [() => sink.deliver([item("1")]), () => sink.check()]) {
      const failure = await failureOf(attempt());
      assertEquals(failure.isRetryable, false);
      assertStringIncludes(failure.message, "not allowed");
    }
    await sink.close();
  }
  assertEquals(service.connections, 0);
  const allowed = await sinkTo(named, {}, { allowHosts: ["127.0.0.1"], denyHosts: [] });
  await allowed.deliver([item("1")]);
  assertEquals(service.seen[0]?.headers.host, new URL(named).host);
  await allowed.close();
  await service.stop();
});

test("HttpSink delivers nothing after its end", async () => {
  const service = await WebService.start();
  const sink = await sinkTo(service.url);
  await sink.deliver([item("1")]);
  await sink.close();
  assertEquals((await failureOf(sink.deliver([item("2")]))).isRetryable, false);
  assertEquals(service.seen.length, 1);
  await service.stop();
});

const skip = hasOpenssl() ? false : "openssl is not installed";

test(
  "HttpSink trusts whom it is to trust, and nobody else unless it is told to",
  { skip },
  async () => {
    const folder = new CertificateFolder();
    try {
      const authority = folder.authority("CA");
      const certificate = authority.issue({ subject: "/CN=localhost" });
      const service = await WebService.start(undefined, 0, certificate);
      const named = service.url.replace("127.0.0.1", "localhost");
      const attempt = async (url: string, options: Partial<HttpSinkOptions>): Promise<string> => {
        const sink = await sinkTo(url, options);
        try {
          await sink.deliver([item("1")]);
          return "delivered";
        } catch (error) {
          return error instanceof SinkError && error.isRetryable ? "refused" : String(error);
        } finally {
          await sink.close();
        }
      };
      assertEquals(await attempt(service.url, {}), "refused");
      assertEquals(await attempt(service.url, { ca: authority.cert }), "delivered");
      assertEquals(await attempt(named, { ca: authority.cert }), "delivered");
      assertEquals(await attempt(service.url, { isVerified: false }), "delivered");
      const other = authority.issue({
        subject: "/CN=other",
        extensions: ["subjectAltName=DNS:other.example"],
      });
      const foreign = await WebService.start(undefined, 0, other);
      assertEquals(await attempt(foreign.url, { ca: authority.cert }), "refused");
      assertEquals([service.seen.length, foreign.seen.length], [3, 0]);
      await Promise.all([service.stop(), foreign.stop()]);
    } finally {
      folder.remove();
    }
  },
);
