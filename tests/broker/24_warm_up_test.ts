import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

/** What a client finds that is the first one. */
const UNTOUCHED: ReadonlyMap<string, string> = new Map([
  ["clients/connected", "1"],
  ["clients/maximum", "1"],
  ["clients/total", "1"],
  ["publish/messages/received", "0"],
  ["publish/messages/dropped", "0"],
  ["subscriptions/count", "1"],
]);

test("the broker warms up before its first client, who sees nothing of it", () =>
  withBroker({
    args: [
      ...["--set", "node.warm_up=true", "--set", "log.level=debug"],
      ...["--set", 'mqtt.sys_interval="1s"'],
      // Limits that hold for others, and would be in the way.
      ...["--set", "mqtt.max_qos=0", "--set", "mqtt.max_packet_size=128"],
      ...["--set", "limits.messages_in_rate=1", "--set", "auth.allow_anonymous=false"],
      ...["--set", "auth.user.0.username=u", "--set", "auth.user.0.password=p"],
    ],
  }, async ({ port, logged, stderr }) => {
    await logged("Warm-up has ended");
    assertStringIncludes(stderr(), "outcome=done");
    const client = await TestClient.connect(port, { username: "u", password: Buffer.from("p") });
    await client.subscribe("$SYS/#");
    const open = new Map(UNTOUCHED);
    while (open.size > 0) {
      const { topic, payload } = await client.receive();
      const name = topic.replace("$SYS/broker/", "");
      // The first figures are from before this client.
      if (String(payload) === UNTOUCHED.get(name)) open.delete(name);
    }
  }));

test("a broker that is told not to does not warm up", () =>
  withBroker({ args: ["--set", "log.level=debug"] }, async ({ port, stderr }) => {
    await TestClient.connect(port);
    assertEquals(stderr().includes("Warm-up"), false);
  }));
