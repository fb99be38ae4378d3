/** The whole program against clients that mean harm: it lives on, and a bystander's traffic is undisturbed. */
import { Buffer } from "node:buffer";
import { readFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { rssBytes } from "../bench/load/process_usage.ts";
import { clockPasses, within } from "../support/deadline.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { type RunningBroker, withBroker } from "../support/start_broker.ts";

const MB = 1024 * 1024;

/** Somebody else, who must not notice anything. */
class Bystander {
  readonly #publisher: TestClient;
  readonly #subscriber: TestClient;
  #count = 0;

  private constructor(publisher: TestClient, subscriber: TestClient) {
    this.#publisher = publisher;
    this.#subscriber = subscriber;
  }

  static async join({ port }: RunningBroker): Promise<Bystander> {
    const subscriber = await TestClient.connect(port, { clientId: "bystander" });
    await subscriber.subscribe("bystander", { qos: 1 });
    return new Bystander(await TestClient.connect(port), subscriber);
  }

  /** One message there, acknowledged on both sides. */
  async trade(): Promise<void> {
    const payload = String(++this.#count);
    await this.#publisher.publish("bystander", payload, { qos: 1 });
    assertEquals(String((await this.#subscriber.receive()).payload), payload);
  }
}

/** Runs `attack` and checks on the bystander before, meanwhile and after. */
function underAttack(
  args: readonly string[],
  attack: (broker: RunningBroker, bystander: Bystander) => Promise<void>,
): Promise<void> {
  return withBroker({ args }, async (broker) => {
    const bystander = await Bystander.join(broker);
    await bystander.trade();
    await attack(broker, bystander);
    await bystander.trade();
    assertEquals(broker.stderr().includes("this is a bug"), false, broker.stderr());
  });
}

/** A connection below MQTT. */
class RawClient {
  readonly socket: Socket;
  readonly closed: Promise<void>;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on("error", () => undefined);
    socket.resume();
    this.closed = new Promise((resolve) => socket.once("close", () => resolve()));
  }

  static open(port: number): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new RawClient(socket));
      });
    });
  }

  send(bytes: readonly number[]): void {
    if (this.socket.writable) this.socket.write(Uint8Array.from(bytes));
  }
}

/** Memory that the broker has taken meanwhile; 0 where nobody can tell. */
async function growthOf({ pid }: RunningBroker, during: () => Promise<void>): Promise<number> {
  const before = rssBytes(pid) ?? 0;
  await during();
  return (rssBytes(pid) ?? 0) - before;
}

test("a CONNECT that comes byte by byte has no more time than any other", () =>
  underAttack(["--set", "mqtt.connect_timeout=300ms"], async ({ port }, bystander) => {
    const drip = await RawClient.open(port);
    const bytes = [0x10, 0x0d, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, 0, 0];
    let [at, isClosed] = [0, false];
    void drip.closed.then(() => isClosed = true);
    while (!isClosed && at < bytes.length) {
      drip.send([bytes[at++] as number]);
      await clockPasses(Date.now() + 60);
    }
    await within(drip.closed, "the end of the connection");
    assert(at < bytes.length, "it had not sent its whole CONNECT");
    await bystander.trade();
  }));

test("very many connections without CONNECT are all closed, and take little", () =>
  underAttack(["--set", "mqtt.connect_timeout=1s"], async (broker, bystander) => {
    const grown = await growthOf(broker, async () => {
      const clients: RawClient[] = [];
      for (let n = 0; n < 500; n++) clients.push(await RawClient.open(broker.port));
      // Each announces as much as it may and sends next to nothing of it.
      for (const client of clients) client.send([0x10, 0xff, 0xff, 0x0b, 0, 4, 0x4d]);
      await bystander.trade();
      await within(Promise.all(clients.map(({ closed }) => closed)), "the end of them all");
    });
    assert(grown < 60 * MB, `${grown / MB} MB`);
  }));

for (
  const [what, bytes] of [
    ["a CONNECT that announces 256 MB", [0x10, 0xff, 0xff, 0xff, 0x7f]],
    ["a CONNECT that announces more than limits.max_connect_size", [0x10, 0xff, 0xff, 0x3f]],
    ["a remaining length of five bytes", [0x10, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ["a PUBLISH that announces 256 MB", [0x30, 0xff, 0xff, 0xff, 0x7f]],
    ["something that is not MQTT", [...Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
  ] as const
) {
  test(`before CONNECT, ${what} ends the connection at once`, () =>
    underAttack([], async ({ port }) => {
      const client = await RawClient.open(port);
      client.send(bytes);
      await within(client.closed, "the end of the connection", 5000);
    }));
}

test("topics and filters of 65,535 levels are refused", () =>
  underAttack([], async ({ port }) => {
    const subscriber = await TestClient.connect(port);
    const deep = "/".repeat(65_534);
    assertEquals((await subscriber.subscribe(deep)).granted as unknown, [0x8f]);
    for (let n = 0; n < 20; n++) {
      const client = await TestClient.connect(port);
      client.send({ cmd: "publish", topic: deep, payload: "", qos: 0, retain: true, dup: false });
      assertEquals((await client.expect("disconnect")).reasonCode, 0x90);
      await client.expectClosed();
    }
    await subscriber.expectNothing();
  }));

test("a refused topic of 64 KiB that is all quotation marks ends its connection with a reason", () =>
  underAttack([], async ({ port }) => {
    const client = await TestClient.connect(port);
    const topic = Buffer.from(`${'"'.repeat(65_000)}#`);
    client.send(
      new Uint8Array(Buffer.concat([
        Buffer.from([0x30, 0xec, 0xfb, 0x03, topic.length >> 8, topic.length & 0xff]),
        topic,
        Buffer.from([0]),
      ])),
    );
    assertEquals((await client.expect("disconnect")).reasonCode, 0x90);
    await client.expectClosed();
  }));

test("user properties of 64 KiB by the thousand go to nobody and are not kept", () =>
  underAttack([], async (broker) => {
    const { port } = broker;
    const subscriber = await TestClient.connect(port);
    await subscriber.subscribe("flood/#", { qos: 1 });
    const client = await TestClient.connect(port);
    const userProperties = { key: Array.from({ length: 10 }, () => "x".repeat(65_000)) };
    const grown = await growthOf(broker, async () => {
      for (let id = 1; id <= 200; id++) {
        client.send({
          cmd: "publish",
          topic: `flood/${id}`,
          payload: "x",
          qos: 1,
          messageId: id,
          retain: true,
          dup: false,
          properties: { userProperties },
        });
        assertEquals((await client.expect("puback")).reasonCode, 0x97);
      }
    });
    assert(grown < 100 * MB, `${grown / MB} MB`);
    await subscriber.expectNothing();
  }));

test("10,000 filters in one SUBSCRIBE keep nobody waiting", () =>
  underAttack([], async ({ port }, bystander) => {
    const publisher = await TestClient.connect(port);
    for (let n = 0; n < 300; n++) await publisher.publish(`r/${n}`, "x", { retain: true });
    const client = await TestClient.connect(port, { version: 4 });
    client.pause();
    const subscriptions = Array.from(
      { length: 10_000 },
      (_, n) => ({ topic: n % 2 === 0 ? "r/#" : `r/${"+/".repeat(n % 50)}${n}`, qos: 1 as const }),
    );
    client.send({ cmd: "subscribe", messageId: 1, subscriptions });
    for (let n = 0; n < 20; n++) await bystander.trade();
    client.resume();
    const suback = await client.expect("suback");
    assertEquals(suback.granted.length, 10_000);
  }));

test("a storm of takeovers on one client identifier is the business of its clients alone", () =>
  underAttack([], async (broker, bystander) => {
    const { port } = broker;
    const connectFrame = [
      0x10,
      0x14,
      0,
      4,
      0x4d,
      0x51,
      0x54,
      0x54,
      5,
      0,
      0,
      0, // clean start 0, keep alive 0
      5,
      0x11,
      0,
      0,
      0x0e,
      0x10,
      0,
      2,
      0x69,
      0x64, // session expiry 3600, client identifier "id"
    ];
    const grown = await growthOf(broker, async () => {
      for (let round = 0; round < 10; round++) {
        const clients = await Promise.all(
          Array.from({ length: 100 }, () => RawClient.open(port)),
        );
        for (const client of clients) client.send(connectFrame);
        await bystander.trade();
        // The last one has it; it ends with the next round.
        const ended = clients.map(({ closed }) => closed);
        const last = new Promise<void>((resolve) => {
          let left = ended.length;
          for (const each of ended) void each.then(() => --left <= 1 && resolve());
        });
        await within(last, "the end of all but one");
      }
    });
    assert(grown < 80 * MB, `${grown / MB} MB`);
    const owner = await TestClient.connect(port, { clientId: "id", clean: false });
    assertEquals(owner.connack.sessionPresent, true);
  }));

test("a subscriber that stops reading costs no more than its buffer and its queue", () =>
  underAttack(
    [
      "--set",
      "mqtt.max_outbound_buffer=1MB",
      "--set",
      "mqtt.max_queued_bytes=1MB",
      "--set",
      "mqtt.sys_interval=1s",
    ],
    async (broker, bystander) => {
      const { port } = broker;
      const frozen = await TestClient.connect(port, { clientId: "frozen" });
      await frozen.subscribe("flood/0", { qos: 0 });
      await frozen.subscribe("flood/1", { qos: 1 });
      frozen.pause();
      const publisher = await TestClient.connect(port, { version: 4 });
      const grown = await growthOf(broker, async () => {
        for (let n = 0; n < 3000; n++) {
          const qos = (n % 2) as 0 | 1;
          await publisher.publish(`flood/${qos}`, Buffer.alloc(20_000), { qos });
          if (n % 500 === 0) await bystander.trade();
        }
      });
      assert(grown < 60 * MB, `${grown / MB} MB of 60 that were for it`);
      const watcher = await TestClient.connect(port);
      await watcher.subscribe("$SYS/broker/publish/messages/dropped");
      // What was dropped is counted, within the interval of $SYS.
      while (Number((await watcher.receive()).payload) < 2500);
      frozen.cut();
    },
  ));

test("names that JavaScript has a meaning for are names like others", () =>
  underAttack([], async ({ port }) => {
    for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString", "valueOf"]) {
      const fields = { clientId: name, username: name, clean: false };
      const properties = { sessionExpiryInterval: 60 };
      const first = await TestClient.connect(port, { ...fields, properties });
      assertEquals(first.connack.sessionPresent, false);
      for (const filter of [name, `${name}/+`, `$share/${name}/${name}/shared`]) {
        assertEquals((await first.subscribe(filter, { qos: 1 })).granted as unknown, [1]);
      }
      const userProperties = { [name]: name };
      await first.publish(name, name, { qos: 0, retain: true, properties: { userProperties } });
      assertEquals(String((await first.receive()).payload), name);
      await first.publish(`${name}/shared`, name, { qos: 0 });
      assertEquals(String((await first.receive()).payload), name);
      assertEquals(String((await first.receive()).payload), name);
      await first.disconnect();
      const again = await TestClient.connect(port, { ...fields, properties });
      assertEquals(again.connack.sessionPresent, true);
      await again.disconnect();
    }
  }));

test("nobody writes lines of their own into the log, or to the terminal that shows it", () => {
  const evil =
    "x\r\n2030-01-01T00:00:00.000Z error Forged\u001b[2J\u009b31m\u202e\u2066\u200f\u2028";
  return underAttack(["--log-level", "debug"], async (broker) => {
    const { port } = broker;
    const client = await TestClient.connect(port, { clientId: evil, username: evil });
    client.send({
      cmd: "publish",
      topic: `${evil}/`.repeat(200),
      payload: "",
      qos: 0,
      retain: false,
      dup: false,
    });
    await client.expect("disconnect");
    const second = await TestClient.open(port);
    second.sendConnect({
      clientId: evil,
      will: { topic: `${evil}/`.repeat(200), payload: Buffer.from(evil), qos: 0, retain: false },
    });
    assertEquals((await second.expect("connack")).reasonCode, 0x90);
    const third = await TestClient.open(port);
    third.sendConnect({ clientId: evil, properties: { authenticationMethod: evil } });
    await third.expect("connack");
    await broker.logged("Closed a connection after a protocol error");
    const lines = broker.stderr().trimEnd().split("\n");
    for (const line of lines) {
      assert(/^\d{4}-\d\d-\d\dT[\d:.]+Z (?:info |debug|warn ) /.test(line), JSON.stringify(line));
      // deno-lint-ignore no-control-regex -- control characters are what is looked for
      assert(!/[\u0000-\u001f\u007f-\u009f\u200b-\u200f\u2028-\u202e\u2066-\u2069]/.test(line));
    }
    assertStringIncludes(broker.stderr(), "\\u001b[2J");
  });
});

/** The kernel's timer for a connection that the broker has accepted: "02" counts towards a keep alive probe. */
async function kernelTimer(brokerPort: number, clientPort: number): Promise<string | undefined> {
  const hex = (port: number): string => port.toString(16).toUpperCase().padStart(4, "0");
  const table = await readFile("/proc/net/tcp", "utf8").catch(() => "");
  const row = table.split("\n").map((line) => line.trim().split(/\s+/)).find(([, local, remote]) =>
    local?.endsWith(`:${hex(brokerPort)}`) && remote?.endsWith(`:${hex(clientPort)}`)
  );
  return row?.[5]?.slice(0, 2);
}

test("the system looks after connections that nothing is ever heard of", async (context) => {
  await withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port, { keepalive: 0 });
    let timer = await kernelTimer(port, client.localPort);
    // Until CONNACK is acknowledged, the timer is the one for sending it again.
    while (timer === "01") timer = await kernelTimer(port, client.localPort);
    if (timer === undefined) context.skip("there is no /proc/net/tcp");
    else assertEquals(timer, "02");
  });
});

test("a flood of refused clients and callers leaves few lines in the log, and their number", () =>
  withBroker({
    args: ["auth.allow_anonymous=false", "limits.client_log_rate=1"].flatMap((set) => [
      "--set",
      set,
    ]),
  }, async (broker) => {
    const attempts = 30;
    for (let i = 0; i < attempts; i++) {
      const client = await TestClient.open(broker.port);
      client.sendConnect();
      await client.expect("connack");
      const { status, body } = await fetch(`${broker.httpUrl}/api/v3/brokers/`);
      await body?.cancel();
      assertEquals(status, 401);
    }
    await broker.stop();
    const lines = broker.stderr().split("\n");
    for (const kind of ["Refused a client", "HTTP request"]) {
      const ofKind = lines.filter((line) => line.includes(` ${kind}`));
      const leftOut = ofKind.map((line) => Number(/…and .* leftOut=(\d+)/.exec(line)?.[1] ?? 0));
      const sums = leftOut.filter((count) => count > 0);
      assert(sums.length > 0, broker.stderr());
      const written = ofKind.length - sums.length;
      assertEquals(written + sums.reduce((sum, count) => sum + count, 0), attempts);
    }
  }));
