import {
  type ConnectFields,
  connectFrame,
  DISCONNECT_FRAME,
  type PublishTemplate,
  receiveMaximumOf,
  stampCounter,
  stampPayload,
  subscribeFrame,
  unsubscribeFrame,
  type Version,
} from "./frames.ts";
import { dial, type DialOptions, type LoadSocket, type LoadSocketEvents } from "./socket.ts";
import type { Qos } from "./frames.ts";

/** Who counts what the clients see. */
export interface LoadObserver {
  /** A PUBLISH came, with this payload. It is acknowledged already. */
  onDelivery(client: LoadClient, bytes: Uint8Array, payloadStart: number, payloadEnd: number): void;
  /** A message of the client is acknowledged to the end. */
  onAcknowledged(client: LoadClient): void;
  /** Everything in a chunk was seen. */
  onChunkEnd(client: LoadClient): void;
  /** The connection is over; `detail` when it was an error. */
  onClose(client: LoadClient, detail: string | undefined): void;
}

const OUT_BYTES_MIN = 256;
const PACKET_ID_MAX = 65535;
const NOTHING = new Uint8Array(0);
const DEFAULT_RECEIVE_MAXIMUM = 1000;

/** One MQTT connection of a load generator: as little work for each message as can be. */
export class LoadClient implements LoadSocketEvents {
  readonly index: number;
  readonly version: Version;
  readonly #observer: LoadObserver;
  #socket: LoadSocket | undefined;
  /** Messages sent at QoS 1 or 2 and not acknowledged. */
  inflight = 0;
  inflightMax = DEFAULT_RECEIVE_MAXIMUM;
  /** Messages published. */
  sequence = 0;
  /** Messages that came; counted by who wants to know. */
  received = 0;
  /** Of each publisher the number of its last message that came here; set by who wants to know. */
  lastSequences: Uint32Array | undefined;
  isConnected = false;
  isClosed = false;
  isSubscribed = false;
  #out: Uint8Array = NOTHING;
  #spare: Uint8Array = NOTHING;
  #outLength = 0;
  #isWriting = false;
  #held: Uint8Array = NOTHING;
  #heldStart = 0;
  #heldEnd = 0;
  #lastPacketId = 0;
  #onConnack: ((reasonCode: number) => void) | undefined;
  readonly #onAnswer: ((reasonCode: number) => void)[] = [];

  constructor(index: number, version: Version, observer: LoadObserver) {
    this.index = index;
    this.version = version;
    this.#observer = observer;
  }

  /** The system has not yet taken all that was given to it. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Bytes that wait for the system to take what was given to it before. */
  get unsentBytes(): number {
    return this.#outLength;
  }

  /** Connects to the broker; rejects when it is refused. */
  async connect(options: DialOptions, fields: ConnectFields): Promise<void> {
    this.#socket = await dial(options, this);
    const reasonCode = await new Promise<number>((resolve) => {
      this.#onConnack = resolve;
      this.send(connectFrame(fields));
      this.flush();
    });
    if (reasonCode !== 0) throw new Error(`Cannot connect: reason code ${reasonCode}`);
    this.isConnected = true;
  }

  /** Rejects when one of the filters is refused. */
  async subscribe(filters: readonly string[], qos: Qos): Promise<void> {
    const frame = subscribeFrame(this.#nextPacketId(), filters, qos, this.version);
    const reasonCode = await this.#ask(frame);
    if (reasonCode >= 0x80) {
      throw new Error(`Cannot subscribe: reason code ${reasonCode} for "${filters[0]}"`);
    }
    this.isSubscribed = true;
  }

  async unsubscribe(filters: readonly string[]): Promise<void> {
    await this.#ask(unsubscribeFrame(this.#nextPacketId(), filters, this.version));
  }

  /** Appends a message; `flush` sends it. `counter` makes its topic one that was never seen. */
  publish(template: PublishTemplate, nowUs: number, counter: number): void {
    const { bytes, packetIdAt, payloadAt, counterAt } = template;
    const at = this.#reserve(bytes.length);
    const out = this.#out;
    out.set(bytes, at);
    if (packetIdAt >= 0) {
      const packetId = this.#nextPacketId();
      out[at + packetIdAt] = packetId >>> 8;
      out[at + packetIdAt + 1] = packetId;
      this.inflight++;
    }
    if (counterAt >= 0) stampCounter(out, at + counterAt, counter);
    stampPayload(out, at + payloadAt, nowUs, this.index, ++this.sequence);
  }

  /** Appends bytes; `flush` sends them. */
  send(bytes: Uint8Array): void {
    const at = this.#reserve(bytes.length);
    this.#out.set(bytes, at);
  }

  flush(): void {
    if (this.#isWriting || this.#outLength === 0 || this.#socket === undefined) return;
    const [out, length] = [this.#out, this.#outLength];
    this.#out = this.#spare;
    this.#spare = out;
    this.#outLength = 0;
    this.#isWriting = !this.#socket.write(out, 0, length);
  }

  freeze(): void {
    this.#socket?.freeze();
  }

  /** Says good-bye and ends the connection. */
  disconnect(): void {
    if (this.isClosed) return;
    this.send(DISCONNECT_FRAME);
    this.flush();
    this.#socket?.close();
  }

  abort(): void {
    if (!this.isClosed) this.#socket?.abort();
  }

  // --- LoadSocketEvents -------------------------------------------------------------------------

  onWritable(): void {
    this.#isWriting = false;
    this.flush();
    this.#observer.onChunkEnd(this);
  }

  onClose(detail: string | undefined): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#onConnack?.(-1);
    for (const answer of this.#onAnswer.splice(0)) answer(-1);
    this.#observer.onClose(this, detail);
  }

  onBytes(chunk: Uint8Array): void {
    if (this.#heldEnd === 0) {
      const consumed = this.#consume(chunk, 0, chunk.length);
      if (consumed < chunk.length) this.#hold(chunk, consumed);
    } else {
      this.#hold(chunk, 0);
      this.#heldStart = this.#consume(this.#held, this.#heldStart, this.#heldEnd);
      if (this.#heldStart === this.#heldEnd) this.#heldStart = this.#heldEnd = 0;
    }
    this.flush();
    this.#observer.onChunkEnd(this);
  }

  /** Handles the whole packets in `bytes[start..end)`; returns where the rest begins. */
  #consume(bytes: Uint8Array, start: number, end: number): number {
    let at = start;
    while (at + 2 <= end) {
      let length = bytes[at + 1] as number;
      let bodyAt = at + 2;
      if (length >= 0x80) {
        length &= 0x7f;
        let shift = 7;
        let byte = 0x80;
        while (byte >= 0x80 && bodyAt < end) {
          byte = bytes[bodyAt++] as number;
          length |= (byte & 0x7f) << shift;
          shift += 7;
        }
        if (byte >= 0x80) return at;
      }
      if (bodyAt + length > end) return at;
      this.#onPacket(bytes, bytes[at] as number, bodyAt, bodyAt + length);
      at = bodyAt + length;
    }
    return at;
  }

  #onPacket(bytes: Uint8Array, first: number, at: number, end: number): void {
    switch (first >> 4) {
      case 2:
        if (this.version === 5) this.inflightMax = receiveMaximumOf(bytes, at + 2, end);
        this.#onConnack?.(bytes[at + 1] as number);
        this.#onConnack = undefined;
        return;
      case 3:
        this.#onPublish(bytes, first, at, end);
        return;
      case 4:
      case 7:
        this.inflight--;
        this.#observer.onAcknowledged(this);
        return;
      case 5:
        this.#answer(0x62, bytes, at);
        return;
      case 6:
        this.#answer(0x70, bytes, at);
        return;
      case 9:
        this.#onAnswer.shift()?.(bytes[end - 1] as number);
        return;
      case 11:
        this.#onAnswer.shift()?.(0);
        return;
    }
  }

  #onPublish(bytes: Uint8Array, first: number, at: number, end: number): void {
    const qos = (first >> 1) & 3;
    let payloadAt = at + 2 + (((bytes[at] as number) << 8) | (bytes[at + 1] as number));
    if (qos > 0) {
      this.#answer(qos === 1 ? 0x40 : 0x50, bytes, payloadAt);
      payloadAt += 2;
    }
    if (this.version === 5) {
      let [length, shift, byte] = [0, 0, 0x80];
      while (byte >= 0x80) {
        byte = bytes[payloadAt++] as number;
        length |= (byte & 0x7f) << shift;
        shift += 7;
      }
      payloadAt += length;
    }
    this.#observer.onDelivery(this, bytes, payloadAt, end);
  }

  #answer(first: number, bytes: Uint8Array, packetIdAt: number): void {
    const at = this.#reserve(4);
    const out = this.#out;
    out[at] = first;
    out[at + 1] = 2;
    out[at + 2] = bytes[packetIdAt] as number;
    out[at + 3] = bytes[packetIdAt + 1] as number;
  }

  #ask(frame: Uint8Array): Promise<number> {
    if (this.isClosed) return Promise.resolve(-1);
    return new Promise((resolve) => {
      this.#onAnswer.push(resolve);
      this.send(frame);
      this.flush();
    });
  }

  #nextPacketId(): number {
    this.#lastPacketId = this.#lastPacketId === PACKET_ID_MAX ? 1 : this.#lastPacketId + 1;
    return this.#lastPacketId;
  }

  #reserve(size: number): number {
    const at = this.#outLength;
    this.#outLength = at + size;
    if (this.#outLength > this.#out.length) {
      const grown = new Uint8Array(Math.max(OUT_BYTES_MIN, this.#outLength * 2));
      grown.set(this.#out.subarray(0, at));
      this.#out = grown;
    }
    return at;
  }

  #hold(chunk: Uint8Array, from: number): void {
    const length = this.#heldEnd - this.#heldStart;
    const needed = length + chunk.length - from;
    if (this.#heldEnd + chunk.length - from > this.#held.length) {
      const held = needed > this.#held.length / 2
        ? new Uint8Array(Math.max(OUT_BYTES_MIN, needed * 2))
        : this.#held;
      if (held === this.#held) held.copyWithin(0, this.#heldStart, this.#heldEnd);
      else held.set(this.#held.subarray(this.#heldStart, this.#heldEnd));
      this.#held = held;
      this.#heldStart = 0;
      this.#heldEnd = length;
    }
    this.#held.set(from === 0 ? chunk : chunk.subarray(from), this.#heldEnd);
    this.#heldEnd += chunk.length - from;
  }
}
