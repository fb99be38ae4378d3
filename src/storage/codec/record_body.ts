import type { JsonValue } from "../../ports/mod.ts";
import { encodeUtf8 } from "../../mqtt/mod.ts";
import { beginBody, BodyKind, openBody } from "./body.ts";
import { ByteSink } from "./byte_sink.ts";
import { readUtf8, StoredDataError } from "./byte_source.ts";
import { checksumBytes, checksumSeed } from "./checksum.ts";

const SEED = checksumSeed(BodyKind.record, 0, 0);
const CHECKSUM_BYTES = 4;

/** A record as it is read back. */
export interface StoredRecord {
  readonly kind: string;
  readonly key: string;
  readonly value: JsonValue;
  /** Of key and value, as `RecordTable` counts. */
  readonly bytes: number;
}

/** The body of a record, with its checksum. `json`: the value as JSON text in UTF-8. */
export function writeRecord(kind: string, key: string, json: Uint8Array): Uint8Array {
  const sink = new ByteSink((bytes) => new ArrayBuffer(bytes));
  beginBody(sink);
  sink.text(kind);
  sink.text(key);
  sink.raw(json, 0, json.length);
  const body = sink.bytes.slice(0, sink.length);
  new DataView(body.buffer).setInt32(0, checksumBytes(body, CHECKSUM_BYTES, SEED), true);
  return body;
}

/** What `writeRecord` wrote; `StoredDataError` where it cannot have been. */
export function readRecord(body: unknown): StoredRecord {
  const source = openBody(body, SEED);
  const kind = source.text();
  const key = source.text();
  const json = source.rest();
  try {
    const value = JSON.parse(readUtf8(json, 0, json.length)) as JsonValue;
    return { kind, key, value, bytes: encodeUtf8(key).length + json.length };
  } catch (cause) {
    throw new StoredDataError(`Cannot read stored data: ${kind} "${key}" is not JSON`, { cause });
  }
}
