import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { dirname, join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";

export const DATABASE_NAME = "broker.db";
const LOCK_NAME = "broker.lock";
const IN_USE = "another broker is using it";
/** Commands have the lock for a moment. */
const LOCK_TIMEOUT_MS = 500;
const BALLAST_NAME = "broker.ballast";
const BALLAST_BYTES = 512 * 1024;
/** SQLite's own files beside a database. */
const SIDE_FILES = ["-wal", "-shm"];

/** `node.data_dir` cannot be used. */
export class DataFolderError extends Error {
  override readonly name = "DataFolderError";
}

/** Another broker, or a command that prepares the database, has the folder. */
export class FolderInUseError extends DataFolderError {}

/** A folder that no other broker uses. */
export interface DataFolder {
  readonly path: string;
  readonly databasePath: string;
  /** Takes it again where it is another folder by now, or another's: throws as `takeDataFolder` does. */
  retake(): void;
  /** Others may have it. */
  release(): void;
}

/** Makes the folder where there is none, and takes it for this process until `release` or its end. */
export function takeDataFolder(dataDir: string): DataFolder {
  const path = resolve(dataDir);
  try {
    makeFolder(path);
    return new LockedFolder(path);
  } catch (error) {
    throw folderError(dataDir, error);
  }
}

class LockedFolder implements DataFolder {
  readonly path: string;
  readonly databasePath: string;
  #lock: DatabaseSync;
  #inode: number;

  constructor(path: string) {
    this.path = path;
    this.databasePath = databasePathOf(path);
    this.#lock = lockFolder(path);
    this.#inode = inodeOf(join(path, LOCK_NAME));
  }

  retake(): void {
    // Nobody must open the file that we have locked, ourselves included: who closes it again ends the lock.
    if (inodeOf(join(this.path, LOCK_NAME)) === this.#inode) return;
    try {
      const old = this.#lock;
      this.#lock = lockFolder(this.path);
      this.#inode = inodeOf(join(this.path, LOCK_NAME));
      old.close();
    } catch (error) {
      throw folderError(this.path, error);
    }
  }

  release(): void {
    this.#lock.close();
  }
}

/** 0: there is none. */
function inodeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.ino ?? 0;
}

function folderError(dataDir: string, error: unknown): DataFolderError {
  const isInUse = error instanceof Error && error.message === IN_USE;
  return new (isInUse ? FolderInUseError : DataFolderError)(
    `Cannot use node.data_dir "${dataDir}": ${reasonOf(error)}`,
    { cause: error },
  );
}

export function databasePathOf(dataDir: string): string {
  return join(resolve(dataDir), DATABASE_NAME);
}

/**
 * Keeps a little room for the next start, which needs some to read what is stored, though the disk be full. Does
 * nothing where there is none to be had.
 */
export function keepBallast({ path }: DataFolder): boolean {
  const file = join(path, BALLAST_NAME);
  try {
    if (existsSync(file) && statSync(file).size === BALLAST_BYTES) return true;
    writeSynced(file, new Uint8Array(BALLAST_BYTES));
    return true;
  } catch {
    rmSync(file, { force: true });
    return false;
  }
}

/** Not by `flush` of `writeFileSync`, which early versions of Deno 2 do not know. */
function writeSynced(file: string, bytes: Uint8Array): void {
  const descriptor = openSync(file, "w", 0o600);
  try {
    writeFileSync(descriptor, bytes);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** Gives the room up. False: there was none. */
export function dropBallast({ path }: DataFolder): boolean {
  const file = join(path, BALLAST_NAME);
  if (!existsSync(file)) return false;
  rmSync(file);
  return true;
}

function makeFolder(path: string): void {
  if (!existsSync(path)) {
    const first = mkdirSync(path, { recursive: true, mode: 0o700 });
    // A folder is found again after a power loss when its parent is synced.
    if (first !== undefined) syncFolder(dirname(first));
  } else if (!statSync(path).isDirectory()) throw new Error("it is not a directory");
}

/**
 * An open transaction on a database that is never written: the system takes the lock back when the process ends,
 * however it ends.
 */
function lockFolder(path: string): DatabaseSync {
  const file = join(path, LOCK_NAME);
  createFile(file);
  if (statSync(file).size > 0) truncateSync(file);
  const database = new DatabaseSync(file);
  try {
    // It needs no room on the disk.
    database.exec("PRAGMA journal_mode = MEMORY");
    database.exec(`PRAGMA busy_timeout = ${LOCK_TIMEOUT_MS}; BEGIN EXCLUSIVE;`);
  } catch (error) {
    database.close();
    if (/locked|busy/.test(String(error))) throw new Error(IN_USE);
    throw error;
  }
  return database;
}

/** What the commonest errors mean. */
const REASONS: Readonly<Record<string, string>> = {
  EACCES: "no permission",
  EPERM: "no permission",
  EROFS: "the file system is read-only",
  ENOSPC: "the disk is full",
  ENOTDIR: "a part of it is not a directory",
  EEXIST: "it is not a directory",
};

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as { readonly code?: unknown };
  const known = typeof code === "string" ? REASONS[code] : undefined;
  return known === undefined ? error.message : `${known} (${code})`;
}

/** Makes an empty file that is ours alone to read, unless it is there. */
export function createFile(path: string): void {
  closeSync(openSync(path, "a", 0o600));
}

/** Makes what was done to the names in a folder durable. */
export function syncFolder(path: string): void {
  sync(path);
}

export function sync(path: string): void {
  const file = openSync(path, "r");
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Moves a database with its log, in the place of whatever was there. */
export function renameDatabase(from: string, to: string): void {
  // A log that is left alone must never come beside another database, which would take it for its own.
  removeSideFiles(to);
  renameSync(from, to);
  if (existsSync(`${from}-wal`)) renameSync(`${from}-wal`, `${to}-wal`);
  removeSideFiles(from);
  syncFolder(dirname(to));
}

export function removeDatabase(path: string): void {
  rmSync(path, { force: true });
  removeSideFiles(path);
}

function removeSideFiles(path: string): void {
  for (const side of SIDE_FILES) rmSync(path + side, { force: true });
}
