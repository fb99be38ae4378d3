import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { IPublishPacket, Packet } from "mqtt-packet";
import { LastingBroker } from "../../support/lasting_broker.ts";
import { MemoryBroker, type MemoryClient } from "../../support/memory_broker.ts";
import { withFolder } from "../../support/storage_rig.ts";

/** A broker with retained messages on `t/0` to `t/4`, all "old". */
function withRetained(): { memory: MemoryBroker; publisher: MemoryClient } {
  const memory = new MemoryBroker();
  const publisher = memory.connect();
  for (let n = 0; n < 5; n++) retain(publisher, `t/${n}`, "old");
  memory.runtime.settle();
  publisher.take();
  return { memory, publisher };
}

function retain(publisher: MemoryClient, topic: string, payload: string): void {
  publisher.send({
    cmd: "publish",
    topic,
    payload,
    qos: 1,
    retain: true,
    dup: false,
    messageId: 1,
  });
}

/** The topics of the retained messages but for the one that was sent. */
function othersThan(sent: readonly Packet[]): string[] {
  const [{ topic }] = sent as [IPublishPacket];
  return ["t/0", "t/1", "t/2", "t/3", "t/4"].filter((other) => other !== topic);
}

/** Acknowledges until nothing more comes; the messages as "topic payload". */
function takeAll(memory: MemoryBroker, client: MemoryClient, first: readonly Packet[]): string[] {
  const messages: string[] = [];
  for (let packets = first; packets.length > 0; packets = client.take()) {
    for (const packet of packets as IPublishPacket[]) {
      messages.push(`${packet.topic} ${packet.payload}`);
      client.send({ cmd: "puback", messageId: packet.messageId ?? 0 });
    }
    memory.runtime.settle();
  }
  return messages;
}

test("a retained message that is still to be sent does not come after the one that replaced it", () => {
  const { memory, publisher } = withRetained();
  const subscriber = memory.connect({ properties: { receiveMaximum: 1 } });
  subscriber.subscribe("t/#", 1);
  memory.runtime.settle();
  const [, ...first] = subscriber.expect("suback");
  const [replaced, removed, ...others] = othersThan(first);
  retain(publisher, replaced!, "new");
  retain(publisher, removed!, "");
  memory.runtime.settle();
  const messages = takeAll(memory, subscriber, first);
  const expected = [...others.map((topic) => `${topic} old`), `${replaced} new`, `${removed} `];
  assertEquals(messages.slice(1).sort(), expected.sort());
});

test("nor does it when the client was away meanwhile", () => {
  const { memory, publisher } = withRetained();
  const properties = { receiveMaximum: 1, sessionExpiryInterval: 100 };
  const subscriber = memory.connect({ clientId: "s", properties });
  subscriber.subscribe("t/#", 1);
  memory.runtime.settle();
  const [earlier, later] = othersThan(subscriber.expect("suback").slice(1));
  retain(publisher, earlier!, "new");
  memory.runtime.settle();
  subscriber.peer.reset();
  memory.runtime.settle();
  retain(publisher, later!, "new");
  memory.runtime.settle();
  const again = memory.client({ clientId: "s", clean: false, properties });
  memory.runtime.settle();
  const [, ...first] = again.expect("connack");
  const messages = takeAll(memory, again, first);
  const about = (topic = ""): string[] => messages.filter((message) => message.startsWith(topic));
  assertEquals(about(earlier), [`${earlier} new`]);
  assertEquals(about(later), [`${later} old`, `${later} new`]);
  assertEquals(messages.length, 6);
});

test("nor does it when it was replaced while the SUBACK waited for its commit", () =>
  withFolder(async (folder) => {
    const broker = await LastingBroker.start(folder);
    const publisher = broker.memory.connect({ version: 4, clientId: "p" });
    retain(publisher, "t/0", "old");
    await broker.pass(100);
    const properties = { sessionExpiryInterval: 100 };
    const subscriber = broker.memory.client({ clientId: "s", properties });
    await broker.pass(100);
    subscriber.expect("connack");
    subscriber.subscribe("t/#", 0);
    broker.memory.runtime.turn();
    publisher.send({
      cmd: "publish",
      topic: "t/0",
      payload: "new",
      qos: 0,
      retain: true,
      dup: false,
    });
    broker.memory.runtime.turn();
    await broker.pass(100);
    const payloads = subscriber.take().flatMap((packet) =>
      packet.cmd === "publish" ? [`${packet.payload}`] : []
    );
    assertEquals(payloads, ["new"]);
    await broker.stop();
  }));
