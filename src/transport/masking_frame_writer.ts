import { allocateBytes, type ByteSocket } from "../runtime/mod.ts";

const HEADER_MAX = 8;
/** What is written is masked in a copy; a longer write goes in several frames, each when the last has gone. */
const PIECE_BYTES = 65_535;
const SMALL_BYTES = 4096;
/** Random numbers are fetched for so many frames at once. */
const MASKS = 256;
const NOTHING: Uint8Array = new Uint8Array(0);

/** Writes frames as a client has to: masked, each by a number of its own (RFC 6455 5.3). */
export class MaskingFrameWriter {
  readonly #socket: ByteSocket;
  readonly #masks = new Uint8Array(4 * MASKS);
  #masksUsed = MASKS;
  /** For small frames; undefined while the socket holds it. */
  #small: Uint8Array | undefined;
  #held: Uint8Array = NOTHING;
  #opcode = 0;
  #bytes = NOTHING;
  #at = 0;
  #end = 0;
  isBusy = false;

  constructor(socket: ByteSocket) {
    this.#socket = socket;
  }

  /** The answer as of `ByteSocket.write`; false: `isBusy`, and `goOn` comes next. */
  write(opcode: number, bytes: Uint8Array, start: number, end: number): boolean {
    this.#opcode = opcode;
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    return this.#writePieces(true);
  }

  /** The socket has taken what it was given. True: all of it is written. */
  goOn(): boolean {
    this.#giveBack();
    this.isBusy = false;
    return this.#writePieces(false);
  }

  /** A frame without payload is one, too. */
  #writePieces(isFirst: boolean): boolean {
    let isNext = isFirst;
    while (isNext || this.#at < this.#end) {
      isNext = false;
      const start = this.#at;
      this.#at = Math.min(start + PIECE_BYTES, this.#end);
      const length = this.#fill(this.#bytes, start, this.#at);
      if (!this.#socket.write(this.#held, 0, length)) {
        this.isBusy = true;
        return false;
      }
      this.#giveBack();
    }
    this.#bytes = NOTHING;
    return true;
  }

  /** Makes a frame in `#held`; its length. */
  #fill(bytes: Uint8Array, start: number, end: number): number {
    const length = end - start;
    if (length > SMALL_BYTES) this.#held = allocateBytes(HEADER_MAX + length);
    else {
      this.#held = this.#small ?? allocateBytes(HEADER_MAX + SMALL_BYTES);
      this.#small = undefined;
    }
    const target = this.#held;
    target[0] = 0x80 | this.#opcode;
    let at = 2;
    if (length < 126) target[1] = 0x80 | length;
    else {
      target[1] = 0x80 | 126;
      target[2] = length >>> 8;
      target[3] = length;
      at = 4;
    }
    const [a, b, c, d] = this.#mask();
    target[at++] = a;
    target[at++] = b;
    target[at++] = c;
    target[at++] = d;
    let from = start;
    for (const last = end - 3; from < last; from += 4, at += 4) {
      target[at] = (bytes[from] as number) ^ a;
      target[at + 1] = (bytes[from + 1] as number) ^ b;
      target[at + 2] = (bytes[from + 2] as number) ^ c;
      target[at + 3] = (bytes[from + 3] as number) ^ d;
    }
    if (from < end) target[at++] = (bytes[from++] as number) ^ a;
    if (from < end) target[at++] = (bytes[from++] as number) ^ b;
    if (from < end) target[at++] = (bytes[from] as number) ^ c;
    return at;
  }

  #mask(): readonly [number, number, number, number] {
    if (this.#masksUsed === MASKS) {
      crypto.getRandomValues(this.#masks);
      this.#masksUsed = 0;
    }
    const at = 4 * this.#masksUsed++;
    const masks = this.#masks;
    return [
      masks[at] as number,
      masks[at + 1] as number,
      masks[at + 2] as number,
      masks[at + 3] as number,
    ];
  }

  #giveBack(): void {
    if (this.#held.length === HEADER_MAX + SMALL_BYTES) this.#small = this.#held;
    this.#held = NOTHING;
  }
}
