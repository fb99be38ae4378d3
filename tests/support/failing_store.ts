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

  constructor(error = "database or disk is full") {
    this.error = error;
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
  call(): void {
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
      faults.call();
      database.exec(sql);
    },
    prepare: (sql: string): StatementSync => failingStatement(database.prepare(sql), faults),
    close: (): void => database.close(),
  };
  return wrapped as unknown as DatabaseSync;
}

function failingStatement(statement: StatementSync, faults: DiskFaults): StatementSync {
  type Parameters = Array<number | string | Uint8Array | null>;
  const wrapped = {
    run(...parameters: Parameters): unknown {
      faults.call();
      return statement.run(...parameters);
    },
    get(...parameters: Parameters): unknown {
      faults.call();
      return statement.get(...parameters);
    },
    all(...parameters: Parameters): unknown {
      faults.call();
      return statement.all(...parameters);
    },
  };
  return wrapped as unknown as StatementSync;
}
