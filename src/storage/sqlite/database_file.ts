import { existsSync, statSync } from "node:fs";
import type { DatabaseSync } from "node:sqlite";
import { StoredDataError } from "../codec/byte_source.ts";
import type { Durability } from "../options.ts";
import { removeDatabase, renameDatabase } from "./data_folder.ts";
import {
  APPLICATION_ID,
  createDatabase,
  hasOurSchema,
  migrate,
  NewerDatabaseError,
  numberOf,
  openForReading,
  openForWriting,
  valueOf,
} from "./database.ts";
import { isOfTheSystem } from "./failure_kind.ts";
import { draftPathOf } from "./draft_database.ts";
import { asideName, type DamageReport, salvage } from "./salvage.ts";
import { type DatabaseState, loadState } from "./state_loader.ts";

/** What a sound database says. */
export interface SoundDatabase {
  readonly state: DatabaseState;
  /** What became of the one that was there, when it was damaged. */
  readonly damage: DamageReport | undefined;
}

/**
 * Sees to it that a sound database of the newest version is at `path`: checks what is there, makes one where there is
 * none, and carries over what can be read of one that is damaged or not ours. Nothing has it open afterwards.
 */
export function prepareDatabase(
  path: string,
  durability: Durability,
  nowMs: number,
): SoundDatabase {
  const fresh = `${path}.new`;
  if (existsSync(path)) removeDatabase(fresh);
  else {
    // What has this name is complete: a salvage that was ended before its last step left it.
    if (!existsSync(fresh)) makeWhole(path, fresh, (database) => database.close());
    renameDatabase(fresh, path);
  }
  try {
    return { state: check(path, durability), damage: undefined };
  } catch (error) {
    if (error instanceof NewerDatabaseError || isOfTheSystem(error)) throw error;
    let damage: DamageReport | undefined;
    makeWhole(path, fresh, (target) => damage = salvage(path, target, messageOf(error), nowMs));
    renameDatabase(path, damage?.setAside ?? path);
    renameDatabase(fresh, path);
    return { state: check(path, durability), damage };
  }
}

/**
 * Puts a finished draft in the place of the database at `path`, which is set aside. Goes on where an earlier call was
 * ended. Returns where the old one is now; undefined: it is gone.
 */
export function replaceByDraft(path: string, nowMs: number): string | undefined {
  const fresh = `${path}.new`;
  const draft = draftPathOf(path);
  if (existsSync(draft)) {
    removeDatabase(fresh);
    renameDatabase(draft, fresh);
  }
  const setAside = existsSync(path) ? asideName(path, nowMs) : undefined;
  // From here on a start finds the new one, complete, or under its name.
  if (setAside !== undefined) renameDatabase(path, setAside);
  renameDatabase(fresh, path);
  return setAside;
}

/** A database comes under the name `to` only when it is finished. `fill` closes it. */
function makeWhole(path: string, to: string, fill: (database: DatabaseSync) => void): void {
  const partial = `${path}.part`;
  removeDatabase(partial);
  fill(createDatabase(partial));
  renameDatabase(partial, to);
}

/** Throws where the database is not as we would have written it. Changes nothing of one that is not ours. */
function check(path: string, durability: Durability): DatabaseState {
  if (statSync(path).size === 0) {
    throw new StoredDataError("Cannot read stored data: no byte is left");
  }
  const reader = openForReading(path);
  try {
    checkPages(reader);
  } finally {
    reader.close();
  }
  const database = openForWriting(path, durability);
  try {
    migrate(database);
    if (!hasOurSchema(database)) throw new StoredDataError("Cannot read stored data: other tables");
    return loadState(database);
  } finally {
    database.close();
  }
}

/**
 * Throws where the database of a broker that is running, which has the newest version, is damaged. Looks at all pages,
 * not at what the rows say.
 */
export function checkRunning(path: string): void {
  const reader = openForReading(path);
  try {
    checkPages(reader);
    if (!hasOurSchema(reader)) throw new StoredDataError("Cannot read stored data: other tables");
  } finally {
    reader.close();
  }
}

function checkPages(reader: DatabaseSync): void {
  const id = numberOf(reader, "PRAGMA application_id");
  if (id !== APPLICATION_ID) {
    throw new StoredDataError(`Cannot read stored data: it is of another program, ${id}`);
  }
  const answer = valueOf(reader, "PRAGMA quick_check(1)");
  if (answer !== "ok") throw new StoredDataError(`Cannot read stored data: ${answer}`);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
