/** What a record may hold. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [name: string]: JsonValue };

/** Why a record was not taken. "unavailable": the disk did not take it, or there is no disk any more. */
export type RecordErrorReason = "invalid" | "too-large" | "too-many" | "unavailable";

/** A record that was not stored; nothing has changed. */
export class RecordError extends Error {
  override readonly name = "RecordError";
  readonly reason: RecordErrorReason;

  constructor(reason: RecordErrorReason, message: string, options?: ErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/**
 * Small administrative records (accounts, bans, settings …) by kind and key: all in memory, each change durable
 * before its promise resolves. Changes become durable in the order in which they are made, independent of the
 * notes of sessions and messages, and of "durability": they never wait for each other.
 *
 * A kind is a word of lower case letters, digits and underscores, a key any text up to 65,535 bytes.
 */
export interface RecordStore {
  /** In order of insertion, also after a restart. The same living map at every call; one that nobody wrote is empty. */
  list(kind: string): ReadonlyMap<string, JsonValue>;
  /** The value as it was put, a copy that nobody changes. */
  get(kind: string, key: string): JsonValue | undefined;
  /** Visible at once; keeps the place of the record it replaces. Rejects with a `RecordError` and is undone. */
  put(kind: string, key: string, value: JsonValue): Promise<void>;
  /** False: there was none. Rejects with a `RecordError` and is undone. */
  remove(kind: string, key: string): Promise<boolean>;
  /**
   * Reads again what is on disk of these kinds, where another process may have changed them. Resolves with the number
   * of records that were changed, added or removed. Changes of ours that are under way stay.
   */
  reload(kinds: readonly string[]): Promise<number>;
}
