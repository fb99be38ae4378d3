import { allocateBytes, type ByteSocket, copyBytes } from "../runtime/mod.ts";
import { Deque } from "../base/mod.ts";

/** Sizes of the pages that outbound bytes are gathered in. */
const PAGE_SIZES = [512, 4096, 16384, 65536, 262_144] as const;
const LARGEST_PAGE = 262_144;
/** Pages of each size kept for reuse: at most 8, 8, 8, 16 and 16 MiB. A wide fan-out touches many connections at once. */
const SPARE_PAGES_MAX = [16384, 2048, 512, 256, 64] as const;
const NO_PAGE: Uint8Array = new Uint8Array(0);

/** Pages of one size that nobody uses. */
class SparePages {
  readonly #size: number;
  readonly #max: number;
  readonly #pages: Uint8Array[] = [];
  /** The fewest that were here since the last `trim`: so many were never needed. */
  #fewest = 0;

  constructor(size: number, max: number) {
    this.#size = size;
    this.#max = max;
  }

  take(): Uint8Array {
    const page = this.#pages.pop() ?? allocateBytes(this.#size);
    if (this.#pages.length < this.#fewest) this.#fewest = this.#pages.length;
    return page;
  }

  give(page: Uint8Array): void {
    if (this.#pages.length < this.#max) this.#pages.push(page);
  }

  trim(): void {
    this.#pages.length -= this.#fewest;
    this.#fewest = this.#pages.length;
  }
}

const sparePages: readonly SparePages[] = PAGE_SIZES.map((size, index) =>
  new SparePages(size, SPARE_PAGES_MAX[index] as number)
);

/** Lets go of pages that a burst has left and nobody has needed since the last call. */
export function trimSparePages(): void {
  for (const spare of sparePages) spare.trim();
}

function takePage(length: number): Uint8Array {
  for (let index = 0; index < PAGE_SIZES.length; index++) {
    if (length <= (PAGE_SIZES[index] as number)) return (sparePages[index] as SparePages).take();
  }
  return allocateBytes(length);
}

function givePage(page: Uint8Array): void {
  for (let index = 0; index < PAGE_SIZES.length; index++) {
    if (page.length !== PAGE_SIZES[index]) continue;
    (sparePages[index] as SparePages).give(page);
    return;
  }
}

/** Frames one behind the other, each with a place for a stamp. */
export interface StampedRun {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** How many of the lists count. */
  readonly count: number;
  /** From `start`. */
  readonly packetIdAts: Uint32Array;
  readonly packetIds: Uint16Array;
}

/** Bytes of ours that wait behind a full page, or a reference to somebody's. */
interface Segment {
  readonly bytes: Uint8Array;
  readonly start: number;
  end: number;
  readonly isPage: boolean;
}

/**
 * The unsent bytes of one connection.
 *
 * Small frames are copied into a page, large payloads are queued by reference; `flush` hands both to the
 * socket in order, one write at a time. A page is held only while there are bytes in it, so an idle
 * connection holds nothing.
 */
export class OutboundBuffer {
  /** Appended and not yet taken by the system. */
  pendingBytes = 0;
  /** True between a write that the system did not take whole and its end. */
  isWriting = false;
  #page: Uint8Array = NO_PAGE;
  #length = 0;
  #waiting: Deque<Segment> | undefined;
  /** The segment at the end of `#waiting`, when it is a reference. */
  #lastReference: Segment | undefined;
  #written: Uint8Array = NO_PAGE;
  #writtenBytes = 0;
  /** A run of somebody's bytes that is all there is to send; longer than this turn only if it is shared. */
  #run: Uint8Array = NO_PAGE;
  #runStart = 0;
  /** 0: no run. */
  #runEnd = 0;

  /**
   * Takes `bytes[start..end)`, which nobody will ever write to. Pieces that lie one behind the other leave in one
   * write without being copied; as soon as something else comes between, they are copied after all. `isShared`: others
   * hold on to them, too, so that they may stay here until a write is over. Returns how many bytes were copied now.
   */
  appendRun(bytes: Uint8Array, start: number, end: number, isShared = false): number {
    if (this.#runEnd === start && this.#run === bytes) {
      this.#runEnd = end;
      this.pendingBytes += end - start;
      return 0;
    }
    if (this.#length > 0 || this.#runEnd > 0 || (this.isWriting && !isShared)) {
      const settled = this.#runEnd - this.#runStart;
      this.append(bytes, start, end);
      return settled + end - start;
    }
    this.#run = bytes;
    this.#runStart = start;
    this.#runEnd = end;
    this.pendingBytes += end - start;
    return 0;
  }

  /** Copies `bytes[start..end)`. */
  append(bytes: Uint8Array, start: number, end: number): void {
    const size = end - start;
    const offset = this.#reserve(size);
    copyBytes(this.#page, offset, bytes, start, end);
  }

  /** Copies `bytes[start..end)` and writes `stamp` as two bytes at `stampAt` (from `start`) of the copy. */
  appendStamped(
    bytes: Uint8Array,
    start: number,
    end: number,
    stampAt: number,
    stamp: number,
  ): void {
    const offset = this.#reserve(end - start);
    const page = this.#page;
    copyBytes(page, offset, bytes, start, end);
    page[offset + stampAt] = stamp >>> 8;
    page[offset + stampAt + 1] = stamp & 0xff;
  }

  /** Copies `run` whole and writes each of its stamps, two bytes, to its place. */
  appendStampedRun({ bytes, start, end, count, packetIdAts, packetIds }: StampedRun): void {
    const offset = this.#reserve(end - start);
    const page = this.#page;
    copyBytes(page, offset, bytes, start, end);
    for (let index = 0; index < count; index++) {
      const at = offset + (packetIdAts[index] as number);
      const stamp = packetIds[index] as number;
      page[at] = stamp >>> 8;
      page[at + 1] = stamp & 0xff;
    }
  }

  /** Copies a view: the cheapest way when the same bytes go to many. */
  appendView(view: Uint8Array): void {
    const offset = this.#reserve(view.length);
    this.#page.set(view, offset);
  }

  /** Queues `bytes[start..end)` without copying: nobody may write there until the socket has it. */
  appendReference(bytes: Uint8Array, start: number, end: number): void {
    if (this.#runEnd > 0) this.#settleRun();
    this.pendingBytes += end - start;
    const last = this.#length === 0 ? this.#lastReference : undefined;
    if (last !== undefined && last.bytes === bytes && last.end === start) {
      // Frames that came in one behind the other leave in one write.
      last.end = end;
      return;
    }
    this.#setPageAside();
    const segment: Segment = { bytes, start, end, isPage: false };
    this.#wait(segment);
    this.#lastReference = segment;
  }

  /** Hands all that is here to `socket`, or as much as it takes. */
  flush(socket: ByteSocket): void {
    while (!this.isWriting) {
      const waiting = this.#waiting;
      if (waiting !== undefined && waiting.length > 0) {
        const segment = waiting.shift() as Segment;
        if (segment === this.#lastReference) this.#lastReference = undefined;
        const page = segment.isPage ? segment.bytes : NO_PAGE;
        this.#write(socket, segment.bytes, segment.start, segment.end, page);
        continue;
      }
      if (this.#runEnd > 0) {
        const run = this.#run;
        const start = this.#runStart;
        const end = this.#runEnd;
        this.#forgetRun();
        this.#write(socket, run, start, end, NO_PAGE);
        continue;
      }
      if (this.#length === 0) return;
      const page = this.#page;
      const length = this.#length;
      this.#page = NO_PAGE;
      this.#length = 0;
      this.#write(socket, page, 0, length, page);
    }
  }

  /** The pending write is done. */
  wrote(): void {
    this.isWriting = false;
    this.pendingBytes -= this.#writtenBytes;
    givePage(this.#written);
    this.#written = NO_PAGE;
  }

  /** Forgets everything. A page that the system may still be reading is left to the garbage collector. */
  clear(): void {
    if (this.#page !== NO_PAGE) givePage(this.#page);
    this.#page = NO_PAGE;
    this.#length = 0;
    this.#waiting = undefined;
    this.#lastReference = undefined;
    this.#forgetRun();
    this.#written = NO_PAGE;
    this.pendingBytes = 0;
  }

  #write(
    socket: ByteSocket,
    bytes: Uint8Array,
    start: number,
    end: number,
    page: Uint8Array,
  ): void {
    if (socket.write(bytes, start, end)) {
      this.pendingBytes -= end - start;
      if (page !== NO_PAGE) givePage(page);
      return;
    }
    this.isWriting = true;
    this.#written = page;
    this.#writtenBytes = end - start;
  }

  /** Room for `size` bytes in the page; the offset where they begin. */
  #reserve(size: number): number {
    if (this.#runEnd > 0) this.#settleRun();
    const offset = this.#length;
    const end = offset + size;
    this.pendingBytes += size;
    if (end <= this.#page.length) {
      this.#length = end;
      return offset;
    }
    if (end <= LARGEST_PAGE) {
      this.#growPage(end);
      this.#length = end;
      return offset;
    }
    this.#setPageAside();
    this.#page = takePage(size);
    this.#length = size;
    return 0;
  }

  #growPage(length: number): void {
    // The first page just fits; whoever needs more is busy and gets the next size.
    const grown = takePage(Math.max(length, this.#page.length + 1));
    if (this.#length > 0) copyBytes(grown, 0, this.#page, 0, this.#length);
    if (this.#page !== NO_PAGE) givePage(this.#page);
    this.#page = grown;
  }

  /** The run has a neighbour: it becomes the beginning of a page. */
  #settleRun(): void {
    const run = this.#run;
    const start = this.#runStart;
    const end = this.#runEnd;
    this.#forgetRun();
    this.pendingBytes -= end - start;
    this.append(run, start, end);
  }

  #forgetRun(): void {
    this.#run = NO_PAGE;
    this.#runStart = 0;
    this.#runEnd = 0;
  }

  #setPageAside(): void {
    if (this.#length === 0) return;
    this.#wait({ bytes: this.#page, start: 0, end: this.#length, isPage: true });
    this.#page = NO_PAGE;
    this.#length = 0;
  }

  #wait(segment: Segment): void {
    this.#lastReference = undefined;
    this.#waiting ??= new Deque<Segment>();
    this.#waiting.push(segment);
  }
}
