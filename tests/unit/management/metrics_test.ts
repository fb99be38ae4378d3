import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { MetricsView } from "../../../src/management/mod.ts";
import { ADMIN, ManagementRig } from "../../support/management_rig.ts";

/** A client whose PUBLISHes a test acknowledges by hand. */
type Client = ReturnType<ManagementRig["memory"]["connect"]>;

function publish(client: Client, topic: string, qos: 0 | 1 | 2, messageId = 1): void {
  client.publish(topic, "12345", qos, messageId);
}

test("metrics.read() has for a script of all packet types what is counted by hand", async () => {
  const rig = new ManagementRig({
    options: { maxQueuedMessages: 1, receiveMaximum: 1 },
    authorizer: {
      authorize: (_identity, _action, topic) => topic.startsWith("secret") ? "deny" : "allow",
    },
  });
  const { memory, service } = rig;
  const settle = (): void => memory.runtime.settle();
  const subscriber = memory.connect({ clientId: "s", properties: { sessionExpiryInterval: 100 } });
  subscriber.send({
    cmd: "subscribe",
    messageId: 1,
    subscriptions: [{ topic: "t", qos: 2 }, { topic: "secret", qos: 0 }, { topic: "u", qos: 0 }],
  });
  subscriber.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["u"] });
  subscriber.send({ cmd: "pingreq" });
  settle();
  const publisher = memory.connect({ clientId: "p" });
  publish(publisher, "t", 0);
  publish(publisher, "t", 1, 1);
  settle();
  publish(publisher, "t", 2, 2);
  settle();
  publisher.send({ cmd: "pubrel", messageId: 2 });
  publisher.send({ cmd: "pubrel", messageId: 9 });
  publish(publisher, "nobody", 0);
  publish(publisher, "secret/x", 1, 3);
  settle();
  // The subscriber got QoS 0, 1 and 2, and answers; then what nobody asked for.
  subscriber.send({ cmd: "puback", messageId: 1 });
  subscriber.send({ cmd: "pubrec", messageId: 2 });
  settle();
  subscriber.send({ cmd: "pubcomp", messageId: 2 });
  for (const cmd of ["puback", "pubrec", "pubcomp"] as const) {
    subscriber.send({ cmd, messageId: 77 });
  }
  settle();
  // Two QoS 1 messages that wait while it is away, in a queue for one; the one that is left expires.
  subscriber.send({ cmd: "disconnect" });
  settle();
  publish(publisher, "t", 1, 4);
  settle();
  publisher.send({
    cmd: "publish",
    topic: "t",
    payload: "x",
    qos: 1,
    retain: true,
    dup: false,
    messageId: 5,
    properties: { messageExpiryInterval: 1 },
  });
  settle();
  memory.runtime.advance(5000);
  memory.connect({ clientId: "s", clean: false, properties: { sessionExpiryInterval: 100 } });
  settle();
  await rig.settled(service.messages.publish({
    topic: "t",
    payload: new Uint8Array(5),
    qos: 0,
    retain: false,
    publisher: ADMIN,
  }));
  // Two at QoS 2 that are not released, where one is allowed.
  publish(publisher, "x", 2, 6);
  publish(publisher, "x", 2, 7);
  settle();
  assertEquals(publisher.take().at(-1)?.cmd, "disconnect");
  const metrics = await service.metrics.read();
  const expected: Partial<MetricsView> = {
    connect: 3,
    connack: 3,
    publish: { received: 9, sent: 4 },
    puback: { received: 2, sent: 4 },
    pubrec: { received: 2, sent: 2 },
    // To the subscriber, and to its PUBREC of nothing.
    pubrel: { received: 2, sent: 2 },
    pubcomp: { received: 2, sent: 2 },
    subscribe: 1,
    suback: 1,
    unsubscribe: 1,
    unsuback: 1,
    pingreq: 1,
    pingresp: 1,
    disconnect: { received: 1, sent: 1 },
    auth: { received: 0, sent: 0 },
    missed: { puback: 1, pubrec: 1, pubrel: 1, pubcomp: 1 },
    messagesReceived: { qos0: 2, qos1: 4, qos2: 3, total: 9 },
    messagesSent: { qos0: 2, qos1: 1, qos2: 1, total: 4 },
    sysMessagesSent: 0,
    messagesResent: 0,
    messagesFromApi: 1,
    messagesWithoutSubscriber: 2,
    messagesForwarded: 0,
    messagesRefused: 1,
    dropped: {
      total: 2,
      expired: 1,
      queueFull: 1,
      tooLarge: 0,
      slow: 0,
      qos2OverLimit: 1,
      qos2NotReleased: 0,
    },
    queued: { messages: 0, bytes: 0 },
    inflight: 0,
    subscribesRefused: 1,
    subscribesNotAuthorized: 1,
  };
  assertEquals(metrics, { ...metrics, ...expected });
  assertEquals(metrics.packets, { received: 3 + 9 + 8 + 4, sent: 3 + 4 + 10 + 4 });
  assertEquals(metrics.payloadBytes, { received: 8 * 5 + 1, sent: 4 * 5 });
  const { connected, disconnected, connectsRefused, protocolErrors } = metrics.connections;
  assertEquals([connected, disconnected, connectsRefused, protocolErrors], [3, 2, 0, 1]);
  const { created, resumed, takenOver, expired, ended } = metrics.sessions;
  assertEquals([created, resumed, takenOver, expired, ended], [2, 1, 0, 0, 1]);
  assertEquals(await service.metrics.stats(), {
    connections: { count: 1, max: 2 },
    sessions: { count: 1, max: 2 },
    persistentSessions: { count: 1, max: 1 },
    routes: { count: 1, max: 2 },
    subscribers: { count: 1, max: 1 },
    connectedSubscribers: { count: 1, max: 1 },
    subscriptions: { count: 1, max: 2 },
    sharedSubscriptions: { count: 0, max: 0 },
    retained: { count: 0, max: 1 },
  });
});

test("messages on $SYS are counted by themselves", async () => {
  const rig = new ManagementRig({ options: { sysIntervalMs: 60_000 } });
  rig.memory.connect().subscribe("$SYS/broker/version", 0);
  rig.memory.runtime.settle();
  const { messagesSent, sysMessagesSent, publish: packets, messagesWithoutSubscriber } = await rig
    .service.metrics.read();
  assertEquals(messagesSent.total, 0);
  assertEquals([sysMessagesSent, packets.sent, messagesWithoutSubscriber], [1, 1, 0]);
});

test("a message that is sent again is counted as that, too", async () => {
  const rig = new ManagementRig();
  const { memory, service } = rig;
  const fields = { clientId: "s", clean: false, properties: { sessionExpiryInterval: 100 } };
  const subscriber = memory.connect(fields);
  subscriber.subscribe("t", 1);
  memory.runtime.settle();
  publish(memory.connect(), "t", 1);
  memory.runtime.settle();
  subscriber.peer.reset();
  memory.runtime.settle();
  memory.client(fields);
  memory.runtime.settle();
  const { messagesSent, messagesResent } = await service.metrics.read();
  assertEquals([messagesSent.qos1, messagesResent], [2, 1]);
  const view = await service.clients.get("s");
  assertEquals([view?.traffic.sent.qos1, view?.session.deliveredMessages], [1, 2]);
});

test("why connections end is counted for their listener", async () => {
  const rig = new ManagementRig();
  const { memory, service } = rig;
  const left = memory.connect({ clientId: "left" });
  left.send({ cmd: "disconnect" });
  memory.connect({ clientId: "gone" }).peer.reset();
  memory.connect({ clientId: "again" });
  memory.connect({ clientId: "again" });
  memory.connect({ clientId: "kicked" });
  memory.connect({ clientId: "wrong" }).send({ cmd: "pingresp" });
  memory.connect({ clientId: "silent", keepalive: 1 });
  memory.open();
  memory.client({ clientId: "x".repeat(2000) });
  await rig.settled(service.clients.kick("kicked"));
  memory.runtime.advance(20_000);
  const inspector = memory.broker.createInspector("n");
  assertEquals(inspector.closeTally("tcp:default"), {
    normal: 1,
    closed: 1,
    discarded: 1,
    kicked: 1,
    protocol_error: 1,
    refused: 1,
    keepalive_timeout: 1,
    connect_timeout: 1,
  });
  assertEquals(inspector.closeTally("other"), {});
});

test("gauges of subscribers follow sessions that come, go and end", async () => {
  const rig = new ManagementRig();
  const { memory, service } = rig;
  const figures = async (): Promise<number[]> => {
    const { subscribers, connectedSubscribers, subscriptions } = await service.metrics.stats();
    return [subscribers.count, connectedSubscribers.count, subscriptions.count];
  };
  const kept = memory.connect({ clientId: "kept", properties: { sessionExpiryInterval: 10 } });
  const fleeting = memory.connect({ clientId: "fleeting" });
  for (const client of [kept, fleeting]) client.subscribe("a", 0), client.subscribe("b", 0);
  memory.runtime.settle();
  assertEquals(await figures(), [2, 2, 4]);
  kept.peer.reset();
  fleeting.peer.reset();
  memory.runtime.settle();
  assertEquals(await figures(), [1, 0, 2]);
  await rig.settled(service.clients.unsubscribe("kept", ["a", "b"]));
  assertEquals(await figures(), [0, 0, 0]);
  await rig.settled(service.clients.subscribe("kept", [{ filter: "c", qos: 0 }]));
  assertEquals(await figures(), [1, 0, 1]);
  memory.connect({ clientId: "kept", clean: false, properties: { sessionExpiryInterval: 10 } });
  assertEquals(await figures(), [1, 1, 1]);
  memory.connect({ clientId: "kept" });
  assertEquals(await figures(), [0, 0, 0]);
});
