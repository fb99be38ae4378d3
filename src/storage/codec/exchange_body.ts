import type { ByteSink } from "./byte_sink.ts";
import { type ByteSource, StoredDataError } from "./byte_source.ts";

/** What is kept of the messages that one session sent under the identifiers of their places. */
export interface StoredExchange {
  /** Up to this place they may have been sent. */
  readonly reserved: number;
  /** Places of those that the client has, and whose PUBCOMP is still to come, in any order. */
  readonly released: Iterable<number>;
}

/** As many as there are packet identifiers. */
const RELEASED_MAX = 65535;

/** Places that follow each other are written as one run. */
export function writeExchange(sink: ByteSink, { reserved, released }: StoredExchange): void {
  sink.varint(reserved);
  let first = 0;
  let next = 0;
  for (const seq of released) {
    if (seq !== next) {
      if (next > 0) writeRun(sink, first, next - first);
      first = seq;
    }
    next = seq + 1;
  }
  if (next > 0) writeRun(sink, first, next - first);
  writeRun(sink, 0, 0);
}

function writeRun(sink: ByteSink, first: number, count: number): void {
  sink.varint(first);
  sink.varint(count);
}

/** What `writeExchange` wrote. */
export function readExchange(
  source: ByteSource,
): { readonly reserved: number; readonly released: readonly number[] } {
  const reserved = source.varint();
  const released: number[] = [];
  for (;;) {
    const first = source.varint();
    const count = source.varint();
    if (count === 0) return { reserved, released };
    if (first < 1 || released.length + count > RELEASED_MAX) {
      throw new StoredDataError(`Cannot read stored data: ${count} packets from place ${first} on`);
    }
    for (let seq = first; seq < first + count; seq++) released.push(seq);
  }
}
