import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { startBroker } from "../support/start_broker.ts";

/** What a connected 5.0 client sends, and the reason code that it is sent off with. */
const CASES: ReadonlyArray<[what: string, hex: string, reasonCode: number]> = [
  ["packet type 0", "00 00", 0x81],
  ["a remaining length of five bytes", "30 ff ff ff ff 01", 0x81],
  ["PUBLISH of QoS 3", "36 05 00 01 61 00 01", 0x81],
  ["PUBLISH with packet identifier 0", "32 06 00 01 61 00 00 00", 0x82],
  ["PUBLISH to a wildcard", "30 04 00 01 23 00", 0x90],
  ["PUBLISH with U+0000 in its topic", "30 05 00 02 61 00 00", 0x81],
  ["PUBLISH with half a character in its topic", "30 04 00 01 c3 00", 0x81],
  ["PUBLISH with a topic longer than the packet", "30 03 00 09 61", 0x81],
  ["PUBLISH with topic alias 0", "30 07 00 01 61 03 23 00 00", 0x94],
  ["PUBLISH with an unknown alias and no topic", "30 06 00 00 03 23 00 05", 0x82],
  ["PUBLISH with a property that is not allowed there", "30 06 00 01 61 02 24 01", 0x81],
  ["SUBSCRIBE with wrong flags", "80 07 00 01 00 00 01 61 00", 0x81],
  ["SUBSCRIBE without a filter", "82 03 00 01 00", 0x82],
  ["a second CONNECT", "10 0d 00 04 4d 51 54 54 05 02 00 00 00 00 00", 0x82],
  ["CONNACK from a client", "20 03 00 00 00", 0x82],
  ["PUBREL with wrong flags", "60 02 00 01", 0x81],
];

test("a packet that breaks the protocol ends its own connection with a reason, and no other", async () => {
  const broker = await startBroker();
  const bystander = await TestClient.connect(broker.port);
  await bystander.subscribe("t");
  const found: [string, number][] = [];
  for (const [what, hex] of CASES) {
    const client = await TestClient.connect(broker.port);
    client.send(Uint8Array.from(hex.split(" "), (byte) => parseInt(byte, 16)));
    found.push([what, (await client.expect("disconnect")).reasonCode ?? 0]);
    await client.expectClosed();
    await bystander.publish("t", what, { qos: 0 });
    assertEquals(String((await bystander.receive()).payload), what);
  }
  assertEquals(found, CASES.map(([what, , reasonCode]) => [what, reasonCode]));
  assertEquals((await broker.stop()).code, 0);
});

test("a connection that breaks off in the middle of a packet harms nobody", async () => {
  const broker = await startBroker();
  const bystander = await TestClient.connect(broker.port);
  for (let length = 1; length < 15; length++) {
    const client = await TestClient.open(broker.port);
    client.send(
      Uint8Array.of(0x10, 13, 0, 4, 0x4d, 0x51, 0x54, 0x54, 5, 2, 0, 0, 0, 0, 0).subarray(
        0,
        length,
      ),
    );
    client.cut();
    await bystander.expectNothing();
  }
  assertEquals((await broker.stop()).code, 0);
});
