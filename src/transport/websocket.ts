import type {
  ByteSocket,
  ByteSocketHandler,
  CloseCause,
  PeerCertificate,
  TlsHandler,
} from "../runtime/mod.ts";
import {
  CLOSE_CODE,
  FrameDecoder,
  type FrameSink,
  OPCODE,
  WebSocketError,
} from "./frame_decoder.ts";
import { closePayload, DATA_OPCODE, FrameWriter } from "./frame_writer.ts";
import { HttpRefusal } from "./http_head.ts";
import { MaskingFrameWriter } from "./masking_frame_writer.ts";
import type { WebSocketOpening } from "./opening.ts";

/** A frame that waits for the one that is being written. */
interface WaitingFrame {
  readonly opcode: number;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
}

/** MQTT in binary frames: towards the owner a connection like any other, towards the peer a WebSocket. */
export class WebSocketSocket implements ByteSocket, TlsHandler, FrameSink {
  readonly preamble: TlsHandler["preamble"];
  readonly #lower: ByteSocket;
  readonly #writer: FrameWriter | MaskingFrameWriter;
  readonly #decoder: FrameDecoder;
  #handler: ByteSocketHandler | undefined;
  /** Until the upgrade. */
  #upgrade: WebSocketOpening | undefined;
  /** Our part of the handshake, while the socket has not taken it. */
  #isAnswering = false;
  #forwardedAddress: string | undefined;
  /** The frame that is being written is the owner's. */
  #isOwnersFrame = false;
  #waitingData: WaitingFrame | undefined;
  /** The last ping or the close: of pings only the newest must be answered. */
  #waitingControl: WaitingFrame | undefined;
  /** Nothing that comes is looked at any more. */
  #isEnding = false;
  /** A close frame is on its way or waits. */
  #isCloseSent = false;
  #cause: CloseCause | undefined;
  #detail: string | undefined;

  /** `preamble`: of the layer below, where the runtime reads it before TLS. */
  constructor(lower: ByteSocket, opening: WebSocketOpening, preamble: TlsHandler["preamble"]) {
    this.#lower = lower;
    this.#upgrade = opening;
    const { isServer } = opening;
    this.#writer = isServer ? new FrameWriter(lower) : new MaskingFrameWriter(lower);
    this.#decoder = new FrameDecoder(isServer);
    this.preamble = preamble;
  }

  attach(handler: ByteSocketHandler): void {
    this.#handler = handler;
  }

  /** Says what is to be said before anything has come; called once, when bytes can be written. */
  greet(): void {
    const greeting = this.#upgrade?.greeting;
    if (greeting !== undefined) this.#isAnswering = !this.#writeText(greeting);
  }

  // --- as the socket of whoever is above --------------------------------------------------------

  get remoteAddress(): string {
    return this.#forwardedAddress ?? this.#lower.remoteAddress;
  }

  get remotePort(): number {
    return this.#forwardedAddress === undefined ? this.#lower.remotePort : 0;
  }

  get peerCertificate(): PeerCertificate | undefined {
    return this.#lower.peerCertificate;
  }

  get serverName(): string | undefined {
    return this.#lower.serverName;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    // The client has gone or is about to be told to: nobody reads it.
    if (this.#isCloseSent) return true;
    if (this.#isAnswering || this.#writer.isBusy) {
      this.#waitingData = { opcode: DATA_OPCODE, bytes, start, end };
      return false;
    }
    if (this.#writer.write(DATA_OPCODE, bytes, start, end)) return true;
    this.#isOwnersFrame = true;
    return false;
  }

  get chunksAreStable(): boolean {
    return this.#lower.chunksAreStable;
  }

  pause(): void {
    this.#lower.pause();
  }

  resume(): void {
    this.#lower.resume();
  }

  close(): void {
    this.#cause ??= "local";
    this.#end(CLOSE_CODE.normal);
  }

  abort(): void {
    this.#isEnding = true;
    this.#waitingData = undefined;
    this.#lower.abort();
  }

  // --- as the owner of the socket below ---------------------------------------------------------

  onBytes(chunk: Uint8Array): void {
    if (this.#isEnding) return;
    let start = 0;
    if (this.#upgrade !== undefined) {
      const end = this.#tryUpgrade(this.#upgrade, chunk);
      if (end === undefined) return;
      start = end;
    }
    if (start === chunk.length) return;
    try {
      this.#decoder.push(chunk, start, this);
    } catch (error) {
      if (!(error instanceof WebSocketError)) throw error;
      this.#cause ??= "error";
      this.#detail ??= error.message;
      this.#end(error.code);
    }
  }

  onProgress(): void {
    if (this.#isOwnersFrame) this.#handler?.onProgress();
  }

  onWritable(): void {
    if (this.#isAnswering) this.#isAnswering = false;
    else if (!this.#writer.goOn()) return;
    const isOwners = this.#isOwnersFrame;
    this.#isOwnersFrame = false;
    this.#writeWaiting(isOwners);
  }

  onClose(cause: CloseCause, detail: string | undefined): void {
    this.#isEnding = true;
    this.#upgrade?.onFailure(detail ?? "the connection ended before the upgrade");
    this.#waitingData = undefined;
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose(this.#cause ?? cause, this.#detail ?? detail);
  }

  // --- frames -----------------------------------------------------------------------------------

  onPayload(bytes: Uint8Array): boolean {
    this.#handler?.onBytes(bytes);
    return !this.#isEnding;
  }

  onControl(opcode: number, payload: Uint8Array): boolean {
    if (opcode === OPCODE.ping) this.#sendControl(OPCODE.pong, payload);
    else if (opcode === OPCODE.close) {
      checkClose(payload);
      this.#cause ??= "peer";
      this.#end(
        payload.length === 0 ? undefined : ((payload[0] as number) << 8) | (payload[1] as number),
      );
    }
    return !this.#isEnding;
  }

  /** Where the head ends in this chunk; undefined: it does not, or there is no upgrade. */
  #tryUpgrade(opening: WebSocketOpening, chunk: Uint8Array): number | undefined {
    try {
      const opened = opening.push(chunk);
      if (opened === undefined) return undefined;
      this.#forwardedAddress = opened.forwardedAddress;
      this.#upgrade = undefined;
      if (opened.answer !== undefined) this.#isAnswering = !this.#writeText(opened.answer);
      opening.onOpened();
      return opened.end;
    } catch (error) {
      if (!(error instanceof HttpRefusal)) throw error;
      this.#cause = "error";
      this.#detail = error.message;
      this.#isEnding = true;
      this.#upgrade = undefined;
      const answer = opening.onRefusal(error);
      if (answer !== undefined) this.#writeText(answer);
      this.#lower.close();
      return undefined;
    }
  }

  #writeText(text: string): boolean {
    const bytes = Uint8Array.from(text, (character) => character.charCodeAt(0));
    return this.#lower.write(bytes, 0, bytes.length);
  }

  #sendControl(opcode: number, payload: Uint8Array): void {
    if (this.#isCloseSent) return;
    if (this.#isAnswering || this.#writer.isBusy) {
      this.#waitingControl = { opcode, bytes: payload, start: 0, end: payload.length };
      return;
    }
    this.#writer.write(opcode, payload, 0, payload.length);
  }

  /** One frame after the other; between two frames of the owner the control frame has its turn. */
  #writeWaiting(isOwnersDone: boolean): void {
    const control = this.#waitingControl;
    // A close frame is the last one: what the owner has handed over goes first.
    const isClose = control?.opcode === OPCODE.close;
    const first = control !== undefined && !(isClose && this.#waitingData !== undefined)
      ? control
      : this.#waitingData;
    if (first === control) this.#waitingControl = undefined;
    else this.#waitingData = undefined;
    let isDone = isOwnersDone;
    if (first !== undefined) {
      const isWritten = this.#writer.write(first.opcode, first.bytes, first.start, first.end);
      const isData = first.opcode === DATA_OPCODE;
      if (isData && !isWritten) this.#isOwnersFrame = true;
      if (isData && isWritten) isDone = true;
      if (first.opcode === OPCODE.close) this.#lower.close();
      else if (isWritten) {
        this.#writeWaiting(isDone);
        return;
      }
    }
    if (isDone && !this.#isEnding) this.#handler?.onWritable();
  }

  /** Says goodbye after what is on its way, and ends the connection. */
  #end(code: number | undefined): void {
    if (this.#isEnding && this.#isCloseSent) return;
    this.#isEnding = true;
    if (this.#upgrade !== undefined || this.#isCloseSent) {
      this.#lower.close();
      return;
    }
    const payload = code === undefined ? new Uint8Array(0) : closePayload(code);
    this.#sendControl(OPCODE.close, payload);
    this.#isCloseSent = true;
    if (this.#waitingControl?.opcode !== OPCODE.close) this.#lower.close();
    // Who is not read cannot be heard to go, and must not hold up the end.
    this.#lower.resume();
  }
}

/** [RFC 6455 5.5.1, 7.4] */
function checkClose(payload: Uint8Array): void {
  if (payload.length === 0) return;
  const code = payload.length === 1 ? 0 : ((payload[0] as number) << 8) | (payload[1] as number);
  const isFine = (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
    (code >= 3000 && code <= 4999);
  if (!isFine) {
    throw new WebSocketError(CLOSE_CODE.protocolError, `Cannot accept close code ${code}`);
  }
}
