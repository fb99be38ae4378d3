import { execFile } from "node:child_process";
import process from "node:process";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { assertEquals } from "@std/assert";
import { denoProgram } from "../../support/programs.ts";
import { withDataDir } from "../../support/restarts.ts";
import { filesIn, PowerCutDisk, whyNoPowerCuts } from "./power_cut_disk.ts";

const PROBE = fileURLToPath(new URL("layer_probe.ts", import.meta.url));
const X = "x".repeat(5000);

/** What the probe has synced. */
const SYNCED: Readonly<Record<string, string>> = {
  same: X,
  overwritten: "synced" + X.slice(6),
  cut: X,
  "cut-synced": "y" + "x".repeat(9),
  emptied: X,
  moved: X,
  removed: X,
  empty: "",
};

// With Deno, which writes by the C library; Bun's node:fs does not, only its SQLite does.
test(
  "a power cut leaves what was synced",
  { skip: whyNoPowerCuts() ?? false },
  () =>
    PowerCutDisk.with({}, (disk) =>
      withDataDir(async (folder) => {
        const env = { ...process.env, ...await disk.environment(folder) };
        await promisify(execFile)(denoProgram(), ["run", "-A", PROBE, folder], { env });
        const sorted = Object.fromEntries(Object.entries(SYNCED).sort());
        assertEquals(textOf(await disk.synced()), sorted);
        // The probe itself saw everything that it had done.
        const there = textOf(await filesIn(folder));
        assertEquals([there["cut"]?.length, there["moved"], there["moved-there"]], [
          100,
          undefined,
          X,
        ]);
        await disk.cut(folder);
        assertEquals(textOf(await filesIn(folder)), sorted);
      })),
);

test("with 100 % written before its time, a power cut leaves content without a sync", {
  skip: whyNoPowerCuts() ?? false,
}, () =>
  PowerCutDisk.with({ writebackPercents: [100] }, (disk) =>
    withDataDir(async (folder) => {
      const env = { ...process.env, ...await disk.environment(folder) };
      await promisify(execFile)(denoProgram(), ["run", "-A", PROBE, folder], { env });
      const { overwritten, empty, removed, nameless } = textOf(await disk.synced());
      assertEquals(overwritten, "syncedvanishes" + X.slice(14));
      assertEquals([empty, removed, nameless], ["never synced", X, undefined]);
    })));

function textOf(files: ReadonlyMap<string, Uint8Array>): Record<string, string> {
  const decoder = new TextDecoder();
  return Object.fromEntries(Array.from(files, ([name, bytes]) => [name, decoder.decode(bytes)]));
}
