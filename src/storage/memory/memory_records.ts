import type { JsonValue, RecordStore } from "../../ports/mod.ts";
import { RecordTable } from "../records/record_table.ts";

/** Records of a broker that writes nothing to disk: they are gone when it ends. */
export class MemoryRecords implements RecordStore {
  readonly #table = new RecordTable();

  list(kind: string): ReadonlyMap<string, JsonValue> {
    return this.#table.list(kind);
  }

  get(kind: string, key: string): JsonValue | undefined {
    return this.#table.get(kind, key);
  }

  // deno-lint-ignore require-await -- what is wrong with the record rejects, as everywhere
  async put(kind: string, key: string, value: JsonValue): Promise<void> {
    this.#table.set(kind, key, this.#table.check(kind, key, value));
  }

  remove(kind: string, key: string): Promise<boolean> {
    return Promise.resolve(this.#table.delete(kind, key) !== undefined);
  }

  reload(): Promise<number> {
    return Promise.resolve(0);
  }
}
