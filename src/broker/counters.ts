import { Histogram } from "../base/mod.ts";
import { PacketType, type Qos } from "../mqtt/mod.ts";
import { createSessionCounters, type SessionCounters } from "../session/mod.ts";

/** By the type of a control packet, 1 to 15. */
const PACKET_TYPES = 16;

/** Of delivery, in seconds: from what nobody notices to what somebody complains of. */
const DELIVERY_BOUNDS_S = [
  0.0001,
  0.00025,
  0.0005,
  0.001,
  0.0025,
  0.005,
  0.01,
  0.025,
  0.05,
  0.1,
  0.25,
  1,
];

/**
 * Places of the sums that grow with every message. As fields they would be small integers until the first of them is
 * too large for one, two gigabytes after the start, and then everything that was compiled for small integers, which is
 * the whole way of a message, would be compiled again.
 */
const BYTES_RECEIVED = 0;
const BYTES_SENT = 1;
const PAYLOAD_RECEIVED = 2;
const PAYLOAD_SENT = 3;
/** For QoS 0; those for 1 and 2 follow. */
const PUBLISH_RECEIVED = 4;
const PUBLISH_SENT = 7;
const SUMS = 10;

/** Sums since the start, as plain numbers; whoever shows them computes rates. Sums of them are getters. */
export class BrokerCounters {
  readonly sessions: SessionCounters = createSessionCounters();
  /** From the arrival of bytes to when what followed from them was handed to the system: once for each turn. */
  readonly deliverySeconds = new Histogram(DELIVERY_BOUNDS_S);
  readonly #sums = new Float64Array(SUMS);
  /** Packets by type, without PUBLISH, which has its own counters by QoS. */
  readonly #controlReceived = new Float64Array(PACKET_TYPES);
  readonly #controlSent = new Float64Array(PACKET_TYPES);
  /** Of the PUBLISH packets sent: on `$SYS/…`, by QoS. */
  sysSentQos0 = 0;
  sysSentQos1 = 0;
  sysSentQos2 = 0;
  /** Of those sent: sent before, and not acknowledged. */
  publishResent = 0;
  /** Acknowledgements that answer nothing of ours. */
  pubackMissed = 0;
  pubrecMissed = 0;
  pubrelMissed = 0;
  pubcompMissed = 0;
  /** Messages that were refused: not authorized, or rejected by an interceptor. */
  publishRefused = 0;
  /** What access rules have forbidden: messages and wills, subscriptions, deliveries. */
  aclDeniedPublish = 0;
  aclDeniedSubscribe = 0;
  aclDeniedReceive = 0;
  /** Questions that the authorizer could not answer; they were denied. */
  aclErrors = 0;
  /** QoS 2 over the receive maximum. */
  qos2OverLimit = 0;
  /** QoS 2 that was given up because its PUBREL did not come. */
  qos2NotReleased = 0;
  /** Messages that matched no subscription, `$SYS/…` apart. */
  publishUnmatched = 0;
  /** Messages that came through an HTTP API. */
  publishedByApi = 0;
  /** Messages that were kept for later, and those of them that were published or had expired by then. */
  delayed = 0;
  delayedPublished = 0;
  delayedExpired = 0;
  /** Not kept, for a limit; on a topic that asks for nothing that could be done. */
  delayedRefused = 0;
  delayedInvalid = 0;
  /** Messages that went to other nodes. */
  forwarded = 0;
  /** Filters of SUBSCRIBE that were refused, those below included. */
  subscribesRefused = 0;
  subscribesNotAuthorized = 0;
  /** Retained messages that were not kept, for a limit. */
  retainedRefused = 0;
  connectionsAccepted = 0;
  /** Closed at once, for a listener's `max_connections`. */
  connectionsRefused = 0;
  /** Given up before the first MQTT byte: TLS, WebSocket upgrade, PROXY header. */
  handshakesFailed = 0;
  /** Connections that the system could not give us. */
  acceptErrors = 0;
  /** CONNECTs that were answered with an error, those below included. */
  connectsRefused = 0;
  /** For who the client is, not for what it sent. */
  authenticationFailures = 0;
  /** CONNECTs that were accepted. */
  connected = 0;
  /** Of these: nobody vouched for the client. */
  connectedAnonymous = 0;
  /** Connections that were accepted by CONNECT and have ended. */
  disconnected = 0;
  /** Connections and CONNECTs turned away for a ban. */
  bansRefused = 0;
  /** Connections that a new ban has ended. */
  bansDisconnected = 0;
  /** Clients banned for coming and going too often. */
  flappingBans = 0;
  /** Clients that were not watched any longer, because others came and went meanwhile. */
  flappingForgotten = 0;
  /** Times that a client was not read for a while, for its rate. */
  ratePauses = 0;
  /** Times that acknowledgements of stored messages waited for nothing but their pace. */
  ackPauses = 0;
  /** CONNECTs that asked for a session of another user. */
  foreignSessions = 0;
  /** CONNECTs refused for `max_sessions`. */
  sessionsRefused = 0;
  /** Messages refused for their user properties. */
  userPropertiesRefused = 0;
  /** Receivers of events that threw. */
  eventErrors = 0;
  protocolErrors = 0;
  keepAliveTimeouts = 0;
  sessionsCreated = 0;
  sessionsResumed = 0;
  sessionsTakenOver = 0;
  sessionsExpired = 0;
  sessionsEnded = 0;

  get bytesReceived(): number {
    return this.#sums[BYTES_RECEIVED] as number;
  }

  get bytesSent(): number {
    return this.#sums[BYTES_SENT] as number;
  }

  /** Of payloads. */
  get publishBytesReceived(): number {
    return this.#sums[PAYLOAD_RECEIVED] as number;
  }

  /** Of payloads. */
  get publishBytesSent(): number {
    return this.#sums[PAYLOAD_SENT] as number;
  }

  get packetsReceived(): number {
    return sum(this.#controlReceived) + this.publishReceived;
  }

  get packetsSent(): number {
    return sum(this.#controlSent) + this.publishSent;
  }

  /** PUBLISH packets that could be read. */
  get publishReceived(): number {
    return this.publishReceivedAt(0) + this.publishReceivedAt(1) + this.publishReceivedAt(2);
  }

  publishReceivedAt(qos: Qos): number {
    return this.#sums[PUBLISH_RECEIVED + qos] as number;
  }

  get publishSent(): number {
    return this.publishSentAt(0) + this.publishSentAt(1) + this.publishSentAt(2);
  }

  publishSentAt(qos: Qos): number {
    return this.#sums[PUBLISH_SENT + qos] as number;
  }

  /** Messages that somebody did not get, whatever the reason. */
  get droppedMessages(): number {
    const { droppedSlow, droppedQueueFull, droppedExpired, droppedTooLarge } = this.sessions;
    return droppedSlow + droppedQueueFull + droppedExpired + droppedTooLarge;
  }

  countBytesReceived(bytes: number): void {
    this.#add(BYTES_RECEIVED, bytes);
  }

  countBytesSent(bytes: number): void {
    this.#add(BYTES_SENT, bytes);
  }

  /** A PUBLISH that could be read. */
  countPublishReceived(qos: Qos, payloadBytes: number): void {
    this.#add(PUBLISH_RECEIVED + qos, 1);
    this.#add(PAYLOAD_RECEIVED, payloadBytes);
  }

  countPublishSent(qos: Qos, messages: number, payloadBytes: number): void {
    this.#add(PUBLISH_SENT + qos, messages);
    this.#add(PAYLOAD_SENT, payloadBytes);
  }

  #add(place: number, amount: number): void {
    this.#sums[place] = (this.#sums[place] as number) + amount;
  }

  /** Packets other than PUBLISH. */
  countReceived(type: number, packets: number): void {
    this.#controlReceived[type] = (this.#controlReceived[type] as number) + packets;
  }

  /** A packet other than PUBLISH. */
  countSent(type: number): void {
    this.#controlSent[type] = (this.#controlSent[type] as number) + 1;
  }

  /** Packets of one type. */
  received(type: PacketType): number {
    if (type === PacketType.publish) return this.publishReceived;
    return this.#controlReceived[type] as number;
  }

  /** Packets of one type. */
  sent(type: PacketType): number {
    return type === PacketType.publish ? this.publishSent : this.#controlSent[type] as number;
  }
}

function sum(values: Float64Array): number {
  let total = 0;
  for (let index = 0; index < values.length; index++) total += values[index] as number;
  return total;
}
