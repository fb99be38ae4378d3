/**
 * A broker that dies while it starts: for the first time, on what another left, on a database of an earlier version, and
 * on a damaged one. `START_KILL_ROUNDS` says how often (4), by SIGKILL and, where it can be had, by a power cut.
 */
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Prng } from "../../../src/base/mod.ts";
import type { LoadedState } from "../../../src/ports/mod.ts";
import { DATABASE_NAME } from "../../../src/storage/mod.ts";
import { fillVersion, QUEUED } from "../../support/old_versions.ts";
import { RestartableBroker, withDataDir } from "../../support/restarts.ts";
import { seededPrng } from "../../support/seed.ts";
import { startAndKill } from "../../support/start_broker.ts";
import { openInline, TestTimers, withFolder } from "../../support/storage_rig.ts";
import { PowerCutDisk, whyNoPowerCuts } from "./power_cut_disk.ts";

const ROUNDS = Number(process.env["START_KILL_ROUNDS"] || 4);

/** The default would cut what is stored. */
const ARGS = ["--set", "mqtt.max_queued_messages=0"];

interface Start {
  readonly what: string;
  /** Makes what the broker finds in the folder. */
  readonly prepare: (dataDir: string) => Promise<void>;
  /** Messages that must be there in the end. */
  readonly queued: number;
  readonly damaged: number;
}

async function fill(dataDir: string): Promise<void> {
  await fillVersion(dataDir, 2);
  const { store } = await openInline(dataDir, new TestTimers());
  store.load();
  await store.close();
}

/** Some pages in the midst of the queue are not what they were. */
async function fillDamaged(dataDir: string): Promise<void> {
  await fill(dataDir);
  const path = join(dataDir, DATABASE_NAME);
  const bytes = readFileSync(path);
  const start = Math.floor(bytes.length / 2 / 4096) * 4096;
  bytes.fill(0xa5, start, start + 4096);
  writeFileSync(path, bytes);
}

const STARTS: readonly Start[] = [
  { what: "for the first time", prepare: () => Promise.resolve(), queued: 0, damaged: 0 },
  { what: "on what is stored", prepare: fill, queued: QUEUED, damaged: 0 },
  {
    what: "on a database of version 1",
    prepare: (dataDir) => fillVersion(dataDir, 1),
    queued: QUEUED,
    damaged: 0,
  },
  {
    what: "on a damaged database",
    prepare: fillDamaged,
    queued: QUEUED - 200,
    damaged: 1,
  },
];

/** What a folder holds, looked at in a copy. */
async function loadedFrom(dataDir: string): Promise<LoadedState> {
  let state: LoadedState | undefined;
  await withFolder(async (copy) => {
    copyFileSync(join(dataDir, DATABASE_NAME), join(copy, DATABASE_NAME));
    const { store, damage } = await openInline(copy, new TestTimers());
    assertEquals(damage, undefined);
    state = store.load();
    await store.close();
  });
  return state as LoadedState;
}

async function dieWhileStarting(
  dataDir: string,
  { prepare, queued, damaged }: Start,
  prng: Prng,
  disk: PowerCutDisk | undefined,
): Promise<void> {
  await prepare(dataDir);
  await disk?.adopt(dataDir);
  const environment = async (): Promise<Readonly<Record<string, string>>> =>
    await disk?.environment(dataDir) ?? {};
  // How long a start takes here and now; on a copy, for the first one does the work.
  let startMs = 0;
  await withDataDir(async (copy) => {
    for (const name of await readdir(dataDir)) copyFileSync(join(dataDir, name), join(copy, name));
    const broker = new RestartableBroker(copy, { args: ARGS });
    const begin = performance.now();
    await broker.start();
    startMs = performance.now() - begin;
    await broker.end("stop");
  });
  for (let round = 0; round < ROUNDS; round++) {
    // Mostly in the second half, when the program is there and opens the store.
    const afterMs = startMs *
      (prng.nextBoolean(0.2) ? prng.nextFloat() : 0.5 + prng.nextFloat() * 0.6);
    await startAndKill({ dataDir, args: ARGS, environment: await environment() }, afterMs);
    await disk?.cut(dataDir);
  }
  const broker = new RestartableBroker(dataDir, { args: ARGS, disk });
  await broker.start();
  await broker.end("stop");
  const { sessions, retained } = await loadedFrom(dataDir);
  const count = sessions[0]?.queue.count ?? 0;
  if (damaged === 0) assertEquals(count, queued);
  else assert(count >= queued, `${count} messages are left`);
  assertEquals([sessions.length, retained.length], queued === 0 ? [0, 0] : [1, 1]);
  const names = await readdir(dataDir);
  const aside = names.filter((name) => /^broker-damaged.*\.db$/.test(name));
  assertEquals(aside.length, damaged, names.join(" "));
}

for (const start of STARTS) {
  const { what } = start;
  test(`a broker that is killed while it starts ${what}, ${ROUNDS} times, has it all in the end`, () =>
    withDataDir((dataDir) =>
      dieWhileStarting(dataDir, start, seededPrng(`killed ${what}`), undefined)
    ));

  const skip = whyNoPowerCuts() ?? false;
  test(
    `a power cut while it starts ${what}, ${ROUNDS} times, costs nothing`,
    { skip },
    () =>
      withDataDir((dataDir) =>
        PowerCutDisk.with(
          { writebackPercents: [0, 30] },
          (disk) => dieWhileStarting(dataDir, start, seededPrng(`cut ${what}`), disk),
        )
      ),
  );
}
