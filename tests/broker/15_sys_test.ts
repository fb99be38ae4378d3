import { test } from "node:test";
import { assertMatch } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

/** Topics below $SYS/broker/ and the form of their payloads. */
const TOPICS: ReadonlyArray<[topic: string, payload: RegExp]> = [
  ["version", /\d+\.\d+\.\d+/],
  ["uptime", /^\d+ seconds$/],
  ["clients/connected", /^\d+$/],
  ["clients/total", /^\d+$/],
  ["clients/maximum", /^\d+$/],
  ["messages/received", /^\d+$/],
  ["messages/sent", /^\d+$/],
  ["bytes/received", /^\d+$/],
  ["bytes/sent", /^\d+$/],
  ["publish/messages/received", /^\d+$/],
  ["publish/messages/sent", /^\d+$/],
  ["publish/messages/dropped", /^\d+$/],
  ["retained messages/count", /^\d+$/],
  ["subscriptions/count", /^\d+$/],
  ["store/messages/count", /^\d+$/],
  ["store/messages/bytes", /^\d+$/],
  ["store/state", /^ok$/],
  ["store/commits", /^\d+$/],
  ["store/failures", /^0$/],
  ["store/repairs", /^0$/],
  ["store/lost", /^0$/],
  ["store/bytes/written", /^\d+$/],
  ["store/bytes/written/day", /^\d+$/],
];

test("$SYS tells of the broker in mosquitto's names", () =>
  withBroker({ args: ["--set", 'mqtt.sys_interval="1s"'] }, async ({ port }) => {
    const client = await TestClient.connect(port);
    await client.subscribe("$SYS/#");
    const missing = new Map(TOPICS);
    while (missing.size > 0) {
      const { topic, payload } = await client.receive();
      const name = topic.replace("$SYS/broker/", "");
      const form = missing.get(name);
      if (form !== undefined) assertMatch(String(payload), form, topic);
      missing.delete(name);
    }
  }));

test("$SYS counts connected clients", () =>
  withBroker({ args: ["--set", 'mqtt.sys_interval="1s"'] }, async ({ port }) => {
    const client = await TestClient.connect(port);
    await client.subscribe("$SYS/broker/clients/connected");
    await TestClient.connect(port);
    while (String((await client.receive()).payload) !== "2") {
      // An earlier count; the next comes within a second.
    }
  }));
