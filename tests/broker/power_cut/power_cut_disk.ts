/** The layer below a program that makes a folder one whose unsynced content is gone with the program: see layer.c. */
import { execFile, spawnSync } from "node:child_process";
import { copyFile, mkdir, mkdtemp, readdir, readFile, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { Disk } from "../../support/restarts.ts";

const SOURCE = fileURLToPath(new URL("layer.c", import.meta.url));
const FLAGS = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-pthread"];

/** Why there is no such disk on this machine; undefined: there is. */
export function whyNoPowerCuts(): string | undefined {
  if (process.platform !== "linux") return "not on Linux";
  if (spawnSync("gcc", ["--version"]).error !== undefined) return "gcc is not installed";
  return undefined;
}

export interface PowerCutOptions {
  /**
   * This part of the blocks reaches the disk as soon as it is written, for one start of the program after the other, and
   * then again from the first. 0, as without this: nothing that was not synced does.
   */
  readonly writebackPercents?: readonly number[];
  /** Chooses the blocks. */
  readonly seed?: number;
}

/** What the layer has seen, in all programs that ran on the disk. */
export interface LayerCounts {
  /** Calls that wrote to files. */
  readonly writes: number;
  readonly bytesWritten: number;
  readonly syncs: number;
  readonly bytesSynced: number;
  readonly folderSyncs: number;
  readonly truncations: number;
  readonly blocksWrittenBack: number;
  /** Shared mappings that may write past the layer. */
  readonly mappings: number;
}

export class PowerCutDisk implements Disk {
  readonly #layer: string;
  readonly #shadow: string;
  readonly #options: PowerCutOptions;
  #starts = 0;

  private constructor(layer: string, shadow: string, options: PowerCutOptions) {
    this.#layer = layer;
    this.#shadow = shadow;
    this.#options = options;
  }

  /** Runs `use` with a disk for one folder, which is empty. */
  static async with(
    options: PowerCutOptions,
    use: (disk: PowerCutDisk) => Promise<void>,
  ): Promise<void> {
    const folder = await mkdtemp(join(tmpdir(), "power-cut-"));
    try {
      const layer = join(folder, "layer.so");
      await promisify(execFile)("gcc", [...FLAGS, "-o", layer, SOURCE, "-ldl"]);
      for (const part of ["names", "content"]) await mkdir(join(folder, part));
      await use(new PowerCutDisk(layer, folder, options));
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }

  async environment(dataDir: string): Promise<Readonly<Record<string, string>>> {
    const { writebackPercents = [0], seed = 0 } = this.#options;
    const start = this.#starts++;
    return {
      LD_PRELOAD: this.#layer,
      // As the system names it.
      POWER_CUT_FOLDER: await realpath(dataDir),
      POWER_CUT_SHADOW: this.#shadow,
      POWER_CUT_WRITEBACK: String(writebackPercents[start % writebackPercents.length]),
      POWER_CUT_SEED: String(seed + start),
    };
  }

  /** What is in the folder now is on the disk already. */
  async adopt(dataDir: string): Promise<void> {
    for (const name of await readdir(dataDir)) {
      await copyFile(join(dataDir, name), join(this.#names, name));
    }
  }

  /** Leaves in the folder what was synced. Nothing must be using it. */
  async cut(dataDir: string): Promise<void> {
    for (const name of await readdir(dataDir)) await rm(join(dataDir, name), { recursive: true });
    for (const name of await readdir(this.#names)) {
      await copyFile(join(this.#names, name), join(dataDir, name));
    }
    const content = join(this.#shadow, "content");
    for (const name of await readdir(content)) await rm(join(content, name));
  }

  /** What a cut would leave now, by name. */
  async synced(): Promise<Map<string, Uint8Array>> {
    return await filesIn(this.#names);
  }

  async counts(): Promise<LayerCounts> {
    const bytes = new Uint8Array(await readFile(join(this.#shadow, "counters")));
    const numbers = Array.from(new BigUint64Array(bytes.buffer), Number);
    const [writes = 0, bytesWritten = 0, syncs = 0, bytesSynced = 0] = numbers;
    const [folderSyncs = 0, truncations = 0, blocksWrittenBack = 0, mappings = 0] = numbers.slice(
      4,
    );
    return {
      writes,
      bytesWritten,
      syncs,
      bytesSynced,
      folderSyncs,
      truncations,
      blocksWrittenBack,
      mappings,
    };
  }

  get #names(): string {
    return join(this.#shadow, "names");
  }
}

/** The content of the files in a folder, by name; without what is left out by the layer. */
export async function filesIn(folder: string): Promise<Map<string, Uint8Array>> {
  const names = (await readdir(folder)).filter((name) => !name.endsWith("-shm")).sort();
  const files = new Map<string, Uint8Array>();
  for (const name of names) files.set(name, new Uint8Array(await readFile(join(folder, name))));
  return files;
}
