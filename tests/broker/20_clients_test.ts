import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { connectAsync, type IClientOptions, type MqttClient } from "mqtt";
import { within } from "../support/deadline.ts";
import { hasMosquitto, mosquittoPub, mosquittoSub } from "../support/mosquitto.ts";
import { withBroker } from "../support/start_broker.ts";

const QOS = [0, 1, 2] as const;
const skip = hasMosquitto() ? false : "the clients of mosquitto or stdbuf are not installed";

/** MQTT.js: runs `use` with a client that reconnects by itself like any user's. */
async function withMqttJs(
  url: string,
  options: IClientOptions,
  use: (client: MqttClient) => Promise<void>,
): Promise<void> {
  const client = await within(connectAsync(url, options), "MQTT.js to connect");
  try {
    await use(client);
  } finally {
    await client.endAsync(true);
  }
}

/** The next `count` messages of a client, as "topic payload qos". */
function messages(client: MqttClient, count: number): Promise<string[]> {
  const seen: string[] = [];
  const all = new Promise<string[]>((resolve) => {
    client.on("message", (topic, payload, { qos }) => {
      if (seen.push(`${topic} ${payload} ${qos}`) === count) resolve(seen);
    });
  });
  return within(all, `${count} messages`);
}

for (const protocolVersion of [3, 4, 5] as const) {
  const protocolId = protocolVersion === 3 ? "MQIsdp" : "MQTT";
  test(`MQTT.js, version ${protocolVersion}: publishes and receives with every QoS`, () =>
    withBroker(
      {},
      ({ url }) =>
        withMqttJs(url, { protocolVersion, protocolId, clientId: "js" }, async (client) => {
          const granted = await client.subscribeAsync({ "a/#": { qos: 2 } });
          assertEquals(granted.map(({ qos }) => qos), [2]);
          const received = messages(client, 3);
          for (const qos of QOS) await client.publishAsync(`a/${qos}`, `payload ${qos}`, { qos });
          assertEquals(await received, ["a/0 payload 0 0", "a/1 payload 1 1", "a/2 payload 2 2"]);
        }),
    ));
}

test("MQTT.js comes back after a takeover and gets what it missed", () =>
  withBroker({}, ({ url }) => {
    const options: IClientOptions = {
      protocolVersion: 5,
      clientId: "js",
      clean: false,
      reconnectPeriod: 10,
      properties: { sessionExpiryInterval: 600 },
    };
    return withMqttJs(url, options, async (client) => {
      await client.subscribeAsync("a", { qos: 1 });
      const received = messages(client, 1);
      client.stream.destroy();
      await withMqttJs(url, { clientId: "other" }, async (other) => {
        await other.publishAsync("a", "missed", { qos: 1 });
      });
      assertEquals(await received, ["a missed 1"]);
    });
  }));

for (const version of ["mqttv31", "mqttv311", "mqttv5"]) {
  test(
    `mosquitto_pub to mosquitto_sub, ${version}: every QoS`,
    { skip },
    () =>
      withBroker({}, async ({ port }) => {
        const args = ["-V", version, "-t", "a/#", "-q", "2", "-C", "3", "-F", "%t %q %p"];
        const subscriber = await mosquittoSub(port, args);
        for (const qos of QOS) {
          await mosquittoPub(port, [
            ...["-V", version, "-q", String(qos), "-t", `a/${qos}`, "-m", `payload ${qos}`],
          ]);
        }
        assertEquals(await subscriber.lines(), [
          "a/0 0 payload 0",
          "a/1 1 payload 1",
          "a/2 2 payload 2",
        ]);
      }),
  );
}

test(
  "mosquitto_sub gets the will of a client and a retained message",
  { skip },
  () =>
    withBroker({}, async ({ port }) => {
      await mosquittoPub(port, ["-t", "a/kept", "-m", "kept", "-r", "-q", "1"]);
      const subscriber = await mosquittoSub(port, ["-t", "a/#", "-C", "2", "-F", "%t %r %p"]);
      const doomed = await mosquittoSub(port, [
        ...["-t", "b", "--will-topic", "a/will", "--will-payload", "gone"],
      ]);
      doomed.kill();
      assertEquals(await subscriber.lines(), ["a/kept 1 kept", "a/will 0 gone"]);
    }),
);
