// deno-lint-ignore-file camelcase -- the spelling of the product
import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { Prng, SILENT_LOGGER } from "../../../src/base/mod.ts";
import { encodeUtf8 } from "../../../src/mqtt/mod.ts";
import { EventBit } from "../../../src/ports/mod.ts";
import type { HttpClientRequest } from "../../../src/runtime/mod.ts";
import { HttpClientError } from "../../../src/runtime/mod.ts";
import { HostRules } from "../../../src/sinks/mod.ts";
import {
  encodePayload,
  HOOK_NAMES,
  parseHookRule,
  WebHook,
  type WebHookOptions,
} from "../../../src/web_hook/mod.ts";
import { BY_USERNAME, MemoryBroker } from "../../support/memory_broker.ts";

const OPTIONS: WebHookOptions = {
  isEnabled: true,
  url: "http://127.0.0.1:8080/hook",
  headers: [["x-key", "secret"]],
  encodePayload: "none",
  rules: [],
  timeoutMs: 5000,
  parallelMax: 8,
  queuedMax: 100,
  queuedBytesMax: 100_000,
  whenFull: "drop-newest",
  retriesMax: 2,
  retryDelayMaxMs: 1000,
  caFile: undefined,
  verifiesPeer: true,
};
const OPEN = new HostRules({ allowHosts: [], denyHosts: [] });

type Body = Record<string, unknown>;

/** A broker in memory with a web hook, whose service does what the test says. */
class Rig {
  readonly memory = new MemoryBroker({
    authenticator: BY_USERNAME,
    options: { sysIntervalMs: 86_400_000 },
  });
  readonly bodies: Body[] = [];
  readonly requests: HttpClientRequest[] = [];
  readonly alarms: string[] = [];
  readonly hook: WebHook;
  clients = 0;
  /** Undefined: there is no answer at all. */
  answer: (() => Promise<number>) | undefined = () => Promise.resolve(200);

  constructor(options: Partial<WebHookOptions> = {}) {
    const { runtime, broker } = this.memory;
    this.hook = new WebHook({
      events: broker.events,
      runtime: {
        every: (ms, fn) => runtime.every(ms, fn),
        defer: (fn) => runtime.defer(fn),
        yieldTurn: (fn) => runtime.yieldTurn(fn),
        createHttpClient: () => {
          this.clients++;
          return Promise.resolve({
            send: (request: HttpClientRequest) => this.#send(request),
            probe: () => Promise.resolve(),
            close: () => undefined,
          });
        },
      },
      clock: runtime.clock,
      logger: SILENT_LOGGER,
      alarms: {
        raise: ({ id, description }) => this.alarms.push(`${id}: ${description}`),
        clear: (id) => this.alarms.push(`${id} is over`),
      },
      prng: new Prng(1),
      hosts: () => OPEN,
    });
    this.configure(options);
  }

  configure(options: Partial<WebHookOptions>): void {
    this.hook.configure({ ...OPTIONS, ...options }, undefined);
  }

  /** What has been posted since the last call. */
  async posted(): Promise<Body[]> {
    await this.memory.runtime.settled();
    return this.bodies.splice(0);
  }

  async actions(): Promise<string> {
    return (await this.posted()).map(({ action }) => action).join(" ");
  }

  #send(request: HttpClientRequest): Promise<number> {
    this.requests.push(request);
    this.bodies.push(JSON.parse(new TextDecoder().decode(request.body)) as Body);
    return this.answer?.() ?? new Promise(() => undefined);
  }
}

test("WebHook posts the eleven hooks as the product does", async () => {
  const rig = new Rig({ parallelMax: 1 });
  const { memory } = rig;
  const nowS = Math.floor(memory.runtime.clock.nowMs() / 1000);
  const client = memory.connectFrom("192.0.2.7", {
    clientId: "c1",
    username: "joe",
    keepalive: 60,
    version: 4,
  });
  const who = { client_id: "c1", username: "joe" };
  assertEquals(await rig.posted(), [
    { action: "session_created", ...who },
    {
      action: "client_connected",
      ...who,
      keepalive: 60,
      ipaddress: "192.0.2.7",
      proto_ver: 4,
      connected_at: nowS,
      conn_ack: 0,
    },
  ]);
  const subscriptions = [{ topic: "a/+", qos: 1 }, { topic: "b", qos: 0 }] as const;
  client.send({ cmd: "subscribe", messageId: 1, subscriptions: [...subscriptions] });
  const opts = (qos: number) => ({ qos, nl: 0, rap: 0, rh: 0 });
  assertEquals(await rig.posted(), [
    { action: "client_subscribe", ...who, topic: "a/+", opts: opts(1) },
    { action: "client_subscribe", ...who, topic: "b", opts: opts(0) },
    { action: "session_subscribed", ...who, topic: "a/+", opts: opts(1) },
    { action: "session_subscribed", ...who, topic: "b", opts: opts(0) },
  ]);
  const publish = { cmd: "publish", topic: "a/b", payload: "hellö", retain: false, dup: false };
  client.send({ ...publish, cmd: "publish", qos: 1, messageId: 2 });
  await rig.memory.runtime.settled();
  client.send({ cmd: "puback", messageId: 1 });
  const from = { from_client_id: "c1", from_username: "joe" };
  const message = { topic: "a/b", qos: 1, retain: false, payload: "hellö", ts: nowS };
  assertEquals(await rig.posted(), [
    { action: "message_publish", ...from, ...message },
    { action: "message_deliver", ...who, ...from, ...message },
    { action: "message_acked", ...who, ...from, ...message },
  ]);
  client.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["b"] });
  assertEquals(await rig.posted(), [
    { action: "client_unsubscribe", ...who, topic: "b" },
    { action: "session_unsubscribed", ...who, topic: "b" },
  ]);
  client.send({ cmd: "disconnect" });
  assertEquals(await rig.posted(), [
    { action: "client_disconnected", ...who, reason: "normal" },
    { action: "session_terminated", ...who, reason: "disconnected" },
  ]);
  const [first] = rig.requests;
  assertEquals([first?.method, first?.url.href], ["POST", OPTIONS.url]);
  assertEquals(first?.headers["x-key"], "secret");
  assertEquals(first?.headers["content-type"], "application/json");
});

test("WebHook says undefined, as the product does, of who has no name", async () => {
  const rig = new Rig({ rules: ["client.connected", "message.publish"], parallelMax: 1 });
  const client = rig.memory.connect({ clientId: "c1" });
  client.send({ cmd: "publish", topic: "a", payload: "1", qos: 0, retain: true, dup: false });
  const [connected, published] = await rig.posted();
  assertEquals(connected?.["username"], "undefined");
  assertEquals([published?.["from_username"], published?.["retain"]], ["undefined", true]);
});

test("WebHook posts what its rules are about, once for each, and wants to hear of nothing else", async () => {
  const rig = new Rig({
    rules: ["message.publish a/#", "message.publish +/b", "session.subscribed a/#"],
  });
  assertEquals(rig.hook.mask, EventBit.messagePublish | EventBit.sessionSubscribed);
  const client = rig.memory.connect({ clientId: "c1" });
  for (const topic of ["a/b", "a/c", "c"]) {
    client.send({ cmd: "publish", topic, payload: "", qos: 0, retain: false, dup: false });
    client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic, qos: 0 }] });
  }
  const posted = (await rig.posted()).map(({ action, topic }) => `${action} ${topic}`);
  assertEquals(posted.sort(), [
    "message_publish a/b",
    "message_publish a/b",
    "message_publish a/c",
    "session_subscribed a/b",
    "session_subscribed a/c",
  ]);
});

test("WebHook posts nothing of $SYS that is published", async () => {
  const rig = new Rig({ rules: ["message.publish", "message.publish $SYS/#"] });
  const subscriber = rig.memory.connect({ clientId: "c1" });
  const subscriptions = [{ topic: "$SYS/+/x", qos: 0 }] as const;
  subscriber.send({ cmd: "subscribe", messageId: 1, subscriptions: [...subscriptions] });
  await rig.memory.runtime.settled();
  rig.memory.broker.createController("n").announce("$SYS/brokers/x", "1");
  await rig.memory.runtime.settled();
  assertEquals(subscriber.take().map(({ cmd }) => cmd), ["suback", "publish"]);
  assertEquals(await rig.actions(), "");
});

test("WebHook keeps what is about one client in order, whatever the service does", async () => {
  const rig = new Rig({ rules: ["message.publish"], parallelMax: 4 });
  const waiting: ((status: number) => void)[] = [];
  rig.answer = () => new Promise((resolve) => waiting.push(resolve));
  const clients = ["a", "b", "c", "d", "e"].map((clientId) => rig.memory.connect({ clientId }));
  for (let number = 0; number < 20; number++) {
    for (const client of clients) {
      const payload = String(number);
      client.send({ cmd: "publish", topic: "t", payload, qos: 0, retain: false, dup: false });
    }
  }
  const order = new Map<unknown, number[]>();
  const prng = new Prng(3);
  for (let left = 100; left > 0;) {
    for (const { from_client_id: id, payload } of await rig.posted()) {
      order.set(id, [...order.get(id) ?? [], Number(payload)]);
    }
    if (waiting.length > 4) throw new Error(`${waiting.length} requests at a time`);
    const [resolve] = waiting.splice(prng.nextInt(waiting.length), 1);
    resolve?.(200);
    left--;
  }
  assertEquals(order.size, 5);
  for (const numbers of order.values()) {
    assertEquals(numbers, Array.from({ length: 20 }, (_, index) => index));
  }
});

test("WebHook posts what happens in one turn in the order in which it happens, and before it is closed", async () => {
  const rig = new Rig({
    rules: ["message.publish", "client.subscribe", "client.disconnected"],
    parallelMax: 1,
  });
  const client = rig.memory.connect({ clientId: "c1" });
  const publish = (payload: string) =>
    client.send({ cmd: "publish", topic: "t", payload, qos: 0, retain: false, dup: false });
  publish("1");
  client.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: "a", qos: 0 }] });
  publish("2");
  client.send({ cmd: "disconnect" });
  assertEquals(
    await rig.actions(),
    "message_publish client_subscribe message_publish client_disconnected",
  );
  const other = rig.memory.connect({ clientId: "c2" });
  other.send({ cmd: "publish", topic: "t", payload: "3", qos: 0, retain: false, dup: false });
  // The hook hears of it in this turn, and is closed in it.
  rig.memory.runtime.defer(() => void rig.hook.close());
  assertEquals(await rig.actions(), "message_publish");
});

test("WebHook drops, and counts, what there is no room for, and tries again what failed", async () => {
  const rig = new Rig({ rules: ["message.publish"], queuedMax: 3, retriesMax: 1 });
  rig.answer = () => Promise.reject(new HttpClientError("refused", { code: "ECONNREFUSED" }));
  const client = rig.memory.connect({ clientId: "c1" });
  for (let number = 0; number < 5; number++) {
    client.send({
      cmd: "publish",
      topic: "t",
      payload: String(number),
      qos: 0,
      retain: false,
      dup: false,
    });
  }
  assertEquals((await rig.posted()).length, 1);
  const { offered, dropped, queued } = rig.hook.counters;
  assertEquals({ offered, dropped, queued }, { offered: 5, dropped: 2, queued: 3 });
  assertEquals(rig.alarms, [
    "web_hook_down: Cannot post to http://127.0.0.1:8080: refused",
  ]);
  rig.answer = () => Promise.resolve(200);
  rig.memory.runtime.advance(1000);
  assertEquals((await rig.posted()).map(({ payload }) => payload), ["0", "1", "2"]);
  assertEquals(rig.alarms.at(-1), "web_hook_down is over");
  assertEquals(rig.hook.counters.retried, 1);
});

test("WebHook tries again where the service is at fault, and only there", async () => {
  const rig = new Rig({ rules: ["message.publish"], retriesMax: 1 });
  const client = rig.memory.connect({ clientId: "c1" });
  const publish = (payload: string) =>
    client.send({ cmd: "publish", topic: "t", payload, qos: 0, retain: false, dup: false });
  rig.answer = () => Promise.resolve(503);
  publish("1");
  assertEquals((await rig.posted()).length, 1);
  rig.memory.runtime.advance(1000);
  assertEquals((await rig.posted()).length, 1);
  rig.answer = () => Promise.resolve(400);
  publish("2");
  assertEquals((await rig.posted()).length, 0, "the next try of the lane has its time, too");
  rig.memory.runtime.advance(1000);
  assertEquals((await rig.posted()).length, 1);
  rig.memory.runtime.advance(10_000);
  assertEquals((await rig.posted()).length, 0);
  assertEquals(rig.hook.counters.failed, 2);
});

test("WebHook wants nothing while it is off, and begins and ends at any time", async () => {
  const rig = new Rig({ isEnabled: false });
  assertEquals(rig.hook.mask, 0);
  const client = rig.memory.connect({ clientId: "c1" });
  assertEquals(await rig.actions(), "");
  rig.configure({});
  assertEquals(rig.hook.mask !== 0, true);
  client.send({ cmd: "publish", topic: "t", payload: "", qos: 0, retain: false, dup: false });
  assertEquals(await rig.actions(), "message_publish");
  rig.configure({ isEnabled: false });
  client.send({ cmd: "publish", topic: "t", payload: "", qos: 0, retain: false, dup: false });
  assertEquals(await rig.actions(), "");
  assertEquals(rig.hook.counters.delivered, 1);
});

test("WebHook keeps its connections where only the rules have changed", async () => {
  const rig = new Rig({ rules: ["client.connected"] });
  rig.memory.connect({ clientId: "c1" });
  await rig.posted();
  rig.configure({ rules: ["session.created"], encodePayload: "base64" });
  rig.memory.connect({ clientId: "c2" });
  assertEquals([await rig.actions(), rig.clients], ["session_created", 1]);
  rig.configure({ rules: ["session.created"], url: "http://127.0.0.1:8081" });
  rig.memory.connect({ clientId: "c3" });
  assertEquals([await rig.actions(), rig.clients], ["session_created", 2]);
  assertEquals(rig.requests.at(-1)?.url.port, "8081");
  assertEquals(rig.hook.counters.delivered, 3);
});

test("WebHook still posts what waits when another configuration comes, and not for ever", async () => {
  const rig = new Rig({ rules: ["message.publish"] });
  rig.answer = undefined;
  const client = rig.memory.connect({ clientId: "c1" });
  for (const payload of ["1", "2"]) {
    client.send({ cmd: "publish", topic: "t", payload, qos: 0, retain: false, dup: false });
  }
  await rig.posted();
  rig.configure({ rules: ["message.publish"], url: "http://127.0.0.1:8081" });
  rig.memory.runtime.advance(2001);
  await rig.posted();
  const { offered, dropped, queued } = rig.hook.counters;
  assertEquals({ offered, dropped, queued }, { offered: 2, dropped: 2, queued: 0 });
});

test("WebHook does not wait for what is down when it ends", async () => {
  const rig = new Rig({ rules: ["message.publish"], retriesMax: 10 });
  rig.answer = () => Promise.reject(new HttpClientError("refused", { code: "ECONNREFUSED" }));
  const client = rig.memory.connect({ clientId: "c1" });
  client.send({ cmd: "publish", topic: "t", payload: "", qos: 0, retain: false, dup: false });
  await rig.posted();
  const closed = rig.hook.close();
  rig.memory.runtime.advance(1);
  await closed;
});

test("WebHook makes nothing of a payload that it has no room for", async () => {
  const rig = new Rig({ rules: ["message.publish"], queuedBytesMax: 1024 });
  const client = rig.memory.connect({ clientId: "c1" });
  const payload = Buffer.alloc(2000);
  client.send({ cmd: "publish", topic: "t", payload, qos: 0, retain: false, dup: false });
  assertEquals([await rig.actions(), rig.hook.counters.dropped], ["", 1]);
});

test("parseHookRule() knows hooks, and filters where there is a topic", () => {
  for (const hook of HOOK_NAMES) assertEquals(parseHookRule(hook), { hook, filter: undefined });
  assertEquals(parseHookRule("message.acked a/+/#"), { hook: "message.acked", filter: "a/+/#" });
  assertEquals(parseHookRule("message.publish a b"), { hook: "message.publish", filter: "a b" });
  for (
    const text of [
      "",
      "message",
      "message.published",
      "message.publish a/#/b",
      "message.publish $share/g/a",
      "client.connected a",
      "session.terminated #",
      " message.publish",
      "toString",
    ]
  ) {
    assertEquals(parseHookRule(text), undefined, text);
  }
});

const ENCODED: ReadonlyArray<readonly [bytes: readonly number[], base64: string, base62: string]> =
  [
    [[], "", ""],
    [[0], "AA==", "AA"],
    [[255], "/w==", "9CD"],
    [[1, 2], "AQI=", "AQC"],
    [[104, 105, 33], "aGkh", "aGkh"],
    [[255, 255, 255], "////", "9C9C9C9C"],
    [[251, 239, 190, 243], "++++8w==", "9B9B9B9B8D"],
    [[0xf7, 0xdf, 0x7d, 0x0f, 0xff], "9999D/8=", "9A9A9A9AD9CP"],
  ];

test("encodePayload() keeps any bytes as Base64 and as what the product calls Base62", () => {
  for (const [bytes, base64, base62] of ENCODED) {
    const payload = Uint8Array.from(bytes);
    assertEquals([encodePayload(payload, "base64"), encodePayload(payload, "base62")], [
      base64,
      base62,
    ]);
  }
  const long = new Uint8Array(20_000).map((_, index) => index);
  const prng = new Prng(5);
  assertEquals(encodePayload(long, "base64"), Buffer.from(long).toString("base64"));
  for (let round = 0; round < 200; round++) {
    const bytes = Uint8Array.from({ length: prng.nextInt(30) }, () => prng.nextInt(256));
    assertEquals(fromBase62(encodePayload(bytes, "base62")), [...bytes]);
  }
  assertEquals(encodePayload(encodeUtf8("é"), "none"), "é");
  assertMatch(encodePayload(Uint8Array.of(0xff), "none"), /^\ufffd$/);
});

/** The other way round, as the product reads it. */
function fromBase62(text: string): number[] {
  const characters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012345678";
  const digits = [...text.matchAll(/9[A-C]|[A-Za-z0-8]/g)].map(([digit]) =>
    digit.startsWith("9") ? 61 + characters.indexOf(digit[1] ?? "") : characters.indexOf(digit)
  );
  const bits = digits.map((digit, index) => {
    // The last one has no more bits than are missing.
    const missing = 8 - index * 6 % 8;
    const width = index === digits.length - 1 && missing < 6 ? missing : 6;
    return digit.toString(2).padStart(width, "0");
  }).join("");
  return Array.from({ length: bits.length / 8 }, (_, at) => {
    return parseInt(bits.slice(at * 8, at * 8 + 8), 2);
  });
}
