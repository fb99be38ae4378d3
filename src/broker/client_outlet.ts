import {
  type AckType,
  type ControlPacket,
  encodeControlPacket,
  PacketType,
  type ProtocolVersion,
  type Qos,
  type ReasonCode,
  writeAck,
} from "../mqtt/mod.ts";
import { EventBit, type EventClient, type MessageGrant } from "../ports/mod.ts";
import type { ByteSocket } from "../runtime/mod.ts";
import {
  COPIED_FRAME_BYTES_MAX,
  type FramedMessage,
  type FrameRun,
  type Message,
  type OutboundTopicAliases,
  type Outlet,
  type Publication,
  type PublishFrame,
  type PublishRun,
  WIDE_RECEIVERS,
} from "../session/mod.ts";
import { type Flushable, OutboundBuffer, Touch } from "../transport/mod.ts";
import type { BrokerCore } from "./broker_core.ts";
import { encodeOwnFrame } from "./own_frame.ts";
import type { Traffic } from "./traffic.ts";

/** Unsent bytes that are handed to the system before the turn is over. */
const EAGER_FLUSH_BYTES = 262_144;

/** Whoever waits for room. */
export interface OutletOwner {
  /** Less than half of the buffer is in use. Called after every write that leaves so little. */
  onRoom(): void;
  /** Who gets what is written; there while something is. */
  readonly session: { readonly eventClient: EventClient } | undefined;
}

/** Everything that goes out on one connection: packets are encoded, gathered, and written once per turn. */
export class ClientOutlet implements Outlet, Flushable {
  readonly core: BrokerCore;
  readonly traffic: Traffic;
  version: ProtocolVersion = 4;
  /** Largest packet that the client takes, in bytes. */
  maximumPacketSize = Infinity;
  aliases: OutboundTopicAliases | undefined;
  /** Bytes in front of each topic that the client does not know of. */
  mountpointLength = 0;
  /** No frame that others get, too, is good enough for this client. */
  #hasOwnFrames = false;
  /** Somebody was told that there is no room. */
  wasFull = false;
  touch: Touch = Touch.none;
  readonly #socket: ByteSocket;
  readonly #owner: OutletOwner;
  readonly #outbound = new OutboundBuffer();
  #isClosed = false;

  constructor(core: BrokerCore, socket: ByteSocket, owner: OutletOwner, traffic: Traffic) {
    this.core = core;
    this.traffic = traffic;
    this.#socket = socket;
    this.#owner = owner;
  }

  /** Bytes that the system has not taken. */
  get pendingBytes(): number {
    return this.#outbound.pendingBytes;
  }

  /** The client does not read what it asked for: it is not asked for more. */
  get isCongested(): boolean {
    return this.#outbound.pendingBytes >= this.core.options.maxOutboundBufferBytes;
  }

  get isFull(): boolean {
    if (!this.isCongested) return false;
    this.wasFull = true;
    return true;
  }

  /** From now on the client is told topics by these, and without a mountpoint of this many bytes. */
  translateTopics(aliases: OutboundTopicAliases | undefined, mountpointLength: number): void {
    this.aliases = aliases;
    this.mountpointLength = mountpointLength;
    this.#hasOwnFrames = aliases !== undefined || mountpointLength > 0;
  }

  publish(
    publication: Publication,
    qos: Qos,
    retain: boolean,
    dup: boolean,
    identifiers: readonly number[],
    packetId: number,
  ): boolean {
    let frame: PublishFrame;
    if (identifiers.length === 0 && !dup && !this.#hasOwnFrames) {
      frame = publication.frame(this.version, qos, retain);
    } else {
      frame = encodeOwnFrame(this, publication, qos, retain, dup, identifiers);
    }
    const length = frame.length;
    if (length > this.maximumPacketSize) return false;
    const { counters } = this.core;
    this.#count(qos, 1, publication.payloadLength);
    if (publication.isSys) this.#countSys(qos);
    if (dup) counters.publishResent++;
    this.#appendFrame(frame, packetId);
    if (publication.receivers < WIDE_RECEIVERS) this.#touch();
    else this.#touchLater(length);
    if ((this.core.events.mask & EventBit.messageDeliver) !== 0) {
      this.#tell(publication, { qos, retain });
    }
    return true;
  }

  /** At the end of everything: whoever hears of it may send another message the same way. */
  #tell(message: Publication | Message, granted: MessageGrant): void {
    const { session } = this.#owner;
    if (session !== undefined) this.core.events.delivered(message, session.eventClient, granted);
  }

  canPublishRun({ version, largestFrame }: Pick<PublishRun, "version" | "largestFrame">): boolean {
    return (version === 5) === (this.version === 5) && !this.#hasOwnFrames &&
      largestFrame <= this.maximumPacketSize;
  }

  publishRun(run: PublishRun): void {
    const { bytes, start, end, count, payloadBytes, receivers } = run;
    this.#count(0, count, payloadBytes);
    let copiedBytes = 0;
    if (run.isStable) copiedBytes = this.#outbound.appendRun(bytes, start, end, run.isShared);
    else this.#outbound.append(bytes, start, end);
    if (receivers < WIDE_RECEIVERS) this.#touch();
    else this.#touchLater(copiedBytes);
  }

  canForward(message: FramedMessage): boolean {
    const { length } = message;
    return (message.version === 5) === (this.version === 5) &&
      !this.#hasOwnFrames &&
      length <= COPIED_FRAME_BYTES_MAX && length <= this.maximumPacketSize;
  }

  forward(message: FramedMessage, packetId: number): void {
    const { bytes, start, end, packetIdAt } = message;
    this.#count(message.qos, 1, end - start - message.payloadStart);
    if (packetIdAt < 0) this.#outbound.append(bytes, start, end);
    else this.#outbound.appendStamped(bytes, start, end, packetIdAt, packetId);
    this.#touch();
    if ((this.core.events.mask & EventBit.messageDeliver) !== 0) {
      this.#tell(message, message);
    }
  }

  get forwardsRuns(): boolean {
    return (this.core.events.mask & EventBit.messageDeliver) === 0;
  }

  forwardRun(run: FrameRun): void {
    this.#count(run.qos, run.count, run.payloadBytes);
    this.#outbound.appendStampedRun(run);
    if (run.receivers < WIDE_RECEIVERS) this.#touch();
    else this.#touchLater(run.end - run.start);
  }

  #count(qos: Qos, messages: number, payloadBytes: number): void {
    this.core.counters.countPublishSent(qos, messages, payloadBytes);
    this.traffic.countSent(qos, messages);
  }

  #countSys(qos: Qos): void {
    const { counters } = this.core;
    if (qos === 0) counters.sysSentQos0++;
    else if (qos === 1) counters.sysSentQos1++;
    else counters.sysSentQos2++;
  }

  #appendFrame(frame: PublishFrame, packetId: number): void {
    const outbound = this.#outbound;
    if (frame.isStable) {
      outbound.appendRun(frame.bytes, frame.start, frame.end);
    } else if (frame.packetIdAt >= 0) {
      outbound.appendStamped(frame.bytes, frame.start, frame.end, frame.packetIdAt, packetId);
    } else if (frame.view !== undefined) {
      outbound.appendView(frame.view);
    } else if (frame.end > frame.start) {
      outbound.append(frame.bytes, frame.start, frame.end);
      if (frame.uses++ === 1) frame.view = frame.bytes.subarray(frame.start, frame.end);
    }
    if (frame.payloadEnd > frame.payloadStart) {
      outbound.appendReference(frame.payload, frame.payloadStart, frame.payloadEnd);
    }
  }

  release(packetId: number, reasonCode: ReasonCode): void {
    this.sendAck(PacketType.pubrel, packetId, reasonCode);
  }

  sendAck(type: AckType, packetId: number, reasonCode: ReasonCode): void {
    const { ackBytes } = this.core.scratch;
    const length = writeAck(ackBytes, 0, type, packetId, reasonCode, this.version);
    this.sendBytes(ackBytes, 0, length);
  }

  /** One whole packet; the bytes are copied. */
  sendBytes(bytes: Uint8Array, start: number, end: number): void {
    this.core.counters.countSent((bytes[start] as number) >> 4);
    this.traffic.controlSent++;
    this.#outbound.append(bytes, start, end);
    this.#touch();
  }

  /** A packet off the hot path. False: it is larger than the client takes [MQTT-3.1.2-24]. */
  send(packet: ControlPacket): boolean {
    const bytes = encodeControlPacket(packet, this.version, this.maximumPacketSize);
    if (bytes.length > this.maximumPacketSize) return false;
    this.sendBytes(bytes, 0, bytes.length);
    return true;
  }

  #touch(): void {
    if (this.#outbound.pendingBytes >= EAGER_FLUSH_BYTES) this.flushNow();
    this.core.flushSet.add(this);
  }

  /** `copiedBytes`: memory that is held for this connection alone. */
  #touchLater(copiedBytes: number): void {
    if (this.#outbound.pendingBytes >= EAGER_FLUSH_BYTES) this.flushNow();
    this.core.flushSet.addLater(this, copiedBytes);
  }

  /** Hands over what there is without waiting for the end of the turn. */
  flushNow(): void {
    if (this.#isClosed || this.#outbound.isWriting) return;
    const before = this.#outbound.pendingBytes;
    this.#outbound.flush(this.#socket);
    this.#countBytes(before - this.#outbound.pendingBytes);
  }

  /** The turn is over: one write, and whoever waited for room goes on. */
  flush(): void {
    this.flushNow();
    if (this.#hasRoom) this.#owner.onRoom();
  }

  /** The pending write is done. */
  wrote(): void {
    const before = this.#outbound.pendingBytes;
    this.#outbound.wrote();
    this.#countBytes(before - this.#outbound.pendingBytes);
    this.flush();
  }

  /** Bytes that the system has taken, in one go or the rest of it. */
  #countBytes(bytes: number): void {
    if (bytes === 0) return;
    this.core.counters.countBytesSent(bytes);
    this.traffic.countWritten(bytes);
  }

  /** The connection is gone, and what was not sent with it. */
  close(): void {
    this.#isClosed = true;
    this.#outbound.clear();
  }

  get #hasRoom(): boolean {
    return this.#outbound.pendingBytes <= this.core.options.maxOutboundBufferBytes / 2;
  }
}
