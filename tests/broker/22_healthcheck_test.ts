import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { after, test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { CertificateFolder } from "../support/certificates.ts";
import { runToEnd, withBroker } from "../support/start_broker.ts";
import { tlsSkip } from "../support/tls_target.ts";

const skip = await tlsSkip();
const folder = new CertificateFolder();
after(() => folder.remove());

async function check(...args: string[]): Promise<[code: number | undefined, stderr: string]> {
  const { code, stdout, stderr } = await runToEnd(["healthcheck", ...args]);
  assertEquals(stdout, "");
  return [code, stderr];
}

/** Calls `use` with the URL of a web server that answers as it is told to. */
async function withServer(
  answer: RequestListener,
  use: (url: string) => Promise<void>,
): Promise<void> {
  const server: Server = createServer(answer);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  try {
    await use(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("healthcheck ends with 0 where the broker is ready, and says nothing", () =>
  withBroker({}, async ({ httpUrl, httpPort }) => {
    assertEquals(await check("--url", httpUrl), [0, ""]);
    assertEquals(await check("--url", `${httpUrl}/healthz`), [0, ""]);
    const config = ["--set", "http.0.apis=health", "--set"];
    assertEquals(await check(...config, `http.0.bind=127.0.0.1:${httpPort}`), [0, ""]);
    assertEquals(await check(...config, `http.0.bind=0.0.0.0:${httpPort}`), [0, ""]);
  }));

test("healthcheck ends with 1 where nobody answers, or something else does", () =>
  withBroker({}, async ({ httpUrl, port }) => {
    const [refused, why] = await check("--url", "http://127.0.0.1:1");
    assertEquals([refused, why], [
      1,
      "broker: Cannot connect to 127.0.0.1:1: connection refused\n",
    ]);
    const [foreign, text] = await check("--url", `${httpUrl}/no/such/place`);
    assertEquals(foreign, 1);
    assertStringIncludes(text, "/no/such/place answered 404");
    const [mqtt] = await check("--url", `http://127.0.0.1:${port}`);
    assertEquals(mqtt, 1);
  }));

test("healthcheck says what keeps the broker from being ready", () =>
  withServer((request, response) => {
    response.writeHead(request.url === "/readyz" ? 503 : 404);
    response.end('{"status":"not ready","problems":["the store cannot be written","too late"]}');
  }, async (url) => {
    const said = `broker: ${url}/readyz answered 503: the store cannot be written; too late\n`;
    assertEquals(await check("--url", url), [1, said]);
  }));

test("healthcheck does not wait for ever, and does not read for ever", async () => {
  await withServer(() => undefined, async (url) => {
    const said = `broker: Cannot get ${url}/readyz: there was no answer within 1 s\n`;
    assertEquals(await check("--url", url, "--timeout", "1"), [1, said]);
  });
  await withServer((_request, response) => void response.end("x".repeat(300_000)), async (url) => {
    const [code, stderr] = await check("--url", url);
    assertEquals(code, 1);
    assertStringIncludes(stderr, "longer than");
  });
});

test("healthcheck ends with 1 where the configuration names no place, or cannot be read", async () => {
  const cases = [
    ["http.0.apis=metrics", 'has "health" in its apis'],
    ["http.0.bind=127.0.0.1:0", "takes a free port"],
    ["http.0.bnd=x", 'did you mean "http.0.bind"?'],
  ] as const;
  for (const [set, text] of cases) {
    const [code, stderr] = await check("--set", set);
    assertEquals(code, 1);
    assertStringIncludes(stderr, text);
  }
});

test("healthcheck trusts its own certificate by the configuration, and others as it is told", {
  skip,
}, async () => {
  const authority = folder.authority();
  const other = ["subjectAltName=DNS:broker.example"];
  for (const [extensions, isOurs] of [[undefined, true], [other, false]] as const) {
    const request = extensions === undefined ? {} : { extensions };
    const { certFile, keyFile } = authority.issue({ subject: "/CN=x", ...request });
    const files = [`http.0.cert=${certFile}`, `http.0.key=${keyFile}`];
    const sets = [...files, "http.0.apis=health"].flatMap((set) => ["--set", set]);
    await withBroker({ args: sets }, async ({ httpPort }) => {
      assertEquals(await check(...sets, "--set", `http.0.bind=127.0.0.1:${httpPort}`), [0, ""]);
      const url = `https://127.0.0.1:${httpPort}`;
      assertEquals((await check("--url", url))[0], 1);
      assertEquals((await check("--url", url, "--cafile", authority.certFile))[0], isOurs ? 0 : 1);
      assertEquals(await check("--url", url, "--insecure"), [0, ""]);
    });
  }
});
