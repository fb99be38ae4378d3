import { test } from "node:test";
import { assertEquals, assertNotEquals } from "@std/assert";
import { within } from "../support/deadline.ts";
import { type ClientVersion, TestClient } from "../support/mqtt_client.ts";
import { withBroker } from "../support/start_broker.ts";

const VERSIONS: readonly ClientVersion[] = [3, 4, 5];

for (const version of VERSIONS) {
  test(`CONNECT of version ${version} is accepted, PINGREQ answered, DISCONNECT obeyed`, () =>
    withBroker({}, async ({ port }) => {
      const client = await TestClient.connect(port, { version, clientId: "a" });
      assertEquals(client.connack.sessionPresent, false);
      await client.expectNothing();
      await client.disconnect();
    }));

  test(`a session of version ${version} is there again when its client returns`, () =>
    withBroker({}, async ({ port }) => {
      const fields = {
        version,
        clientId: "a",
        clean: false,
        ...(version === 5 ? { properties: { sessionExpiryInterval: 60 } } : {}),
      };
      const first = await TestClient.connect(port, fields);
      await first.disconnect();
      const second = await TestClient.connect(port, fields);
      // CONNACK of 3.1 has no such flag; the bit is reserved there.
      assertEquals(second.connack.sessionPresent, version !== 3);
      await second.disconnect();
      const clean = await TestClient.connect(port, { version, clientId: "a", clean: true });
      assertEquals(clean.connack.sessionPresent, false);
    }));

  for (const newcomer of VERSIONS) {
    test(`a client of version ${newcomer} takes the session over from one of version ${version}`, () =>
      withBroker({}, async ({ port }) => {
        const first = await TestClient.connect(port, { version, clientId: "a" });
        const second = await TestClient.connect(port, { version: newcomer, clientId: "a" });
        if (version === 5) {
          assertEquals((await first.expect("disconnect")).reasonCode, 0x8e); // [MQTT-3.1.4-3]
        }
        await first.expectClosed();
        await second.expectNothing();
      }));
  }
}

test("a 5.0 client without an identifier is told the one that it was given", () =>
  withBroker({}, async ({ port }) => {
    const [one, two] = [await TestClient.connect(port), await TestClient.connect(port)];
    const first = one.connack.properties?.assignedClientIdentifier ?? "";
    const second = two.connack.properties?.assignedClientIdentifier ?? "";
    assertNotEquals(first, "");
    assertNotEquals(first, second); // [MQTT-3.2.2-16]
  }));

test("a 3.1.1 client without an identifier that wants a lasting session is refused", () =>
  withBroker({}, async ({ port }) => {
    const client = await TestClient.open(port, 4);
    // As bytes: mqtt-packet does not write such a packet. Flags 0, keep alive 0, identifier "".
    client.send(Uint8Array.of(0x10, 12, 0, 4, 0x4d, 0x51, 0x54, 0x54, 4, 0, 0, 0, 0, 0));
    assertEquals((await client.expect("connack")).returnCode, 2); // [MQTT-3.1.3-8]
    await client.expectClosed();
  }));

test("a keep alive above the limit is answered with Server Keep Alive", () =>
  withBroker({ args: ["--set", "mqtt.max_keep_alive=30"] }, async ({ port }) => {
    const long = await TestClient.connect(port, { keepalive: 31 });
    assertEquals(long.connack.properties?.serverKeepAlive, 30);
    const short = await TestClient.connect(port, { keepalive: 30 });
    assertEquals(short.connack.properties?.serverKeepAlive, undefined);
  }));

test("a client that is silent beyond its keep alive is disconnected, one that pings is not", () =>
  withBroker({}, async ({ port }) => {
    const alive = await TestClient.connect(port, { keepalive: 60 });
    const silent = await TestClient.connect(port, { keepalive: 1 });
    assertEquals((await silent.expect("disconnect")).reasonCode, 0x8d);
    await silent.expectClosed(); // [MQTT-3.1.2-22]
    await alive.expectNothing();
  }));

test("a connection without CONNECT is closed after connect_timeout", () =>
  withBroker({ args: ["--set", "mqtt.connect_timeout=200ms"] }, async ({ port }) => {
    const client = await TestClient.open(port);
    await client.expectClosed();
  }));

test("limits of the configuration stand in CONNACK", () => {
  const config = [
    "[mqtt]",
    'max_packet_size = "8KB"',
    "max_qos = 1",
    "retain_available = false",
    "wildcard_subscription = false",
    "shared_subscription = false",
    "receive_maximum = 7",
    "max_topic_alias = 3",
    'max_session_expiry = "10s"',
  ].join("\n");
  return withBroker({ config }, async ({ port }) => {
    const { connack } = await TestClient.connect(port, {
      clientId: "a",
      properties: { sessionExpiryInterval: 60 },
    });
    const { properties = {} } = connack;
    assertEquals(properties.maximumPacketSize, 8192);
    assertEquals(Number(properties.maximumQoS), 1);
    assertEquals(properties.retainAvailable, false);
    assertEquals(properties.wildcardSubscriptionAvailable, false);
    assertEquals(properties.sharedSubscriptionAvailable, false);
    assertEquals(properties.receiveMaximum, 7);
    assertEquals(properties.topicAliasMaximum, 3);
    assertEquals(properties.sessionExpiryInterval, 10);
  });
});

/** Whether a connection is closed or reset instead of answered. */
async function isTurnedAway(port: number): Promise<boolean> {
  try {
    const client = await TestClient.connect(port);
    await client.expectNothing();
    return false;
  } catch (error) {
    if (!(error instanceof Error && /hung up|ECONNRESET|EPIPE/.test(error.message))) throw error;
    return true;
  }
}

test("max_connections turns further connections away and lets others in later", () => {
  const config = '[[listener]]\nbind = "127.0.0.1:0"\nmax_connections = 2\n';
  return withBroker({ config }, async ({ port }) => {
    const [one, two] = [await TestClient.connect(port), await TestClient.connect(port)];
    assertEquals(await isTurnedAway(port), true);
    await one.disconnect();
    await two.expectNothing();
    // The broker may learn of the end of its connection a little later than the client.
    const letIn = async (): Promise<void> => {
      while (await isTurnedAway(port));
    };
    await within(letIn(), "a place for another connection");
  });
});
