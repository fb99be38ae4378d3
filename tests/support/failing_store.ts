/** A store whose disk fails at the n-th call, once or from then on. */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { Durability, OpenedStore, StoreTimers } from "../../src/storage/mod.ts";
import { openForWriting } from "../../src/storage/mod.ts";
import { InlineWriter } from "./inline_writer.ts";
import { openInline } from "./storage_rig.ts";

/** Decides which calls to the database fail. Counts from when it is armed. */
export class DiskFaults {
  #calls = 0;
  #failAt = Infinity;
  #failUntil = 0;
  readonly error: string;
  /** Only what writes fails; a database can be opened and looked at. */
  readonly isOfWrites: boolean;

  constructor(error = "database or disk is full", isOfWrites = false) {
    this.error = error;
    this.isOfWrites = isOfWrites;
  }

  /** Calls since it was armed. */
  get calls(): number {
    return this.#calls;
  }

  /** The `n`-th call from now (1: the next one) fails, and all after it until `heal`, or just that one. */
  arm(n: number, how: "once" | "from then on"): void {
    this.#calls = 0;
    this.#failAt = n;
    this.#failUntil = how === "once" ? n : Infinity;
  }

  /** The disk is well again. */
  heal(): void {
    this.#failAt = Infinity;
    this.#failUntil = 0;
  }

  /** One call happens; throws where it is one that fails. */
  call(isWrite: boolean): void {
    if (this.isOfWrites && !isWrite) return;
    this.#calls++;
    if (this.#calls >= this.#failAt && this.#calls <= this.#failUntil) throw new Error(this.error);
  }
}

/** A store that writes in this thread, to a disk that fails when `faults` says so. */
export function openFailingStore(
  dataDir: string,
  parts: { timers: StoreTimers; faults: DiskFaults; durability?: Durability },
): Promise<OpenedStore> {
  const { timers, faults, durability = "fsync" } = parts;
  const openDatabase: typeof openForWriting = (path, how) =>
    failing(openForWriting(path, how), faults);
  return openInline(dataDir, timers, {
    durability,
    createWriter: () => new InlineWriter(queueMicrotask, openDatabase),
  });
}

/** The methods that a writer calls, each counted before it does anything. */
function failing(database: DatabaseSync, faults: DiskFaults): DatabaseSync {
  const wrapped = {
    exec(sql: string): void {
      faults.call(false);
      database.exec(sql);
    },
    prepare: (sql: string): StatementSync =>
      failingStatement(database.prepare(sql), faults, !/^(SELECT|PRAGMA)\b/.test(sql)),
    close: (): void => database.close(),
  };
  return wrapped as unknown as DatabaseSync;
}

/** `isWrite`: whichever method runs it. */
function failingStatement(
  statement: StatementSync,
  faults: DiskFaults,
  isWrite: boolean,
): StatementSync {
  type Parameters = Array<number | string | Uint8Array | null>;
  const wrapped = {
    setReadBigInts: (isEnabled: boolean): void => statement.setReadBigInts(isEnabled),
    run(...parameters: Parameters): unknown {
      faults.call(isWrite);
      return statement.run(...parameters);
    },
    get(...parameters: Parameters): unknown {
      faults.call(isWrite);
      return statement.get(...parameters);
    },
    all(...parameters: Parameters): unknown {
      faults.call(isWrite);
      return statement.all(...parameters);
    },
  };
  return wrapped as unknown as StatementSync;
}
