/** WebSocket frames (RFC 6455 5.2): bytes in any chunking to payload, in place. */

export const OPCODE = Object.freeze({
  continuation: 0,
  text: 1,
  binary: 2,
  close: 8,
  ping: 9,
  pong: 10,
});

/** Status codes of a close frame. */
export const CLOSE_CODE = Object.freeze({
  normal: 1000,
  protocolError: 1002,
  unsupportedData: 1003,
  tooBig: 1009,
});

/** The peer broke the rules; `code` goes into the close frame. */
export class WebSocketError extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.name = "WebSocketError";
    this.code = code;
  }
}

export interface FrameSink {
  /** Bytes of messages, without a trace of where frames begin. False: no more are wanted. */
  onPayload(bytes: Uint8Array): boolean;
  /** A ping, pong or close; `payload` is the callee's. False: no more are wanted. */
  onControl(opcode: number, payload: Uint8Array): boolean;
}

const HEADER_MAX = 14;
const CONTROL_MAX = 125;
/** No control packet is longer; a frame is never held as a whole, so that this is no question of memory. */
const FRAME_MAX = 268_435_460;
const NOTHING = new Uint8Array(0);

/**
 * Takes the frames off a stream of chunks. Payload of a client is unmasked where it lies, and what several frames of a chunk hold
 * is moved together, so that a chunk makes for one call however many frames are in it.
 */
export class FrameDecoder {
  /** Of a client, and of nobody else [RFC 6455 5.1]. */
  readonly #isMasked: boolean;
  readonly #header = new Uint8Array(HEADER_MAX);
  #headerLength = 0;
  /** Between the end of a header and the end of its payload. */
  #isInPayload = false;
  #remaining = 0;
  #opcode = 0;
  #isFinal = false;
  /** A message has begun whose last frame is still to come. */
  #isInMessage = false;
  readonly #mask = new Uint8Array(4);
  #maskAt = 0;
  #control = NOTHING;
  #controlLength = 0;

  constructor(isMasked = true) {
    this.#isMasked = isMasked;
  }

  /** Writes to `chunk`. Throws `WebSocketError`, after what came before the error has been handed on. */
  push(chunk: Uint8Array, start: number, sink: FrameSink): void {
    const end = chunk.length;
    let at = start;
    let [from, to] = [start, start];
    try {
      while (at < end || (this.#isInPayload && this.#remaining === 0)) {
        if (!this.#isInPayload) {
          at = this.#readHeader(chunk, at);
          continue;
        }
        const count = Math.min(this.#remaining, end - at);
        if (this.#isMasked) this.#unmask(chunk, at, at + count);
        this.#remaining -= count;
        if (this.#opcode >= OPCODE.close) {
          this.#control.set(chunk.subarray(at, at + count), this.#controlLength);
          this.#controlLength += count;
          at += count;
          if (this.#remaining > 0) continue;
          this.#isInPayload = false;
          const isWanted = to === from || sink.onPayload(chunk.subarray(from, to));
          from = to = at;
          if (!isWanted || !sink.onControl(this.#opcode, this.#control)) return;
          continue;
        }
        if (to === from) from = to = at;
        else if (to < at) chunk.copyWithin(to, at, at + count);
        to += count;
        at += count;
        if (this.#remaining === 0) this.#endFrame();
      }
    } catch (error) {
      if (to > from) sink.onPayload(chunk.subarray(from, to));
      throw error;
    }
    if (to > from) sink.onPayload(from === 0 && to === end ? chunk : chunk.subarray(from, to));
  }

  #endFrame(): void {
    this.#isInPayload = false;
    this.#isInMessage = !this.#isFinal;
  }

  /** Where the next byte is, behind the header if it is whole. */
  #readHeader(chunk: Uint8Array, start: number): number {
    const header = this.#header;
    let at = start;
    while (at < chunk.length) {
      header[this.#headerLength++] = chunk[at++] as number;
      if (this.#headerLength < 2) continue;
      if (this.#headerLength === 2) this.#checkStart(header[0] as number, header[1] as number);
      if (this.#headerLength < headerSize(header[1] as number, this.#isMasked)) continue;
      this.#beginPayload();
      return at;
    }
    return at;
  }

  #checkStart(first: number, second: number): void {
    const opcode = first & 0x0f;
    if ((first & 0x70) !== 0) protocolError("reserved bits, and no extension was agreed on");
    if (((second & 0x80) !== 0) !== this.#isMasked) {
      protocolError(this.#isMasked ? "a frame that is not masked" : "a frame that is masked");
    }
    if (opcode === OPCODE.text) {
      throw new WebSocketError(CLOSE_CODE.unsupportedData, "Cannot accept a text frame"); // [MQTT-6.0.0-1]
    }
    if (opcode === OPCODE.binary || opcode === OPCODE.continuation) {
      if (this.#isInMessage && opcode === OPCODE.binary) protocolError("a message inside another");
      if (!this.#isInMessage && opcode === OPCODE.continuation) {
        protocolError("no message to go on with");
      }
      return;
    }
    if (opcode < OPCODE.close || opcode > OPCODE.pong) protocolError(`opcode ${opcode}`);
    if ((first & 0x80) === 0) protocolError("a control frame in pieces");
    if ((second & 0x7f) > CONTROL_MAX) protocolError("a control frame of over 125 bytes");
  }

  #beginPayload(): void {
    const header = this.#header;
    const size = this.#headerLength;
    this.#headerLength = 0;
    this.#isInPayload = true;
    this.#isFinal = ((header[0] as number) & 0x80) !== 0;
    this.#opcode = (header[0] as number) & 0x0f;
    this.#remaining = payloadLength(header);
    if (this.#isMasked) this.#mask.set(header.subarray(size - 4, size));
    this.#maskAt = 0;
    if (this.#opcode >= OPCODE.close) {
      this.#control = this.#remaining === 0 ? NOTHING : new Uint8Array(this.#remaining);
      this.#controlLength = 0;
    }
  }

  #unmask(bytes: Uint8Array, start: number, end: number): void {
    const mask = this.#mask;
    const phase = this.#maskAt;
    const [a, b, c, d] = [
      mask[phase] as number,
      mask[(phase + 1) & 3] as number,
      mask[(phase + 2) & 3] as number,
      mask[(phase + 3) & 3] as number,
    ];
    let at = start;
    for (const last = end - 3; at < last; at += 4) {
      bytes[at] = (bytes[at] as number) ^ a;
      bytes[at + 1] = (bytes[at + 1] as number) ^ b;
      bytes[at + 2] = (bytes[at + 2] as number) ^ c;
      bytes[at + 3] = (bytes[at + 3] as number) ^ d;
    }
    for (let index = phase; at < end; at++, index++) {
      bytes[at] = (bytes[at] as number) ^ (mask[index & 3] as number);
    }
    this.#maskAt = (phase + end - start) & 3;
  }
}

function protocolError(what: string): never {
  throw new WebSocketError(CLOSE_CODE.protocolError, `Cannot accept ${what}`);
}

function headerSize(second: number, isMasked: boolean): number {
  const length = second & 0x7f;
  return (length < 126 ? 2 : length === 126 ? 4 : 10) + (isMasked ? 4 : 0);
}

function payloadLength(header: Uint8Array): number {
  const short = (header[1] as number) & 0x7f;
  if (short < 126) return short;
  const size = short === 126 ? 2 : 8;
  let length = 0;
  for (let index = 2; index < 2 + size; index++) length = length * 256 + (header[index] as number);
  if (length < (size === 2 ? 126 : 65_536)) protocolError("a length in more bytes than it needs");
  if (length > FRAME_MAX) {
    throw new WebSocketError(CLOSE_CODE.tooBig, `Cannot accept a frame of ${length} bytes`);
  }
  return length;
}
