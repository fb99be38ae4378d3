/** The web hook of the real program, with a real web service: one that is there, slow, broken, gone and back. */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { CertificateFolder, hasOpenssl } from "../support/certificates.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { readPrometheus } from "../support/prometheus.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";
import { denoTooOldForTls } from "../support/tls_target.ts";
import { WebService } from "../support/web_service.ts";

/** Before 2.9 the client of HTTP keeps no connection, and waits on one that is closed until its time is over. */
const oldDeno = await denoTooOldForTls();

function hookConfig(url: string, more = ""): string {
  return `[web_hook]\nenable = true\nurl = "${url}/hook"\n${more}\n`;
}

async function withService(
  use: (service: WebService) => Promise<void>,
  reply?: Parameters<typeof WebService.start>[0],
): Promise<void> {
  const service = await WebService.start(reply);
  try {
    await use(service);
  } finally {
    await service.stop();
  }
}

/** Of what became of events, and of what waits. */
async function figuresOf({ httpUrl }: RunningBroker): Promise<Record<string, number>> {
  const { samples } = readPrometheus(await (await fetch(`${httpUrl}/metrics`)).text());
  const own = samples.filter(({ name }) => name.startsWith("mqtt_web_hook_"));
  return Object.fromEntries(
    own.map(({ name, labels, value }) => [labels["outcome"] ?? name.slice(14), value]),
  );
}

/** A client that receives what another one sends. */
class Pair {
  private constructor(readonly receiver: TestClient, readonly sender: TestClient) {}

  static async connect(port: number): Promise<Pair> {
    const receiver = await TestClient.connect(port, { clientId: "c1", version: 4 });
    await receiver.subscribe("a/+", { qos: 1 });
    return new Pair(receiver, await TestClient.connect(port, { clientId: "c2" }));
  }

  /** A message goes its way, from one to the other. */
  async send(payload: string): Promise<void> {
    await this.sender.publish("a/b", payload, { qos: 1 });
    assertEquals(String((await this.receiver.receive()).payload), payload);
  }
}

test("the web hook posts what happens, to the end of the broker", () =>
  withService(async (service) => {
    const config = hookConfig(service.url, 'headers = { "X-Key" = "k" }');
    await withBroker({ config }, async ({ port }) => {
      const pair = await Pair.connect(port);
      await pair.send("hello");
      const isAcked = () => service.bodies.some(({ action }) => action === "message_acked");
      await service.until(isAcked, "what is posted of the acknowledgement");
    });
    // Those that the stop of the broker brought about are there, too.
    const about = (name: string, id: string) =>
      service.bodies.filter((body) => body[name] === id).map(({ action }) => action);
    assertEquals(about("client_id", "c1"), [
      "session_created",
      "client_connected",
      "client_subscribe",
      "session_subscribed",
      "message_deliver",
      "message_acked",
      "client_disconnected",
      "session_terminated",
    ]);
    assertEquals(about("from_client_id", "c2").sort(), [
      "message_acked",
      "message_deliver",
      "message_publish",
    ]);
    const [first] = service.seen;
    assertEquals([first?.method, first?.url, first?.headers["x-key"]], ["POST", "/hook", "k"]);
    // No more than one for each client, and kept.
    if (oldDeno === undefined) assert(service.connections <= 2, `${service.connections}`);
  }));

test("traffic goes on as ever while the web hook has nowhere to go; what has no room is counted", () =>
  withService(async (service) => {
    const { url } = service;
    await service.stop();
    const config = hookConfig(url, "max_queued = 10\nmax_retries = 1000");
    await withBroker({ config }, async (broker) => {
      const pair = await Pair.connect(broker.port);
      for (let number = 0; number < 50; number++) await pair.send(String(number));
      const { dropped, queued, delivered } = await figuresOf(broker);
      assertEquals({ queued, delivered }, { queued: 10, delivered: 0 });
      assert(dropped !== undefined && dropped >= 140, `${dropped}`);
      const alarms = await fetch(`${broker.httpUrl}/api/v3/alarms/present`, {
        headers: { authorization: `Basic ${btoa("admin:public")}` },
      });
      assert((await alarms.text()).includes("web_hook_down"));
    });
  }));

test("a web service that comes back gets what waited for it, in order", () =>
  withService(async (first) => {
    const { url, port } = first;
    await first.stop();
    const config = hookConfig(
      url,
      'rules = ["message.publish"]\nmax_retries = 100\nmax_retry_delay = "100ms"',
    );
    await withBroker({ config }, async (broker) => {
      const client = await TestClient.connect(broker.port, { clientId: "c1" });
      for (let number = 0; number < 20; number++) await client.publish("t", String(number), {});
      await broker.logged("An alarm was raised alarm=web_hook_down");
      const service = await WebService.start(undefined, port);
      await service.until(({ seen }) => seen.length >= 20, "what waited for the service");
      assertEquals(
        service.bodies.map(({ payload }) => Number(payload)),
        Array.from({ length: 20 }, (_, index) => index),
      );
      await broker.logged("An alarm is over alarm=web_hook_down");
      await service.stop();
    });
  }));

test("nobody waits for a web service that takes its time, not even the end of the broker", () =>
  withService(async (service) => {
    const config = hookConfig(service.url, 'timeout = "60s"');
    await withBroker({ config }, async ({ port }) => {
      const pair = await Pair.connect(port);
      for (let number = 0; number < 20; number++) await pair.send(String(number));
      await service.until(({ seen }) => seen.length === 2, "a request about each client");
    });
    assertEquals(service.seen.length, 2);
  }, () => undefined));

test("a web service that closes its connections gets everything all the same", {
  skip: oldDeno !== undefined && `Deno ${oldDeno} is too old for closed connections`,
}, () =>
  withService(async (service) => {
    const config = hookConfig(service.url, 'rules = ["message.publish"]');
    await withBroker({ config }, async (broker) => {
      const client = await TestClient.connect(broker.port, { clientId: "c1" });
      for (let number = 0; number < 30; number++) await client.publish("t", String(number), {});
      const all = new Set<unknown>();
      await service.until(({ bodies }) => {
        for (const { payload } of bodies) all.add(payload);
        return all.size === 30;
      }, "all messages");
      assertEquals((await figuresOf(broker))["failed"], 0);
    });
  }, (response, count) => {
    // Before the answer, after it, or not at all.
    if (count % 3 === 0) response.socket?.destroy();
    else response.end(() => count % 3 === 1 && response.socket?.destroy());
  }));

test("a reload begins and ends the web hook", () =>
  withService(async (service) => {
    const config = hookConfig(service.url).replace("enable = true", "enable = false");
    await withBroker({ config }, async (broker) => {
      const client = await TestClient.connect(broker.port, { clientId: "c1" });
      await client.publish("t", "1", { qos: 1 });
      const headers = { authorization: `Basic ${btoa("admin:public")}` };
      const put = async (verb: string): Promise<void> => {
        const path = `/api/v3/nodes/broker@127.0.0.1/plugins/emqx_web_hook/${verb}`;
        const reply = await fetch(broker.httpUrl + path, { method: "PUT", headers });
        assertEquals(await reply.json(), { code: 0 });
      };
      await put("load");
      await client.publish("t", "2", { qos: 1 });
      await service.until(({ seen }) => seen.length > 0, "the first request");
      await put("unload");
      await client.publish("t", "3", { qos: 1 });
      await client.disconnect();
    });
    assertEquals(service.bodies.map(({ payload }) => payload), ["2"]);
  }));

const skip = hasOpenssl() ? false : "openssl is not installed";

test(
  "the web hook posts over TLS, to a name that is allowed, and not to another one",
  { skip },
  async () => {
    const folder = new CertificateFolder();
    const authority = folder.authority("CA");
    const service = await WebService.start(
      undefined,
      0,
      authority.issue({ subject: "/CN=localhost" }),
    );
    const url = service.url.replace("127.0.0.1", "localhost");
    const config = (hosts: string): string =>
      `${hookConfig(url, `ca = "${authority.certFile}"\nrules = ["client.connected"]`)}
[sinks]
allow_hosts = [${hosts}]`;
    try {
      await withBroker({ config: config('"localhost"') }, async ({ port }) => {
        await TestClient.connect(port, { clientId: "c1" });
        await service.until(({ seen }) => seen.length > 0, "what is posted");
      });
      assertEquals(service.bodies.map(({ client_id: id }) => id), ["c1"]);
      await withBroker({ config: config('"example.org"') }, async (broker) => {
        const client = await TestClient.connect(broker.port, { clientId: "c2" });
        await client.disconnect();
        while ((await figuresOf(broker))["failed"] !== 1) await Promise.resolve();
      });
      assertEquals(service.seen.length, 1);
    } finally {
      await service.stop();
      folder.remove();
    }
  },
);
