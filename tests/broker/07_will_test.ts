import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type ClientVersion, TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

const VERSIONS: readonly ClientVersion[] = [3, 4, 5];
const WILL = { topic: "will", payload: "gone", qos: 1 } as const;

for (const version of VERSIONS) {
  test(`version ${version}: the will is published when the connection breaks, not on DISCONNECT`, () =>
    withBroker({}, async ({ port }) => {
      const watcher = await TestClient.connect(port);
      await watcher.subscribe("will", { qos: 1 });
      const polite = await TestClient.connect(port, { version, clientId: "a", will: WILL });
      await polite.disconnect();
      const broken = await TestClient.connect(port, { version, clientId: "b", will: WILL });
      broken.cut();
      assertEquals(String((await watcher.receive()).payload), "gone"); // [MQTT-3.1.2-8]
      await watcher.expectNothing(); // [MQTT-3.1.2-10]
    }));
}

test("DISCONNECT 0x04 asks for the will", () =>
  withBroker({}, async ({ port }) => {
    const watcher = await TestClient.connect(port);
    await watcher.subscribe("will", { qos: 1 });
    const client = await TestClient.connect(port, { will: WILL });
    client.send({ cmd: "disconnect", reasonCode: 4 });
    assertEquals(String((await watcher.receive()).payload), "gone");
  }));

test("a protocol error publishes the will", () =>
  withBroker({}, async ({ port }) => {
    const watcher = await TestClient.connect(port);
    await watcher.subscribe("will", { qos: 1 });
    const client = await TestClient.connect(port, { will: WILL });
    client.sendConnect(); // A second CONNECT. [MQTT-3.1.0-2]
    assertEquals((await client.expect("disconnect")).reasonCode, 0x82);
    await client.expectClosed();
    assertEquals(String((await watcher.receive()).payload), "gone");
  }));

test("a will may be retained and carries its properties", () =>
  withBroker({}, async ({ port }) => {
    const watcher = await TestClient.connect(port);
    await watcher.subscribe("will", { qos: 1 });
    const properties = {
      contentType: "text/plain",
      responseTopic: "answer",
      userProperties: { a: ["1", "2"] },
    };
    const will = { ...WILL, retain: true, properties };
    const client = await TestClient.connect(port, { will });
    client.cut();
    const live = await watcher.receive();
    assertEquals(live.retain, false);
    const late = await TestClient.connect(port);
    await late.subscribe("will");
    const kept = await late.receive();
    assertEquals(kept.retain, true);
    for (const packet of [live, kept]) {
      assertEquals(packet.properties?.contentType, "text/plain");
      assertEquals(packet.properties?.responseTopic, "answer");
      assertEquals({ ...packet.properties?.userProperties }, { a: ["1", "2"] });
    }
  }));

test("a delayed will comes after its delay, and not at all when the client is back before", () =>
  withBroker({}, async ({ port }) => {
    const watcher = await TestClient.connect(port);
    await watcher.subscribe("will/+", { qos: 1 });
    const connect = (clientId: string, willDelayInterval: number): Promise<TestClient> =>
      TestClient.connect(port, {
        clientId,
        clean: false,
        will: { topic: `will/${clientId}`, payload: "", properties: { willDelayInterval } },
        properties: { sessionExpiryInterval: 600 },
      });
    const [back, gone] = [await connect("back", 1), await connect("gone", 2)];
    back.cut();
    await connect("back", 1);
    gone.cut();
    // The will of "back" was due a second before.
    assertEquals((await watcher.receive()).topic, "will/gone"); // [MQTT-3.1.3-9]
    await watcher.expectNothing();
  }));

test("a delayed will comes at once when its session ends", () =>
  withBroker({}, async ({ port }) => {
    const watcher = await TestClient.connect(port);
    await watcher.subscribe("will", { qos: 1 });
    const client = await TestClient.connect(port, {
      clientId: "a",
      will: { ...WILL, properties: { willDelayInterval: 3600 } },
      properties: { sessionExpiryInterval: 3600 },
    });
    client.cut();
    await TestClient.connect(port, { clientId: "a", clean: true });
    assertEquals(String((await watcher.receive()).payload), "gone"); // [MQTT-3.1.2-8]
  }));

test("a will waits no longer than max_will_delay", () =>
  withBroker({ args: ["--set", "mqtt.max_will_delay=1s"] }, async ({ port }) => {
    const watcher = await TestClient.connect(port);
    await watcher.subscribe("will", { qos: 1 });
    const client = await TestClient.connect(port, {
      clientId: "a",
      will: { ...WILL, properties: { willDelayInterval: 3600 } },
      properties: { sessionExpiryInterval: 3600 },
    });
    client.cut();
    assertEquals(String((await watcher.receive()).payload), "gone");
  }));
