import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Packet } from "mqtt-packet";
import { DATABASE_NAME } from "../../../src/storage/mod.ts";
import { LastingBroker } from "../../support/lasting_broker.ts";
import { BY_USERNAME } from "../../support/memory_broker.ts";
import { oldDatabase } from "../../support/old_database.ts";
import { withFolder } from "../../support/storage_rig.ts";

function start(folder: string): Promise<LastingBroker> {
  const options = { maxSessionExpiryS: 0xffff_ffff };
  return LastingBroker.start(folder, options, undefined, { authenticator: BY_USERNAME });
}

/** What a user gets that asks for a session. */
async function connect(
  broker: LastingBroker,
  clientId: string,
  username: string | undefined,
): Promise<readonly Packet[]> {
  const client = broker.memory.client({
    clientId,
    clean: false,
    properties: { sessionExpiryInterval: 0xffff_ffff },
    ...(username === undefined ? {} : { username }),
  });
  await broker.pass(100);
  return client.take();
}

function reasonOf([connack]: readonly Packet[]): number | undefined {
  return connack?.cmd === "connack" ? connack.reasonCode : undefined;
}

function payloadsOf(packets: readonly Packet[]): string[] {
  return packets.flatMap((packet) => packet.cmd === "publish" ? [`${packet.payload}`] : []);
}

test("a session has its owner after a restart, and after the next one", () =>
  withFolder(async (folder) => {
    const first = await start(folder);
    assertEquals(reasonOf(await connect(first, "c", "alice")), 0);
    await first.stop();
    for (let restarts = 0; restarts < 2; restarts++) {
      const broker = await start(folder);
      assertEquals(reasonOf(await connect(broker, "c", "bob")), 0x85);
      assertEquals(reasonOf(await connect(broker, "c", undefined)), 0x85);
      const [connack] = await connect(broker, "c", "alice");
      assertEquals(connack?.cmd === "connack" && connack.sessionPresent, true);
      await broker.stop();
    }
  }));

test("sessions of a database from before there were owners go to the first user that asks", () =>
  withFolder(async (folder) => {
    const dataDir = join(folder, "data");
    mkdirSync(dataDir, { mode: 0o700 });
    writeFileSync(join(dataDir, DATABASE_NAME), oldDatabase(), { mode: 0o600 });
    const first = await start(dataDir);
    assertEquals(first.memory.broker.figures.sessions, 2);
    assertEquals(first.memory.broker.figures.retainedMessages, 1);
    const [connack, ...queued] = await connect(first, "meter", "carol");
    assertEquals(connack?.cmd === "connack" && connack.sessionPresent, true);
    assertEquals(payloadsOf(queued), ["one", "two"]);
    assertEquals(reasonOf(await connect(first, "meter", "alice")), 0x85);
    await first.stop();
    const second = await start(dataDir);
    assertEquals(reasonOf(await connect(second, "meter", "alice")), 0x85);
    assertEquals(reasonOf(await connect(second, "meter", "carol")), 0);
    await second.stop();
  }));
