import { type Sequenced, Timer } from "../base/mod.ts";
import {
  type AckType,
  type ConnackPacket,
  FrameSplitter,
  PacketType,
  ProtocolError,
  type ProtocolVersion,
  ReasonCode,
  reasonCodeText,
} from "../mqtt/mod.ts";
import type { Identity } from "../ports/mod.ts";
import type { Route } from "../routing/mod.ts";
import type { ByteSocket, ByteSocketHandler, CloseCause } from "../runtime/mod.ts";
import type { ListenerContext } from "../transport/mod.ts";
import type { OwedClient } from "./ack_release.ts";
import type { BrokerCore } from "./broker_core.ts";
import { ClientOutlet, type OutletOwner } from "./client_outlet.ts";
import type { ClientSession } from "./client_session.ts";
import { type CloseReason, closeReasonOf, countClose } from "./close_reason.ts";
import type { ConnectionAuth } from "./connection_auth.ts";
import { endAfter, endWithoutConnect, noteLoss, tellDisconnected } from "./connection_failure.ts";
import { takePubackRun } from "./handle_ack.ts";
import { handleConnect } from "./handle_connect.ts";
import { handlePacket } from "./handle_packet.ts";
import { OwedAcks } from "./owed_acks.ts";
import type { Mountpoint } from "./mountpoint.ts";
import { Permit, type PermitHolder } from "./permissions.ts";
import { ReadRate, type ReadRateOwner } from "./read_rate.ts";
import { Traffic } from "./traffic.ts";

type ConnectionState = "connecting" | "connected" | "closing" | "closed";

/**
 * Work that one connection may cause before the other sockets have their turn, some half a millisecond at full
 * speed. A delivery is one unit, and a frame and a KiB cost as much as ten and two of them.
 */
const WORK_PER_TURN = 10_000;
const FRAME_WORK = 10;
const PUBACK_BYTE = PacketType.puback << 4;
/** Whoever causes less than that in this time need not give way at all. */
const WORK_PERIOD_MS = 1;
/** How long a client may take to read its last packets, in milliseconds. */
const CLOSE_TIMEOUT_MS = 5000;

/**
 * One network connection: bytes in, packets out of them, each to its handler. What goes out is its outlet's matter.
 *
 * As a timer it first waits for CONNECT, then for the keep alive, then for the end of a close.
 */
export class ClientConnection extends Timer
  implements ByteSocketHandler, OutletOwner, OwedClient, PermitHolder, ReadRateOwner, Sequenced {
  /** Belongs to the registry's list. */
  sequence = 0;
  readonly core: BrokerCore;
  readonly socket: ByteSocket;
  readonly listener: ListenerContext;
  /** What the session and the handlers write to. */
  readonly out: ClientOutlet;
  readonly traffic = new Traffic();
  /** Wall clock, milliseconds. */
  readonly acceptedAtMs: number;
  /** Why the connection is at its end; the first reason is the one that counts. */
  closeReason: CloseReason | undefined;
  identity: Identity | undefined;
  /** Undefined: neither enhanced authentication nor an end of what the client has shown. */
  auth: ConnectionAuth | undefined;
  session: ClientSession | undefined;
  /** Silence that the client may keep by its CONNECT; 0: any. */
  askedKeepAliveMs = 0;
  /** Silence that ends the connection; 0: none. */
  #keepAliveMs = 0;
  /** Whether reason strings and user properties may be sent. */
  sendsProblemInformation = true;
  /** By alias; made when the client uses its first. */
  inboundAliases: (Route<ClientSession> | undefined)[] | undefined;
  /** Route of the last PUBLISH: most publishers stay with a topic. */
  lastRoute: Route<ClientSession> | undefined;
  /** Messages to it that may be delivered together; -1: not known yet. Of `RunPublisher`. */
  runFramesMax = -1;
  readonly permit = new Permit();
  /** QoS 1 messages of the client whose acknowledgement is still to come. */
  unacknowledgedCount = 0;
  /** CONNACK has been sent: before it the client is told nothing. */
  isGreeted = false;
  /** Acknowledgements that promise something which is not yet durable, in order. */
  owed: OwedAcks | undefined;
  #state: ConnectionState = "connecting";
  #lastActivityMs: number;
  readonly splitter: FrameSplitter;
  #budget = WORK_PER_TURN;
  #budgetSinceMs = 0;
  /** Promises that are awaited, for packets must keep their order. */
  #waitCount = 0;
  /** Reading is paused, whatever for. */
  #isPaused = false;
  /** The splitter holds frames back until reading goes on. */
  #isStopped = false;
  #isResumeScheduled = false;
  /** Undefined: the client is read as fast as it sends. */
  #rate: ReadRate | undefined;

  constructor(core: BrokerCore, socket: ByteSocket, listener: ListenerContext) {
    super();
    this.core = core;
    this.socket = socket;
    this.listener = listener;
    this.out = new ClientOutlet(core, socket, this, this.traffic);
    this.acceptedAtMs = core.clock.nowMs();
    this.#lastActivityMs = core.clock.monotonicMs();
    // Nobody has said yet who this is.
    const largestFirst = Math.min(core.options.maxPacketSizeBytes, core.limits.maxConnectBytes);
    this.splitter = new FrameSplitter(largestFirst);
    core.timers.schedule(this, core.options.connectTimeoutMs);
  }

  /** `MountedConnection` has one. A field that is nearly always empty would cost every message a look at it. */
  get mountpoint(): Mountpoint | undefined {
    return undefined;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  /** It was ended by us or is gone. */
  get isClosing(): boolean {
    return this.#state === "closing" || this.#state === "closed";
  }

  get version(): ProtocolVersion {
    return this.out.version;
  }

  // --- bytes in ---------------------------------------------------------------------------------

  onBytes(chunk: Uint8Array): void {
    const { core, traffic } = this;
    core.counters.countBytesReceived(chunk.length);
    traffic.countRead(chunk.length);
    // A connection that is being closed keeps nothing of what its client still sends.
    if (this.#state !== "connected" && this.#state !== "connecting") return;
    const nowMs = core.clock.monotonicMs();
    this.#lastActivityMs = nowMs;
    if (nowMs - this.#budgetSinceMs >= WORK_PERIOD_MS) this.#renewBudget(nowMs);
    if (this.#state === "connecting" && !this.#looksLikeConnect(chunk)) {
      this.fail(
        new ProtocolError(ReasonCode.protocolError, "Cannot accept a first packet but CONNECT"),
      );
      return;
    }
    const session = this.session;
    core.flushSet.beginChunk(nowMs);
    core.sessionContext.pace.chunkMs = nowMs;
    session?.beginBatch();
    try {
      const rest = this.#isPubackRun(chunk) ? takePubackRun(this, chunk) : chunk;
      const before = this.#budget;
      // Another one like this would have to be broken off in its midst, and its rest be copied.
      if (rest.length > 0 && (!this.#split(rest, nowMs) || this.#budget < before - this.#budget)) {
        this.#stopReading();
      }
      session?.endBatch();
    } catch (error) {
      session?.endBatch();
      this.fail(error);
    }
    core.flushSet.endChunk();
  }

  /** The packets in a chunk, or those that were held back. False: it is enough for this turn. */
  #split(chunk: Uint8Array | undefined, nowMs: number): boolean {
    const { splitter, core, socket } = this;
    let isGoingOn: boolean;
    try {
      isGoingOn = chunk === undefined
        ? splitter.resume(this)
        : splitter.push(chunk, this, socket.chunksAreStable);
    } finally {
      core.runs.deliver();
      if (this.isOwed) core.acks.spent(core.clock.monotonicMs() - nowMs);
    }
    return isGoingOn && this.#budget > 0;
  }

  /** Whoever does not speak MQTT is not waited for until its packet, whatever it is, is whole [MQTT-3.1.0-1]. */
  #looksLikeConnect(chunk: Uint8Array): boolean {
    if (this.#isWaiting || this.auth !== undefined || this.splitter.pendingBytes > 0) return true;
    return ((chunk[0] as number) >> 4) === PacketType.connect;
  }

  /** PUBACKs one behind the other, and no packet is in pieces or waits. */
  #isPubackRun(chunk: Uint8Array): boolean {
    return chunk[0] === PUBACK_BYTE && this.#state === "connected" && !this.#isPaused &&
      this.splitter.pendingBytes === 0;
  }

  /** One whole packet. False: no further one for now. */
  onFrame(
    bytes: Uint8Array,
    start: number,
    bodyStart: number,
    end: number,
    owned: boolean,
  ): boolean {
    this.#budget -= FRAME_WORK + ((end - start) >> 9);
    if (this.#state === "connected") {
      handlePacket(this, bytes, start, bodyStart, end, owned);
      if (this.#rate !== undefined) {
        this.#spendRate(this.#rate, bytes[start] as number, end - start);
      }
    } else if (this.#state === "connecting" && !this.#isWaiting) {
      // CONNECT, or AUTH that belongs to it.
      this.traffic.count(this.core.counters, (bytes[start] as number) >> 4, 1);
      handleConnect(this, bytes, start, bodyStart, end);
    }
    return this.#budget > 0 && !this.#isWaiting && !this.isClosing &&
      !this.out.isCongested && !this.#isOwedTooMuch;
  }

  get hasKeptFrame(): boolean {
    return this.core.scratch.publication.hasKeptBytes;
  }

  get #isWaiting(): boolean {
    return this.#waitCount > 0;
  }

  /** What handling a message cost besides its frame. */
  spend(deliveries: number): void {
    this.#budget -= deliveries;
  }

  /** Leaves the rest of this turn to the others. */
  giveWay(): void {
    this.#budget = 0;
  }

  /** Reads no further packet until `work` is done, so that order is kept; an error closes the connection. */
  waitFor(work: Promise<void>): void {
    this.#waitCount++;
    work.catch((error: unknown) => this.fail(error)).then(() => {
      this.#waitCount--;
      this.#resumeReading();
    });
  }

  /** Whoever sends more than it may is not read until it has waited for that. */
  #spendRate(rate: ReadRate, firstByte: number, packetBytes: number): void {
    if (this.#state !== "connected") return;
    if (!rate.spend(firstByte >> 4 === PacketType.publish, packetBytes)) return;
    this.core.counters.ratePauses++;
    this.#waitCount++;
  }

  onRatePaid(): void {
    this.#waitCount--;
    // It could not be heard meanwhile.
    this.#lastActivityMs = this.core.clock.monotonicMs();
    this.#resumeReading();
  }

  /** The limits have changed, or count for the first time. */
  applyLimits(): void {
    if (this.#state !== "connected") return;
    const { core, askedKeepAliveMs } = this;
    this.#stopRate();
    this.#rate = ReadRate.of(core.limits, core, this);
    const idleMs = core.limits.maxIdleS * 1000;
    const isLess = idleMs > 0 && (askedKeepAliveMs === 0 || idleMs < askedKeepAliveMs);
    this.#keepAliveMs = isLess ? idleMs : askedKeepAliveMs;
    if (this.#keepAliveMs > 0) core.timers.schedule(this, this.#keepAliveMs);
    else core.timers.cancel(this);
  }

  #stopRate(): void {
    const rate = this.#rate;
    this.#rate = undefined;
    if (rate?.stop() === true) this.onRatePaid();
  }

  #renewBudget(nowMs: number): void {
    this.#budget = WORK_PER_TURN;
    this.#budgetSinceMs = nowMs;
  }

  #stopReading(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#isStopped = true;
    this.#pause();
    // What the pause is for ends it: the promise, room in the outbound buffer, a commit, or just the next turn.
    if (!this.#isWaiting && !this.out.isCongested && !this.#isOwedTooMuch) this.#scheduleResume();
  }

  #pause(): void {
    if (this.#isPaused) return;
    this.#isPaused = true;
    this.socket.pause();
  }

  #scheduleResume(): void {
    if (this.#isResumeScheduled) return;
    this.#isResumeScheduled = true;
    this.core.resumes.count++;
    this.core.yieldTurn(() => {
      this.#isResumeScheduled = false;
      this.core.resumes.count--;
      this.#resumeReading();
    });
  }

  #resumeReading(): void {
    if (!this.#isPaused || this.#isWaiting || this.#isOwedTooMuch) return;
    if (this.#state === "closing" || this.#state === "closed") return;
    if (this.#isStopped) {
      this.#isStopped = false;
      const nowMs = this.core.clock.monotonicMs();
      this.#renewBudget(nowMs);
      try {
        if (!this.#split(undefined, nowMs)) {
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

  // --- answers ----------------------------------------------------------------------------------

  /** Acknowledges a packet once `ticket` is committed, and not before what was to be acknowledged earlier. */
  acknowledge(type: AckType, packetId: number, reasonCode: ReasonCode, ticket: number): void {
    const { durability, acks } = this.core;
    if (!this.isOwed) {
      if (ticket <= durability.committedTicket) return this.out.sendAck(type, packetId, reasonCode);
      acks.owe(this);
    }
    (this.owed ??= new OwedAcks()).push(type, packetId, reasonCode, ticket);
    if (type === PacketType.puback) this.unacknowledgedCount++;
    if (type <= PacketType.pubrec) acks.owedPublishes++;
  }

  /** A message is left without an answer, because the store is failing; see `releaseAcks`. */
  leaveUnanswered(): void {
    (this.owed ??= new OwedAcks()).hasGap = true;
    this.core.acks.owe(this);
  }

  get isOwed(): boolean {
    return this.owed !== undefined && this.owed.length > 0;
  }

  releaseAcks(ticket: number, most: number): number {
    const { owed } = this;
    if (owed === undefined) return 0;
    const before = owed.length;
    this.unacknowledgedCount -= owed.release(ticket, most, this.out);
    const sent = before - owed.length;
    // Then the client connects again, and sends again what has no answer, in the old order.
    if (owed.hasGap && sent < most) this.close();
    else if (this.#isPaused && !this.#isResumeScheduled) this.#resumeReading();
    return sent;
  }

  get #isOwedTooMuch(): boolean {
    return this.isOwed && ((this.owed as OwedAcks).isFull || this.core.durability.isBehind);
  }

  // --- bytes out --------------------------------------------------------------------------------

  /** A client that is not read, for want of room, shows that it is there by what it takes. */
  onProgress(): void {
    if (this.#isPaused) this.#lastActivityMs = this.core.clock.monotonicMs();
  }

  /** The pending write is done. */
  onWritable(): void {
    this.onProgress();
    this.out.wrote();
    if (this.#state === "closing" && this.out.pendingBytes === 0) this.socket.close();
  }

  /** Less than half of the outbound buffer is in use: whoever waited for room goes on. */
  onRoom(): void {
    if (this.#state !== "connected" && this.#state !== "connecting") return;
    if (this.out.wasFull) {
      this.out.wasFull = false;
      try {
        this.session?.pump();
      } catch (error) {
        this.fail(error);
        return;
      }
    }
    if (this.#isPaused && !this.#isResumeScheduled) this.#resumeReading();
  }

  // --- states and their ends --------------------------------------------------------------------

  /** CONNECT was accepted: from now on packets have handlers. */
  establish(session: ClientSession, identity: Identity): void {
    this.#state = "connected";
    this.session = session;
    session.connection = this;
    session.traffic = this.traffic;
    this.identity = identity;
    this.core.permissions.adopt(session, identity, this.listener.options.mountpoint);
    this.splitter.setMaxPacketSize(this.core.options.maxPacketSizeBytes);
    this.applyLimits();
  }

  /** Connection timeout, keep alive or the end of a close, whichever is the matter now. */
  override fire(): void {
    const { core } = this;
    if (this.#state === "connecting") {
      endWithoutConnect(this);
    } else if (this.#state === "connected") {
      // Who is not read because we wait for an answer cannot be blamed for silence.
      const idleMs = this.#isWaiting ? 0 : core.clock.monotonicMs() - this.#lastActivityMs;
      if (idleMs < this.#keepAliveMs) {
        core.timers.schedule(this, this.#keepAliveMs - idleMs);
        return;
      }
      core.counters.keepAliveTimeouts++;
      this.disconnect(ReasonCode.keepAliveTimeout, "No packet within the keep alive"); // [MQTT-3.1.2-22]
    } else this.socket.abort();
  }

  /** Answers an error of this connection with what the standard has for it, and closes. */
  fail(error: unknown): void {
    endAfter(this, error);
  }

  /** Ends the connection from our side; a 5.0 client is told why. */
  disconnect(reasonCode: ReasonCode, detail: string | undefined): void {
    this.closeReason ??= closeReasonOf(reasonCode);
    if (this.#state === "connected" && this.isGreeted && this.version === 5) {
      const reasonString = this.sendsProblemInformation
        ? detail ?? reasonCodeText(reasonCode)
        : undefined;
      this.out.send({ type: "disconnect", reasonCode, reasonString, userProperties: [] });
    }
    this.close();
  }

  /** Answers CONNECT with an error and closes [MQTT-3.1.4-1]. */
  refuse(packet: ConnackPacket): void {
    this.core.counters.connectsRefused++;
    this.closeReason ??= "refused";
    this.out.send(packet);
    this.close();
  }

  /** Ends the connection once everything is sent; session and will go their ways at once. */
  close(): void {
    if (this.#state === "closing" || this.#state === "closed") return;
    this.#state = "closing";
    this.#endSession();
    this.out.flushNow();
    this.core.timers.schedule(this, CLOSE_TIMEOUT_MS);
    if (this.out.pendingBytes === 0) this.socket.close();
  }

  onClose(cause: CloseCause, detail: string | undefined): void {
    const { core } = this;
    if (this.#state === "connected") noteLoss(this, cause, detail);
    this.#state = "closed";
    this.#endSession();
    core.timers.cancel(this);
    core.connections.delete(this);
    countClose(core.closeTallies, this.listener.options.name, this.closeReason ?? "closed");
    this.out.close();
    this.listener.release();
  }

  #endSession(): void {
    const session = this.session;
    this.session = undefined;
    if (session === undefined) return;
    session.connection = undefined;
    this.auth?.stop();
    this.#rate?.stop();
    this.#rate = undefined;
    this.owed = undefined;
    this.core.acks.leave(this);
    if (this.isGreeted) tellDisconnected(this, session);
    this.core.sessions.noteOffline(session, this);
    this.core.flapping.noteEnd(session.clientId);
  }
}
