import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type ClientVersion, TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

const VERSIONS: readonly ClientVersion[] = [3, 4, 5];

/** The fields of a CONNECT whose session outlives its connection. */
function lasting(version: ClientVersion = 5): {
  version: ClientVersion;
  clientId: string;
  clean: false;
  properties?: { sessionExpiryInterval: number };
} {
  const fields = { version, clientId: "lasting", clean: false } as const;
  return version === 5 ? { ...fields, properties: { sessionExpiryInterval: 600 } } : fields;
}

for (const version of VERSIONS) {
  test(`version ${version}: QoS 1 and 2 wait for a client that is away, in order, QoS 0 does not`, () =>
    withBroker({}, async ({ port }) => {
      const before = await TestClient.connect(port, lasting(version));
      await before.subscribe("t/+", { qos: 2 });
      await before.disconnect();
      const publisher = await TestClient.connect(port);
      for (let i = 0; i < 9; i++) {
        await publisher.publish("t/a", String(i), { qos: ([1, 2, 0] as const)[i % 3] ?? 0 });
      }
      const after = await TestClient.connect(port, lasting(version));
      for (const payload of ["0", "1", "3", "4", "6", "7"]) {
        const packet = await after.receive();
        assertEquals([String(packet.payload), packet.dup], [payload, false]);
      }
      await after.expectNothing();
    }));

  test(`version ${version}: what was in flight is sent again, with DUP and its identifier`, () =>
    withBroker({}, async ({ port }) => {
      const before = await TestClient.connect(port, lasting(version));
      await before.subscribe("t", { qos: 2 });
      const publisher = await TestClient.connect(port);
      await publisher.publish("t", "one", { qos: 1 });
      await publisher.publish("t", "two", { qos: 2 });
      await publisher.publish("t", "three", { qos: 2 });
      const [one, two, three] = [
        await before.expect("publish"),
        await before.expect("publish"),
        await before.expect("publish"),
      ];
      const releasedId = three.messageId ?? 0;
      before.send({ cmd: "pubrec", messageId: releasedId });
      await before.expect("pubrel");
      before.cut();
      const after = await TestClient.connect(port, lasting(version));
      const again = [await after.next(), await after.next(), await after.next()];
      // PUBLISH packets keep their order [MQTT-4.6.0-1]; the PUBREL may stand anywhere.
      const published = again.filter((packet) => packet.cmd === "publish");
      assertEquals(
        published.map(({ dup, messageId, payload }) => [dup, messageId, String(payload)]),
        [one, two].map(({ messageId, payload }) => [true, messageId, String(payload)]),
      ); // [MQTT-3.3.1-1], [MQTT-4.4.0-1]
      assertEquals(again.find(({ cmd }) => cmd === "pubrel")?.messageId, releasedId);
      after.send({ cmd: "pubcomp", messageId: releasedId });
      await after.expectNothing();
    }));
}

test("a session without an expiry interval ends with its connection", () =>
  withBroker({}, async ({ port }) => {
    const before = await TestClient.connect(port, { clientId: "a", clean: false });
    await before.subscribe("t", { qos: 1 });
    await before.disconnect();
    const after = await TestClient.connect(port, { clientId: "a", clean: false });
    assertEquals(after.connack.sessionPresent, false);
  }));

test("DISCONNECT can end a session that was meant to last", () =>
  withBroker({}, async ({ port }) => {
    const before = await TestClient.connect(port, lasting());
    before.send({ cmd: "disconnect", properties: { sessionExpiryInterval: 0 } });
    await before.expectClosed();
    const after = await TestClient.connect(port, lasting());
    assertEquals(after.connack.sessionPresent, false);
  }));

test("DISCONNECT cannot make a session last that was to end: 0x82", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port);
    client.send({ cmd: "disconnect", properties: { sessionExpiryInterval: 10 } });
    assertEquals((await client.expect("disconnect")).reasonCode, 0x82); // [MQTT-3.14.2-2]
    await client.expectClosed();
  }));

test("a session survives a change of the protocol version", () =>
  withBroker({}, async ({ port }) => {
    const before = await TestClient.connect(port, lasting(4));
    await before.subscribe("t", { qos: 1 });
    await before.disconnect();
    const publisher = await TestClient.connect(port);
    await publisher.publish("t", "x", { qos: 1, properties: { contentType: "text/plain" } });
    const after = await TestClient.connect(port, lasting(5));
    assertEquals(after.connack.sessionPresent, true);
    assertEquals((await after.receive()).properties?.contentType, "text/plain");
  }));

for (
  const [policy, kept] of [
    ["drop_oldest", ["2", "3", "4"]],
    ["drop_newest", ["0", "1", "2"]],
  ] as const
) {
  test(`a queue of three with ${policy} keeps ${kept.join(", ")} of five`, () =>
    withBroker({
      config: `[mqtt]\nmax_queued_messages = 3\nqueue_full = "${policy}"\n`,
    }, async ({ port }) => {
      const before = await TestClient.connect(port, lasting());
      await before.subscribe("t", { qos: 1 });
      await before.disconnect();
      const publisher = await TestClient.connect(port);
      for (let i = 0; i < 5; i++) await publisher.publish("t", String(i), { qos: 1 });
      const after = await TestClient.connect(port, lasting());
      for (const payload of kept) assertEquals(String((await after.receive()).payload), payload);
      await after.expectNothing();
    }));
}

test("queue_qos0_offline keeps QoS 0 messages, too", () =>
  withBroker({ args: ["--set", "mqtt.queue_qos0_offline=true"] }, async ({ port }) => {
    const before = await TestClient.connect(port, lasting());
    await before.subscribe("t", { qos: 0 });
    await before.disconnect();
    const publisher = await TestClient.connect(port);
    await publisher.publish("t", "x", { qos: 1 });
    const after = await TestClient.connect(port, lasting());
    assertEquals(String((await after.receive()).payload), "x");
  }));

test("a message that expires in the queue is not delivered, its neighbour tells what is left", () =>
  withBroker({}, async ({ port }) => {
    const before = await TestClient.connect(port, lasting());
    await before.subscribe("t/#", { qos: 1 });
    await before.disconnect();
    const publisher = await TestClient.connect(port);
    const short = { messageExpiryInterval: 1 };
    await publisher.publish("t/short", "x", { qos: 1, properties: short });
    const long = { messageExpiryInterval: 600 };
    await publisher.publish("t/long", "x", { qos: 1, properties: long });
    // The will delay of a client that is cut off is the broker's own clock for the second to pass.
    const clock = await TestClient.connect(port);
    await clock.subscribe("clock");
    const doomed = await TestClient.connect(port, {
      clientId: "doomed",
      properties: { sessionExpiryInterval: 600 },
      will: { topic: "clock", payload: "", properties: { willDelayInterval: 2 } },
    });
    doomed.cut();
    await clock.receive();
    const after = await TestClient.connect(port, lasting());
    const packet = await after.receive();
    assertEquals(packet.topic, "t/long");
    const left = packet.properties?.messageExpiryInterval ?? 0;
    assertEquals(left > 500 && left < 600, true, `${left} s are left`); // [MQTT-3.3.2-6]
    await after.expectNothing();
  }));
