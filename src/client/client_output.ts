import {
  ACK_BYTES_MAX,
  type AckType,
  type ControlPacket,
  encodeControlPacket,
  type ProtocolVersion,
  type ReasonCode,
  writeAck,
} from "../mqtt/mod.ts";
import type { ByteSocket } from "../runtime/mod.ts";
import { OutboundBuffer } from "../transport/mod.ts";
import type { ClientLoop, Flushable } from "./client_loop.ts";
import { appendPublish, type OutgoingMessage } from "./outgoing_message.ts";
import * as trace from "./trace.ts";

/** Told of every packet, for people who want to see them. `detail` is empty, or begins with a blank. */
export type PacketTrace = (direction: "sending" | "received", name: string, detail: string) => void;

/** Bytes that may wait for the system before a client is congested. */
const CONGESTED_BYTES = 256 * 1024;

const ackBytes = new Uint8Array(ACK_BYTES_MAX);

/** What a client sends: gathered in a turn, and handed to its socket at the end of it. */
export class ClientOutput {
  readonly #loop: ClientLoop;
  readonly #owner: Flushable;
  readonly #version: ProtocolVersion;
  readonly #trace: PacketTrace | undefined;
  readonly #out = new OutboundBuffer();
  #isFlushDue = false;
  #isCongested = false;

  /** `owner`: who is flushed at the end of the turn. */
  constructor(
    loop: ClientLoop,
    owner: Flushable,
    version: ProtocolVersion,
    packetTrace: PacketTrace | undefined,
  ) {
    this.#loop = loop;
    this.#owner = owner;
    this.#version = version;
    this.#trace = packetTrace;
  }

  /** From the time that much waits until all of it has gone. */
  get isCongested(): boolean {
    if (this.#out.pendingBytes > CONGESTED_BYTES) this.#isCongested = true;
    return this.#isCongested;
  }

  get isWriting(): boolean {
    return this.#out.isWriting;
  }

  get pendingBytes(): number {
    return this.#out.pendingBytes;
  }

  publish(outgoing: OutgoingMessage, packetId: number, dup: boolean): void {
    if (this.#trace !== undefined) {
      this.#trace("sending", "PUBLISH", trace.outgoing(outgoing, packetId, dup));
    }
    appendPublish(this.#out, outgoing, this.#version, packetId, dup);
    this.#touch();
  }

  ack(type: AckType, packetId: number, reasonCode: ReasonCode): void {
    if (this.#trace !== undefined) {
      this.#trace("sending", trace.ackName(type), trace.sentAck(type, packetId, reasonCode));
    }
    const size = writeAck(ackBytes, 0, type, packetId, reasonCode, this.#version);
    this.#out.append(ackBytes, 0, size);
    this.#touch();
  }

  packet(packet: ControlPacket): void {
    if (this.#trace !== undefined) {
      const name = packet.type.toUpperCase();
      for (const detail of trace.control(packet)) this.#trace("sending", name, detail);
    }
    this.#out.appendView(encodeControlPacket(packet, this.#version));
    this.#touch();
  }

  /** As much as the socket takes. True: all of it has gone, after a congestion. */
  flush(socket: ByteSocket): boolean {
    this.#isFlushDue = false;
    this.#out.flush(socket);
    if (this.#out.isWriting || !this.#isCongested) return false;
    this.#isCongested = false;
    return true;
  }

  /** The socket has taken what it was given. */
  wrote(): void {
    this.#out.wrote();
  }

  clear(): void {
    this.#out.clear();
  }

  #touch(): void {
    if (this.#isFlushDue) return;
    this.#isFlushDue = true;
    this.#loop.flushLater(this.#owner);
  }
}
