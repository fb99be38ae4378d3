import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { TurnQueue } from "../base/mod.ts";
import { type Packing, type Sink, SinkError, type SinkItem, toSinkError } from "./sink.ts";

export interface FileSinkOptions {
  readonly path: string;
  /** A file that would become larger is set aside, as "path.1", and a new one begun; 0: never. */
  readonly bytesMax: number;
  /** Files that are set aside; the oldest goes for a further one. */
  readonly filesMax: number;
  /** Whether a batch is only delivered when the disk has it. */
  readonly isSynced: boolean;
}

/** A line without its end, in UTF-8, with its length as `bytes`. */
export interface LineItem extends SinkItem {
  readonly line: Uint8Array;
}

const BATCH_MAX = 1000;
const LINE_FEED = 0x0a;
const MODE = 0o640;

interface OpenFile {
  readonly handle: FileHandle;
  /** What tells it from another one of that name. */
  readonly identity: string;
  size: number;
}

const PACKING: Packing<LineItem> = {
  contentOf: ({ line }) => line,
  itemOf: (line, onSettled) => ({ line, bytes: line.length, onSettled }),
};

/**
 * Appends lines to a file. Whoever renames or removes the file gets a new one with the next batch; a batch that could
 * not be written whole is taken back, so that no line is ever torn or doubled.
 */
export class FileSink implements Sink<LineItem> {
  readonly batchMax = BATCH_MAX;
  readonly packing = PACKING;
  readonly #options: FileSinkOptions;
  readonly #turns = new TurnQueue();
  #file: OpenFile | undefined;
  #isClosed = false;

  constructor(options: FileSinkOptions) {
    this.#options = options;
  }

  async deliver(batch: readonly LineItem[]): Promise<void> {
    await this.#turns.run(() => this.#guarded(() => this.#append(joinLines(batch))));
  }

  async check(): Promise<void> {
    await this.#turns.run(() => this.#guarded(async () => void await this.#current()));
  }

  async renew(): Promise<void> {
    await this.#turns.run(() => this.#guarded(() => this.#closeFile()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#turns.run(() => this.#closeFile());
  }

  async #guarded(work: () => Promise<void>): Promise<void> {
    const { path } = this.#options;
    if (this.#isClosed) {
      const message = `Cannot write to "${path}": it has been closed`;
      throw new SinkError(message, { isRetryable: false });
    }
    try {
      await work();
    } catch (error) {
      // Whatever it was: a full disk is emptied, a folder is made, a permission is given.
      throw toSinkError(error, `Cannot write to "${path}"`);
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    const { bytesMax, isSynced } = this.#options;
    let file = await this.#current();
    if (bytesMax > 0 && file.size > 0 && file.size + bytes.length > bytesMax) {
      await this.#rotate();
      file = await this.#current();
    }
    try {
      await writeWhole(file.handle, bytes);
      if (isSynced) await file.handle.datasync();
      file.size += bytes.length;
    } catch (error) {
      await this.#takeBack(file);
      throw error;
    }
  }

  /** The file of that name, as it is now. */
  async #current(): Promise<OpenFile> {
    const { path } = this.#options;
    const known = this.#file;
    if (known !== undefined) {
      const there = await identityAt(path);
      if (there === known.identity) return known;
      await this.#closeFile();
    }
    await mkdir(dirname(path), { recursive: true });
    const handle = await open(path, "a", MODE);
    const { dev, ino, size } = await handle.stat();
    return this.#file = { handle, identity: `${dev}:${ino}`, size };
  }

  async #rotate(): Promise<void> {
    const { path, filesMax } = this.#options;
    await this.#closeFile();
    if (filesMax === 0) {
      await rm(path, { force: true });
      return;
    }
    for (let number = filesMax - 1; number >= 0; number--) {
      const from = number === 0 ? path : `${path}.${number}`;
      await renameIfThere(from, `${path}.${number + 1}`);
    }
  }

  /** As it was before the batch; where not even that can be done, the next batch begins with a file that is looked at. */
  async #takeBack({ handle, size }: OpenFile): Promise<void> {
    await handle.truncate(size).catch(() => this.#closeFile());
  }

  async #closeFile(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await file?.handle.close();
  }
}

function joinLines(batch: readonly LineItem[]): Uint8Array {
  const length = batch.reduce((sum, { line }) => sum + line.length + 1, 0);
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const { line } of batch) {
    bytes.set(line, at);
    at += line.length;
    bytes[at++] = LINE_FEED;
  }
  return bytes;
}

async function writeWhole(handle: FileHandle, bytes: Uint8Array): Promise<void> {
  for (let at = 0; at < bytes.length;) {
    const { bytesWritten } = await handle.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

/** Undefined: there is none. */
async function identityAt(path: string): Promise<string | undefined> {
  try {
    const { dev, ino } = await stat(path);
    return `${dev}:${ino}`;
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === "ENOENT") return undefined;
    throw error;
  }
}

async function renameIfThere(from: string, to: string): Promise<void> {
  try {
    await rename(from, to);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "ENOENT") throw error;
  }
}
