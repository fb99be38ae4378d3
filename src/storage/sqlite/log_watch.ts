import { closeSync, existsSync, openSync, readSync } from "node:fs";
import { StoredDataError } from "../codec/byte_source.ts";

const HEADER_BYTES = 32;
const FRAME_HEADER_BYTES = 24;
/** Without the bit that tells the byte order of checksums. */
const MAGIC = 0x377f0682;
const CHUNK_BYTES = 256 * 1024;

/** What a log says of itself. */
interface LogState {
  /** Of this run of the log; it begins anew after a checkpoint. */
  readonly salt: bigint;
  /** Pages from the start that belong to this run. */
  readonly frames: number;
}

/**
 * Notices that the log of a database was overwritten. SQLite does not before the next start, which would find nothing
 * of what was committed behind the damage; until then it carries damaged pages into the database.
 */
export class LogWatch {
  readonly #path: string;
  #last: LogState = { salt: 0n, frames: 0 };
  /** What was found, once it was: the database may have it by now, where nothing tells of it. */
  damage: string | undefined;

  /** `path`: of the database. */
  constructor(path: string) {
    this.#path = `${path}-wal`;
  }

  /** Throws where pages of the log are gone that it had when we looked last. */
  look(): void {
    const now = readLog(this.#path);
    const { salt, frames } = this.#last;
    const isSame = now.salt === salt || now.frames === 0;
    if (isSame && now.frames < frames) this.#fail();
    this.#last = now;
  }

  /** The log was carried over, and has so many pages. Throws where the file says otherwise. */
  checked(pages: number): void {
    const now = readLog(this.#path);
    if (now.frames < pages) this.#fail();
    // It is begun anew when somebody writes.
    this.#last = { salt: 0n, frames: 0 };
  }

  #fail(): never {
    this.damage = "the log of the database was overwritten";
    throw new StoredDataError(this.damage);
  }
}

/** Counts what follows the header and has its salt: SQLite numbers each run of a log so. */
function readLog(path: string): LogState {
  if (!existsSync(path)) return { salt: 0n, frames: 0 };
  const file = openSync(path, "r");
  try {
    const header = new DataView(new ArrayBuffer(HEADER_BYTES));
    const length = readSync(file, header, 0, HEADER_BYTES, 0);
    if (length < HEADER_BYTES || (header.getUint32(0) & ~1) !== MAGIC) {
      return { salt: 0n, frames: 0 };
    }
    const salt = header.getBigUint64(16);
    return { salt, frames: countFrames(file, header.getUint32(8), salt) };
  } finally {
    closeSync(file);
  }
}

function countFrames(file: number, pageBytes: number, salt: bigint): number {
  const frameBytes = pageBytes + FRAME_HEADER_BYTES;
  const perChunk = Math.max(1, Math.floor(CHUNK_BYTES / frameBytes));
  const chunk = new DataView(new ArrayBuffer(perChunk * frameBytes));
  for (let frames = 0;; frames += perChunk) {
    const length = readSync(file, chunk, 0, chunk.byteLength, HEADER_BYTES + frames * frameBytes);
    for (let index = 0; index < perChunk; index++) {
      const at = index * frameBytes;
      const isWhole = at + frameBytes <= length;
      if (!isWhole || chunk.getUint32(at) === 0 || chunk.getBigUint64(at + 8) !== salt) {
        return frames + index;
      }
    }
  }
}
