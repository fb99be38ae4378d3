import { checksumBytes } from "./checksum.ts";
import type { ByteSink } from "./byte_sink.ts";
import { ByteSource, StoredDataError } from "./byte_source.ts";

/** Says what a body is of; part of its checksum. Never changed. */
export const BodyKind = Object.freeze(
  {
    message: 1,
    queued: 2,
    session: 3,
    subscription: 4,
    retained: 5,
    record: 6,
    exchange: 7,
    delayed: 8,
  } as const,
);
export type BodyKind = (typeof BodyKind)[keyof typeof BodyKind];

/** The first body byte after the checksum; another layout gets another number. */
const BODY_VERSION = 1;
const CHECKSUM_BYTES = 4;

/** A body begins: room for its checksum, which whoever writes the row puts there. */
export function beginBody(sink: ByteSink): void {
  sink.word(0);
  sink.reserve(1);
  sink.byte(BODY_VERSION);
}

/** A body whose checksum nobody has put there yet. */
export function openUnsealedBody(bytes: Uint8Array): ByteSource {
  return new ByteSource(bytes, CHECKSUM_BYTES + 1);
}

/** Checks a column's value and its checksum; the source stands behind the version. */
export function openBody(bytes: unknown, seed: number): ByteSource {
  if (!(bytes instanceof Uint8Array)) {
    throw new StoredDataError(`Cannot read stored data: it is no blob but ${typeof bytes}`);
  }
  const { length } = bytes;
  if (length <= CHECKSUM_BYTES) throw new StoredDataError("Cannot read stored data: it ends early");
  const stored = (bytes[0] as number) | (bytes[1] as number) << 8 | (bytes[2] as number) << 16 |
    (bytes[3] as number) << 24;
  if (stored !== checksumBytes(bytes, CHECKSUM_BYTES, seed)) {
    throw new StoredDataError("Cannot read stored data: its checksum is wrong");
  }
  const version = bytes[CHECKSUM_BYTES] as number;
  if (version !== BODY_VERSION) {
    throw new StoredDataError(`Cannot read stored data: its version is ${version}, not 1`);
  }
  return new ByteSource(bytes, CHECKSUM_BYTES + 1);
}
