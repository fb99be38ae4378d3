import { readSync } from "node:fs";
import type { BunSocket } from "./bun_types.ts";
import { copyAlone } from "./bytes.ts";
import { type ByteSocket, type ByteSocketHandler, type CloseCause, LINGER_MS } from "./runtime.ts";

/**
 * Bun makes a new buffer of up to 512 KiB for what each read has brought. A client that sends a gigabyte in a second
 * so has the garbage collector stop everybody forty times in it, for a millisecond each. Whoever sends chunks of this
 * size is therefore read by ourselves, into a buffer that serves all ...
 */
const BUSY_BYTES = 65_536;
/** ... until a read brings less than this. */
const QUIET_BYTES = 16_384;
/**
 * Who takes whole chunks without a pause is given larger ones: large messages are then seldom in pieces. Who pauses in
 * their midst has to copy the rest, and is given the smallest.
 */
const READ_MIN_BYTES = 65_536;
const READ_MAX_BYTES = 524_288;
/** For one read, whoever it is for: nobody holds on to it when `onBytes` is over. Made when it is needed. */
let readBuffer = new Uint8Array(0);

function readBufferOf(length: number): Uint8Array {
  if (readBuffer.length === 0) readBuffer = new Uint8Array(READ_MAX_BYTES);
  return length === READ_MAX_BYTES ? readBuffer : readBuffer.subarray(0, length);
}

/** A write goes to the system at once; only what it did not take waits here for `drain`. */
export class BunByteSocket implements ByteSocket {
  readonly peerCertificate = undefined;
  readonly serverName = undefined;
  /** False while a chunk is handed on that lies in `readBuffer`. */
  chunksAreStable = true;
  readonly #socket: BunSocket<BunByteSocket>;
  #handler: ByteSocketHandler | undefined;
  #pending: Uint8Array | undefined;
  #pendingStart = 0;
  #pendingEnd = 0;
  /** The owner wants nothing for now. */
  #isPaused = false;
  /** Bun's own reading is paused: we read. */
  #isBusy = false;
  #isReadDue = false;
  #readBytes = READ_MIN_BYTES;
  readonly #readLater = (): void => this.#read();
  #closing = false;
  #cause: CloseCause = "peer";
  #detail: string | undefined;
  #linger: ReturnType<typeof setTimeout> | undefined;

  constructor(socket: BunSocket<BunByteSocket>) {
    this.#socket = socket;
  }

  get remoteAddress(): string {
    return this.#socket.remoteAddress ?? "";
  }

  get remotePort(): number {
    return this.#socket.remotePort ?? 0;
  }

  attach(handler: ByteSocketHandler): void {
    this.#handler = handler;
  }

  write(bytes: Uint8Array, start: number, end: number): boolean {
    const taken = this.#socket.write(bytes, start, end - start);
    if (taken === end - start) return true;
    this.#keepRest(bytes, start + (taken > 0 ? taken : 0), end);
    if (taken < 0) this.#break();
    return false;
  }

  /** A small rest of a large chunk must not hold on to all of it until the peer reads on. */
  #keepRest(bytes: Uint8Array, start: number, end: number): void {
    const isSmallPart = (end - start) * 2 < bytes.length;
    this.#pending = isSmallPart ? copyAlone(bytes, start, end) : bytes;
    this.#pendingStart = isSmallPart ? 0 : start;
    this.#pendingEnd = isSmallPart ? end - start : end;
  }

  pause(): void {
    this.#isPaused = true;
    if (!this.#closing && !this.#isBusy) this.#socket.pause();
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isBusy) this.#scheduleRead();
    else this.#socket.resume();
  }

  close(): void {
    if (this.#closing) return;
    this.#closing = true;
    this.#cause = "local";
    this.#isBusy = false;
    this.#socket.resume();
    if (this.#pending === undefined) this.#shutdown();
  }

  abort(): void {
    this.#closing = true;
    if (this.#cause === "peer") this.#cause = "local";
    this.#pending = undefined;
    this.#terminateLater();
  }

  /** The connection is broken. Of a socket that is paused, nobody else would ever say so. */
  #break(): void {
    if (this.#cause === "peer") this.onError(new Error("Cannot write: the connection is broken"));
    this.#terminateLater();
  }

  /** It calls `onClosed` at once, and whoever writes or aborts is in the middle of something. */
  #terminateLater(): void {
    setImmediate(() => this.#socket.terminate());
  }

  onData(chunk: Uint8Array): void {
    if (this.#closing) return;
    this.#handler?.onBytes(chunk);
    if (chunk.length >= BUSY_BYTES && !this.#isBusy) this.#beginReading();
  }

  #beginReading(): void {
    if (this.#closing || this.#socket.fd < 0) return;
    this.#isBusy = true;
    if (this.#isPaused) return;
    this.#socket.pause();
    this.#scheduleRead();
  }

  /** Bun reads again, and finds out by itself when there is nothing more, or never will be. */
  #endReading(): void {
    this.#isBusy = false;
    if (!this.#isPaused) this.#socket.resume();
  }

  /** One chunk in a turn; what was ready meanwhile comes before it. */
  #scheduleRead(): void {
    if (this.#isReadDue) return;
    this.#isReadDue = true;
    setImmediate(this.#readLater);
  }

  #read(): void {
    this.#isReadDue = false;
    if (!this.#isBusy || this.#isPaused || this.#closing) return;
    const asked = this.#readBytes;
    const buffer = readBufferOf(asked);
    const count = this.#readInto(buffer);
    if (count > 0) {
      this.chunksAreStable = false;
      this.#handler?.onBytes(count === asked ? buffer : buffer.subarray(0, count));
      this.chunksAreStable = true;
      if (this.#isPaused) this.#readBytes = READ_MIN_BYTES;
      else if (count === asked && asked < READ_MAX_BYTES) this.#readBytes = asked * 2;
    }
    if (!this.#isBusy) return;
    if (count < QUIET_BYTES) this.#endReading();
    else if (!this.#isPaused) this.#scheduleRead();
  }

  /** 0: nothing is there, or the connection is at its end. */
  #readInto(buffer: Uint8Array): number {
    try {
      return readSync(this.#socket.fd, buffer, 0, buffer.length, null);
    } catch (error) {
      const { code } = error as { readonly code?: string };
      // The system says only once what has happened to a connection.
      if (code !== "EAGAIN" && code !== "EINTR" && this.#cause === "peer") {
        this.onError(error as Error);
      }
      return 0;
    }
  }

  onDrain(): void {
    const bytes = this.#pending;
    if (bytes === undefined) return;
    const length = this.#pendingEnd - this.#pendingStart;
    const taken = this.#socket.write(bytes, this.#pendingStart, length);
    if (taken < length) {
      if (taken < 0) this.#break();
      if (taken <= 0) return;
      this.#pendingStart += taken;
      this.#handler?.onProgress();
      return;
    }
    this.#pending = undefined;
    if (this.#closing) this.#shutdown();
    else this.#handler?.onWritable();
  }

  /** The peer has ended its side: MQTT has no half-open connections. */
  onEnd(): void {
    this.#socket.end();
  }

  onError(error: Error): void {
    this.#cause = "error";
    this.#detail = error.message;
  }

  onClosed(error: Error | undefined): void {
    if (this.#linger !== undefined) clearTimeout(this.#linger);
    if (error !== undefined && this.#cause === "peer") this.onError(error);
    this.#closing = true;
    this.#pending = undefined;
    const handler = this.#handler;
    this.#handler = undefined;
    handler?.onClose(this.#cause, this.#detail);
  }

  #shutdown(): void {
    this.#socket.shutdown();
    this.#linger = setTimeout(() => this.#socket.terminate(), LINGER_MS);
  }
}
