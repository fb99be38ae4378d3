import { Buffer } from "node:buffer";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { withDataDir } from "../support/restarts.ts";
import { startBroker, withBroker } from "../support/start_broker.ts";

const USERS = ["alice", "bob"].map((name) =>
  `[[auth.user]]\nusername = "${name}"\npassword = "secret of ${name}"\n`
).join("");
const FLAPPING =
  '[limits]\nflapping = { enabled = true, max_count = 2, window = "1h", ban = "1h" }\n';

/** The reason code that a CONNECT is answered with. */
async function answerTo(
  port: number,
  fields: Parameters<TestClient["sendConnect"]>[0],
  version: 4 | 5 = 5,
): Promise<number | undefined> {
  const client = await TestClient.open(port, version);
  client.sendConnect(fields);
  const connack = await client.expect("connack");
  const code = version === 5 ? connack.reasonCode : connack.returnCode;
  if (code !== 0) await client.expectClosed();
  else await client.disconnect();
  return code;
}

function userFields(
  name: string | undefined,
  clientId = "shared",
): Parameters<TestClient["sendConnect"]>[0] {
  return {
    clientId,
    clean: false,
    properties: { sessionExpiryInterval: 3600 },
    ...(name === undefined ? {} : { username: name, password: Buffer.from(`secret of ${name}`) }),
  };
}

for (const policy of ["refuse", "fresh"] as const) {
  test(`session_owner = "${policy}": nobody gets what waits for another user`, () => {
    const config = `[auth]\nallow_anonymous = true\nsession_owner = "${policy}"\n${USERS}`;
    return withBroker({ config }, async ({ port }) => {
      const alice = await TestClient.connect(port, userFields("alice"));
      await alice.subscribe("secret", { qos: 1 });
      const bob = await TestClient.open(port);
      bob.sendConnect(userFields("bob"));
      const connack = await bob.expect("connack");
      if (policy === "refuse") {
        assertEquals(connack.reasonCode, 0x85);
        await bob.expectClosed();
        await alice.expectNothing();
      } else {
        assertEquals([connack.reasonCode, connack.sessionPresent], [0, false]);
        assertEquals((await alice.expect("disconnect")).reasonCode, 0x8e);
        const publisher = await TestClient.connect(port);
        await publisher.publish("secret", "x", { qos: 1 });
        await bob.expectNothing();
      }
    });
  });
}

test("a session has its user after a restart, and messages that wait go to that one", () =>
  withDataDir(async (dataDir) => {
    const config = `[auth]\nallow_anonymous = true\n${USERS}`;
    const first = await startBroker({ config, dataDir });
    const alice = await TestClient.connect(first.port, userFields("alice"));
    await alice.subscribe("secret", { qos: 1 });
    await alice.disconnect();
    const publisher = await TestClient.connect(first.port);
    await publisher.publish("secret", "for alice", { qos: 1 });
    await first.stop();
    const second = await startBroker({ config, dataDir });
    assertEquals(await answerTo(second.port, userFields("bob")), 0x85);
    assertEquals(await answerTo(second.port, { ...userFields(undefined), clean: true }), 0x85);
    assertEquals(await answerTo(second.port, { clientId: "shared" }, 4), 2);
    const again = await TestClient.connect(second.port, userFields("alice"));
    assertEquals(again.connack.sessionPresent, true);
    assertEquals(String((await again.receive()).payload), "for alice");
    assertEquals((await second.stop()).code, 0);
  }));

test("a client that comes and goes is banned, also after a restart; others are not", () =>
  withDataDir(async (dataDir) => {
    const broker = await startBroker({ config: FLAPPING, dataDir });
    for (let n = 0; n < 3; n++) {
      const client = await TestClient.connect(broker.port, { clientId: "flapping" });
      await client.disconnect();
    }
    assertEquals(await answerTo(broker.port, { clientId: "flapping" }), 0x8a);
    assertEquals(await answerTo(broker.port, { clientId: "flapping" }, 4), 5);
    assertEquals(await answerTo(broker.port, { clientId: "other" }), 0);
    assertEquals((await broker.stop()).code, 0);
    const again = await startBroker({ config: FLAPPING, dataDir });
    assertEquals(await answerTo(again.port, { clientId: "flapping" }), 0x8a);
    assertEquals(await answerTo(again.port, { clientId: "other" }), 0);
    assertEquals((await again.stop()).code, 0);
  }));

test("messages_in_rate holds up whoever sends more, and loses nothing", () =>
  withBroker({ args: ["--set", "limits.messages_in_rate=100"] }, async ({ port }) => {
    const [fast, slow, subscriber] = [
      await TestClient.connect(port, { version: 4 }),
      await TestClient.connect(port),
      await TestClient.connect(port),
    ];
    await subscriber.subscribe("t", { qos: 1 });
    const startMs = performance.now();
    for (let id = 1; id <= 300; id++) {
      const packet = { topic: "t", payload: String(id), retain: false, dup: false } as const;
      fast.send({ cmd: "publish", qos: 1, messageId: id, ...packet });
    }
    await slow.publish("elsewhere", "", { qos: 1 });
    const slowMs = performance.now() - startMs;
    for (let id = 1; id <= 300; id++) {
      assertEquals(String((await subscriber.receive()).payload), String(id));
      assertEquals((await fast.expect("puback")).messageId, id);
    }
    const fastMs = performance.now() - startMs;
    assert(fastMs > 1500, `300 messages at 100 in a second took ${fastMs} ms`);
    assert(slowMs < fastMs / 2, `another client waited ${slowMs} ms`);
  }));

test("a reload changes the rates of clients that are connected, and keeps them", async () => {
  const folder = await mkdtemp(join(tmpdir(), "broker-limits-"));
  const path = join(folder, "broker.toml");
  await writeFile(path, "[limits]\nmessages_in_rate = 2\n");
  try {
    await withBroker({ args: ["--config", path] }, async (broker) => {
      const client = await TestClient.connect(broker.port, { version: 4 });
      for (let id = 1; id <= 1000; id++) {
        const packet = { topic: "t", payload: "", retain: false, dup: false } as const;
        client.send({ cmd: "publish", qos: 1, messageId: id, ...packet });
      }
      assertEquals((await client.expect("puback")).messageId, 1);
      await writeFile(path, "[limits]\nmessages_in_rate = 0\n");
      broker.signal("SIGHUP");
      await broker.logged("changed=limits.messages_in_rate");
      // At the old rate this would take eight minutes.
      for (let id = 2; id <= 1000; id++) {
        assertEquals((await client.expect("puback")).messageId, id);
      }
    });
  } finally {
    await rm(folder, { recursive: true });
  }
});

test("max_sessions refuses clients that would need one more", () =>
  withBroker({ args: ["--set", "limits.max_sessions=2"] }, async ({ port }) => {
    await TestClient.connect(port, { clientId: "a" });
    await TestClient.connect(port, { clientId: "b" });
    assertEquals(await answerTo(port, { clientId: "c" }), 0x97);
    assertEquals(await answerTo(port, { clientId: "c" }, 4), 3);
    assertEquals(await answerTo(port, { clientId: "b" }), 0);
    assertEquals(await answerTo(port, { clientId: "c" }), 0);
  }));

test("max_idle ends a connection that asked for no keep alive", () =>
  withBroker({ args: ["--set", "limits.max_idle=1s"] }, async ({ port }) => {
    const client = await TestClient.connect(port, { version: 4, keepalive: 0 });
    await client.expectClosed();
  }));
