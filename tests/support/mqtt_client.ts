/**
 * A plain MQTT client for tests that look at single packets. It reads and writes by `mqtt-packet`,
 * not by the codec under test, and does nothing by itself: no acknowledgement, no keep alive.
 */
import { Buffer } from "node:buffer";
import { connect, type Socket } from "node:net";
import { generate, parser } from "mqtt-packet";
import type {
  IConnackPacket,
  IConnectPacket,
  IPublishPacket,
  ISubackPacket,
  ISubscription,
  Packet,
  PacketCmd,
} from "mqtt-packet";
import { within } from "./deadline.ts";

export type ClientVersion = 3 | 4 | 5;

/** A packet of one type, as the parser gives it. */
export type PacketOf<C extends PacketCmd> = Extract<Packet, { cmd: C }>;

let lastClient = 0;

export class TestClient {
  readonly version: ClientVersion;
  readonly #socket: Socket;
  readonly #received: Packet[] = [];
  #wake: (() => void) | undefined;
  #isClosed = false;
  #failure: Error | undefined;
  #lastPacketId = 0;

  private constructor(socket: Socket, version: ClientVersion) {
    this.#socket = socket;
    this.version = version;
    socket.setNoDelay(true);
    const incoming = parser({ protocolVersion: version });
    incoming.on("packet", (packet: Packet) => {
      this.#received.push(packet);
      this.#wake?.();
    });
    incoming.on("error", (error: Error) => {
      this.#failure = error;
      this.#wake?.();
    });
    socket.on("data", (chunk: Uint8Array) => void incoming.parse(Buffer.from(chunk)));
    // A reset is the broker hanging up: "close" follows.
    socket.on("error", () => this.#wake?.());
    socket.on("close", () => {
      this.#isClosed = true;
      this.#wake?.();
    });
  }

  /** A TCP connection on which nothing was sent yet. */
  static open(port: number, version: ClientVersion = 5): Promise<TestClient> {
    const opened = new Promise<TestClient>((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1" });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        resolve(new TestClient(socket, version));
      });
    });
    return within(opened, `a connection to port ${port}`);
  }

  /** On a connection of any kind, such as one with TLS. */
  static over(stream: Socket, version: ClientVersion = 5): TestClient {
    // Some stay open for writing, and on Deno this is all that is heard of a handshake that was refused.
    stream.once("end", () => stream.destroy());
    return new TestClient(stream, version);
  }

  /** Our end of the connection. */
  get localPort(): number {
    return this.#socket.localPort ?? 0;
  }

  /** Opens, sends CONNECT and waits for a CONNACK that accepts. */
  static async connect(
    port: number,
    { version = 5, ...fields }: Partial<IConnectPacket> & { version?: ClientVersion } = {},
  ): Promise<TestClient & { readonly connack: IConnackPacket }> {
    return await (await TestClient.open(port, version)).connected(fields);
  }

  /** Sends CONNECT and waits for a CONNACK that accepts. */
  async connected(
    fields: Partial<IConnectPacket> = {},
  ): Promise<this & { readonly connack: IConnackPacket }> {
    this.sendConnect(fields);
    const connack = await this.expect("connack");
    const code = connack.reasonCode ?? connack.returnCode;
    if (code !== 0) throw new Error(`Cannot connect: CONNACK has code ${code}`);
    return Object.assign(this, { connack });
  }

  sendConnect(fields: Partial<IConnectPacket> = {}): void {
    this.send({
      cmd: "connect",
      protocolId: this.version === 3 ? "MQIsdp" : "MQTT",
      protocolVersion: this.version,
      clean: true,
      // 3.1 knows no client without an identifier.
      clientId: this.version === 3 ? `client-${lastClient++}` : "",
      keepalive: 0,
      ...fields,
    });
  }

  /** Sends a packet, or bytes as they are. */
  send(packet: Packet | Uint8Array): void {
    this.#socket.write(
      packet instanceof Uint8Array ? packet : generate(packet, { protocolVersion: this.version }),
    );
  }

  /** Waits for the next packet, whatever it is. */
  async next(): Promise<Packet> {
    await within(this.#until(() => this.#received.length > 0 || this.#isClosed), "a packet");
    const packet = this.#received.shift();
    if (packet === undefined) throw new Error("Cannot wait for a packet: the broker hung up");
    return packet;
  }

  /** Waits for the next packet, which must be of this type. */
  async expect<C extends PacketCmd>(cmd: C): Promise<PacketOf<C>> {
    const packet = await this.next();
    if (packet.cmd !== cmd) throw unexpected(cmd, packet);
    return packet as PacketOf<C>;
  }

  /** Waits until the broker has hung up; no packet may come before that. */
  async expectClosed(): Promise<void> {
    await within(this.#until(() => this.#received.length > 0 || this.#isClosed), "the hang-up");
    const [packet] = this.#received;
    if (packet !== undefined) throw unexpected("the hang-up", packet);
  }

  /** Shows by a PINGREQ and its answer that nothing else was under way, open handshakes aside. */
  async expectNothing(): Promise<void> {
    this.send({ cmd: "pingreq" });
    const packet = await this.#nextBesidesPubrel();
    if (packet.cmd !== "pingresp") throw unexpected("nothing", packet);
  }

  /** Subscribes and waits for the SUBACK. */
  async subscribe(
    filter: string,
    options: Partial<ISubscription> & { subscriptionIdentifier?: number } = {},
  ): Promise<ISubackPacket> {
    const { subscriptionIdentifier, ...subscription } = options;
    this.send({
      cmd: "subscribe",
      messageId: this.nextPacketId(),
      subscriptions: [{ topic: filter, qos: 0, ...subscription }],
      ...(subscriptionIdentifier === undefined ? {} : { properties: { subscriptionIdentifier } }),
    });
    return await this.expect("suback");
  }

  /** Publishes and plays the sender's part to the end of the QoS handshake. */
  async publish(
    topic: string,
    payload: string | Uint8Array,
    options: Partial<IPublishPacket> = {},
  ): Promise<void> {
    const qos = options.qos ?? 0;
    const messageId = qos === 0 ? undefined : options.messageId ?? this.nextPacketId();
    this.send({
      cmd: "publish",
      topic,
      payload: typeof payload === "string" ? payload : Buffer.from(payload),
      qos,
      retain: false,
      dup: false,
      ...options,
      ...(messageId === undefined ? {} : { messageId }),
    });
    if (qos === 1) await this.expect("puback");
    if (qos === 2) {
      await this.expect("pubrec");
      this.send({ cmd: "pubrel", ...(messageId === undefined ? {} : { messageId }) });
      await this.expect("pubcomp");
    }
  }

  /**
   * Waits for a PUBLISH and acknowledges it. The PUBREL of a QoS 2 message is answered by the next
   * call, as it may come behind further messages.
   */
  async receive(): Promise<IPublishPacket> {
    const packet = await this.#nextBesidesPubrel();
    if (packet.cmd !== "publish") throw unexpected("publish", packet);
    const { messageId = 0 } = packet;
    if (packet.qos === 1) this.send({ cmd: "puback", messageId });
    if (packet.qos === 2) this.send({ cmd: "pubrec", messageId });
    return packet;
  }

  async #nextBesidesPubrel(): Promise<Packet> {
    while (true) {
      const packet = await this.next();
      if (packet.cmd !== "pubrel") return packet;
      this.send({ cmd: "pubcomp", messageId: packet.messageId ?? 0 });
    }
  }

  nextPacketId(): number {
    this.#lastPacketId = this.#lastPacketId % 65535 + 1;
    return this.#lastPacketId;
  }

  /** DISCONNECT, and waits for the hang-up. */
  async disconnect(): Promise<void> {
    this.send({ cmd: "disconnect" });
    await this.expectClosed();
  }

  /** Breaks the connection off without a word. */
  cut(): void {
    this.#socket.destroy();
  }

  /** Stops and starts taking bytes from the socket, as a client does that cannot keep up. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      if (this.#failure !== undefined) throw this.#failure;
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
    if (this.#failure !== undefined) throw this.#failure;
  }
}

function unexpected(expected: string, packet: Packet): Error {
  return new Error(`Expected ${expected}, but ${packet.cmd} came: ${JSON.stringify(packet)}`);
}
