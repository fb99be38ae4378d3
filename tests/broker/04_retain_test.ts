import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type ClientVersion, TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

const VERSIONS: readonly ClientVersion[] = [3, 4, 5];

for (const version of VERSIONS) {
  test(`version ${version}: a retained message is kept, replaced and cleared`, () =>
    withBroker({}, async ({ port }) => {
      const publisher = await TestClient.connect(port, { version });
      const replay = async (): Promise<string[]> => {
        const client = await TestClient.connect(port, { version });
        await client.subscribe("#");
        client.send({ cmd: "pingreq" });
        const payloads: string[] = [];
        for (
          let packet = await client.next();
          packet.cmd === "publish";
          packet = await client.next()
        ) {
          assertEquals(packet.retain, true); // [MQTT-3.3.1-8]
          payloads.push(`${packet.topic} ${packet.payload}`);
        }
        await client.disconnect();
        return payloads.sort();
      };
      await publisher.publish("a/b", "one", { retain: true, qos: 1 });
      await publisher.publish("a/c", "two", { retain: true, qos: 2 });
      await publisher.publish("a/d", "not kept", { qos: 1 });
      assertEquals(await replay(), ["a/b one", "a/c two"]);
      await publisher.publish("a/b", "three", { retain: true, qos: 1 });
      assertEquals(await replay(), ["a/b three", "a/c two"]);
      await publisher.publish("a/b", "", { retain: true, qos: 1 });
      assertEquals(await replay(), ["a/c two"]);
    }));
}

test("a retained message is replayed at the lower of both QoS, with its properties", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port);
    const properties = { contentType: "text/plain", userProperties: { k: ["1", "2"] } };
    await client.publish("a", "x", { retain: true, qos: 2, properties });
    await client.subscribe("a", { qos: 1, subscriptionIdentifier: 9 });
    const packet = await client.receive();
    assertEquals([packet.qos, packet.retain], [1, true]);
    assertEquals(packet.properties?.contentType, "text/plain");
    assertEquals({ ...packet.properties?.userProperties }, { k: ["1", "2"] });
    assertEquals([packet.properties?.subscriptionIdentifier].flat(), [9]);
  }));

test("a retained message leaves when it expires, and tells the time that is left before that", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port);
    const kept = { messageExpiryInterval: 600 };
    await client.publish("a/kept", "x", { retain: true, qos: 1, properties: kept });
    await client.subscribe("a/#");
    const left = (await client.receive()).properties?.messageExpiryInterval ?? 0;
    assertEquals(left > 590 && left <= 600, true);
  }));

test("retained messages are not sent for a shared subscription", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port);
    await client.publish("a", "x", { retain: true, qos: 1 });
    await client.subscribe("$share/group/a");
    await client.expectNothing();
  }));

test("without retain_available a retained message ends its connection with 0x9a", () =>
  withBroker({ args: ["--set", "mqtt.retain_available=false"] }, async ({ port }) => {
    const client = await TestClient.connect(port);
    await client.publish("a", "x", { retain: true });
    assertEquals((await client.expect("disconnect")).reasonCode, 0x9a);
    await client.expectClosed();
  }));
