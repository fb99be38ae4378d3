/** Acknowledged means on disk, also when the machine dies: `POWER_CUT_ROUNDS` says how often it does (3). */
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { seededPrng } from "../../support/seed.ts";
import { type RestartableBroker, withRestarts } from "../../support/restarts.ts";
import { TestClient } from "../../support/mqtt_client.ts";
import { describe } from "../crash/checker.ts";
import { type CrashResult, runCrashes } from "../crash/crash_run.ts";
import { filesIn, type LayerCounts, PowerCutDisk, whyNoPowerCuts } from "./power_cut_disk.ts";

const ROUNDS = Number(process.env["POWER_CUT_ROUNDS"] || 3);
/** A run that loses nothing where it may is a chance; so many are a layer that does not bite. */
const ATTEMPTS_MAX = 5;
/** Of a data directory in which nothing ever went wrong. */
const FILES = ["broker.ballast", "broker.db", "broker.db-wal", "broker.lock"];
const skip = whyNoPowerCuts() ?? false;

/** That what the disk forgets is what was not synced, and not what the layer did not see. */
function assertSeen(counts: LayerCounts): void {
  const { writes, syncs, folderSyncs, mappings } = counts;
  const text = JSON.stringify(counts);
  assert(writes > 0 && syncs > 0 && folderSyncs > 0, `The layer has not seen the broker: ${text}`);
  assertEquals(mappings, 0, `The broker may write past the layer: ${text}`);
}

async function cuts(
  name: string,
  durability: string,
  rounds: number,
  writebackPercents: readonly number[],
): Promise<CrashResult> {
  let result: CrashResult | undefined;
  const prng = seededPrng(name);
  const seed = prng.nextInt(2 ** 31);
  await PowerCutDisk.with({ writebackPercents, seed }, async (disk) => {
    const args = ["--set", `persistence.durability=${durability}`];
    result = await runCrashes({ rounds, end: "kill", prng, args, disk });
    const counts = await disk.counts();
    const { acknowledged, received, verdict } = result;
    process.stderr.write(
      `${name}: ${acknowledged} acknowledged, ${received} received, ${describe(verdict)}; ${
        JSON.stringify(counts)
      }\n`,
    );
    assertSeen(counts);
    // A damaged database would have been set aside, under another name.
    const strangers = [...(await disk.synced()).keys()].filter((file) => !FILES.includes(file));
    assertEquals(strangers, []);
  });
  return result as CrashResult;
}

const FSYNC = `${ROUNDS} power cuts at full speed, fsync`;
test(`${FSYNC}: nothing acknowledged is lost, no QoS 2 message comes twice`, { skip }, async () => {
  const { verdict, outdated } = await cuts(FSYNC, "fsync", ROUNDS, [0, 30]);
  const { lost, duplicates, misplaced, invented } = verdict;
  const faults = [lost, duplicates, misplaced, invented, outdated].map((each) => each.length);
  assertEquals(faults, [0, 0, 0, 0, 0], `${describe(verdict)}, retained: ${outdated.join("; ")}`);
});

for (const durability of ["os", "off"]) {
  const title = `power cut at full speed, ${durability}`;
  test(
    `${title}: messages are lost, and it is noticed; the database is sound`,
    { skip },
    async () => {
      let lost = 0;
      for (let i = 1; lost === 0 && i <= ATTEMPTS_MAX; i++) {
        const { verdict } = await cuts(`${title}, attempt ${i}`, durability, 1, [0, 30]);
        assertEquals(verdict.invented, []);
        lost = verdict.lost.length;
      }
      assert(lost > 0, "The layer does not bite: everything acknowledged was there");
    },
  );
}

for (const version of [4, 5] as const) {
  test(
    `power cuts, version ${version}: what was acknowledged one by one is there`,
    { skip },
    () =>
      PowerCutDisk.with({}, async (disk) => {
        await withRestarts({ disk }, (broker) => oneByOne(broker, version));
        assertSeen(await disk.counts());
      }),
  );
}

/** A session, subscriptions and retained messages, with a power cut after each step. */
async function oneByOne(broker: RestartableBroker, version: 4 | 5): Promise<void> {
  const lasting = {
    version,
    clientId: "lasting",
    clean: false,
    ...(version === 5 ? { properties: { sessionExpiryInterval: 600 } } : {}),
  };
  const setter = await TestClient.connect(broker.port, { version });
  await setter.publish("old", "retained", { qos: 1, retain: true });
  // The CONNACK promises the session, before anything else is known of it.
  const first = await TestClient.connect(broker.port, lasting);
  assertEquals(first.connack.sessionPresent, false);
  await broker.restart("kill");

  const second = await TestClient.connect(broker.port, lasting);
  assertEquals(second.connack.sessionPresent, true);
  for (const filter of ["kept/+", "gone", "$share/g/shared"]) {
    await second.subscribe(filter, { qos: 2 });
  }
  await broker.restart("kill");

  const third = await TestClient.connect(broker.port, lasting);
  third.send({ cmd: "unsubscribe", messageId: 7, unsubscriptions: ["gone"] });
  await third.expect("unsuback");
  const changer = await TestClient.connect(broker.port, { version });
  await changer.publish("new", "retained", { qos: 2, retain: true });
  await changer.publish("old", "", { qos: 1, retain: true });
  await broker.restart("kill");

  const publisher = await TestClient.connect(broker.port, { version });
  for (const topic of ["gone", "kept/a", "shared"]) {
    await publisher.publish(topic, `to ${topic}`, { qos: 1 });
  }
  await broker.restart("kill");

  const last = await TestClient.connect(broker.port, lasting);
  assertEquals(last.connack.sessionPresent, true);
  const came = [await last.receive(), await last.receive()];
  assertEquals(came.map(({ payload }) => String(payload)).sort(), ["to kept/a", "to shared"]);
  await last.expectNothing();
  const reader = await TestClient.connect(broker.port, { version });
  await reader.subscribe("+", { qos: 1 });
  assertEquals((await reader.receive()).topic, "new");
  await reader.expectNothing();
}

/** Not by an assertion: a difference of half a megabyte is more than it can show. */
function isSame(one: Uint8Array | undefined, other: Uint8Array): boolean {
  return one?.length === other.length && one.every((byte, index) => byte === other[index]);
}

for (const durability of ["fsync", "off"]) {
  test(
    `after an orderly end, ${durability}, a power cut takes nothing`,
    { skip },
    () =>
      PowerCutDisk.with({}, (disk) => {
        const args = ["--set", `persistence.durability=${durability}`];
        return withRestarts({ disk, args }, async (broker) => {
          const before = await TestClient.connect(broker.port);
          for (let i = 0; i < 50; i++) {
            await before.publish(`t/${i}`, "x".repeat(2000), { qos: 1, retain: true });
          }
          await before.disconnect();
          await broker.end("stop");
          // Byte by byte: nothing was written past the layer.
          const synced = await disk.synced();
          for (const [name, bytes] of await filesIn(broker.dataDir)) {
            assert(isSame(synced.get(name), bytes), `${name} is on the disk as it was written`);
          }
          await disk.cut(broker.dataDir);
          await broker.start();
          const after = await TestClient.connect(broker.port);
          await after.subscribe("t/+");
          for (let i = 0; i < 50; i++) await after.receive();
          await after.expectNothing();
          assertSeen(await disk.counts());
        });
      }),
  );
}
