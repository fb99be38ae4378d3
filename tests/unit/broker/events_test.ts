import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { decodeUtf8 } from "../../../src/mqtt/mod.ts";
import {
  BROKER_IDENTITY,
  type ClientEvent,
  EventBit,
  type EventClient,
  type EventSink,
  type MessageGrant,
} from "../../../src/ports/mod.ts";
import { type Message, type MessageOrigin, Publication } from "../../../src/session/mod.ts";
import {
  BY_USERNAME,
  MemoryBroker,
  type MemoryBrokerParts,
  type MemoryClient,
} from "../../support/memory_broker.ts";
import { LastingBroker } from "../../support/lasting_broker.ts";
import { messageOf, withFolder } from "../../support/storage_rig.ts";

const ALL = Object.values(EventBit).reduce((mask, bit) => mask | bit, 0);

/** What an event said, in a form that can be compared. */
type Line = Record<string, unknown>;

function messageLine(message: Publication | Message): Line {
  const { topic, qos, retain, origin } = message;
  const payload = decodeUtf8(message.payload, 0, message.payload.length);
  return { topic, payload, qos, retain, of: origin?.clientId };
}

/** Writes down whatever it hears of. */
class Recorder implements EventSink {
  mask: number;
  readonly lines: Line[] = [];
  readonly clients: EventClient[] = [];
  readonly origins: MessageOrigin[] = [];

  constructor(mask: number) {
    this.mask = mask;
  }

  onPublish(publication: Publication, origin: MessageOrigin): void {
    this.origins.push(origin);
    this.lines.push({ type: "message.publish", ...messageLine(publication) });
  }

  onDeliver(
    message: Publication | Message,
    receiver: EventClient,
    granted: MessageGrant,
  ): void {
    this.#about("message.deliver", message, receiver, granted);
  }

  onAcked(message: Message, receiver: EventClient, granted: MessageGrant): void {
    this.#about("message.acked", message, receiver, granted);
  }

  onDropped(
    message: Publication | Message,
    origin: MessageOrigin,
    reason: string,
    receiver: EventClient | undefined,
  ): void {
    this.origins.push(origin);
    const to = receiver?.clientId;
    this.lines.push({ type: "message.dropped", ...messageLine(message), reason, to });
  }

  onClient({ client, timestampMs: _time, ...event }: ClientEvent): void {
    this.clients.push(client);
    const { connectedAtMs: _connected, ...rest } = { connectedAtMs: 0, ...event };
    this.lines.push({ client: client.clientId, ...rest });
  }

  #about(
    type: string,
    message: Publication | Message,
    receiver: EventClient,
    { qos, retain }: MessageGrant,
  ): void {
    this.clients.push(receiver);
    if (message.origin !== undefined) this.origins.push(message.origin);
    const { clientId: to } = receiver;
    this.lines.push({
      type,
      ...messageLine(message),
      to,
      got: `${qos}${retain ? " retained" : ""}`,
    });
  }

  take(): Line[] {
    return this.lines.splice(0);
  }
}

function rig(
  mask: number,
  parts: MemoryBrokerParts = {},
): { memory: MemoryBroker; events: Recorder; settle: () => Line[] } {
  const events = new Recorder(mask);
  const memory = new MemoryBroker({
    authenticator: BY_USERNAME,
    ...parts,
    eventSinks: [events],
  });
  const settle = (): Line[] => {
    memory.runtime.settle();
    return events.take();
  };
  return { memory, events, settle };
}

function subscribe(
  memory: MemoryBroker,
  client: MemoryClient,
  topic: string,
  qos: 0 | 1 | 2,
): void {
  client.subscribe(topic, qos);
  memory.runtime.settle();
  client.expect("suback");
}

function topicsOf(client: MemoryClient): string[] {
  return client.take().flatMap((packet) => packet.cmd === "publish" ? [packet.topic] : []);
}

test("a session from its beginning to its end, in order and with everything that there is to tell", () => {
  const { memory, events, settle } = rig(ALL);
  const startMs = memory.runtime.clock.nowMs();
  const client = memory.connectFrom("10.0.0.7", {
    clientId: "c",
    username: "u",
    keepalive: 30,
    clean: true,
  });
  const { address, port, peername, listenerName, mountpoint, version, username } = events
    .clients[0] as EventClient;
  assertEquals(
    { address, listenerName, mountpoint, version, username },
    { address: "10.0.0.7", listenerName: "tcp:default", mountpoint: "", version: 5, username: "u" },
  );
  assertEquals(peername, `10.0.0.7:${port}`);
  assertEquals(events.take(), [
    { client: "c", type: "session.created" },
    {
      client: "c",
      type: "client.connected",
      keepAliveS: 30,
      cleanStart: true,
      isSessionPresent: false,
      isBridge: false,
      connack: 0,
    },
  ]);
  client.send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [
      { topic: "a/+", qos: 1, nl: true, rap: true, rh: 2 },
      { topic: "$share/g/b", qos: 0 },
      { topic: "a/#/b", qos: 0 },
    ],
  });
  const wanted = {
    topic: "a/+",
    shareName: "",
    qos: 1,
    noLocal: true,
    retainAsPublished: true,
    retainHandling: 2,
  };
  const shared = {
    topic: "b",
    shareName: "g",
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  };
  assertEquals(settle(), [
    { client: "c", type: "client.subscribe", filters: [wanted, shared] },
    { client: "c", type: "session.subscribed", subscription: wanted, isNew: true },
    { client: "c", type: "session.subscribed", subscription: shared, isNew: true },
  ]);
  client.subscribe("a/+", 2, 2);
  const changed = {
    ...wanted,
    qos: 2,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  };
  assertEquals(settle(), [
    { client: "c", type: "client.subscribe", filters: [changed] },
    { client: "c", type: "session.subscribed", subscription: changed, isNew: false },
  ]);
  client.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["a/+", "x"] });
  assertEquals(settle(), [
    {
      client: "c",
      type: "client.unsubscribe",
      filters: [{ topic: "a/+", shareName: "" }, { topic: "x", shareName: "" }],
    },
    { client: "c", type: "session.unsubscribed", subscription: changed },
  ]);
  client.send({ cmd: "disconnect", reasonCode: 0 });
  assertEquals(settle(), [
    { client: "c", type: "client.disconnected", reason: "normal" },
    { client: "c", type: "session.terminated", reason: "disconnected" },
  ]);
  assertEquals(new Set(events.clients).size, 1);
  assertEquals(memory.runtime.clock.nowMs(), startMs);
  assertEquals(memory.errors, []);
});

test("reasons for which connections and sessions end", () => {
  const { memory, settle } = rig(
    EventBit.clientDisconnected | EventBit.sessionTerminated | EventBit.sessionResumed,
  );
  const properties = { sessionExpiryInterval: 10 };
  const connect = (fields = {}): MemoryClient =>
    memory.connect({ clientId: "c", keepalive: 4, clean: false, properties, ...fields });
  connect();
  connect();
  assertEquals(settle(), [
    { client: "c", type: "client.disconnected", reason: "discarded" },
    { client: "c", type: "session.resumed" },
  ]);
  memory.runtime.advance(6001);
  assertEquals(settle(), [
    { client: "c", type: "client.disconnected", reason: "keepalive_timeout" },
  ]);
  memory.runtime.advance(10_001);
  assertEquals(settle(), [{ client: "c", type: "session.terminated", reason: "expired" }]);
  const lost = connect();
  lost.peer.end();
  assertEquals(settle(), [{ client: "c", type: "client.disconnected", reason: "closed" }]);
  connect({ clean: true });
  assertEquals(settle(), [{ client: "c", type: "session.terminated", reason: "discarded" }]);
  void memory.broker.createController("n").end("c", { onlyOffline: false });
  assertEquals(settle(), [
    { client: "c", type: "client.disconnected", reason: "kicked" },
    { client: "c", type: "session.terminated", reason: "kicked" },
  ]);
  connect().send(Uint8Array.of(0xf1, 0));
  assertEquals(settle()[0], { client: "c", type: "client.disconnected", reason: "protocol_error" });
});

test("a client that is refused makes no event", () => {
  const { memory, settle } = rig(ALL, {
    authenticator: { authenticate: () => ({ denied: 0x86 }) },
  });
  memory.client({ clientId: "c" });
  assertEquals(settle(), []);
});

test("a message on its way: published before it is routed, delivered, acknowledged", () => {
  const { memory, events, settle } = rig(
    EventBit.messagePublish | EventBit.messageDeliver |
      EventBit.messageAcked | EventBit.messageDropped,
  );
  const publisher = memory.connectFrom("10.0.0.1", { clientId: "p", username: "pu" });
  const nowMs = memory.runtime.clock.nowMs();
  for (const qos of [0, 1, 2] as const) {
    const receiver = memory.connectFrom("10.0.0.2", { clientId: `r${qos}`, username: "ru" });
    subscribe(memory, receiver, `t/${qos}`, qos);
    publisher.publish(`t/${qos}`, "x", 2, 7 + qos);
    const message = { topic: `t/${qos}`, payload: "x", qos: 2, retain: false, of: "p" };
    assertEquals(settle(), [
      { type: "message.publish", ...message },
      { type: "message.deliver", ...message, to: `r${qos}`, got: `${qos}` },
    ]);
    if (qos === 0) continue;
    const [{ messageId = 0 }] = receiver.expect("publish");
    receiver.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId, reasonCode: 0 });
    assertEquals(settle(), [
      { type: "message.acked", ...message, to: `r${qos}`, got: `${qos}` },
    ]);
    if (qos === 1) continue;
    receiver.send({ cmd: "pubcomp", messageId, reasonCode: 0 });
    assertEquals(settle(), []);
  }
  const [first] = events.origins as [MessageOrigin];
  assertEquals(
    [first.clientId, first.username, first.peername?.split(":")[0], first.timestampMs],
    ["p", "pu", "10.0.0.1", nowMs],
  );
  assertMatch(first.id, /^[0-9A-F]{32}$/);
  // Publish and deliver; publish, deliver and acked, twice.
  assertEquals(events.origins.map((each) => each === first).lastIndexOf(true), 1);
  assertEquals(new Set(events.origins.map(({ id }) => id)).size, 3);
  assert(events.clients.every(({ peername }) => peername?.startsWith("10.0.0.2:")));
});

test("a message that nobody may publish, or that is a duplicate, is no event; $SYS topics and wills are", () => {
  const { memory, settle } = rig(EventBit.messagePublish, {
    authorizer: { authorize: (_who, _action, topic) => topic === "no" ? "deny" : "allow" },
    options: { sysIntervalMs: 1000 },
  });
  assert(settle().every(({ topic }) => String(topic).startsWith("$SYS/")));
  const client = memory.connect({
    clientId: "c",
    will: { topic: "will", payload: Buffer.from("w"), qos: 0, retain: false },
  });
  settle();
  client.publish("no", "x");
  client.publish("yes", "x", 2, 1);
  client.publish("yes", "x", 2, 1);
  assertEquals(settle().map(({ topic, of }) => [topic, of]), [["yes", "c"]]);
  client.peer.end();
  assertEquals(settle().map(({ topic, payload, of }) => [topic, payload, of]), [[
    "will",
    "w",
    "c",
  ]]);
});

test("a message that came on no connection is its publisher's, with the user name that it came under", () => {
  const { memory, events, settle } = rig(EventBit.messagePublish | EventBit.messageDropped);
  const message = messageOf("t", "x", { publisherId: "c" });
  const identity = { ...BROKER_IDENTITY, clientId: "api", username: "u" };
  void memory.broker.publisher.publishMessage(message, identity);
  void memory.broker.publisher.publishMessage({ ...message, publisherId: "" }, identity);
  assertEquals(settle().map(({ type, of }) => [type, of]), [
    ["message.publish", "c"],
    ["message.dropped", "c"],
    ["message.publish", "api"],
    ["message.dropped", "api"],
  ]);
  assertEquals(new Set(events.origins).size, 2);
  assert(events.origins.every(({ username, peername }) => username === "u" && !peername));
});

test("who is gone before its CONNACK was neither connected nor disconnected", () =>
  withFolder(async (folder) => {
    const broker = await LastingBroker.start(folder);
    const { memory } = broker;
    const events = new Recorder(ALL);
    memory.broker.events.add(events);
    const properties = { sessionExpiryInterval: 10 };
    const client = memory.client({ clientId: "c", properties });
    memory.runtime.settle();
    assertEquals(events.take(), [{ client: "c", type: "session.created" }]);
    client.peer.reset();
    memory.runtime.settle();
    await broker.pass(1000);
    assertEquals(events.take(), []);
    await broker.pass(10_000);
    assertEquals(events.take(), [{ client: "c", type: "session.terminated", reason: "expired" }]);
    await broker.abandon();
  }));

test("acknowledgements in a row, and of what was sent before anybody wanted to hear of it", () => {
  const { memory, events, settle } = rig(0);
  const publisher = memory.connect({ clientId: "p" });
  const receiver = memory.connect({ clientId: "r" });
  subscribe(memory, receiver, "t", 1);
  publisher.publish("t", "before", 1, 1);
  memory.runtime.settle();
  events.mask = EventBit.messageAcked;
  memory.broker.events.refresh();
  publisher.publish("t", "a", 1, 2);
  publisher.publish("t", "b", 1, 3);
  memory.runtime.settle();
  receiver.take();
  // The session ends with its connection, so nothing was kept of the first.
  receiver.send(Uint8Array.of(0x40, 2, 0, 1, 0x40, 2, 0, 2, 0x40, 2, 0, 3, 0x40, 2, 0, 9));
  assertEquals(settle().map(({ type, payload, to }) => [type, payload, to]), [
    ["message.acked", "a", "r"],
    ["message.acked", "b", "r"],
  ]);
  assertEquals(memory.broker.counters.pubackMissed, 1);
});

test("messages that are dropped, and why", () => {
  const { memory, settle } = rig(EventBit.messageDropped, {
    options: { maxQueuedMessages: 1 },
  });
  const drops = (): unknown[] => settle().map(({ payload, reason, to }) => [payload, reason, to]);
  const publisher = memory.connect({ clientId: "p" });
  publisher.publish("nobody", "0");
  assertEquals(drops(), [["0", "no_subscribers", undefined]]);
  const properties = { sessionExpiryInterval: 1000 };
  const away = memory.connect({ clientId: "r", properties });
  subscribe(memory, away, "t", 1);
  away.peer.end();
  memory.runtime.settle();
  publisher.publish("t", "1");
  assertEquals(drops(), [["1", "offline", "r"]]);
  publisher.send({
    cmd: "publish",
    topic: "t",
    payload: "2",
    qos: 1,
    messageId: 1,
    retain: false,
    dup: false,
    properties: { messageExpiryInterval: 5 },
  });
  assertEquals(drops(), []);
  memory.runtime.advance(6000);
  memory.connect({ clientId: "r", clean: false, properties }).peer.end();
  assertEquals(drops(), [["2", "expired", "r"]]);
  publisher.publish("t", "3", 1, 2);
  publisher.publish("t", "4", 1, 3);
  assertEquals(drops(), [["3", "queue_full", "r"]]);
  const small = memory.connect({ clientId: "s", properties: { maximumPacketSize: 60 } });
  subscribe(memory, small, "u", 1);
  publisher.publish("u", "5".repeat(60));
  publisher.publish("u", "6".repeat(60), 1, 4);
  assertEquals(drops(), [
    ["5".repeat(60), "too_large", "s"],
    ["6".repeat(60), "too_large", "s"],
  ]);
});

test("a queue that drops the newest, and a shared subscription whose members can take nothing", () => {
  const { memory, settle } = rig(EventBit.messageDropped, {
    options: { maxQueuedMessages: 1, queueFull: "drop_newest" },
  });
  const publisher = memory.connect({ clientId: "p" });
  const properties = { sessionExpiryInterval: 1000 };
  for (const clientId of ["r", "s"]) {
    const member = memory.connect({ clientId, properties });
    subscribe(memory, member, "$share/g/t", 1);
    if (clientId === "r") subscribe(memory, member, "own", 1);
    member.peer.end();
    memory.runtime.settle();
  }
  for (const [index, payload] of ["1", "2", "3"].entries()) {
    publisher.publish("t", payload, 1, index + 1);
  }
  const [drop, ...others] = settle();
  assertEquals([drop?.payload, drop?.reason, others], ["3", "no_member", []]);
  publisher.publish("own", "4", 1, 4);
  assertEquals(settle().map(({ payload, reason, to }) => [payload, reason, to]), [
    ["4", "queue_full", "r"],
  ]);
});

test("a session that the disk keeps tells of its messages, too", () => {
  const { memory, settle } = rig(EventBit.messageDeliver | EventBit.messageAcked);
  const properties = { sessionExpiryInterval: 1000 };
  const receiver = memory.connect({ clientId: "r", properties });
  subscribe(memory, receiver, "t", 2);
  const publisher = memory.connect({ clientId: "p" });
  publisher.publish("t", "x", 2, 1);
  assertEquals(settle().map(({ type, of }) => [type, of]), [["message.deliver", "p"]]);
  receiver.peer.end();
  memory.runtime.settle();
  const back = memory.client({ clientId: "r", clean: false, properties });
  assertEquals(settle().map(({ type, of }) => [type, of]), [["message.deliver", "p"]]);
  const [_connack, publish] = back.take();
  const messageId = publish?.messageId ?? 0;
  back.send({ cmd: "pubrec", messageId, reasonCode: 0 });
  back.send({ cmd: "pubrec", messageId, reasonCode: 0 });
  assertEquals(settle().map(({ type, of }) => [type, of]), [["message.acked", "p"]]);
});

test("topics and filters have the mountpoint", () => {
  const { memory, settle } = rig(ALL & ~EventBit.clientConnected & ~EventBit.sessionCreated);
  memory.mountpoint = "m/";
  const client = memory.connect({ clientId: "c" });
  client.subscribe("$share/g/t", 0);
  const filter = { topic: "m/t", shareName: "g" };
  const subscription = {
    ...filter,
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
  };
  assertEquals(settle(), [
    { client: "c", type: "client.subscribe", filters: [subscription] },
    { client: "c", type: "session.subscribed", subscription, isNew: true },
  ]);
  client.publish("t", "x");
  assertEquals(settle().map(({ type, topic }) => [type, topic]), [
    ["message.publish", "m/t"],
    ["message.deliver", "m/t"],
  ]);
  client.send({ cmd: "unsubscribe", messageId: 3, unsubscriptions: ["$share/g/t"] });
  assertEquals(settle(), [
    { client: "c", type: "client.unsubscribe", filters: [filter] },
    { client: "c", type: "session.unsubscribed", subscription },
  ]);
});

test("a message that a sink publishes goes out before the one that made it do so", () => {
  const { memory } = rig(0);
  const heard: string[] = [];
  const { publisher } = memory.broker;
  const republish = (topic: string): void => {
    const message = messageOf(topic, "again", { publisherId: "rule" });
    void publisher.publishMessage(message, BROKER_IDENTITY);
  };
  class Republisher extends Recorder {
    override onPublish({ topic }: Publication, { clientId }: MessageOrigin): void {
      heard.push(`${clientId} ${topic}`);
      if (topic === "a") republish("b");
    }
    override onDeliver({ topic }: Publication | Message): void {
      if (topic === "a") republish("c");
    }
  }
  memory.broker.events.add(new Republisher(EventBit.messagePublish | EventBit.messageDeliver));
  const properties = { sessionExpiryInterval: 1000 };
  const client = memory.connect({ clientId: "c", properties });
  subscribe(memory, client, "#", 1);
  client.publish("a", "x", 1, 1);
  memory.runtime.settle();
  assertEquals(topicsOf(client), ["b", "a", "c"]);
  assertEquals(heard, ["c a", "rule b", "rule c"]);
  // What is sent again makes new messages, too, and nothing goes out twice.
  client.peer.end();
  memory.runtime.settle();
  const back = memory.client({ clientId: "c", clean: false, properties });
  memory.runtime.settle();
  assertEquals(topicsOf(back), ["b", "a", "c", "c"]);
  assertEquals(memory.errors, []);
});

test("a sink that throws harms nobody, and is told of", () => {
  const { memory, settle } = rig(ALL);
  const fail = (): never => {
    throw new Error("a rule that is wrong");
  };
  memory.broker.events.add({
    mask: ALL,
    onPublish: fail,
    onDeliver: fail,
    onAcked: fail,
    onDropped: fail,
    onClient: fail,
  });
  const after = new Recorder(ALL);
  memory.broker.events.add(after);
  const client = memory.connect({ clientId: "c" });
  subscribe(memory, client, "t", 1);
  client.publish("t", "x", 1, 5);
  client.publish("nobody", "x", 1, 6);
  memory.runtime.settle();
  const commands = client.take().map(({ cmd }) => cmd);
  assertEquals(commands, ["publish", "puback", "puback"]);
  client.send({ cmd: "puback", messageId: 1, reasonCode: 0 });
  client.send({ cmd: "disconnect", reasonCode: 0 });
  const lines = settle();
  assertEquals(after.take(), lines);
  assertEquals(memory.broker.counters.eventErrors, lines.length);
  assertEquals(memory.errors.length, 1);
  assertMatch(memory.errors[0] ?? "", /a rule that is wrong/);
});

test("a sink that is taken out, or wants nothing any more, hears nothing", () => {
  const { memory, events, settle } = rig(ALL);
  const client = memory.connect({ clientId: "c" });
  settle();
  events.mask = 0;
  memory.broker.events.refresh();
  client.publish("t", "x");
  assertEquals(settle(), []);
  events.mask = ALL;
  memory.broker.events.refresh();
  memory.broker.events.remove(events);
  client.publish("t", "x");
  assertEquals(settle(), []);
});
