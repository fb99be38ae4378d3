import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, readdir, unlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Logger, TurnQueue } from "../base/mod.ts";
import type { KeptFiles } from "../http/mod.ts";
import { ManagementError } from "../management/mod.ts";
import type { RecordStore } from "../ports/mod.ts";
import type { AddedRecord } from "../storage/mod.ts";
import { readFileIfThere, replaceFile } from "./replace_file.ts";

export interface KeptFilesParts {
  /** Undefined: nothing is kept on disk. */
  readonly dataDir: string | undefined;
  /** All that the settings name now, in force or from the next start on. */
  readonly named: () => readonly string[];
  readonly logger: Logger;
}

const FOLDER = "files";
/** Records of backups only: the files by their names. */
const KIND = "kept_file";
const NAME_FORM = /^[0-9a-f]{64}\.pem$/;

/** Files in a folder of the data directory, called after what is in them, that live as long as a setting names them. */
export class SettingFiles implements KeptFiles {
  readonly #parts: KeptFilesParts;
  readonly #folder: string | undefined;
  readonly #turns = new TurnQueue();

  constructor(parts: KeptFilesParts) {
    this.#parts = parts;
    this.#folder = parts.dataDir === undefined ? undefined : join(resolve(parts.dataDir), FOLDER);
  }

  async use<T>(work: (keep: (text: string) => Promise<string>) => Promise<T>): Promise<T> {
    return await this.#turns.run(async () => {
      try {
        return await work((text) => this.#keep(text));
      } finally {
        await this.#removeUnnamed();
      }
    });
  }

  /** Removes what an end without a stop has left behind; once all settings are known. */
  async tidyUp(): Promise<void> {
    await this.use(() => Promise.resolve());
  }

  async #keep(text: string): Promise<string> {
    const folder = this.#folder;
    if (folder === undefined) {
      throw new ManagementError("unavailable", "Cannot keep a file: nothing is kept on disk");
    }
    const path = join(folder, nameOf(text));
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      if (await readFileIfThere(path) !== text) await replaceFile(path, text);
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new ManagementError("unavailable", `Cannot keep a file: ${reason}`, { cause });
    }
    return path;
  }

  /** What cannot be removed does no harm; it is tried again the next time. */
  async #removeUnnamed(): Promise<void> {
    const folder = this.#folder;
    if (folder === undefined) return;
    try {
      const named = new Set(this.#parts.named().map((path) => resolve(path)));
      for (const name of await namesIn(folder)) {
        const path = join(folder, name);
        if (!named.has(path)) await unlink(path);
      }
    } catch (error) {
      this.#parts.logger.warn("Cannot remove files that no setting names any more", {
        folder,
        error: error instanceof Error ? error : new Error(String(error)),
      });
    }
  }
}

async function namesIn(folder: string): Promise<readonly string[]> {
  try {
    return await readdir(folder);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ENOENT") return [];
    throw error;
  }
}

/** The files of a data directory, as a backup carries them. Names say what is in them, so none is ever half of one. */
export function keptFilesIn(dataDir: string): readonly AddedRecord[] {
  const folder = join(dataDir, FOLDER);
  if (!existsSync(folder)) return [];
  return readdirSync(folder).filter((name) => NAME_FORM.test(name)).flatMap((key) => {
    const text = readFileSync(join(folder, key), "utf8");
    return nameOf(text) === key ? [{ kind: KIND, key, value: text }] : [];
  });
}

/** Makes files again of what a backup carried; before settings are read, which name them. */
export async function restoreKeptFiles(dataDir: string, records: RecordStore): Promise<void> {
  const folder = join(resolve(dataDir), FOLDER);
  for (const [name, text] of [...records.list(KIND)]) {
    if (typeof text === "string" && nameOf(text) === name) {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const path = join(folder, name);
      if (await readFileIfThere(path) !== text) await replaceFile(path, text);
    }
    await records.remove(KIND, name);
  }
}

function nameOf(text: string): string {
  return `${createHash("sha256").update(text, "utf8").digest("hex")}.pem`;
}
