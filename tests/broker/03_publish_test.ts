import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { type ClientVersion, TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

const VERSIONS: readonly ClientVersion[] = [3, 4, 5];
const QOS = [0, 1, 2] as const;

for (const from of VERSIONS) {
  for (const to of VERSIONS) {
    test(`from version ${from} to version ${to}: every QoS in and out, at the lower of both`, () =>
      withBroker({}, async ({ port }) => {
        const publisher = await TestClient.connect(port, { version: from });
        const subscriber = await TestClient.connect(port, { version: to });
        for (const qosOut of QOS) {
          await subscriber.subscribe("t/#", { qos: qosOut });
          for (const qosIn of QOS) {
            for (const payload of ["", "x", "€".repeat(100)]) {
              await publisher.publish("t/a", payload, { qos: qosIn });
              const packet = await subscriber.receive();
              assertEquals(packet.topic, "t/a");
              assertEquals(String(packet.payload), payload);
              assertEquals(packet.qos, Math.min(qosIn, qosOut));
              assertEquals([packet.retain, packet.dup], [false, false]);
            }
          }
        }
        await subscriber.expectNothing();
      }));
  }
}

for (const qos of QOS) {
  test(`2,000 messages of QoS ${qos}, sent without waiting, arrive once each and in order`, () =>
    withBroker({
      args: ["--set", "mqtt.receive_maximum=65535", "--set", "mqtt.max_queued_messages=0"],
    }, async ({ port }) => {
      const count = 2000;
      const subscriber = await TestClient.connect(port);
      await subscriber.subscribe("t", { qos });
      const publisher = await TestClient.connect(port);
      const sent = sendMany(publisher, count, qos);
      for (let i = 0; i < count; i++) {
        assertEquals(Number((await subscriber.receive()).payload), i);
      }
      await sent;
    }));
}

/** Sends all PUBLISH packets at once, then plays the sender's part of every handshake. */
async function sendMany(client: TestClient, count: number, qos: 0 | 1 | 2): Promise<void> {
  for (let i = 0; i < count; i++) {
    const packet = { cmd: "publish", topic: "t", qos, retain: false, dup: false } as const;
    client.send({ ...packet, payload: String(i), ...(qos === 0 ? {} : { messageId: i + 1 }) });
  }
  let open = qos === 0 ? 0 : count;
  while (open > 0) {
    const packet = await client.next();
    if (packet.cmd === "pubrec") client.send({ cmd: "pubrel", messageId: packet.messageId ?? 0 });
    else if (packet.cmd === "puback" || packet.cmd === "pubcomp") open--;
    else throw new Error(`Unexpected ${packet.cmd}`);
  }
}

test("payloads around every size at which buffers change hands arrive unharmed", () =>
  withBroker({}, async ({ port }) => {
    const subscriber = await TestClient.connect(port);
    await subscriber.subscribe("t", { qos: 1 });
    const publisher = await TestClient.connect(port);
    const sizes = [1, 127, 128, 4095, 4096, 4097, 16383, 16384, 65535, 65536, 300_000, 1_000_000];
    for (const size of sizes) {
      const payload = Uint8Array.from({ length: size }, (_, index) => index * 31 + size);
      await publisher.publish("t", payload, { qos: 1 });
      const received = (await subscriber.receive()).payload as Uint8Array;
      assertEquals(received.length, size);
      assert(received.every((byte, index) => byte === payload[index]), `${size} bytes differ`);
    }
  }));

test("a packet above max_packet_size ends its connection with 0x95 and nobody else's", () =>
  withBroker({ args: ["--set", 'mqtt.max_packet_size="1KB"'] }, async ({ port }) => {
    const [good, bad] = [await TestClient.connect(port), await TestClient.connect(port)];
    bad.send({
      cmd: "publish",
      topic: "t",
      payload: "x".repeat(1024),
      qos: 0,
      retain: false,
      dup: false,
    });
    assertEquals((await bad.expect("disconnect")).reasonCode, 0x95);
    await bad.expectClosed();
    await good.expectNothing();
  }));

test("a message larger than the subscriber's maximum packet size is not sent to it", () =>
  withBroker({}, async ({ port }) => {
    const small = await TestClient.connect(port, { properties: { maximumPacketSize: 100 } });
    await small.subscribe("t", { qos: 1 });
    await small.publish("t", "x".repeat(200), { qos: 0 });
    await small.publish("t", "fits", { qos: 0 });
    assertEquals(String((await small.receive()).payload), "fits"); // [MQTT-3.1.2-24]
  }));

test("PUBACK and PUBREC tell a 5.0 client that nobody subscribes", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.connect(port);
    const packet = { cmd: "publish", topic: "t", payload: "", retain: false, dup: false } as const;
    client.send({ ...packet, qos: 1, messageId: 1 });
    assertEquals((await client.expect("puback")).reasonCode, 0x10);
    client.send({ ...packet, qos: 2, messageId: 2 });
    assertEquals((await client.expect("pubrec")).reasonCode, 0x10);
  }));

test("a QoS 2 message that is sent again before PUBREL is delivered once", () =>
  withBroker({}, async ({ port }) => {
    const subscriber = await TestClient.connect(port);
    await subscriber.subscribe("t", { qos: 0 });
    const publisher = await TestClient.connect(port);
    const packet = { cmd: "publish", topic: "t", payload: "x", retain: false, qos: 2 } as const;
    publisher.send({ ...packet, dup: false, messageId: 7 });
    await publisher.expect("pubrec");
    publisher.send({ ...packet, dup: true, messageId: 7 });
    await publisher.expect("pubrec");
    publisher.send({ cmd: "pubrel", messageId: 7 });
    await publisher.expect("pubcomp");
    await subscriber.receive();
    await subscriber.expectNothing(); // [MQTT-4.3.3-10]
    publisher.send({ ...packet, dup: false, messageId: 7 });
    await publisher.expect("pubrec");
    await subscriber.receive();
  }));

test("no more messages are in flight to a client than its receive maximum", () =>
  withBroker({}, async ({ port }) => {
    const subscriber = await TestClient.connect(port, { properties: { receiveMaximum: 2 } });
    await subscriber.subscribe("t", { qos: 1 });
    const publisher = await TestClient.connect(port);
    for (let i = 0; i < 5; i++) await publisher.publish("t", String(i), { qos: 1 });
    const first = await subscriber.expect("publish");
    await subscriber.expect("publish");
    await subscriber.expectNothing(); // [MQTT-3.3.4-9]
    subscriber.send({ cmd: "puback", messageId: first.messageId ?? 0 });
    assertEquals(String((await subscriber.expect("publish")).payload), "2");
    await subscriber.expectNothing();
  }));

test("a 5.0 client above the broker's receive maximum is disconnected with 0x93", () =>
  withBroker({ args: ["--set", "mqtt.receive_maximum=2"] }, async ({ port }) => {
    const client = await TestClient.connect(port);
    for (let messageId = 1; messageId <= 3; messageId++) {
      client.send({
        cmd: "publish",
        topic: "t",
        payload: "",
        qos: 2,
        retain: false,
        dup: false,
        messageId,
      });
    }
    await client.expect("pubrec");
    await client.expect("pubrec");
    assertEquals((await client.expect("disconnect")).reasonCode, 0x93);
    await client.expectClosed();
  }));

test("a subscriber that stops reading loses QoS 0 above max_outbound_buffer and harms nobody", () =>
  withBroker({ args: ["--set", 'mqtt.max_outbound_buffer="64KB"'] }, async ({ port }) => {
    const [slow, quick] = [await TestClient.connect(port), await TestClient.connect(port)];
    for (const client of [slow, quick]) await client.subscribe("t/#");
    slow.pause();
    const publisher = await TestClient.connect(port);
    // Far more than the sockets' own buffers take; each is seen by the quick one before the next.
    const count = 400;
    for (let i = 0; i < count; i++) {
      await publisher.publish("t/data", `${i} ${"x".repeat(100_000)}`, { qos: 1 });
      assertEquals(parseInt(String((await quick.receive()).payload)), i);
    }
    slow.resume();
    await publisher.publish("t/end", "");
    const seen: number[] = [];
    // The end itself may be dropped, too, while the backlog drains: it is sent until it comes.
    for (
      let packet = await slow.receive();
      packet.topic !== "t/end";
      packet = await slow.receive()
    ) {
      seen.push(parseInt(String(packet.payload)));
      await publisher.publish("t/end", "");
    }
    assert(seen.length < count, "nothing was dropped");
    assertEquals(seen, [...seen].sort((a, b) => a - b));
  }));
