/** What becomes of the database is no business of the broker's clients: it is written anew while they go on. */
import { open, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { TestClient } from "../support/mqtt_client.ts";
import { type RestartableBroker, withRestarts } from "../support/restarts.ts";

const LONG_QUEUES = ["--set", "mqtt.max_queued_messages=10000"];
const HEALED = "The database was damaged and has been written anew";
const ACCEPTED_AGAIN = "The store can be written again";

function lasting(clientId: string): Parameters<typeof TestClient.connect>[1] {
  return { clientId, clean: false, properties: { sessionExpiryInterval: 600 } };
}

/** Publishes one message after the other at QoS 1; notes which of them were acknowledged. */
class Traffic {
  readonly acknowledged: number[] = [];
  refused = 0;
  readonly #client: TestClient;
  #next = 0;

  constructor(client: TestClient) {
    this.#client = client;
  }

  /** Until so many more are acknowledged. */
  async publish(count: number): Promise<void> {
    const end = this.acknowledged.length + count;
    while (this.acknowledged.length < end) {
      const messageId = this.#client.nextPacketId();
      const payload = String(this.#next);
      this.#client.send({
        cmd: "publish",
        topic: "t",
        payload,
        qos: 1,
        messageId,
        retain: false,
        dup: false,
      });
      const { reasonCode = 0 } = await this.#client.expect("puback");
      if (reasonCode < 0x80) this.acknowledged.push(this.#next);
      else {
        assertEquals(reasonCode, 0x97);
        this.refused++;
      }
      this.#next++;
    }
  }
}

/** All that waits for a session, each message acknowledged. */
async function drain(broker: RestartableBroker, clientId: string, last: number): Promise<number[]> {
  const client = await TestClient.connect(broker.port, lasting(clientId));
  assertEquals(client.connack.sessionPresent, true);
  const found: number[] = [];
  while (found.at(-1) !== last) found.push(Number((await client.receive()).payload));
  await client.disconnect();
  return found;
}

async function overwrite(path: string): Promise<void> {
  const file = await open(path, "r+");
  const { size } = await file.stat();
  await file.write(new Uint8Array(size).fill(0xa5), 0, size, 0);
  await file.close();
}

const DAMAGES: readonly [what: string, damage: (path: string) => Promise<void>][] = [
  ["pages of file and log are overwritten", async (path) => {
    await overwrite(path);
    await overwrite(`${path}-wal`);
  }],
  ["file and log are removed", async (path) => {
    await rm(path);
    await rm(`${path}-wal`);
  }],
];

for (const [what, damage] of DAMAGES) {
  test(`${what} in the middle of traffic: the broker goes on, and loses nothing by it`, () =>
    withRestarts({ args: LONG_QUEUES }, async (broker) => {
      for (const clientId of ["away", "other"]) {
        const subscriber = await TestClient.connect(broker.port, lasting(clientId));
        await subscriber.subscribe("t", { qos: 1 });
        await subscriber.disconnect();
      }
      const present = await TestClient.connect(broker.port, lasting("present"));
      await present.subscribe("r", { qos: 2 });
      const traffic = new Traffic(await TestClient.connect(broker.port));
      const retaining = await TestClient.connect(broker.port);
      await retaining.publish("r", "kept", { qos: 1, retain: true });
      assertEquals(String((await present.receive()).payload), "kept");
      await traffic.publish(400);
      await damage(join(broker.dataDir, "broker.db"));
      const healed = broker.running.logged(ACCEPTED_AGAIN);
      let isHealed = false;
      const noted = healed.then(() => isHealed = true);
      while (!isHealed) await traffic.publish(1);
      await noted;
      await broker.running.logged(HEALED);
      await broker.running.logged("An alarm was raised alarm=store_damaged");
      await broker.running.logged("An alarm is over alarm=store_failing");
      const atHealing = traffic.acknowledged.length;
      await traffic.publish(100);
      await retaining.publish("r", "later", { qos: 2 });
      assertEquals(String((await present.receive()).payload), "later");
      await broker.restart("kill");
      assert(!broker.running.stderr().includes("damaged"), broker.running.stderr());
      const last = traffic.acknowledged.at(-1) as number;
      for (const clientId of ["away", "other"]) {
        const found = new Set(await drain(broker, clientId, last));
        const lost = traffic.acknowledged.filter((number) => !found.has(number));
        assertEquals(lost, [], `of ${traffic.acknowledged.length}, healed at ${atHealing}`);
      }
      const late = await TestClient.connect(broker.port);
      await late.subscribe("r", { qos: 0 });
      assertEquals(String((await late.receive()).payload), "kept");
      const again = await TestClient.connect(broker.port, lasting("present"));
      assertEquals(again.connack.sessionPresent, true);
    }));
}

test("a long queue that is on the disk alone outlives the removal of its file", () =>
  withRestarts({ args: LONG_QUEUES }, async (broker) => {
    const subscriber = await TestClient.connect(broker.port, lasting("away"));
    await subscriber.subscribe("t", { qos: 1 });
    await subscriber.disconnect();
    const traffic = new Traffic(await TestClient.connect(broker.port));
    await traffic.publish(1500);
    await rm(join(broker.dataDir, "broker.db"));
    const healed = broker.running.logged(ACCEPTED_AGAIN);
    let isHealed = false;
    const noted = healed.then(() => isHealed = true);
    while (!isHealed) await traffic.publish(1);
    await noted;
    await traffic.publish(1);
    await broker.restart("kill");
    assertEquals(
      await drain(broker, "away", traffic.acknowledged.at(-1) as number),
      traffic.acknowledged,
    );
  }));

test("a data directory that is away is waited for: nothing durable is taken meanwhile, all else is", () =>
  withRestarts({}, async (broker) => {
    const subscriber = await TestClient.connect(broker.port, lasting("away"));
    await subscriber.subscribe("t", { qos: 1 });
    await subscriber.disconnect();
    const client = await TestClient.connect(broker.port);
    const traffic = new Traffic(client);
    await traffic.publish(10);
    const away = `${broker.dataDir}-away`;
    await rename(broker.dataDir, away);
    // The first of these finds it out, and is acknowledged when it can be.
    const waiting = await TestClient.connect(broker.port);
    const acknowledged = waiting.publish("t", "waits", { qos: 1 });
    await broker.running.logged("The database is damaged");
    client.send({
      cmd: "publish",
      topic: "t",
      payload: "refused",
      qos: 1,
      messageId: client.nextPacketId(),
      retain: false,
      dup: false,
    });
    assertEquals((await client.expect("puback")).reasonCode, 0x97);
    await client.subscribe("q0", { qos: 0 });
    client.send({
      cmd: "publish",
      topic: "q0",
      payload: "goes on",
      qos: 0,
      retain: false,
      dup: false,
    });
    assertEquals(String((await client.receive()).payload), "goes on");
    await rename(away, broker.dataDir);
    await broker.running.logged(ACCEPTED_AGAIN);
    await acknowledged;
    const names = await readdir(broker.dataDir);
    assertEquals(names.filter((name) => name.startsWith("broker-damaged-")), []);
    await traffic.publish(1);
    assert((await stat(join(broker.dataDir, "broker.db"))).size > 0);
  }));
