import { PacketType } from "../mqtt/mod.ts";
import type { ByteSocket, ByteSocketHandler } from "../runtime/mod.ts";

/** Who hears how far a client is. */
export interface ClientOwner {
  /** The answer to CONNECT or SUBSCRIBE is here. `hasFailed`: it is a refusal. */
  onAnswer(client: Client, hasFailed: boolean): void;
  /** `count` messages have come, or have been acknowledged to their publisher. */
  onProgress(client: Client, count: number): void;
  onClose(client: Client): void;
}

const BUFFER_BYTES = 1024;
/** Of PUBACK, PUBREC, PUBREL and PUBCOMP without a reason. */
const ACK_BYTES = 4;
const PUBREL_FIRST_BYTE = PacketType.pubrel << 4 | 2;

/**
 * Speaks just enough MQTT to keep messages going. It reads packets in a way of its own on purpose: the broker's code is
 * compiled for whom it is called by, and that shall be the broker.
 */
export class Client implements ByteSocketHandler {
  readonly socket: ByteSocket;
  readonly #owner: ClientOwner;
  #input = new Uint8Array(BUFFER_BYTES);
  #inputLength = 0;
  #output = new Uint8Array(BUFFER_BYTES);
  #outputLength = 0;
  /** What the system has not taken yet. */
  #pending: Uint8Array | undefined;
  /** To be sent once there is nothing pending. */
  #burst: Uint8Array | undefined;

  constructor(socket: ByteSocket, owner: ClientOwner) {
    this.socket = socket;
    this.#owner = owner;
  }

  /** The bytes must stay as they are. Not before what was sent last has arrived. */
  send(bytes: Uint8Array): void {
    this.#burst = bytes;
    this.#flush();
  }

  onBytes(chunk: Uint8Array): void {
    this.#take(chunk);
    let at = 0;
    let count = 0;
    for (let next = this.#frameEnd(at); next !== undefined; next = this.#frameEnd(at)) {
      count += this.#read(at);
      at = next;
    }
    this.#input.copyWithin(0, at, this.#inputLength);
    this.#inputLength -= at;
    this.#flush();
    if (count > 0) this.#owner.onProgress(this, count);
  }

  onProgress(): void {}

  onWritable(): void {
    this.#pending = undefined;
    this.#flush();
  }

  onClose(): void {
    this.#owner.onClose(this);
  }

  #take(chunk: Uint8Array): void {
    const length = this.#inputLength + chunk.length;
    if (length > this.#input.length) {
      const larger = new Uint8Array(2 * length);
      larger.set(this.#input.subarray(0, this.#inputLength));
      this.#input = larger;
    }
    this.#input.set(chunk, this.#inputLength);
    this.#inputLength = length;
  }

  /** Behind the packet at `at`; undefined: a part of it is missing. */
  #frameEnd(at: number): number | undefined {
    let remaining = 0;
    for (let i = at + 1, shift = 0; i < this.#inputLength; i++, shift += 7) {
      const byte = this.#input[i] as number;
      remaining |= (byte & 0x7f) << shift;
      if (byte < 0x80) {
        const end = i + 1 + remaining;
        return end <= this.#inputLength ? end : undefined;
      }
    }
    return undefined;
  }

  /** Messages that the packet at `at` has brought, or brought to their end. */
  #read(at: number): number {
    const first = this.#input[at] as number;
    switch (first >> 4) {
      case PacketType.publish:
        this.#acknowledge(first, at);
        return 1;
      case PacketType.puback:
      case PacketType.pubcomp:
        return 1;
      case PacketType.pubrec:
        this.#answer(PUBREL_FIRST_BYTE, at + 2);
        return 0;
      case PacketType.pubrel:
        this.#answer(PacketType.pubcomp << 4, at + 2);
        return 0;
      case PacketType.connack:
        this.#owner.onAnswer(this, this.#input[at + 3] !== 0);
        return 0;
      case PacketType.suback:
        this.#owner.onAnswer(this, false);
        return 0;
      default:
        return 0;
    }
  }

  #acknowledge(first: number, at: number): void {
    const qos = first >> 1 & 3;
    if (qos === 0) return;
    let topicAt = at + 1;
    while ((this.#input[topicAt] as number) >= 0x80) topicAt++;
    topicAt++;
    const topicBytes = (this.#input[topicAt] as number) << 8 |
      (this.#input[topicAt + 1] as number);
    const type = qos === 1 ? PacketType.puback : PacketType.pubrec;
    this.#answer(type << 4, topicAt + 2 + topicBytes);
  }

  /** With the packet identifier at `idAt`. */
  #answer(firstByte: number, idAt: number): void {
    if (this.#outputLength + ACK_BYTES > this.#output.length) {
      const larger = new Uint8Array(2 * this.#output.length);
      larger.set(this.#output);
      this.#output = larger;
    }
    const at = this.#outputLength;
    this.#output[at] = firstByte;
    this.#output[at + 1] = 2;
    this.#output[at + 2] = this.#input[idAt] as number;
    this.#output[at + 3] = this.#input[idAt + 1] as number;
    this.#outputLength += ACK_BYTES;
  }

  #flush(): void {
    if (this.#pending === undefined && this.#outputLength > 0) {
      const length = this.#outputLength;
      this.#outputLength = 0;
      if (!this.socket.write(this.#output, 0, length)) {
        this.#pending = this.#output;
        this.#output = new Uint8Array(BUFFER_BYTES);
      }
    }
    if (this.#pending === undefined && this.#burst !== undefined) {
      const burst = this.#burst;
      this.#burst = undefined;
      if (!this.socket.write(burst, 0, burst.length)) this.#pending = burst;
    }
  }
}
