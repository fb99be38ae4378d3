import { allocateBytes, type ByteSocket, copyBytes } from "../runtime/mod.ts";
import { OPCODE } from "./frame_decoder.ts";

const HEADER_MAX = 10;
/** So much payload is copied behind its header, to leave in one write; the rest of a larger one is referred to. */
const COPY_SIZES = [512, 4096] as const;
/** Buffers of each size kept for reuse. */
const SPARE_MAX = [1024, 256] as const;
const spare: readonly Uint8Array[][] = COPY_SIZES.map(() => []);
const NOTHING: Uint8Array = new Uint8Array(0);

function takeBuffer(length: number): Uint8Array {
  const index = length <= COPY_SIZES[0] ? 0 : 1;
  return spare[index]?.pop() ?? allocateBytes(HEADER_MAX + COPY_SIZES[index]);
}

function giveBuffer(buffer: Uint8Array): void {
  const index = buffer.length === HEADER_MAX + COPY_SIZES[0] ? 0 : 1;
  const buffers = spare[index] as Uint8Array[];
  if (buffers.length < SPARE_MAX[index]) buffers.push(buffer);
}

/** Writes frames to a socket, one at a time, each in as few writes as can be and with as little copying. */
export class FrameWriter {
  readonly #socket: ByteSocket;
  /** Held by the socket. */
  #buffer = NOTHING;
  /** What follows when the socket has taken that. */
  #bytes = NOTHING;
  #at = 0;
  #end = 0;
  isBusy = false;

  constructor(socket: ByteSocket) {
    this.#socket = socket;
  }

  /** Bytes `start` to `end` as one frame. The answer as of `ByteSocket.write`; false: `isBusy`, and `goOn` comes next. */
  write(opcode: number, bytes: Uint8Array, start: number, end: number): boolean {
    const length = end - start;
    const copied = Math.min(length, COPY_SIZES[1]);
    const buffer = takeBuffer(copied);
    const headerLength = putHeader(buffer, opcode, length);
    copyBytes(buffer, headerLength, bytes, start, start + copied);
    this.#bytes = bytes;
    this.#at = start + copied;
    this.#end = end;
    if (!this.#socket.write(buffer, 0, headerLength + copied)) {
      this.#buffer = buffer;
      this.isBusy = true;
      return false;
    }
    giveBuffer(buffer);
    return this.#writeRest();
  }

  /** The socket has taken what it was given. True: the frame is written. */
  goOn(): boolean {
    if (this.#buffer !== NOTHING) giveBuffer(this.#buffer);
    this.#buffer = NOTHING;
    this.isBusy = false;
    return this.#writeRest();
  }

  #writeRest(): boolean {
    const [bytes, start, end] = [this.#bytes, this.#at, this.#end];
    this.#bytes = NOTHING;
    this.#at = this.#end = 0;
    if (start === end || this.#socket.write(bytes, start, end)) return true;
    this.isBusy = true;
    return false;
  }
}

/** A whole message, not masked; the length of its header. */
function putHeader(buffer: Uint8Array, opcode: number, length: number): number {
  buffer[0] = 0x80 | opcode;
  if (length < 126) {
    buffer[1] = length;
    return 2;
  }
  if (length < 65_536) {
    buffer[1] = 126;
    buffer[2] = length >>> 8;
    buffer[3] = length;
    return 4;
  }
  buffer[1] = 127;
  for (let index = 0; index < 4; index++) buffer[2 + index] = 0;
  buffer[6] = length >>> 24;
  buffer[7] = length >>> 16;
  buffer[8] = length >>> 8;
  buffer[9] = length;
  return HEADER_MAX;
}

/** The payload of a close frame. */
export function closePayload(code: number): Uint8Array {
  return Uint8Array.of(code >>> 8, code & 0xff);
}

/** Data that leaves is always binary [MQTT-6.0.0-1]. */
export const DATA_OPCODE: number = OPCODE.binary;
