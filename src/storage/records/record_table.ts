import { encodeUtf8 } from "../../mqtt/mod.ts";
import { type JsonValue, RecordError } from "../../ports/mod.ts";

/** Of one record, as JSON text in UTF-8. */
export const RECORD_VALUE_BYTES_MAX = 256 * 1024;
/** As much as a name in MQTT. */
export const RECORD_KEY_BYTES_MAX = 65_535;
export const RECORDS_OF_KIND_MAX = 1_000_000;
/** Keys and values of all kinds: they are held in memory. */
export const RECORD_BYTES_MAX = 512 * 1024 * 1024;
const KINDS_MAX = 64;
const KIND_FORM = /^[a-z][a-z0-9_]{0,31}$/;

/** A record with what is needed to put it back where it was. */
export interface RecordEntry {
  readonly value: JsonValue;
  /** Of key and value. */
  readonly bytes: number;
  /** Rises in order of insertion. */
  readonly place: number;
}

/** A value that was looked at: nobody else has it, and it is as it will be read back. */
export interface CheckedRecord {
  readonly value: JsonValue;
  readonly json: Uint8Array;
  readonly bytes: number;
}

class RecordKind {
  readonly values = new Map<string, JsonValue>();
  readonly entries = new Map<string, RecordEntry>();
}

/** Records in memory, by kind and key, within limits. */
export class RecordTable {
  readonly #kinds = new Map<string, RecordKind>();
  #bytes = 0;
  #nextPlace = 1;

  list(kind: string): ReadonlyMap<string, JsonValue> {
    return this.#kind(kind).values;
  }

  get(kind: string, key: string): JsonValue | undefined {
    return this.#kinds.get(kind)?.values.get(key);
  }

  entry(kind: string, key: string): RecordEntry | undefined {
    return this.#kinds.get(kind)?.entries.get(key);
  }

  /** Throws a `RecordError` for what is not allowed or does not fit. */
  check(kind: string, key: string, value: JsonValue): CheckedRecord {
    const { entries } = this.#kind(kind);
    const keyBytes = checkKey(key);
    const text = jsonOf(kind, key, value);
    const json = encodeUtf8(text);
    if (json.length > RECORD_VALUE_BYTES_MAX) {
      throw new RecordError(
        "too-large",
        `Cannot keep ${kind} "${key}": it has ${json.length} bytes, allowed are ${RECORD_VALUE_BYTES_MAX}`,
      );
    }
    const old = entries.get(key);
    if (old === undefined && entries.size >= RECORDS_OF_KIND_MAX) {
      throw new RecordError(
        "too-many",
        `Cannot keep ${kind} "${key}": there are ${entries.size} already, allowed are ${RECORDS_OF_KIND_MAX}`,
      );
    }
    const bytes = keyBytes + json.length;
    if (this.#bytes - (old?.bytes ?? 0) + bytes > RECORD_BYTES_MAX) {
      throw new RecordError(
        "too-many",
        `Cannot keep ${kind} "${key}": all records come to ${this.#bytes} bytes, allowed are ${RECORD_BYTES_MAX}`,
      );
    }
    return { value: JSON.parse(text) as JsonValue, json, bytes };
  }

  /** In the place of the old one; a new one, or one without `place`, at the end. */
  set(kind: string, key: string, record: Omit<RecordEntry, "place"> & { place?: number }): void {
    const { values, entries } = this.#kind(kind);
    const old = entries.get(key);
    const place = record.place ?? old?.place ?? this.#nextPlace++;
    this.#nextPlace = Math.max(this.#nextPlace, place + 1);
    this.#bytes += record.bytes - (old?.bytes ?? 0);
    values.set(key, record.value);
    entries.set(key, { value: record.value, bytes: record.bytes, place });
  }

  /** Returns what was removed. */
  delete(kind: string, key: string): RecordEntry | undefined {
    const found = this.#kinds.get(kind);
    const old = found?.entries.get(key);
    if (found === undefined || old === undefined) return undefined;
    found.values.delete(key);
    found.entries.delete(key);
    this.#bytes -= old.bytes;
    return old;
  }

  /** Puts the records of a kind into the order of their places. */
  sort(kind: string): void {
    const { values, entries } = this.#kind(kind);
    const sorted = [...entries].sort(([, a], [, b]) => a.place - b.place);
    values.clear();
    entries.clear();
    for (const [key, entry] of sorted) {
      values.set(key, entry.value);
      entries.set(key, entry);
    }
  }

  get kinds(): readonly string[] {
    return [...this.#kinds.keys()];
  }

  keys(kind: string): IterableIterator<string> {
    return this.#kind(kind).entries.keys();
  }

  #kind(kind: string): RecordKind {
    const found = this.#kinds.get(kind);
    if (found !== undefined) return found;
    if (!KIND_FORM.test(kind)) {
      throw new RecordError(
        "invalid",
        `Cannot use kind "${kind}": a kind is a lower case word of up to 32 characters`,
      );
    }
    if (this.#kinds.size >= KINDS_MAX) {
      throw new RecordError(
        "too-many",
        `Cannot use kind "${kind}": there are ${KINDS_MAX} already`,
      );
    }
    const made = new RecordKind();
    this.#kinds.set(kind, made);
    return made;
  }
}

function checkKey(key: string): number {
  // A half of a surrogate pair becomes another character on disk.
  if (/\p{Surrogate}/u.test(key)) {
    throw new RecordError("invalid", `Cannot use key "${key}": it is not well-formed Unicode`);
  }
  const { length } = encodeUtf8(key);
  if (length === 0 || length > RECORD_KEY_BYTES_MAX) {
    throw new RecordError(
      length === 0 ? "invalid" : "too-large",
      `Cannot use key "${
        key.slice(0, 40)
      }": it has ${length} bytes, allowed are 1 to ${RECORD_KEY_BYTES_MAX}`,
    );
  }
  return length;
}

function jsonOf(kind: string, key: string, value: JsonValue): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(value) as string | undefined;
  } catch (cause) {
    throw new RecordError("invalid", `Cannot keep ${kind} "${key}": ${String(cause)}`, { cause });
  }
  if (text === undefined) {
    throw new RecordError("invalid", `Cannot keep ${kind} "${key}": it is no JSON value`);
  }
  return text;
}
