import { CallbackTimer, shorten } from "../base/mod.ts";
import {
  type ConnackPacket,
  type ConnectPacket,
  type ControlPacket,
  decodeControlPacket,
  type DisconnectPacket,
  type FrameSink,
  FrameSplitter,
  PacketType,
  ProtocolError,
  type ProtocolVersion,
  type PublishView,
  ReasonCode,
  type SubscriptionRequest,
  type UserProperty,
} from "../mqtt/mod.ts";
import type { ByteSocket, ByteSocketHandler, CloseCause } from "../runtime/mod.ts";
import type { ClientLoop, Flushable } from "./client_loop.ts";
import { ClientOutput, type PacketTrace } from "./client_output.ts";
import { ClientSession } from "./client_session.ts";
import { CannotPublish, ConnectionLost, ConnectionRefused } from "./errors.ts";
import { Exchanges } from "./exchanges.ts";
import type { MqttClientHandler } from "./handler.ts";
import { messageFrameSize, type OutgoingMessage } from "./outgoing_message.ts";
import { type ClientTarget, openSocket } from "./target.ts";

export interface MqttClientOptions {
  readonly connect: ConnectPacket;
  /** The longest that it may take until the connection stands, and again until CONNACK, in milliseconds. */
  readonly timeoutMs: number;
  /** Messages of QoS 1 and 2 on their way to the server; it may allow fewer. */
  readonly inflightMax: number;
  /** Messages on their way are kept until they are acknowledged, so that another connection can send them again. */
  readonly keepsMessages: boolean;
  /** What an earlier connection of the same session has left. */
  readonly session?: ClientSession;
  readonly trace?: PacketTrace;
}

const MAX_PACKET_SIZE = 268_435_460;
const RECEIVE_MAXIMUM_DEFAULT = 65_535;

type State = "new" | "connecting" | "connected" | "ending" | "closed";

/**
 * One connection to an MQTT server, from CONNECT to its end. Connecting again is for its user: with another client, and
 * with the same `session` if that is to go on.
 *
 * What is sent in one turn of the event loop leaves in one write at its end.
 */
export class MqttClient implements ByteSocketHandler, FrameSink, Flushable {
  readonly hasKeptFrame = false;
  readonly session: ClientSession;
  readonly #loop: ClientLoop;
  readonly #options: MqttClientOptions;
  readonly #handler: MqttClientHandler;
  readonly #version: ProtocolVersion;
  readonly #trace: PacketTrace | undefined;
  readonly #output: ClientOutput;
  readonly #exchanges: Exchanges;
  #splitter: FrameSplitter;
  #socket: ByteSocket | undefined;
  #state: State = "new";
  #accepted: (packet: ConnackPacket) => void = () => undefined;
  #refused: (error: Error) => void = () => undefined;
  #connack: ConnackPacket | undefined;
  #quota = 0;
  #maximumPacketSize: number = MAX_PACKET_SIZE;
  #detail: string | undefined;
  readonly #timer = new CallbackTimer(() => this.#onTimer());
  #keepAliveMs = 0;
  #lastSentMs = 0;
  /** 0: no PINGRESP is awaited. */
  #pingSentMs = 0;
  /** Nothing may be written any more. */
  #isHungUp = false;

  constructor(loop: ClientLoop, options: MqttClientOptions, handler: MqttClientHandler) {
    this.#loop = loop;
    this.#options = options;
    this.#handler = handler;
    this.#version = options.connect.version;
    this.#trace = options.trace;
    this.#output = new ClientOutput(loop, this, this.#version, options.trace);
    this.session = options.session ?? new ClientSession();
    this.#exchanges = new Exchanges({
      session: this.session,
      output: this.#output,
      handler,
      connect: options.connect,
      trace: options.trace,
    });
    this.#splitter = new FrameSplitter(options.connect.maximumPacketSize ?? MAX_PACKET_SIZE);
  }

  /**
   * Connects, and resolves when the server has accepted it. Called once. Rejects with `ConnectError`,
   * `ConnectionRefused` or `ConnectionLost`.
   */
  connect(target: ClientTarget): Promise<ConnackPacket> {
    this.#state = "connecting";
    const answer = new Promise<ConnackPacket>((resolve, reject) => {
      this.#accepted = resolve;
      this.#refused = reject;
    });
    openSocket(this.#loop, target, this.#options.timeoutMs, this).then(
      (socket) => this.#begin(socket),
      (error) => {
        this.#refused(error);
        this.#state = "closed";
      },
    );
    return answer;
  }

  #begin(socket: ByteSocket): void {
    if (this.#state !== "connecting") {
      socket.abort();
      return;
    }
    const { connect, timeoutMs } = this.#options;
    this.#socket = socket;
    this.#splitter = new FrameSplitter(connect.maximumPacketSize ?? MAX_PACKET_SIZE);
    this.#loop.timers.schedule(this.#timer, timeoutMs);
    this.#output.packet(connect);
  }

  /** What the server said when it accepted the connection. */
  get connack(): ConnackPacket | undefined {
    return this.#connack;
  }

  get isConnected(): boolean {
    return this.#state === "connected";
  }

  /** So many messages of QoS 1 and 2 can be published now. */
  get room(): number {
    return Math.max(0, this.#quota - this.session.inflight.count);
  }

  /** More should not be published until `onDrained`; whoever does it all the same needs the memory for it. */
  get isCongested(): boolean {
    return this.#output.isCongested;
  }

  /**
   * Sends a message; returns its packet identifier, 0 at QoS 0. At QoS 1 and 2 there must be `room`. Throws
   * `CannotPublish`, or PacketEncodeError.
   */
  publish(outgoing: OutgoingMessage): number {
    this.#check(outgoing);
    const { inflight } = this.session;
    const packetId = outgoing.qos === 0
      ? 0
      : inflight.add(outgoing.qos, this.#options.keepsMessages ? outgoing : undefined);
    this.#output.publish(outgoing, packetId, false);
    return packetId;
  }

  /** Returns the packet identifier, which SUBACK will have. */
  subscribe(
    subscriptions: readonly SubscriptionRequest[],
    subscriptionIdentifier = 0,
    userProperties: readonly UserProperty[] = [],
  ): number {
    // Its identifier must not be that of a message either.
    const packetId = this.session.inflight.add(1, undefined);
    this.#output.packet({
      type: "subscribe",
      packetId,
      subscriptionIdentifier,
      subscriptions,
      userProperties,
    });
    return packetId;
  }

  /** Returns the packet identifier, which UNSUBACK will have. */
  unsubscribe(filters: readonly string[], userProperties: readonly UserProperty[] = []): number {
    const packetId = this.session.inflight.add(1, undefined);
    this.#output.packet({ type: "unsubscribe", packetId, filters, userProperties });
    return packetId;
  }

  /** Says goodbye behind all that has been sent. Nothing more is handed on but `onClose`. */
  disconnect(
    reasonCode: ReasonCode = ReasonCode.normalDisconnection,
    rest: Pick<DisconnectPacket, "sessionExpiryS" | "userProperties"> = { userProperties: [] },
  ): void {
    if (this.#state !== "connected") {
      this.abort();
      return;
    }
    this.#output.packet({ type: "disconnect", reasonCode, ...rest });
    this.#state = "ending";
    this.flush();
  }

  /** Breaks the connection off, without a word: the will is due. `onClose` follows. */
  abort(): void {
    if (this.#state === "closed") return;
    if (this.#socket === undefined) {
      this.#end("local", undefined);
      return;
    }
    this.#state = "ending";
    this.#isHungUp = true;
    this.#socket.abort();
  }

  /** Asks for no more messages; one that is under way may still come. */
  pause(): void {
    this.#socket?.pause();
  }

  resume(): void {
    this.#socket?.resume();
  }

  /** The topic of a message, also where an alias stands for it. */
  topicOf(message: PublishView): string {
    return this.#exchanges.topicOf(message);
  }

  // --- as the owner of its socket -----------------------------------------------------------------

  onBytes(chunk: Uint8Array): void {
    if (this.#state === "ending" || this.#state === "closed") return;
    try {
      this.#splitter.push(chunk, this, this.#socket?.chunksAreStable);
    } catch (error) {
      this.#fail(error);
    }
  }

  onProgress(): void {
    // A write that goes on is no news.
  }

  onWritable(): void {
    this.#output.wrote();
    this.flush();
  }

  onClose(cause: CloseCause, detail: string | undefined): void {
    this.#end(cause, detail);
  }

  /** Called at the end of the turn; hands everything to the system. */
  flush(): void {
    const socket = this.#socket;
    if (socket === undefined || this.#isHungUp) return;
    if (this.#keepAliveMs > 0 && this.#output.pendingBytes > 0) {
      this.#lastSentMs = this.#loop.clock.monotonicMs();
    }
    const isDrained = this.#output.flush(socket);
    if (this.#state === "ending") {
      if (!this.#output.isWriting) this.#hangUp(socket);
    } else if (isDrained) this.#handler.onDrained?.();
  }

  #hangUp(socket: ByteSocket): void {
    this.#isHungUp = true;
    socket.close();
  }

  // --- packets ----------------------------------------------------------------------------------

  onFrame(bytes: Uint8Array, start: number, bodyStart: number, end: number): boolean {
    const type = (bytes[start] as number) >> 4;
    if (this.#state === "connecting") this.#onFirst(bytes, start, bodyStart, end);
    else if (type === PacketType.publish) this.#exchanges.onPublish(bytes, start, bodyStart, end);
    else if (type >= PacketType.puback && type <= PacketType.pubcomp) {
      this.#exchanges.onAck(bytes, start, bodyStart, end);
    } else {
      const version = this.#version;
      this.#onControl(decodeControlPacket(bytes, start, bodyStart, end, version, "server"));
    }
    return this.#state === "connected";
  }

  #onControl(packet: ControlPacket): void {
    switch (packet.type) {
      case "suback":
        this.#trace?.("received", "SUBACK", "");
        this.session.inflight.acknowledge(packet.packetId);
        this.#handler.onSuback?.(packet);
        return;
      case "unsuback":
        this.#trace?.("received", "UNSUBACK", "");
        this.session.inflight.acknowledge(packet.packetId);
        this.#handler.onUnsuback?.(packet);
        return;
      case "pingresp":
        this.#trace?.("received", "PINGRESP", "");
        this.#pingSentMs = 0;
        return;
      case "disconnect":
        this.#trace?.("received", "DISCONNECT", ` (${packet.reasonCode})`);
        this.#handler.onDisconnect?.(packet);
        this.#state = "ending";
        this.flush();
        return;
      default:
        throw new ProtocolError(
          ReasonCode.protocolError,
          `Cannot accept ${packet.type.toUpperCase()} from the server now`,
        );
    }
  }

  /** The answer to CONNECT. */
  #onFirst(bytes: Uint8Array, start: number, bodyStart: number, end: number): void {
    const packet = decodeControlPacket(bytes, start, bodyStart, end, this.#version, "server");
    if (packet.type !== "connack") {
      throw new ProtocolError(
        ReasonCode.protocolError,
        `Cannot accept ${packet.type.toUpperCase()} in answer to CONNECT`,
      );
    }
    this.#loop.timers.cancel(this.#timer);
    this.#trace?.("received", "CONNACK", ` (${packet.reasonCode})`);
    this.#connack = packet;
    if (packet.reasonCode !== ReasonCode.success) {
      this.#refused(new ConnectionRefused(packet, this.#version));
      this.#state = "ending";
      this.flush();
      return;
    }
    this.#state = "connected";
    this.#beginSession(packet);
    this.#handler.onConnack?.(packet);
    this.#accepted(packet);
  }

  #beginSession(packet: ConnackPacket): void {
    const { connect, inflightMax } = this.#options;
    this.#quota = Math.min(inflightMax, packet.receiveMaximum ?? RECEIVE_MAXIMUM_DEFAULT);
    this.#maximumPacketSize = packet.maximumPacketSize ?? MAX_PACKET_SIZE;
    this.#keepAliveMs = (packet.serverKeepAliveS ?? connect.keepAliveS) * 1000;
    this.#lastSentMs = this.#loop.clock.monotonicMs();
    if (this.#keepAliveMs > 0) this.#loop.timers.schedule(this.#timer, this.#keepAliveMs);
    this.#exchanges.begin(packet.sessionPresent);
  }

  // --- sending ----------------------------------------------------------------------------------

  /** What the server has said that it does not take [MQTT-3.2.2-11] [MQTT-3.2.2-14] [MQTT-3.2.2-15]. */
  #check(outgoing: OutgoingMessage): void {
    const connack = this.#connack;
    if (this.#version !== 5 || connack === undefined) return;
    if (outgoing.qos > (connack.maximumQos ?? 2)) {
      throw new CannotPublish(
        "qos-not-supported",
        `the server takes no more than QoS ${connack.maximumQos}`,
      );
    }
    if (outgoing.retain && connack.retainAvailable === false) {
      throw new CannotPublish("retain-not-supported", "the server retains no messages");
    }
    if (this.#maximumPacketSize === MAX_PACKET_SIZE) return;
    const size = messageFrameSize(outgoing, this.#version);
    if (size > this.#maximumPacketSize) {
      throw new CannotPublish(
        "packet-too-large",
        `a packet of ${size} bytes, the server takes ${this.#maximumPacketSize}`,
      );
    }
  }

  // --- time and end -----------------------------------------------------------------------------

  #onTimer(): void {
    if (this.#state === "connecting") {
      this.#detail = "there was no answer to CONNECT in time";
      this.abort();
      return;
    }
    if (this.#state !== "connected") return;
    const nowMs = this.#loop.clock.monotonicMs();
    if (this.#pingSentMs > 0 && nowMs - this.#pingSentMs >= this.#keepAliveMs) {
      this.#detail = "there was no answer to PINGREQ in time";
      this.abort();
      return;
    }
    const silentMs = nowMs - this.#lastSentMs;
    if (silentMs >= this.#keepAliveMs) {
      this.#output.packet({ type: "pingreq" });
      if (this.#pingSentMs === 0) this.#pingSentMs = nowMs;
    }
    const waitMs = silentMs >= this.#keepAliveMs ? this.#keepAliveMs : this.#keepAliveMs - silentMs;
    this.#loop.timers.schedule(this.#timer, waitMs);
  }

  /** The server broke the protocol, or we did. */
  #fail(error: unknown): void {
    const text = error instanceof Error ? error.message : String(error);
    this.#detail = shorten(text, 200);
    if (!(error instanceof ProtocolError) || this.#state !== "connected" || this.#version !== 5) {
      this.abort();
      return;
    }
    this.disconnect(error.reasonCode);
  }

  #end(cause: CloseCause, detail: string | undefined): void {
    if (this.#state === "closed") return;
    this.#state = "closed";
    this.#socket = undefined;
    this.#loop.timers.cancel(this.#timer);
    this.#output.clear();
    const why = this.#detail ?? detail;
    const wasAccepted = this.#connack?.reasonCode === ReasonCode.success;
    this.#refused(new ConnectionLost(`Cannot connect: ${why ?? "the server hung up"}`));
    if (wasAccepted) this.#handler.onClose?.(this.#detail === undefined ? cause : "error", why);
  }
}
