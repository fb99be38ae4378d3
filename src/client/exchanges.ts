import {
  type AckType,
  AckView,
  type ConnectPacket,
  decodeAck,
  decodePublish,
  decodeUtf8,
  PacketType,
  ProtocolError,
  PublishView,
  ReasonCode,
} from "../mqtt/mod.ts";
import { InflightState } from "../session/mod.ts";
import type { ClientOutput, PacketTrace } from "./client_output.ts";
import type { ClientSession } from "./client_session.ts";
import type { MqttClientHandler } from "./handler.ts";
import * as trace from "./trace.ts";

export interface ExchangeParts {
  readonly session: ClientSession;
  readonly output: ClientOutput;
  readonly handler: MqttClientHandler;
  readonly connect: ConnectPacket;
  readonly trace: PacketTrace | undefined;
}

const FIRST_FAILURE = 0x80;

/** Of the packet that is worked on; nobody keeps it. */
const message = new PublishView();
const ack = new AckView();

/** Messages both ways and their acknowledgements, on one connection. */
export class Exchanges {
  readonly #parts: ExchangeParts;
  /** Topics by alias, of the server; undefined: it may not use any. */
  #aliases: (string | undefined)[] | undefined;

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
    const { topicAliasMaximum } = parts.connect;
    if (topicAliasMaximum > 0) this.#aliases = new Array(topicAliasMaximum + 1).fill(undefined);
  }

  /** The server has accepted the connection. */
  begin(isSessionPresent: boolean): void {
    this.#parts.session.received.beginConnection();
    this.#sendAgain(isSessionPresent);
  }

  /** The topic of a message, also where an alias stands for it. */
  topicOf({ bytes, topicStart, topicEnd, topicAlias }: PublishView): string {
    if (topicEnd > topicStart || this.#aliases === undefined) {
      return decodeUtf8(bytes, topicStart, topicEnd);
    }
    return this.#aliases[topicAlias] ?? "";
  }

  onPublish(bytes: Uint8Array, start: number, bodyStart: number, end: number): void {
    decodePublish(message, bytes, start, bodyStart, end, this.#parts.connect.version, true);
    if (message.topicAlias > 0) this.#learnAlias();
    const { qos, packetId } = message;
    if (this.#parts.trace !== undefined) {
      this.#parts.trace("received", "PUBLISH", trace.publishView(message, this.topicOf(message)));
    }
    if (qos === 0) {
      this.#parts.handler.onMessage?.(message);
      return;
    }
    if (qos === 1) {
      // It leaves at the end of the turn: not before the message has been handed on.
      this.#parts.output.ack(PacketType.puback, packetId, ReasonCode.success);
      this.#parts.handler.onMessage?.(message);
      return;
    }
    const { received } = this.#parts.session;
    const isNew = received.add(packetId);
    if (received.count > this.#parts.connect.receiveMaximum) {
      throw new ProtocolError(
        ReasonCode.receiveMaximumExceeded,
        `Cannot accept PUBLISH: more than ${this.#parts.connect.receiveMaximum} at once`,
      );
    }
    this.#parts.output.ack(PacketType.pubrec, packetId, ReasonCode.success);
    if (isNew) this.#parts.handler.onMessage?.(message);
  }

  #learnAlias(): void {
    const { topicAlias, topicStart, topicEnd, bytes } = message;
    const aliases = this.#aliases;
    const isKnown = aliases !== undefined && topicAlias < aliases.length &&
      (topicEnd > topicStart || aliases[topicAlias] !== undefined);
    if (!isKnown) {
      throw new ProtocolError(
        ReasonCode.topicAliasInvalid,
        `Cannot accept PUBLISH: topic alias ${topicAlias}`,
      );
    }
    if (topicEnd > topicStart) aliases[topicAlias] = decodeUtf8(bytes, topicStart, topicEnd);
  }

  onAck(bytes: Uint8Array, start: number, bodyStart: number, end: number): void {
    const { connect: { version }, session: { inflight } } = this.#parts;
    decodeAck(ack, bytes, start, bodyStart, end, version);
    const type = ((bytes[start] as number) >> 4) as AckType;
    const { packetId, reasonCode } = ack;
    this.#parts.trace?.(
      "received",
      trace.ackName(type),
      trace.receivedAck(type, packetId, reasonCode),
    );
    switch (type) {
      case PacketType.puback:
        if (inflight.acknowledge(packetId) >= 0) this.#published(packetId, reasonCode);
        return;
      case PacketType.pubrec:
        this.#onPubrec(packetId, reasonCode);
        return;
      case PacketType.pubrel: {
        const isKnown = this.#parts.session.received.remove(packetId);
        const answer = isKnown ? ReasonCode.success : ReasonCode.packetIdentifierNotFound;
        this.#parts.output.ack(PacketType.pubcomp, packetId, answer);
        return;
      }
      case PacketType.pubcomp:
        if (inflight.state(packetId) !== InflightState.awaitsPubcomp) return;
        inflight.remove(packetId);
        this.#published(packetId, reasonCode);
    }
  }

  #onPubrec(packetId: number, reasonCode: ReasonCode): void {
    const { inflight } = this.#parts.session;
    const state = inflight.state(packetId);
    if (state === InflightState.awaitsPubrec && reasonCode >= FIRST_FAILURE) {
      inflight.remove(packetId);
      this.#published(packetId, reasonCode);
      return;
    }
    if (state === InflightState.awaitsPubrec) inflight.release(packetId);
    const isKnown = state === InflightState.awaitsPubrec || state === InflightState.awaitsPubcomp;
    const answer = isKnown ? ReasonCode.success : ReasonCode.packetIdentifierNotFound;
    this.#parts.output.ack(PacketType.pubrel, packetId, answer);
  }

  #published(packetId: number, reasonCode: ReasonCode): void {
    this.#parts.handler.onPublished?.(packetId, reasonCode);
  }

  /** What an earlier connection has left in flight, in its order [MQTT-4.6.0-1]. */
  #sendAgain(isSessionPresent: boolean): void {
    const { inflight } = this.#parts.session;
    for (const packetId of inflight.inOrder()) {
      const item = inflight.item(packetId);
      if (inflight.state(packetId) === InflightState.awaitsPubcomp) {
        if (isSessionPresent) {
          this.#parts.output.ack(PacketType.pubrel, packetId, ReasonCode.success);
        } // The server has had it, and has forgotten the rest.
        else inflight.remove(packetId);
      } else if (item !== undefined) this.#parts.output.publish(item, packetId, isSessionPresent);
      // A subscription, or a message that nobody has kept.
      else inflight.remove(packetId);
    }
  }
}
