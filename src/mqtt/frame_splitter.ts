import { malformed, ProtocolError } from "./protocol_error.ts";
import { ReasonCode } from "./reason_code.ts";

/** What a `FrameSplitter` hands its frames to. */
export interface FrameSink {
  /**
   * One whole frame: `bytes[start, end)`, its body from `bodyStart`. The bytes are valid until this
   * returns, unless `owned`: then the buffer was made for this frame alone and may be kept. False
   * stops the splitter behind this frame; the rest is kept until `resume`.
   */
  onFrame(
    bytes: Uint8Array,
    start: number,
    bodyStart: number,
    end: number,
    owned: boolean,
  ): boolean;
  /**
   * Asked after an `owned` frame: false when nobody holds on to its buffer, which then serves another
   * frame. Left out: it is kept.
   */
  readonly hasKeptFrame?: boolean;
}

/** Frames up to this size are gathered in a buffer of their size at once. */
const GATHER_AT_ONCE_BYTES = 16 * 1024;

/** One byte of type and flags, four of remaining length. */
const FIXED_HEADER_BYTES_MAX = 5;

const NOTHING: Uint8Array = new Uint8Array(0);

/** Buffers of large frames that nobody kept, for all splitters: clearing new ones costs more than filling them. */
const SPARE_BUFFERS_MAX = 8;
const SPARE_BUFFER_BYTES_MAX = 1024 * 1024;
const spareBuffers: Uint8Array[] = [];

function takeBuffer(capacity: number): Uint8Array {
  if (capacity < GATHER_AT_ONCE_BYTES) return new Uint8Array(capacity);
  for (let index = spareBuffers.length - 1; index >= 0; index--) {
    const spare = spareBuffers[index] as Uint8Array;
    if (spare.length < capacity || spare.length > capacity * 4) continue;
    spareBuffers.splice(index, 1);
    return spare;
  }
  return new Uint8Array(capacity);
}

function giveBuffer(buffer: Uint8Array): void {
  if (buffer.length < GATHER_AT_ONCE_BYTES || buffer.length > SPARE_BUFFER_BYTES_MAX) return;
  if (spareBuffers.length >= SPARE_BUFFERS_MAX) spareBuffers.shift();
  spareBuffers.push(buffer);
}

/**
 * Splits a byte stream into whole MQTT frames, whatever the chunking.
 *
 * Frames that lie wholly inside a chunk are handed on in place. One that spans chunks is gathered in
 * a buffer of its own, which grows with what has arrived, so that announcing a large packet costs
 * the receiver nothing. With nothing pending no buffer is held. What a frame contains is not looked
 * at. `onFrame` must not call `push` or `resume`; after either has thrown, the splitter (and the
 * connection) is not to be used again.
 */
export class FrameSplitter {
  #maxPacketSize: number;
  #stopped = false;

  /** The beginning of an incomplete frame: first its header alone, then the gathered frame. */
  #gathered: Uint8Array = NOTHING;
  #gatheredLength = 0;
  /** Size of the frame that is being gathered; 0 while its header is incomplete. */
  #frameSize = 0;
  #bodyOffset = 0;

  /** What arrived behind the frame that stopped us. */
  #kept: Uint8Array = NOTHING;
  #keptStart = 0;
  #keptEnd = 0;

  /** `maxPacketSizeBytes` counts whole frames, fixed header included. */
  constructor(maxPacketSizeBytes: number) {
    this.#maxPacketSize = maxPacketSizeBytes;
  }

  /** Bytes held now: the beginning of an incomplete frame and what waits for `resume`. */
  get pendingBytes(): number {
    return this.#gatheredLength + this.#keptEnd - this.#keptStart;
  }

  /** Bounds the frames that begin from now on. */
  setMaxPacketSize(bytes: number): void {
    this.#maxPacketSize = bytes;
  }

  /**
   * Hands on every frame that `chunk` completes; false when the sink stopped it. The chunk belongs to the caller again
   * when this returns; only if it `isStable`, so that nobody will ever write to it, a rest is kept without a copy. While
   * stopped it is only kept: a caller that pauses reading bounds how much. Throws a ProtocolError for a remaining length
   * of more than four bytes and, as soon as the fixed header is known, for a packet that is too large.
   */
  push(chunk: Uint8Array, sink: FrameSink, isStable = false): boolean {
    if (this.#stopped) {
      this.#keep(chunk);
      return false;
    }
    return this.#split(chunk, 0, chunk.length, sink, isStable);
  }

  /** Goes on with what was kept after a stop; same result as `push`. */
  resume(sink: FrameSink): boolean {
    if (!this.#stopped) return true;
    const kept = this.#kept;
    const start = this.#keptStart;
    const end = this.#keptEnd;
    this.#stopped = false;
    this.#dropKept();
    return this.#split(kept, start, end, sink, true);
  }

  /** `isStable`: a rest of `bytes`, whoever made them, is kept by keeping the offsets. */
  #split(
    bytes: Uint8Array,
    start: number,
    end: number,
    sink: FrameSink,
    isStable: boolean,
  ): boolean {
    let at = start;
    let isGoingOn = true;
    if (this.#gatheredLength > 0) {
      at = this.#gather(bytes, at, end);
      if (this.#gatheredLength < this.#frameSize || this.#frameSize === 0) return true;
      isGoingOn = this.#handOnGathered(sink);
    }
    while (isGoingOn && at < end) {
      let size = 0;
      let bodyStart = at + 2;
      // Nearly all frames are shorter than 128 bytes: one byte of remaining length.
      if (bodyStart <= end && (bytes[at + 1] as number) < 0x80) {
        size = 2 + (bytes[at + 1] as number);
      } else {
        bodyStart = findBodyStart(bytes, at, end);
        if (bodyStart >= 0) size = bodyStart - at + remainingLength(bytes, at + 1);
      }
      if (size > this.#maxPacketSize) throw tooLarge(size, this.#maxPacketSize);
      if (size === 0 || at + size > end) {
        this.#begin(bytes, at, end, size, bodyStart - at);
        return true;
      }
      const frameEnd = at + size;
      isGoingOn = sink.onFrame(bytes, at, bodyStart, frameEnd, false);
      at = frameEnd;
    }
    if (isGoingOn) return true;
    this.#stopped = true;
    if (at < end) {
      if (isStable) {
        this.#kept = bytes;
        this.#keptStart = at;
        this.#keptEnd = end;
      } else {
        // Not slice(): of a Buffer, as some runtimes hand out, that would be a view.
        this.#kept = new Uint8Array(bytes.subarray(at, end));
        this.#keptStart = 0;
        this.#keptEnd = end - at;
      }
    }
    return false;
  }

  /** Holds the first bytes of a frame that this chunk does not complete. `size` 0: not known yet. */
  #begin(bytes: Uint8Array, at: number, end: number, size: number, bodyOffset: number): void {
    const available = end - at;
    this.#gathered = takeBuffer(
      size === 0 ? FIXED_HEADER_BYTES_MAX : firstCapacity(size, available),
    );
    this.#gathered.set(bytes.subarray(at, end));
    this.#gatheredLength = available;
    this.#frameSize = size;
    this.#bodyOffset = bodyOffset;
  }

  /** Adds to the incomplete frame what it still lacks; returns the offset behind that. */
  #gather(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (this.#frameSize === 0) {
      if (at === end) return at;
      this.#gathered[this.#gatheredLength++] = bytes[at++] as number;
      const bodyOffset = findBodyStart(this.#gathered, 0, this.#gatheredLength);
      if (bodyOffset < 0) continue;
      const size = bodyOffset + remainingLength(this.#gathered, 1);
      if (size > this.#maxPacketSize) throw tooLarge(size, this.#maxPacketSize);
      this.#frameSize = size;
      this.#bodyOffset = bodyOffset;
      this.#growGathered(firstCapacity(size, this.#gatheredLength + end - at));
    }
    const count = Math.min(end - at, this.#frameSize - this.#gatheredLength);
    const needed = this.#gatheredLength + count;
    if (needed > this.#gathered.length) {
      this.#growGathered(Math.min(this.#frameSize, Math.max(needed, this.#gathered.length * 2)));
    }
    this.#gathered.set(bytes.subarray(at, at + count), this.#gatheredLength);
    this.#gatheredLength = needed;
    return at + count;
  }

  #growGathered(capacity: number): void {
    const grown = takeBuffer(capacity);
    grown.set(this.#gathered.subarray(0, this.#gatheredLength));
    giveBuffer(this.#gathered);
    this.#gathered = grown;
  }

  #handOnGathered(sink: FrameSink): boolean {
    const frame = this.#gathered;
    const size = this.#frameSize;
    this.#gathered = NOTHING;
    this.#gatheredLength = 0;
    this.#frameSize = 0;
    const isGoingOn = sink.onFrame(frame, 0, this.#bodyOffset, size, true);
    if (sink.hasKeptFrame === false) giveBuffer(frame);
    return isGoingOn;
  }

  /** Appends to what waits for `resume`. */
  #keep(chunk: Uint8Array): void {
    const length = this.#keptEnd - this.#keptStart;
    const needed = length + chunk.length;
    // Behind what is kept there is room only in a buffer of ours.
    if (this.#keptEnd + chunk.length > this.#kept.length) {
      // At least half of the new buffer is free or new, so moving stays cheap however it is fed.
      const grown = new Uint8Array(length === 0 ? needed : Math.max(needed, 2 * length));
      grown.set(this.#kept.subarray(this.#keptStart, this.#keptEnd));
      this.#kept = grown;
      this.#keptStart = 0;
    }
    this.#kept.set(chunk, this.#keptStart + length);
    this.#keptEnd = this.#keptStart + needed;
  }

  #dropKept(): void {
    this.#kept = NOTHING;
    this.#keptStart = 0;
    this.#keptEnd = 0;
  }
}

/** Offset behind the remaining length of the frame at `at`, or -1 when `end` cuts it off. */
function findBodyStart(bytes: Uint8Array, at: number, end: number): number {
  for (let i = at + 1; i < end; i++) {
    if ((bytes[i] as number) < 0x80) return i + 1;
    if (i === at + 4) throw malformed("Cannot read remaining length: longer than 4 bytes");
  }
  return -1;
}

/** The remaining length at `at`, which is known to be complete. */
function remainingLength(bytes: Uint8Array, at: number): number {
  let value = 0;
  for (let count = 0; count < 4; count++) {
    const byte = bytes[at + count] as number;
    value |= (byte & 0x7f) << (7 * count);
    if (byte < 0x80) break;
  }
  return value;
}

/** Small frames at once; of large ones no more than twice what the peer has really sent. */
function firstCapacity(size: number, available: number): number {
  return Math.min(size, Math.max(GATHER_AT_ONCE_BYTES, 2 * available));
}

function tooLarge(size: number, max: number): ProtocolError {
  return new ProtocolError(
    ReasonCode.packetTooLarge,
    `Cannot accept packet: ${size} bytes, at most ${max} are allowed`,
  );
}
