import { Buffer } from "node:buffer";

/**
 * Copies `source[start..end)` to `target` at `offset`. The caller has seen to it that it fits.
 *
 * Copying some 80 bytes is what a broker does most. Measured per call of 90 bytes: on Bun `Buffer.copy` 14 ns,
 * `set(subarray)` 39 ns, a loop 49 ns; on Deno `set(subarray)` and a loop over words of 8 bytes 34 ns, one over bytes 47 ns. The
 * view that `subarray` makes is more than all else that a message costs the garbage collector of Deno.
 */
export type CopyBytes = (
  target: Uint8Array,
  offset: number,
  source: Uint8Array,
  start: number,
  end: number,
) => void;

/** Up to this a plain loop is the fastest on both runtimes. */
const LOOP_MAX = 24;
/** On Deno up to this words are as fast as `set`, and leave no view behind. */
const WORDS_MAX = 200;
/** V8 keeps arrays up to this size inside its heap, until somebody asks for their buffer. */
const IN_HEAP_MAX = 64;

interface NativeCopy {
  call(source: Uint8Array, target: Uint8Array, at: number, start: number, end: number): number;
}

const nativeCopy: NativeCopy = Buffer.prototype.copy;

function copyOnBun(
  target: Uint8Array,
  offset: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  nativeCopy.call(source, target, offset, start, end);
}

function copyOnDeno(
  target: Uint8Array,
  offset: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  const length = end - start;
  if (length <= LOOP_MAX) {
    for (let from = start, to = offset; from < end; from++, to++) {
      target[to] = source[from] as number;
    }
  } else if (length <= WORDS_MAX && source.length > IN_HEAP_MAX && target.length > IN_HEAP_MAX) {
    copyWords(target, offset, source, start, end);
  } else target.set(source.subarray(start, end), offset);
}

/** Of the buffers that were copied from and to last: many copies follow each other from one chunk to one memory. */
let sourceBuffer: ArrayBufferLike = new ArrayBuffer(0);
let targetBuffer: ArrayBufferLike = sourceBuffer;
let sourceWords: DataView = new DataView(sourceBuffer);
let targetWords: DataView = sourceWords;

/** Optimized code makes no BigInt of a word that it reads and writes. */
function copyWords(
  target: Uint8Array,
  offset: number,
  source: Uint8Array,
  start: number,
  end: number,
): void {
  const from = source.buffer;
  const to = target.buffer;
  if (from === to) {
    // It may lie over its own place.
    target.set(source.subarray(start, end), offset);
    return;
  }
  if (from !== sourceBuffer) {
    sourceBuffer = from;
    sourceWords = new DataView(from);
  }
  if (to !== targetBuffer) {
    targetBuffer = to;
    targetWords = new DataView(to);
  }
  const reads = sourceWords;
  const writes = targetWords;
  let at = source.byteOffset + start;
  let into = target.byteOffset + offset;
  const stop = source.byteOffset + end;
  for (; at + 8 <= stop; at += 8, into += 8) {
    writes.setBigInt64(into, reads.getBigInt64(at, true), true);
  }
  for (; at < stop; at++, into++) writes.setUint8(into, reads.getUint8(at));
}

export const copyBytes: CopyBytes = "Bun" in globalThis ? copyOnBun : copyOnDeno;

/** Bytes that are about to be overwritten: not cleared where the runtime can leave that out. */
export function allocateBytes(length: number): Uint8Array {
  return "Bun" in globalThis ? Buffer.allocUnsafeSlow(length) : new Uint8Array(length);
}

/** Small copies share a slab of this size: of messages that wait on both runtimes, of other things on Deno. */
const SLAB_BYTES = 8192;
/** Larger copies stand alone, in bytes. */
export const SLAB_COPY_MAX = 1024;
let slab: Uint8Array = new Uint8Array(0);
let slabUsed = 0;

/** A copy of `source[start..end)` with a buffer of its own, for what stays long. */
export function copyAlone(source: Uint8Array, start: number, end: number): Uint8Array {
  const copy = new Uint8Array(end - start);
  copyBytes(copy, 0, source, start, end);
  return copy;
}

/**
 * A copy of `source[start..end)` that the caller owns. It may share its buffer with other copies, and holds on to
 * at most 8 KiB more than its own bytes.
 *
 * In V8 a small buffer of its own costs four times what a view of a shared one does; JavaScriptCore keeps small
 * arrays inside its heap and needs no such help.
 */
export function copyOut(source: Uint8Array, start: number, end: number): Uint8Array {
  if (end - start > SLAB_COPY_MAX || "Bun" in globalThis) return copyAlone(source, start, end);
  const { bytes, at } = copyBeside(source, start, end);
  return bytes.subarray(at, at + end - start);
}

/** Where in a larger buffer a copy lies. */
export interface Place {
  bytes: Uint8Array;
  at: number;
}

const lastPlace: Place = { bytes: slab, at: 0 };

/**
 * As `copyOut`, without an object for each copy: what is copied in turn lies one behind the other, so that several can
 * be copied on in one go, too. At most `SLAB_COPY_MAX` bytes. The answer is good until the next call.
 */
export function copyBeside(source: Uint8Array, start: number, end: number): Readonly<Place> {
  const length = end - start;
  if (slabUsed + length > slab.length) {
    slab = new Uint8Array(SLAB_BYTES);
    slabUsed = 0;
  }
  copyBytes(slab, slabUsed, source, start, end);
  lastPlace.bytes = slab;
  lastPlace.at = slabUsed;
  slabUsed += length;
  return lastPlace;
}
