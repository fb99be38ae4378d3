/** A publisher that keeps sending a message until it is acknowledged, over any number of connections. */
import type { IPublishPacket, Packet } from "mqtt-packet";
import type { ClientVersion, MemoryBroker, MemoryClient } from "../../support/memory_broker.ts";

const WINDOW = 4;

export class StubbornPublisher {
  readonly name: string;
  readonly qos: 1 | 2;
  readonly version: ClientVersion;
  readonly acknowledged = new Set<number>();
  /** The newest that was sent at least once. */
  lastNumber = 0;
  /** Messages that were refused: only a 5.0 client is told. */
  refused = 0;
  connections = 0;
  /** Messages by identifier; undefined: PUBREC has come, PUBCOMP is awaited. */
  readonly #open = new Map<number, number | undefined>();
  #again: number[] = [];
  #client: MemoryClient | undefined;
  #isGreeted = false;
  #lastId = 0;

  constructor(name: string, version: ClientVersion, qos: 1 | 2) {
    this.name = name;
    this.version = version;
    this.qos = qos;
  }

  /** Nothing is unanswered. */
  get isIdle(): boolean {
    return this.#open.size === 0 && this.#again.length === 0;
  }

  connect(memory: MemoryBroker): void {
    const { version, name } = this;
    const v5 = version === 5 ? { properties: { sessionExpiryInterval: 3600 } } : {};
    this.#client = memory.client({ clientId: name, version, clean: false, ...v5 });
    this.#isGreeted = false;
    this.connections++;
  }

  lose(): void {
    this.#client?.peer.reset();
    this.#client = undefined;
  }

  /** Reads what has come, connects again where the broker has hung up, and sends up to `count` new messages. */
  step(memory: MemoryBroker, count: number): void {
    for (const packet of this.#client?.take() ?? []) this.#read(packet);
    if (this.#client === undefined || this.#client.peer.isHungUp) return this.connect(memory);
    if (!this.#isGreeted) return;
    for (const number of this.#again.splice(0)) this.#publish(number);
    for (let sent = 0; sent < count && this.#open.size < WINDOW; sent++) {
      this.#publish(++this.lastNumber);
    }
  }

  #read(packet: Packet): void {
    const { messageId = 0 } = packet;
    const code = (packet as { reasonCode?: number }).reasonCode ?? 0;
    const number = this.#open.get(messageId);
    switch (packet.cmd) {
      case "connack":
        if ((packet.reasonCode ?? packet.returnCode ?? 0) === 0) {
          this.#greeted(packet.sessionPresent);
        }
        return;
      case "puback":
      case "pubrec":
        if (number === undefined) {
          if (packet.cmd === "pubrec") this.#client?.send({ cmd: "pubrel", messageId });
          return;
        }
        if (code >= 0x80) {
          if (code !== 0x97) throw new Error(`${this.name} was told ${code}`);
          this.refused++;
          this.#open.delete(messageId);
          this.#again.push(number);
          return;
        }
        this.acknowledged.add(number);
        if (packet.cmd === "puback") this.#open.delete(messageId);
        else {
          this.#open.set(messageId, undefined);
          this.#client?.send({ cmd: "pubrel", messageId });
        }
        return;
      case "pubcomp":
        this.#open.delete(messageId);
        return;
      default:
        throw new Error(`${this.name} was sent ${packet.cmd}`);
    }
  }

  /** What is unanswered goes out again under its identifier, in its old order. */
  #greeted(isPresent: boolean): void {
    this.#isGreeted = true;
    if (!isPresent && this.connections > 1 && this.acknowledged.size > 0) {
      throw new Error(`${this.name}: the session is lost`);
    }
    for (const [messageId, number] of this.#open) {
      if (number === undefined) this.#client?.send({ cmd: "pubrel", messageId });
      else this.#client?.send(this.#packet(messageId, number, true));
    }
  }

  #publish(number: number): void {
    this.#lastId = this.#lastId % 65535 + 1;
    this.#open.set(this.#lastId, number);
    this.#client?.send(this.#packet(this.#lastId, number, false));
  }

  #packet(messageId: number, number: number, dup: boolean): IPublishPacket {
    const { name, qos } = this;
    const payload = `${name} ${number}`;
    return { cmd: "publish", topic: `n/${name}`, payload, qos, retain: false, dup, messageId };
  }
}
