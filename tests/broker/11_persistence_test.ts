import { Buffer } from "node:buffer";
import { existsSync } from "node:fs";
import { copyFile, readdir, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { clockPasses } from "../support/deadline.ts";
import { type ClientVersion, TestClient } from "../support/mqtt_client.ts";
import { ENDS, withDataDir, withRestarts } from "../support/restarts.ts";
import { runToEnd, startBroker, withBroker } from "../support/start_broker.ts";

const VERSIONS: readonly ClientVersion[] = [3, 4, 5];

interface LastingConnect {
  readonly version: ClientVersion;
  readonly clientId: string;
  readonly clean: false;
  readonly properties?: { readonly sessionExpiryInterval: number };
}

/** The fields of a CONNECT whose session outlives its connection. */
function lasting(version: ClientVersion = 5, clientId = "lasting", expiryS = 600): LastingConnect {
  const fields = { version, clientId, clean: false } as const;
  return version === 5 ? { ...fields, properties: { sessionExpiryInterval: expiryS } } : fields;
}

/** As good as a broken connection, but the broker has noticed it when this is done. */
async function disconnectWithWill(client: TestClient): Promise<void> {
  client.send({ cmd: "disconnect", reasonCode: 4 });
  await client.expectClosed();
}

for (const end of ENDS) {
  for (const version of VERSIONS) {
    test(`${end}: version ${version}: a session, its subscriptions and its queue are there again`, () =>
      withRestarts({}, async (broker) => {
        const before = await TestClient.connect(broker.port, lasting(version));
        await before.subscribe("t/+", { qos: 2 });
        await before.subscribe("gone", { qos: 2 });
        before.send({
          cmd: "unsubscribe",
          messageId: before.nextPacketId(),
          unsubscriptions: ["gone"],
        });
        await before.expect("unsuback");
        await before.disconnect();
        const publisher = await TestClient.connect(broker.port);
        for (let i = 0; i < 9; i++) {
          await publisher.publish("t/a", String(i), { qos: ([1, 2, 0] as const)[i % 3] ?? 0 });
        }
        await broker.restart(end);
        const late = await TestClient.connect(broker.port);
        await late.publish("t/b", "9", { qos: 2 });
        await late.publish("gone", "10", { qos: 2 });
        const after = await TestClient.connect(broker.port, lasting(version));
        assertEquals(after.connack.sessionPresent, version !== 3);
        // In order for each QoS [MQTT-4.6.0-6].
        const payloads: string[][] = [[], [], []];
        for (let i = 0; i < 7; i++) {
          const packet = await after.receive();
          assertEquals(packet.dup, false);
          payloads[packet.qos]?.push(String(packet.payload));
        }
        await after.expectNothing();
        assertEquals(payloads, [[], ["0", "3", "6"], ["1", "4", "7", "9"]]);
      }));

    test(`${end}: version ${version}: what was in flight is sent again, with DUP and its identifier`, () =>
      withRestarts({}, async (broker) => {
        const before = await TestClient.connect(broker.port, lasting(version));
        await before.subscribe("t", { qos: 2 });
        const publisher = await TestClient.connect(broker.port);
        for (const [payload, qos] of [["one", 1], ["two", 2], ["three", 2], ["four", 1]] as const) {
          await publisher.publish("t", payload, { qos });
        }
        const [one, two, three, four] = [
          await before.expect("publish"),
          await before.expect("publish"),
          await before.expect("publish"),
          await before.expect("publish"),
        ];
        const releasedId = three.messageId ?? 0;
        before.send({ cmd: "puback", messageId: four.messageId ?? 0 });
        before.send({ cmd: "pubrec", messageId: releasedId });
        // Its PUBREL shows that the identifier is on record; what came before it is, too.
        await before.expect("pubrel");
        await broker.restart(end);
        const after = await TestClient.connect(broker.port, lasting(version));
        const again = [await after.next(), await after.next(), await after.next()];
        const published = again.filter((packet) => packet.cmd === "publish");
        assertEquals(
          published.map(({ dup, messageId, payload }) => [dup, messageId, String(payload)]),
          [one, two].map(({ messageId, payload }) => [true, messageId, String(payload)]),
        ); // [MQTT-4.4.0-1], [MQTT-4.6.0-1]
        assertEquals(again.find(({ cmd }) => cmd === "pubrel")?.messageId, releasedId);
        after.send({ cmd: "pubcomp", messageId: releasedId });
        await after.expectNothing();
      }));

    test(`${end}: version ${version}: a QoS 2 message that is not released comes once`, () =>
      withRestarts({}, async (broker) => {
        const subscriber = await TestClient.connect(broker.port, lasting(5, "subscriber"));
        await subscriber.subscribe("t", { qos: 2 });
        await subscriber.disconnect();
        const message = {
          cmd: "publish",
          topic: "t",
          payload: "once",
          qos: 2,
          retain: false,
          messageId: 7,
        } as const;
        const before = await TestClient.connect(broker.port, lasting(version));
        before.send({ ...message, dup: false });
        await before.expect("pubrec");
        await broker.restart(end);
        const after = await TestClient.connect(broker.port, lasting(version));
        after.send({ ...message, dup: true });
        assertEquals((await after.expect("pubrec")).reasonCode ?? 0, 0);
        await broker.restart(end);
        const last = await TestClient.connect(broker.port, lasting(version));
        last.send({ cmd: "pubrel", messageId: 7 });
        assertEquals((await last.expect("pubcomp")).reasonCode ?? 0, 0);
        // The identifier is free again, and what it names now is another message.
        last.send({ ...message, dup: false, payload: "another" });
        await last.expect("pubrec");
        const again = await TestClient.connect(broker.port, lasting(5, "subscriber"));
        assertEquals(String((await again.receive()).payload), "once");
        assertEquals(String((await again.receive()).payload), "another");
        await again.expectNothing();
      }));
  }

  test(`${end}: a session that ends with its connection is not there again`, () =>
    withRestarts({}, async (broker) => {
      const expiring = lasting(5, "expiring", 0);
      const before = await TestClient.connect(broker.port, expiring);
      await before.subscribe("t", { qos: 1 });
      const clean = await TestClient.connect(broker.port, { version: 4, clientId: "clean" });
      await clean.subscribe("t", { qos: 1 });
      await broker.restart(end);
      for (const fields of [expiring, lasting(4, "clean")]) {
        const after = await TestClient.connect(broker.port, fields);
        assertEquals(after.connack.sessionPresent, false);
        await after.publish("t", "", { qos: 1 });
        await after.expectNothing();
      }
    }));

  test(`${end}: a clean start leaves nothing of the session before`, () =>
    withRestarts({}, async (broker) => {
      const before = await TestClient.connect(broker.port, lasting());
      await before.subscribe("t", { qos: 1 });
      await before.publish("t", "x", { qos: 0 });
      await before.receive();
      await before.disconnect();
      await TestClient.connect(broker.port, { ...lasting(), clean: true });
      await broker.restart(end);
      const after = await TestClient.connect(broker.port, lasting());
      assertEquals(after.connack.sessionPresent, true);
      await after.publish("t", "x");
      await after.expectNothing();
    }));

  test(`${end}: a subscription keeps its options and its identifier`, () =>
    withRestarts({}, async (broker) => {
      const before = await TestClient.connect(broker.port, lasting());
      await before.subscribe("retained", {
        qos: 1,
        rap: true,
        subscriptionIdentifier: 268_435_455,
      });
      await before.subscribe("mine", { qos: 2, nl: true });
      await before.subscribe("mine/too", { qos: 2, subscriptionIdentifier: 7 });
      await before.disconnect();
      await broker.restart(end);
      const after = await TestClient.connect(broker.port, lasting());
      const publisher = await TestClient.connect(broker.port);
      await publisher.publish("retained", "", { qos: 2, retain: true });
      await publisher.publish("retained", "x", { qos: 2, retain: true });
      for (const retain of [true, true]) {
        const packet = await after.receive();
        assertEquals([packet.qos, packet.retain], [1, retain]);
        assertEquals(packet.properties?.subscriptionIdentifier, 268_435_455);
      }
      await after.publish("mine", "x");
      await after.publish("mine/too", "x");
      assertEquals((await after.receive()).properties?.subscriptionIdentifier, 7);
      await after.expectNothing();
    }));

  test(`${end}: members of a shared subscription share on`, () =>
    withRestarts({}, async (broker) => {
      for (const clientId of ["a", "b"]) {
        const member = await TestClient.connect(broker.port, lasting(5, clientId));
        await member.subscribe("$share/group/t", { qos: 1 });
        await member.disconnect();
      }
      const before = await TestClient.connect(broker.port);
      for (let i = 0; i < 4; i++) await before.publish("t", String(i), { qos: 1 });
      await broker.restart(end);
      const publisher = await TestClient.connect(broker.port);
      for (let i = 4; i < 8; i++) await publisher.publish("t", String(i), { qos: 1 });
      const payloads: string[] = [];
      for (const clientId of ["a", "b"]) {
        const member = await TestClient.connect(broker.port, lasting(5, clientId));
        assertEquals(member.connack.sessionPresent, true);
        for (let i = 0; i < 4; i++) payloads.push(String((await member.receive()).payload));
        await member.expectNothing();
      }
      assertEquals(payloads.sort(), ["0", "1", "2", "3", "4", "5", "6", "7"]);
    }));

  test(`${end}: messages keep their properties, and their expiry goes on`, () =>
    withRestarts({}, async (broker) => {
      const before = await TestClient.connect(broker.port, lasting());
      await before.subscribe("t/#", { qos: 1 });
      await before.disconnect();
      const properties = {
        payloadFormatIndicator: true,
        contentType: "text/plain",
        responseTopic: "answer",
        correlationData: Buffer.of(0, 255),
        userProperties: { a: ["1", "2"], b: "3" },
      };
      const publisher = await TestClient.connect(broker.port);
      await publisher.publish("t/kept", "x", {
        qos: 1,
        retain: true,
        properties: { ...properties, messageExpiryInterval: 600 },
      });
      const publishedAtMs = Date.now();
      await publisher.publish("t/short", "x", {
        qos: 1,
        retain: true,
        properties: { messageExpiryInterval: 1 },
      });
      await broker.end(end);
      await clockPasses(publishedAtMs + 2000);
      await broker.start();
      const after = await TestClient.connect(broker.port, lasting());
      const queued = await after.receive();
      await after.expectNothing();
      const late = await TestClient.connect(broker.port);
      await late.subscribe("t/#", { qos: 1 });
      const retained = await late.receive();
      await late.expectNothing();
      assertEquals([queued.retain, retained.retain], [false, true]);
      for (const packet of [queued, retained]) {
        const { messageExpiryInterval = 0, correlationData, userProperties, ...others } =
          packet.properties ?? {};
        assertEquals([packet.topic, String(packet.payload)], ["t/kept", "x"]);
        assertEquals([...correlationData ?? []], [0, 255]);
        assertEquals({ ...userProperties }, { a: ["1", "2"], b: "3" });
        assertEquals(others, {
          payloadFormatIndicator: true,
          contentType: "text/plain",
          responseTopic: "answer",
        });
        const isLess = messageExpiryInterval > 500 && messageExpiryInterval <= 598;
        assert(isLess, `${messageExpiryInterval} s are left`); // [MQTT-3.3.2-6]
      }
    }));

  test(`${end}: retained messages are there again, the last of each topic, and none that was deleted`, () =>
    withRestarts({}, async (broker) => {
      const publisher = await TestClient.connect(broker.port);
      const large = "x".repeat(200_000);
      for (let i = 0; i < 20; i++) {
        await publisher.publish("r/changed", String(i), { qos: 1, retain: true });
      }
      await publisher.publish("r/large", large, { qos: 2, retain: true });
      await publisher.publish("r/deleted", "x", { qos: 1, retain: true });
      await publisher.publish("r/deleted", "", { qos: 1, retain: true });
      await broker.restart(end);
      const second = await TestClient.connect(broker.port);
      await second.publish("r/later", "x", { qos: 1, retain: true });
      await second.publish("r/changed", "", { qos: 1, retain: true });
      await broker.restart(end);
      const late = await TestClient.connect(broker.port);
      await late.subscribe("r/#", { qos: 2 });
      const found = [await late.receive(), await late.receive()];
      await late.expectNothing();
      found.sort((a, b) => a.topic < b.topic ? -1 : 1);
      assertEquals(found.map(({ topic, qos }) => [topic, qos]), [["r/large", 2], ["r/later", 1]]);
      assertEquals(String(found[0]?.payload) === large, true);
    }));

  test(`${end}: a will that waits for its delay comes when that is over`, () =>
    withRestarts({}, async (broker) => {
      const watcher = await TestClient.connect(broker.port, lasting(5, "watcher"));
      await watcher.subscribe("will/+", { qos: 1 });
      await watcher.disconnect();
      const connect = (clientId: string, willDelayInterval: number): Promise<TestClient> =>
        TestClient.connect(broker.port, {
          ...lasting(5, clientId),
          will: {
            topic: `will/${clientId}`,
            payload: "gone",
            qos: 1,
            properties: { willDelayInterval, contentType: "text/plain" },
          },
        });
      const [back, gone] = [await connect("back", 2), await connect("gone", 2)];
      const goneAtMs = Date.now();
      for (const client of [back, gone]) await disconnectWithWill(client);
      await broker.restart(end);
      await connect("back", 3600);
      const after = await TestClient.connect(broker.port, lasting(5, "watcher"));
      const will = await after.receive();
      assertEquals([will.topic, String(will.payload)], ["will/gone", "gone"]);
      assertEquals(will.properties?.contentType, "text/plain");
      assert(Date.now() - goneAtMs >= 2000, "the delay is over");
      await after.expectNothing();
    }));

  test(`${end}: a session that expires while the broker is down has ended, and its will comes`, () =>
    withRestarts({}, async (broker) => {
      const watcher = await TestClient.connect(broker.port, lasting(5, "watcher"));
      await watcher.subscribe("will", { qos: 1 });
      await watcher.disconnect();
      const short = await TestClient.connect(broker.port, {
        ...lasting(5, "short", 1),
        will: { topic: "will", payload: "x", properties: { willDelayInterval: 3600 }, qos: 1 },
      });
      await short.subscribe("t", { qos: 1 });
      const shortAtMs = Date.now();
      await disconnectWithWill(short);
      const publisher = await TestClient.connect(broker.port);
      await publisher.publish("t", "x", { qos: 1 });
      await broker.end(end);
      await clockPasses(shortAtMs + 1500);
      await broker.start();
      const after = await TestClient.connect(broker.port, lasting(5, "watcher"));
      assertEquals((await after.receive()).topic, "will");
      const again = await TestClient.connect(broker.port, lasting(5, "short"));
      assertEquals(again.connack.sessionPresent, false);
      await again.expectNothing();
    }));
}

for (const end of ENDS) {
  test(`${end}: the will of a client that was connected comes after the restart`, () =>
    withRestarts({}, async (broker) => {
      const watcher = await TestClient.connect(broker.port, lasting(5, "watcher"));
      await watcher.subscribe("will", { qos: 1 });
      await watcher.disconnect();
      await TestClient.connect(broker.port, {
        ...lasting(5, "a"),
        will: { topic: "will", payload: "gone", qos: 1, retain: true },
      });
      await broker.restart(end);
      const after = await TestClient.connect(broker.port, lasting(5, "watcher"));
      assertEquals(String((await after.receive()).payload), "gone");
      await after.expectNothing();
      const late = await TestClient.connect(broker.port);
      await late.subscribe("will");
      assertEquals(String((await late.receive()).payload), "gone");
    }));
}

test("one data directory serves one broker", () =>
  withRestarts({}, async (broker) => {
    const { code, stdout, stderr } = await runToEnd([
      "run",
      "--set",
      `node.data_dir=${broker.dataDir}`,
      "--set",
      "listener.0.bind=127.0.0.1:0",
    ]);
    assertEquals([code, stdout], [1, ""]);
    assertStringIncludes(
      stderr,
      `Cannot use node.data_dir "${broker.dataDir}": another broker is using it`,
    );
  }));

test("a data directory that cannot be one ends the program with status 1", () =>
  withDataDir(async (dataDir) => {
    const file = join(dataDir, "file");
    await writeFile(file, "");
    for (
      const [path, why] of [
        [file, "it is not a directory"],
        [join(file, "below"), "a part of it is not a directory (ENOTDIR)"],
      ]
    ) {
      const { code, stdout, stderr } = await runToEnd(["run", "--set", `node.data_dir=${path}`]);
      assertEquals([code, stdout], [1, ""]);
      assertStringIncludes(stderr, `Cannot use node.data_dir "${path}": ${why}`);
    }
  }));

test("a damaged database is set aside, the log says so, and the broker starts", () =>
  withRestarts({}, async (broker) => {
    const publisher = await TestClient.connect(broker.port);
    for (let i = 0; i < 50; i++) {
      await publisher.publish(`r/${i}`, "x".repeat(5000), { qos: 1, retain: true });
    }
    await broker.end("stop");
    await truncate(join(broker.dataDir, "broker.db"), 40_000);
    await broker.start();
    await broker.running.logged("The database was damaged and has been set aside");
    const names = await readdir(broker.dataDir);
    assert(names.some((name) => name.startsWith("broker-damaged-")), names.join());
    const client = await TestClient.connect(broker.port);
    await client.publish("r/new", "x", { qos: 2, retain: true });
  }));

for (const args of [["--ephemeral"], ["--set", "persistence.enabled=false"]]) {
  test(`${args.join(" ")} writes nothing to disk`, () =>
    withDataDir(async (folder) => {
      const dataDir = join(folder, "data");
      const broker = await startBroker({ args, dataDir });
      const client = await TestClient.connect(broker.port, lasting());
      await client.subscribe("t", { qos: 1 });
      await client.publish("other", "x", { qos: 1, retain: true });
      assertEquals(await broker.stop(), { code: 0, signal: undefined });
      assertEquals(existsSync(dataDir), false);
    }));
}

test("a backup that is made while the broker runs is a database to start from", () =>
  withRestarts({}, async (broker) => {
    const client = await TestClient.connect(broker.port, lasting());
    await client.subscribe("t", { qos: 1 });
    await client.disconnect();
    const publisher = await TestClient.connect(broker.port);
    await publisher.publish("t", "before", { qos: 1, retain: true });
    const file = join(broker.dataDir, "backup.db");
    const backup = ["backup", file, "--set", `node.data_dir=${broker.dataDir}`];
    const { code, stderr } = await runToEnd(backup);
    assertEquals([code, stderr], [0, ""]);
    await publisher.publish("t", "after", { qos: 1, retain: true });
    const again = await runToEnd(backup);
    assertEquals(again.code, 1);
    assertStringIncludes(again.stderr, "it exists");
    await broker.end("kill");
    // As the README has it.
    for (const suffix of ["", "-wal", "-shm"]) {
      await rm(join(broker.dataDir, `broker.db${suffix}`), { force: true });
    }
    await copyFile(file, join(broker.dataDir, "broker.db"));
    await broker.start();
    const after = await TestClient.connect(broker.port, lasting());
    assertEquals(after.connack.sessionPresent, true);
    assertEquals(String((await after.receive()).payload), "before");
    await after.expectNothing();
    const late = await TestClient.connect(broker.port);
    await late.subscribe("t");
    assertEquals(String((await late.receive()).payload), "before");
  }));

test("backup says what is wrong", () =>
  withDataDir(async (dataDir) => {
    const set = ["--set", `node.data_dir=${dataDir}`];
    const none = await runToEnd(["backup", join(dataDir, "f.db"), ...set]);
    assertEquals([none.code, none.stdout], [1, ""]);
    assertStringIncludes(none.stderr, "there is no such database");
    const nothing = await runToEnd(["backup", ...set]);
    assertEquals([nothing.code, nothing.stdout], [2, ""]);
    assertStringIncludes(nothing.stderr, "backup needs a FILE");
  }));

test("durability off keeps what a graceful stop leaves", () =>
  withRestarts({ args: ["--set", "persistence.durability=off"] }, async (broker) => {
    const client = await TestClient.connect(broker.port, lasting());
    await client.subscribe("t", { qos: 1 });
    await client.disconnect();
    const publisher = await TestClient.connect(broker.port);
    await publisher.publish("t", "x", { qos: 2, retain: true });
    await broker.restart("stop");
    const after = await TestClient.connect(broker.port, lasting());
    assertEquals(after.connack.sessionPresent, true);
    assertEquals(String((await after.receive()).payload), "x");
  }));

test("a broker with lower limits loads what an earlier one kept, and keeps the newest of it", () =>
  withDataDir(async (dataDir) => {
    const first = await startBroker({ dataDir });
    const before = await TestClient.connect(first.port, lasting());
    await before.subscribe("t", { qos: 1 });
    await before.disconnect();
    const publisher = await TestClient.connect(first.port);
    for (let i = 0; i < 10; i++) await publisher.publish("t", String(i), { qos: 1 });
    await first.stop();
    const args = ["--set", "mqtt.max_queued_messages=3"];
    await withBroker({ dataDir, args }, async ({ port }) => {
      const after = await TestClient.connect(port, lasting());
      assertEquals(after.connack.sessionPresent, true);
      // A lower limit counts for what waits already: the oldest gave way.
      for (const payload of ["7", "8", "9"]) {
        assertEquals(String((await after.receive()).payload), payload);
      }
    });
  }));
