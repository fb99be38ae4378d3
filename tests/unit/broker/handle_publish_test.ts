import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IPublishPacket } from "mqtt-packet";
import { MemoryBroker } from "../../support/memory_broker.ts";

test("a message that is larger than a client takes is dropped and counted, the next one comes", () => {
  for (const qos of [0, 1, 2] as const) {
    const memory = new MemoryBroker();
    const subscriber = memory.connect({
      properties: { maximumPacketSize: 100, receiveMaximum: 1 },
    });
    subscriber.subscribe("t", qos);
    memory.runtime.settle();
    subscriber.expect("suback");
    const publisher = memory.connect();
    publisher.publish("t", "x".repeat(100), qos, 1);
    publisher.publish("t", "x".repeat(10_000), qos, 2);
    publisher.publish("t", "fits", qos, 3);
    memory.runtime.settle();
    const [packet] = subscriber.expect("publish");
    assertEquals(String(packet.payload), "fits", "and what was dropped took no quota");
    const { droppedTooLarge, inflight } = memory.broker.counters.sessions;
    assertEquals([droppedTooLarge, inflight], [2, qos === 0 ? 0 : 1]);
  }
});

test("a frame that is just as large as a client takes comes [MQTT-3.1.2-24]", () => {
  const memory = new MemoryBroker();
  const subscriber = memory.connect({ clientId: "s", properties: { maximumPacketSize: 40 } });
  subscriber.subscribe("t", 0);
  memory.runtime.settle();
  subscriber.expect("suback");
  const publisher = memory.connect();
  // Type, length, topic with its length, property length: six bytes.
  publisher.publish("t", "x".repeat(34));
  publisher.publish("t", "x".repeat(35));
  memory.runtime.settle();
  assertEquals(subscriber.take().length, 1);
});

test("QoS 2 that was refused is no duplicate when it comes again", () => {
  let decision: "allow" | "deny" = "deny";
  const memory = new MemoryBroker({ authorizer: { authorize: () => decision } });
  for (const version of [4, 5] as const) {
    decision = "deny";
    const publisher = memory.connect({ version, clientId: `c${version}` });
    publisher.publish("t", "x", 2, 7);
    memory.runtime.settle();
    const [first] = publisher.expect("pubrec");
    assertEquals(first.reasonCode ?? 0, version === 5 ? 0x87 : 0);
    if (version === 4) continue;
    decision = "allow";
    publisher.publish("t", "x", 2, 7);
    memory.runtime.settle();
    // Nobody subscribes, but it was looked at.
    assertEquals(publisher.expect("pubrec")[0].reasonCode, 0x10);
  }
});

test("QoS 2 that comes twice before PUBREL is published once [MQTT-4.3.3-10]", () => {
  const memory = new MemoryBroker();
  const [subscriber, publisher] = [memory.connect(), memory.connect()];
  subscriber.subscribe("t", 0);
  memory.runtime.settle();
  subscriber.expect("suback");
  for (const payload of ["first", "again"]) publisher.publish("t", payload, 2, 7);
  publisher.send({ cmd: "pubrel", messageId: 7 });
  publisher.publish("t", "another", 2, 7);
  memory.runtime.settle();
  const packets = subscriber.take() as IPublishPacket[];
  assertEquals(packets.map(({ payload }) => String(payload)), ["first", "another"]);
  assertEquals(publisher.take().map(({ cmd }) => cmd), ["pubrec", "pubrec", "pubcomp", "pubrec"]);
});

test("a 5.0 client that exceeds the receive maximum is disconnected [MQTT-3.3.4-7]", () => {
  const memory = new MemoryBroker({ options: { receiveMaximum: 3 } });
  for (const version of [4, 5] as const) {
    const publisher = memory.connect({ version, clientId: `c${version}` });
    for (let id = 1; id <= 3; id++) publisher.publish("t", "x", 2, id);
    publisher.publish("t", "as often as it likes, for it is acknowledged at once", 0);
    publisher.send({ cmd: "pubrel", messageId: 1 });
    publisher.publish("t", "x", 1, 9);
    memory.runtime.settle();
    assertEquals(publisher.take().length, 5);
    assert(!publisher.peer.isHungUp);
    publisher.publish("t", "x", 2, 4);
    publisher.publish("t", "x", 2, 5);
    memory.runtime.settle();
    const packets = publisher.take();
    assertEquals(publisher.peer.isHungUp, version === 5);
    const last = packets.at(-1) as { cmd: string; reasonCode?: number };
    assertEquals(
      [last.cmd, last.reasonCode],
      version === 5 ? ["disconnect", 0x93] : ["pubrec", undefined],
    );
  }
});

test("a topic alias of a client holds for its connection only", () => {
  const memory = new MemoryBroker();
  const subscriber = memory.connect();
  subscriber.subscribe("#", 0);
  memory.runtime.settle();
  subscriber.expect("suback");
  const send = (clientId: string, topics: readonly string[]): void => {
    const publisher = memory.connect({ clientId });
    for (const topic of topics) {
      publisher.send({
        cmd: "publish",
        topic,
        payload: "x",
        qos: 0,
        retain: false,
        dup: false,
        properties: { topicAlias: 1 },
      });
      memory.runtime.settle();
    }
  };
  send("a", ["one", "", "two", ""]);
  send("b", ["three", ""]);
  const topics = (subscriber.take() as IPublishPacket[]).map(({ topic }) => topic);
  assertEquals(topics, ["one", "one", "two", "two", "three", "three"]);
  send("a", [""]);
  assertEquals(memory.broker.counters.protocolErrors, 1);
  assertEquals(subscriber.take(), []);
});

test("a route that a client holds on to sees new and gone subscriptions", () => {
  const memory = new MemoryBroker();
  const [publisher, subscriber] = [memory.connect(), memory.connect()];
  const publish = (): number => {
    publisher.publish("t", "x");
    memory.runtime.settle();
    return subscriber.take().filter(({ cmd }) => cmd === "publish").length;
  };
  assertEquals(publish(), 0);
  subscriber.subscribe("+", 0, 1);
  memory.runtime.settle();
  assertEquals(publish(), 1);
  subscriber.send({ cmd: "unsubscribe", messageId: 2, unsubscriptions: ["+"] });
  memory.runtime.settle();
  assertEquals(publish(), 0);
});

test("the receive maximum begins anew with each connection, duplicates are known longer", () => {
  const memory = new MemoryBroker({ options: { receiveMaximum: 2 } });
  const subscriber = memory.connect();
  subscriber.subscribe("t", 0);
  memory.runtime.settle();
  subscriber.expect("suback");
  const properties = { sessionExpiryInterval: 100 };
  const publisher = memory.connect({ clientId: "p", properties });
  for (const id of [1, 2]) publisher.publish("t", `first ${id}`, 2, id);
  memory.runtime.settle();
  publisher.peer.reset();
  memory.runtime.settle();
  const again = memory.client({ clientId: "p", clean: false, properties });
  for (const id of [3, 4]) again.publish("t", `second ${id}`, 2, id);
  again.publish("t", "first 1", 2, 1);
  for (const messageId of [1, 2, 3]) again.send({ cmd: "pubrel", messageId });
  again.publish("t", "third", 2, 1);
  memory.runtime.settle();
  assertEquals(again.take().map(({ cmd }) => cmd), [
    ...["connack", "pubrec", "pubrec", "pubrec"],
    ...["pubcomp", "pubcomp", "pubcomp", "pubrec"],
  ]);
  again.publish("t", "one too many", 2, 5);
  memory.runtime.settle();
  assertEquals(again.expect("disconnect")[0].reasonCode, 0x93);
  const packets = subscriber.take() as IPublishPacket[];
  assertEquals(packets.map(({ payload }) => String(payload)), [
    ...["first 1", "first 2", "second 3", "second 4", "third"],
  ]);
});
