import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Packet } from "mqtt-packet";
import { LastingBroker } from "../../support/lasting_broker.ts";
import type { ClientVersion, MemoryClient } from "../../support/memory_broker.ts";
import { withFolder } from "../../support/storage_rig.ts";

const DURABLE = { clean: false, properties: { sessionExpiryInterval: 3600 } } as const;

async function durableClient(
  broker: LastingBroker,
  clientId: string,
  version: ClientVersion = 5,
): Promise<MemoryClient> {
  const { properties, clean } = DURABLE;
  const v5 = version === 5 ? { properties } : {};
  const client = broker.memory.client({ clientId, version, clean, ...v5 });
  await broker.pass(4);
  client.expect("connack");
  return client;
}

function answersOf(packets: readonly Packet[]): (string | number | undefined)[][] {
  return packets.map((packet) => [
    packet.cmd,
    packet.messageId,
    (packet as { reasonCode?: number }).reasonCode ?? 0,
  ]);
}

for (const version of [4, 5] as const) {
  test(`while the store is failing, a QoS 2 duplicate waits for the commit of the first copy, v${version}`, () =>
    withFolder(async (folder) => {
      const broker = await LastingBroker.start(folder);
      const subscriber = await durableClient(broker, "subscriber");
      subscriber.subscribe("t", 2);
      await broker.pass(4);
      subscriber.expect("suback");
      const publisher = await durableClient(broker, "publisher", version);
      broker.faults.arm(1, "from then on");
      publisher.publish("t", "1", 2, 7);
      await broker.pass(4);
      assertEquals(broker.store.failure?.error, broker.faults.error);
      const copy: Packet = {
        cmd: "publish",
        topic: "t",
        payload: "1",
        qos: 2,
        retain: false,
        dup: true,
        messageId: 7,
      };
      publisher.send(copy);
      // A new one is refused, or not answered.
      publisher.publish("t", "2", 2, 8);
      await broker.pass(4);
      // Behind the one that waits, for the order of acknowledgements is that of the messages [MQTT-4.6.0-3].
      assertEquals(answersOf(publisher.take()), []);
      broker.faults.heal();
      await broker.pass(10_000);
      const refused = version === 5 ? [["pubrec", 8, 0x97]] : [];
      assertEquals(answersOf(publisher.take()), [["pubrec", 7, 0], ["pubrec", 7, 0], ...refused]);
      publisher.send({ cmd: "pubrel", messageId: 7 });
      await broker.pass(4);
      assertEquals(answersOf(publisher.take()), [["pubcomp", 7, 0]]);
      const came = subscriber.take().filter(({ cmd }) => cmd === "publish");
      assertEquals(came.length, 1);
      assertEquals(broker.memory.errors.length, 1, "that it fails is said once");
      await broker.stop();
    }));
}
