/**
 * A client that keeps its part of the protocol, with a memory that outlives its connections. Whatever the
 * broker sends is checked for what must hold at any time; the application messages go to `onMessage`.
 */
import { assert, assertEquals } from "@std/assert";
import type { IConnackPacket, IPublishPacket, Packet } from "mqtt-packet";
import type { ClientVersion, MemoryClient } from "../../support/memory_broker.ts";

export interface ReceivedMessage {
  readonly topic: string;
  readonly payload: string;
  readonly qos: 0 | 1 | 2;
  readonly retain: boolean;
  readonly dup: boolean;
  /** Sorted; undefined before 5.0. */
  readonly identifiers: readonly number[] | undefined;
  readonly messageExpiryS: number | undefined;
}

export interface ConnectionLimits {
  readonly version: ClientVersion;
  /** QoS 1 and 2 that the broker may send unacknowledged. */
  readonly receiveMaximum: number;
  readonly topicAliasMaximum: number;
  /** What a 3.1 client is not told: its session is still there. */
  readonly isPresent: boolean;
}

export class SimClient {
  readonly clientId: string;
  /** Answers of this client are held back, as when it is busy. */
  isHoldingBack = false;
  /** Packets that answer requests: SUBACK, UNSUBACK, PUBACK, PUBREC, PUBCOMP, PINGRESP, DISCONNECT. */
  readonly answers: Packet[] = [];
  connack: IConnackPacket | undefined;
  /** What was on its way when a connection broke may be lost: then more may come twice. */
  readonly #losesPackets: boolean;
  readonly #onMessage: (message: ReceivedMessage) => void;
  #connection: MemoryClient | undefined;
  #limits: ConnectionLimits = {
    version: 4,
    receiveMaximum: 65535,
    topicAliasMaximum: 0,
    isPresent: false,
  };
  /** QoS 2 identifiers that came and are not yet released: part of the session. */
  #received = new Set<number>();
  /** QoS 1 that came and is not yet acknowledged, from whatever connection: part of the session. */
  #unacknowledged = new Set<number>();
  /** Identifiers that count against the receive maximum: part of the connection. */
  #open = new Set<number>();
  #aliases = new Map<number, string>();
  #answersToCome: Packet[] = [];
  #lastPacketId = 0;

  constructor(
    clientId: string,
    onMessage: (message: ReceivedMessage) => void,
    options: { readonly losesPackets?: boolean } = {},
  ) {
    this.clientId = clientId;
    this.#onMessage = onMessage;
    this.#losesPackets = options.losesPackets ?? false;
  }

  get isConnected(): boolean {
    return this.#connection !== undefined;
  }

  get connection(): MemoryClient {
    if (this.#connection === undefined) throw new Error(`${this.clientId} is not connected`);
    return this.#connection;
  }

  get version(): ClientVersion {
    return this.#limits.version;
  }

  get hasAnswersToCome(): boolean {
    return this.#answersToCome.length > 0;
  }

  /** Messages that came and are not yet answered to the end. */
  get openCount(): number {
    return this.#open.size;
  }

  /** CONNECT is on its way on this connection. */
  begin(connection: MemoryClient, limits: ConnectionLimits): void {
    this.#connection = connection;
    this.#limits = limits;
    this.connack = undefined;
    this.#open = new Set();
    this.#aliases = new Map();
    this.#answersToCome = [];
    this.answers.length = 0;
  }

  /** The connection is over, whoever ended it. */
  lose(): void {
    this.#connection = undefined;
  }

  nextPacketId(): number {
    this.#lastPacketId = this.#lastPacketId % 65535 + 1;
    return this.#lastPacketId;
  }

  send(packet: Packet): void {
    this.connection.send(packet);
  }

  /** Reads what has come and answers it. */
  read(): void {
    if (this.#connection === undefined) return;
    for (const packet of this.#connection.take()) this.#handle(packet);
    if (!this.isHoldingBack) this.sendAnswers(Infinity);
    if (this.#connection.peer.isHungUp) this.lose();
  }

  /** Sends some of what was held back, in its order. */
  sendAnswers(count: number): void {
    if (this.#connection === undefined) return;
    for (const packet of this.#answersToCome.splice(0, count)) {
      this.send(packet);
      const { messageId = 0 } = packet;
      if (packet.cmd === "puback") {
        this.#unacknowledged.delete(messageId);
        this.#open.delete(messageId);
      } else if (packet.cmd === "pubcomp") this.#open.delete(messageId);
    }
  }

  #handle(packet: Packet): void {
    if (this.connack === undefined) {
      if (packet.cmd !== "connack") throw new Error(`${packet.cmd} came before CONNACK`);
      this.connack = packet;
      // Refused, as while the store is failing: that says nothing of the session.
      if ((packet.reasonCode ?? packet.returnCode ?? 0) !== 0) return;
      if (!(this.version === 3 ? this.#limits.isPresent : packet.sessionPresent)) {
        this.#received = new Set();
        this.#unacknowledged = new Set();
      }
      return;
    }
    if (packet.cmd === "publish") this.#handlePublish(packet);
    else if (packet.cmd === "pubrel") this.#handlePubrel(packet.messageId ?? 0);
    else this.answers.push(packet);
  }

  #handlePublish(packet: IPublishPacket): void {
    const { qos, dup, messageId = 0 } = packet;
    const message = this.#messageOf(packet);
    if (qos === 0) {
      assertEquals(dup, false, "QoS 0 is never sent again");
      this.#onMessage(message);
      return;
    }
    assert(!this.#open.has(messageId), `${messageId} is used twice at a time`);
    this.#open.add(messageId);
    assert(
      this.#open.size <= this.#limits.receiveMaximum,
      `${this.#open.size} messages are unacknowledged, ${this.#limits.receiveMaximum} allowed`,
    );
    const known = qos === 1 ? this.#unacknowledged : this.#received;
    if (dup && !this.#losesPackets) {
      assert(known.has(messageId), "DUP says that it was sent before, on this session");
    }
    // A broker that died may use an identifier of QoS 1 again, so a repetition is not to be told from a new message.
    const isNew = !known.has(messageId) || (qos === 1 && this.#losesPackets);
    assert(isNew || dup, "what is sent again says so");
    known.add(messageId);
    if (isNew) this.#onMessage(message);
    this.#answersToCome.push({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
  }

  #handlePubrel(messageId: number): void {
    if (this.#received.delete(messageId)) this.#open.add(messageId);
    this.#answersToCome.push({ cmd: "pubcomp", messageId });
  }

  #messageOf(packet: IPublishPacket): ReceivedMessage {
    const { properties = {} } = packet;
    const { topicAlias, subscriptionIdentifier = [] } = properties;
    let { topic } = packet;
    if (topicAlias !== undefined) {
      assert(topicAlias >= 1 && topicAlias <= this.#limits.topicAliasMaximum);
      if (topic === "") topic = this.#aliases.get(topicAlias) ?? "";
      else this.#aliases.set(topicAlias, topic);
    }
    assert(topic !== "", "a topic or a known alias");
    const identifiers = [subscriptionIdentifier].flat();
    return {
      topic,
      payload: packet.payload.toString(),
      qos: packet.qos,
      retain: packet.retain,
      dup: packet.dup,
      identifiers: this.version === 5 ? identifiers.sort((a, b) => a - b) : undefined,
      messageExpiryS: properties.messageExpiryInterval,
    };
  }
}
