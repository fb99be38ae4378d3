import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { clockPasses } from "../support/deadline.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { ENDS, withRestarts } from "../support/restarts.ts";
import { withBroker } from "../support/start_broker.ts";

const LASTING = { clientId: "s", clean: false, properties: { sessionExpiryInterval: 600 } };

test("$delayed/<seconds>/<topic>: published on the topic after so many seconds", () =>
  withBroker({}, async (broker) => {
    const client = await TestClient.connect(broker.port);
    await client.subscribe("#", { qos: 1 });
    const beganMs = Date.now();
    await client.publish("$delayed/1/t", "late", { qos: 1 });
    await client.publish("t", "now", { qos: 0 });
    assertEquals(String((await client.receive()).payload), "now");
    const { topic, payload } = await client.receive();
    assertEquals([topic, String(payload)], ["t", "late"]);
    assert(Date.now() - beganMs >= 1000);
  }));

for (const end of ENDS) {
  test(`${end}: acknowledged delayed messages come once, due meanwhile or later`, () =>
    withRestarts({}, async (broker) => {
      const before = await TestClient.connect(broker.port, LASTING);
      await before.subscribe("#", { qos: 2 });
      await before.disconnect();
      const publisher = await TestClient.connect(broker.port);
      await publisher.publish("$delayed/1/while/down", "1", { qos: 2 });
      await publisher.publish("$delayed/3/later", "2", { qos: 2, retain: true });
      const publishedMs = Date.now();
      await broker.end(end);
      await clockPasses(publishedMs + 1000);
      await broker.start();
      const after = await TestClient.connect(broker.port, LASTING);
      const got = [await after.receive(), await after.receive()];
      assertEquals(got.map(({ topic, payload, qos }) => `${topic} ${payload} ${qos}`), [
        "while/down 1 2",
        "later 2 2",
      ]);
      await after.expectNothing();
      // What was published is over once it is on disk, where it is with whatever is acknowledged later.
      const next = await TestClient.connect(broker.port);
      await next.publish("$delayed/1000/never", "3", { qos: 1 });
      await broker.restart("kill");
      const last = await TestClient.connect(broker.port, LASTING);
      await last.expectNothing();
      const late = await TestClient.connect(broker.port);
      await late.subscribe("#");
      assertEquals((await late.receive()).retain, true);
    }));
}
