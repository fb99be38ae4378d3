import { chmod, mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { keptFilesIn, restoreKeptFiles, SettingFiles } from "../../../src/app/kept_files.ts";
import { SILENT_LOGGER } from "../../../src/base/mod.ts";
import { ManagementError } from "../../../src/management/mod.ts";
import { copyDatabase, DATABASE_NAME, openRecords } from "../../../src/storage/mod.ts";
import { withFolder } from "../../support/storage_rig.ts";

interface Rig {
  readonly files: SettingFiles;
  /** What the settings name. */
  readonly named: Set<string>;
  readonly folder: string;
  kept(): Promise<string[]>;
}

async function withFiles(use: (rig: Rig) => Promise<void>): Promise<void> {
  await withFolder(async (dataDir) => {
    const named = new Set<string>();
    const files = new SettingFiles({ dataDir, named: () => [...named], logger: SILENT_LOGGER });
    const folder = join(dataDir, "files");
    const kept = async (): Promise<string[]> => (await readdir(folder)).sort();
    await use({ files, named, folder, kept });
  });
}

test("SettingFiles keeps what a setting names, for the broker's eyes only", async () => {
  await withFiles(async ({ files, named, folder }) => {
    const path = await files.use(async (keep) => {
      const kept = await keep("secret");
      named.add(kept);
      // The same text is the same file.
      assertEquals(await keep("secret"), kept);
      return kept;
    });
    assertEquals(await readFile(path, "utf8"), "secret");
    assertEquals((await stat(path)).mode & 0o777, 0o600);
    assertEquals((await stat(folder)).mode & 0o777, 0o700);
  });
});

test("SettingFiles removes what was replaced, what a failure left, and what nobody ever named", async () => {
  await withFiles(async ({ files, named, folder, kept }) => {
    const first = await files.use(async (keep) => {
      const path = await keep("1");
      named.add(path);
      return path;
    });
    await assertRejects(() =>
      files.use(async (keep) => {
        await keep("2");
        throw new Error("refused");
      })
    );
    assertEquals(await kept(), [first.slice(folder.length + 1)]);
    const second = await files.use(async (keep) => {
      const path = await keep("3");
      named.clear();
      named.add(path);
      return path;
    });
    assertEquals(await kept(), [second.slice(folder.length + 1)]);
    await writeFile(join(folder, "left.pem.1.tmp"), "x");
    await files.tidyUp();
    assertEquals(await kept(), [second.slice(folder.length + 1)]);
  });
});

test("SettingFiles lets nobody remove what another is about to name", async () => {
  await withFiles(async ({ files, named, kept }) => {
    const { promise: isKept, resolve: tell } = Promise.withResolvers<void>();
    const slow = files.use(async (keep) => {
      const path = await keep("slow");
      tell();
      // Time enough for the other, if it could.
      for (let count = 0; count < 20; count++) await stat(path);
      named.add(path);
    });
    await isKept;
    await Promise.all([slow, files.use(() => Promise.resolve())]);
    assertEquals((await kept()).length, 1);
  });
});

test("SettingFiles refuses where nothing is kept on disk, and where the disk does not take it", async () => {
  const ephemeral = new SettingFiles({
    dataDir: undefined,
    named: () => [],
    logger: SILENT_LOGGER,
  });
  const error = await assertRejects(() => ephemeral.use((keep) => keep("x")), ManagementError);
  assertEquals(error.code, "unavailable");
  await ephemeral.tidyUp();
  await withFiles(async ({ files, folder }) => {
    // A file where the folder should be: also for a user whom permissions do not stop.
    await writeFile(folder, "");
    const { code } = await assertRejects(() => files.use((keep) => keep("x")), ManagementError);
    assertEquals(code, "unavailable");
  });
  if (process.getuid?.() === 0) return;
  await withFiles(async ({ files, folder }) => {
    await mkdir(folder, { mode: 0o500 });
    await assertRejects(() => files.use((keep) => keep("x")), ManagementError);
    await chmod(folder, 0o700);
  });
});

test("a backup carries the files, and a broker that starts with it has them again", () =>
  withFolder(async (folder) => {
    const [dataDir, other] = [join(folder, "data"), join(folder, "other")];
    openRecords(dataDir, 0).close();
    const named = new Set<string>();
    const files = new SettingFiles({ dataDir, named: () => [...named], logger: SILENT_LOGGER });
    await files.use(async (keep) => void named.add(await keep("secret")).add(await keep("zwei")));
    await writeFile(join(dataDir, "files", "half.pem"), "x");
    const kept = keptFilesIn(dataDir);
    assertEquals(kept.map(({ value }) => value).sort(), ["secret", "zwei"]);
    await mkdir(other, { mode: 0o700 });
    copyDatabase(join(dataDir, DATABASE_NAME), join(other, DATABASE_NAME), () => kept);
    const opened = openRecords(other, 0);
    await restoreKeptFiles(other, opened.records);
    assertEquals(keptFilesIn(other), kept);
    assertEquals((await stat(join(other, "files", kept[0]!.key))).mode & 0o777, 0o600);
    // What is a file again needs no record.
    await restoreKeptFiles(join(folder, "third"), opened.records);
    assertEquals(keptFilesIn(join(folder, "third")), []);
    opened.close();
  }));

test("restoreKeptFiles() writes nothing that is not what its name says", () =>
  withFolder(async (folder) => {
    const opened = openRecords(join(folder, "data"), 0);
    const names = ["../../x.pem", `${"0".repeat(64)}.pem`];
    for (const name of names) await opened.records.put("kept_file", name, "text");
    await restoreKeptFiles(join(folder, "data"), opened.records);
    assertEquals((await readdir(join(folder, "data"))).includes("files"), false);
    assertEquals(opened.records.list("kept_file").size, 0);
    opened.close();
  }));
