/** Bodies up to this size are found in a window. */
export const WINDOW_BODY_MAX = 512;
/** One begins every `WINDOW_BODY_MAX` bytes, so that each such body is wholly in the window that begins before it. */
const WINDOW_BYTES = 2 * WINDOW_BODY_MAX;

/**
 * How the writer sees a memory in which batches are. A view for each message would be most of what it leaves to the
 * garbage collector, which on a machine with few cores takes them away from everybody else: so views are made once, of
 * parts of the memory in which several bodies lie. SQLite copies what it is given, and some hundred bytes more cost it nothing
 * that could be measured.
 */
export class BatchViews {
  readonly bytes: Uint8Array;
  readonly words: Int32Array;
  readonly #windows: Uint8Array[] = [];

  constructor(memory: ArrayBufferLike) {
    this.bytes = new Uint8Array(memory);
    this.words = new Int32Array(memory);
  }

  /** A view that begins at `start` or before it and holds the `length` bytes from there. */
  windowOf(start: number, length: number): Uint8Array {
    if (length > WINDOW_BODY_MAX) return this.bytes.subarray(start, start + length);
    const index = Math.floor(start / WINDOW_BODY_MAX);
    return this.#windows[index] ?? this.#open(index);
  }

  #open(index: number): Uint8Array {
    const windows = this.#windows;
    while (windows.length <= index) {
      const begin = windows.length * WINDOW_BODY_MAX;
      windows.push(this.bytes.subarray(begin, begin + WINDOW_BYTES));
    }
    return windows[index] as Uint8Array;
  }
}

export const NO_VIEWS = new BatchViews(new ArrayBuffer(0));
