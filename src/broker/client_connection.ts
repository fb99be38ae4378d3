import { Timer } from "../base/mod.ts";
import {
  type AckType,
  type ConnackPacket,
  type ControlPacket,
  decodeControlPacket,
  encodeControlPacket,
  FrameSplitter,
  PacketType,
  PINGRESP_BYTES,
  ProtocolError,
  type ProtocolVersion,
  type Qos,
  ReasonCode,
  reasonCodeText,
  writeAck,
} from "../mqtt/mod.ts";
import type { Identity } from "../ports/mod.ts";
import type { Route } from "../routing/mod.ts";
import type { ByteSocket, ByteSocketHandler, CloseCause } from "../runtime/mod.ts";
import {
  COPIED_FRAME_BYTES_MAX,
  type FramedMessage,
  type OutboundTopicAliases,
  type Outlet,
  type Publication,
  type PublishFrame,
} from "../session/mod.ts";
import { type Flushable, OutboundBuffer } from "../transport/mod.ts";
import type { BrokerCore } from "./broker_core.ts";
import type { ClientSession } from "./client_session.ts";
import { handleAck } from "./handle_ack.ts";
import { handleConnect } from "./handle_connect.ts";
import { handleDisconnect } from "./handle_disconnect.ts";
import { handlePublish } from "./handle_publish.ts";
import { handleSubscribe } from "./handle_subscribe.ts";
import { handleUnsubscribe } from "./handle_unsubscribe.ts";
import { encodeOwnFrame } from "./own_frame.ts";

/** Where a connection came in. */
export interface ListenerContext {
  readonly allowAnonymous: boolean;
  /** The connection is gone. */
  release(): void;
}

type ConnectionState = "connecting" | "connected" | "closing" | "closed";

/** Frames and deliveries that one chunk may cost before the other sockets have their turn. */
const WORK_PER_TURN = 10_000;
/** Unsent bytes that are handed to the system before the turn is over. */
const EAGER_FLUSH_BYTES = 262_144;
/** How long a client may take to read its last packets, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5000;
const NO_PACKET_SIZE_LIMIT = Infinity;

/**
 * One network connection: bytes in, packets out of them, each to its handler; and what a session writes to.
 *
 * As a timer it first waits for CONNECT, then for the keep alive, then for the end of a close.
 */
export class ClientConnection extends Timer implements ByteSocketHandler, Outlet, Flushable {
  readonly core: BrokerCore;
  readonly socket: ByteSocket;
  readonly listener: ListenerContext;
  readonly connectedAtMs: number;
  version: ProtocolVersion = 4;
  identity: Identity | undefined;
  session: ClientSession | undefined;
  keepAliveMs = 0;
  /** Whether reason strings and user properties may be sent. */
  sendsProblemInformation = true;
  /** Largest packet that the client takes, in bytes. */
  maximumPacketSize = NO_PACKET_SIZE_LIMIT;
  outboundAliases: OutboundTopicAliases | undefined;
  /** By alias; made when the client uses its first. */
  inboundAliases: (Route<ClientSession> | undefined)[] | undefined;
  /** Route of the last PUBLISH: most publishers stay with a topic. */
  lastRoute: Route<ClientSession> | undefined;
  /** QoS 1 messages of the client whose acknowledgement is still to come. */
  unacknowledgedCount = 0;
  isTouched = false;
  #state: ConnectionState = "connecting";
  #lastActivityMs: number;
  readonly #splitter: FrameSplitter;
  readonly #outbound = new OutboundBuffer();
  #budget = 0;
  /** A promise is awaited and packets must keep their order. */
  #isWaiting = false;
  /** Reading is paused, whatever for. */
  #isPaused = false;
  /** The splitter holds frames back until reading goes on. */
  #isStopped = false;
  #isResumeScheduled = false;
  #wasFull = false;

  constructor(core: BrokerCore, socket: ByteSocket, listener: ListenerContext) {
    super();
    this.core = core;
    this.socket = socket;
    this.listener = listener;
    this.connectedAtMs = core.clock.nowMs();
    this.#lastActivityMs = core.clock.monotonicMs();
    this.#splitter = new FrameSplitter(core.options.maxPacketSizeBytes);
    core.timers.schedule(this, core.options.connectTimeoutMs);
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  get pendingBytes(): number {
    return this.#outbound.pendingBytes;
  }

  // --- bytes in ---------------------------------------------------------------------------------

  onBytes(chunk: Uint8Array): void {
    const { core } = this;
    core.counters.bytesReceived += chunk.length;
    // A connection that is being closed keeps nothing of what its client still sends.
    if (this.#state !== "connected" && this.#state !== "connecting") return;
    this.#lastActivityMs = core.clock.monotonicMs();
    this.#budget = WORK_PER_TURN;
    const session = this.session;
    session?.beginBatch();
    try {
      if (!this.#splitter.push(chunk, this)) this.#stopReading();
      session?.endBatch();
    } catch (error) {
      session?.endBatch();
      this.fail(error);
    }
  }

  /** One whole packet. False: no further one for now. */
  onFrame(
    bytes: Uint8Array,
    start: number,
    bodyStart: number,
    end: number,
    owned: boolean,
  ): boolean {
    this.core.counters.packetsReceived++;
    this.#budget--;
    if (this.#state === "connected") {
      this.#handle(bytes, start, bodyStart, end, owned || this.socket.chunksAreStable);
    } else if (this.#state === "connecting" && !this.#isWaiting) {
      handleConnect(this, bytes, start, bodyStart, end);
    }
    return this.#budget > 0 && !this.#isWaiting && this.#state === "connected" &&
      this.#outbound.pendingBytes < this.core.options.maxOutboundBufferBytes;
  }

  #handle(
    bytes: Uint8Array,
    start: number,
    bodyStart: number,
    end: number,
    isStable: boolean,
  ): void {
    const type = (bytes[start] as number) >> 4;
    switch (type) {
      case PacketType.publish:
        handlePublish(this, bytes, start, bodyStart, end, isStable);
        return;
      case PacketType.puback:
      case PacketType.pubrec:
      case PacketType.pubrel:
      case PacketType.pubcomp:
        handleAck(this, type, bytes, start, bodyStart, end);
        return;
      default:
        this.#handleControl(decodeControlPacket(bytes, start, bodyStart, end, this.version));
    }
  }

  #handleControl(packet: ControlPacket): void {
    switch (packet.type) {
      case "pingreq":
        this.sendBytes(PINGRESP_BYTES, 0, PINGRESP_BYTES.length); // [MQTT-3.12.4-1]
        return;
      case "subscribe":
        handleSubscribe(this, packet);
        return;
      case "unsubscribe":
        handleUnsubscribe(this, packet);
        return;
      case "disconnect":
        handleDisconnect(this, packet);
        return;
      case "connect":
        // [MQTT-3.1.0-2]
        throw new ProtocolError(ReasonCode.protocolError, "Cannot accept a second CONNECT");
      case "auth":
        // No method was agreed on in CONNECT, so none can be continued [MQTT-4.12.0-6].
        throw new ProtocolError(
          ReasonCode.protocolError,
          "Cannot accept AUTH: no authentication method was agreed on",
        );
      case "connack":
      case "suback":
      case "unsuback":
      case "pingresp":
        throw new ProtocolError(
          ReasonCode.protocolError,
          `Cannot accept ${packet.type.toUpperCase()}: only a server sends it`,
        );
    }
  }

  /** What handling a message cost besides its frame. */
  spend(deliveries: number): void {
    this.#budget -= deliveries;
  }

  /** Reads no further packet until `work` is done, so that order is kept; an error closes the connection. */
  waitFor(work: Promise<void>): void {
    this.#isWaiting = true;
    work.catch((error: unknown) => this.fail(error)).then(() => {
      this.#isWaiting = false;
      this.#resumeReading();
    });
  }

  #stopReading(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#isStopped = true;
    this.#pause();
    // What the pause is for ends it: the promise, room in the outbound buffer, or just the next turn.
    if (!this.#isWaiting && !this.#isCongested) this.#scheduleResume();
  }

  /** The client does not read what it asked for: it is not asked for more. */
  get #isCongested(): boolean {
    return this.#outbound.pendingBytes >= this.core.options.maxOutboundBufferBytes;
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  #scheduleResume(): void {
    if (this.#isResumeScheduled) return;
    this.#isResumeScheduled = true;
    this.core.yieldTurn(() => {
      this.#isResumeScheduled = false;
      this.#resumeReading();
    });
  }

  #resumeReading(): void {
    if (!this.#isPaused || this.#isWaiting) return;
    if (this.#state === "closing" || this.#state === "closed") return;
    if (this.#isStopped) {
      this.#isStopped = false;
      this.#budget = WORK_PER_TURN;
      try {
        if (!this.#splitter.resume(this)) {
          this.#stopReading();
          return;
        }
      } catch (error) {
        this.fail(error);
        return;
      }
    }
    this.#isPaused = false;
    this.socket.resume();
  }

  // --- bytes out --------------------------------------------------------------------------------

  get isFull(): boolean {
    if (this.#outbound.pendingBytes < this.core.options.maxOutboundBufferBytes) return false;
    this.#wasFull = true;
    return true;
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
    if (identifiers.length === 0 && !dup && this.outboundAliases === undefined) {
      frame = publication.frame(this.version, qos, retain);
    } else {
      frame = encodeOwnFrame(this, publication, qos, retain, dup, identifiers);
    }
    const length = frame.length;
    if (length > this.maximumPacketSize) return false;
    const { counters } = this.core;
    counters.publishSent++;
    counters.packetsSent++;
    counters.publishBytesSent += publication.payloadLength;
    this.#appendFrame(frame, packetId);
    this.#touch();
    return true;
  }

  canForward(message: FramedMessage): boolean {
    const { length } = message.frameBytes;
    return (message.version === 5) === (this.version === 5) &&
      this.outboundAliases === undefined &&
      length <= COPIED_FRAME_BYTES_MAX && length <= this.maximumPacketSize;
  }

  forward(message: FramedMessage, packetId: number): void {
    const { counters } = this.core;
    const { frameBytes, packetIdAt } = message;
    const { length } = frameBytes;
    counters.publishSent++;
    counters.packetsSent++;
    counters.publishBytesSent += length - message.payloadStart;
    if (packetIdAt < 0) this.#outbound.append(frameBytes, 0, length);
    else this.#outbound.appendStamped(frameBytes, 0, length, packetIdAt, packetId);
    this.#touch();
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
    this.core.counters.packetsSent++;
    this.#outbound.append(bytes, start, end);
    this.#touch();
  }

  /** A packet off the hot path. False: it is larger than the client takes [MQTT-3.1.2-24]. */
  send(packet: ControlPacket): boolean {
    const bytes = encodeControlPacket(packet, this.version);
    if (bytes.length > this.maximumPacketSize) return false;
    this.sendBytes(bytes, 0, bytes.length);
    return true;
  }

  #touch(): void {
    if (this.#outbound.pendingBytes >= EAGER_FLUSH_BYTES) this.#flushNow();
    this.core.flushSet.add(this);
  }

  #flushNow(): void {
    if (this.#state === "closed" || this.#outbound.isWriting) return;
    const before = this.#outbound.pendingBytes;
    this.#outbound.flush(this.socket);
    this.core.counters.bytesSent += before - this.#outbound.pendingBytes;
  }

  /** The turn is over: one write, and whoever waited for room goes on. */
  flush(): void {
    this.#flushNow();
    this.#afterWrite();
  }

  onWritable(): void {
    // A client that is not read, for want of room, shows that it is there by what it takes.
    if (this.#isPaused) this.#lastActivityMs = this.core.clock.monotonicMs();
    const before = this.#outbound.pendingBytes;
    this.#outbound.wrote();
    this.core.counters.bytesSent += before - this.#outbound.pendingBytes;
    this.#flushNow();
    if (this.#state === "closing" && this.#outbound.pendingBytes === 0) this.socket.close();
    this.#afterWrite();
  }

  #afterWrite(): void {
    if (this.#state !== "connected" && this.#state !== "connecting") return;
    const lowWater = this.core.options.maxOutboundBufferBytes / 2;
    if (this.#outbound.pendingBytes > lowWater) return;
    if (this.#wasFull) {
      this.#wasFull = false;
      this.session?.pump();
    }
    if (this.#isPaused && !this.#isResumeScheduled) this.#resumeReading();
  }

  // --- states and their ends --------------------------------------------------------------------

  /** CONNECT was accepted: from now on packets have handlers. */
  establish(session: ClientSession, identity: Identity): void {
    this.#state = "connected";
    this.session = session;
    session.connection = this;
    this.identity = identity;
    if (this.keepAliveMs > 0) this.core.timers.schedule(this, this.keepAliveMs);
    else this.core.timers.cancel(this);
  }

  /** Connection timeout, keep alive or the end of a close, whichever is the matter now. */
  override fire(): void {
    const { core } = this;
    if (this.#state === "connecting") {
      core.logger.info("Closed a connection without CONNECT", {
        address: this.socket.remoteAddress,
        timeoutMs: core.options.connectTimeoutMs,
      });
      this.close();
    } else if (this.#state === "connected") {
      // Who is not read because we wait for an answer cannot be blamed for silence.
      const idleMs = this.#isWaiting ? 0 : core.clock.monotonicMs() - this.#lastActivityMs;
      if (idleMs < this.keepAliveMs) {
        core.timers.schedule(this, this.keepAliveMs - idleMs);
        return;
      }
      core.counters.keepAliveTimeouts++;
      this.disconnect(ReasonCode.keepAliveTimeout, "No packet within the keep alive"); // [MQTT-3.1.2-22]
    } else this.socket.abort();
  }

  /** Answers an error of this connection with what the standard has for it, and closes. */
  fail(error: unknown): void {
    const { logger, counters } = this.core;
    if (error instanceof ProtocolError) {
      counters.protocolErrors++;
      logger.info("Closed a connection after a protocol error", {
        clientId: this.session?.clientId ?? "",
        address: this.socket.remoteAddress,
        reason: error.message,
      });
      this.disconnect(error.reasonCode, error.message);
      return;
    }
    logger.error("Closed a connection after an error of the broker: this is a bug", {
      clientId: this.session?.clientId ?? "",
      error: error instanceof Error ? error.stack ?? error.message : String(error),
    });
    this.disconnect(ReasonCode.implementationSpecificError, undefined);
  }

  /** Ends the connection from our side; a 5.0 client is told why. */
  disconnect(reasonCode: ReasonCode, detail: string | undefined): void {
    if (this.#state === "connected" && this.version === 5) {
      const packet = { type: "disconnect", reasonCode, userProperties: [] } as const;
      const reasonString = this.sendsProblemInformation
        ? detail ?? reasonCodeText(reasonCode)
        : undefined;
      if (!this.send({ ...packet, reasonString })) this.send(packet);
    }
    this.close();
  }

  /** Answers CONNECT with an error and closes [MQTT-3.1.4-1]. */
  refuse(packet: ConnackPacket): void {
    this.core.counters.connectsRefused++;
    this.send(packet);
    this.close();
  }

  /** Ends the connection once everything is sent; session and will go their ways at once. */
  close(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#endSession();
    this.#flushNow();
    this.core.timers.schedule(this, CLOSE_TIMEOUT_MS);
    if (this.#outbound.pendingBytes === 0) this.socket.close();
  }

  onClose(cause: CloseCause, detail: string | undefined): void {
    const { core } = this;
    if (this.#state === "connected") {
      core.logger.debug("A client's connection is gone without DISCONNECT", {
        clientId: this.session?.clientId ?? "",
        cause,
        detail: detail ?? "",
      });
    }
    this.#state = "closed";
    this.#endSession();
    core.timers.cancel(this);
    core.connections.delete(this);
    this.#outbound.clear();
    this.listener.release();
  }

  #endSession(): void {
    const session = this.session;
    this.session = undefined;
    if (session === undefined) return;
    session.connection = undefined;
    this.core.sessions.offline(session);
  }
}
