import { Buffer } from "node:buffer";
import type { Packet } from "mqtt-packet";
import type { Published } from "./checker.ts";
import { LastingClient } from "./lasting_client.ts";

/** Messages on their way: what the broker's receive maximum allows. */
const WINDOW = 100;
const PACKET_IDENTIFIER_NOT_FOUND = 0x92;
/** Every so many messages one is retained. */
export const RETAINED_EVERY = 10;

interface Unfinished {
  readonly number: number;
  /** After PUBREC: only PUBREL is sent again. */
  isReleased: boolean;
}

/** Publishes numbered messages as fast as the broker acknowledges them. */
export class CrashPublisher extends LastingClient implements Published {
  readonly qos: 1 | 2;
  lastNumber = 0;
  readonly acknowledged = new Set<number>();
  /** The newest retained message that was acknowledged. */
  lastRetained = 0;
  /** Nothing is sent beyond this. */
  limit = Infinity;
  onAcknowledged: () => void = () => undefined;
  /** By packet identifier, in the order in which they were first sent. */
  readonly #unfinished = new Map<number, Unfinished>();
  #lastPacketId = 0;
  #wake: (() => void) | undefined;

  constructor(name: string, version: 4 | 5, qos: 1 | 2) {
    super(name, version);
    this.qos = qos;
  }

  get topic(): string {
    return `crash/${this.name}`;
  }

  /** Resolves when everything up to `limit` has been sent and acknowledged to the end. */
  async done(): Promise<void> {
    while (this.failure === undefined && !this.#isDone) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  get #isDone(): boolean {
    return this.lastNumber >= this.limit && this.#unfinished.size === 0;
  }

  /** In their old order, under their old identifiers [MQTT-4.4.0-1]. */
  protected override onConnected(): void {
    for (const [messageId, { number, isReleased }] of this.#unfinished) {
      if (isReleased) this.send({ cmd: "pubrel", messageId });
      else this.#publish(messageId, number, true);
    }
    this.#fill();
  }

  protected override onPacket(packet: Packet): void {
    const { cmd, messageId = 0 } = packet;
    const message = this.#unfinished.get(messageId);
    const reasonCode = "reasonCode" in packet ? packet.reasonCode ?? 0 : 0;
    // A PUBREL that is sent again may be the second one that reaches the broker.
    const isKnown = cmd === "pubcomp" && reasonCode === PACKET_IDENTIFIER_NOT_FOUND;
    if (reasonCode >= 0x80 && !isKnown) {
      this.fail(`it answered ${cmd} with ${reasonCode}`);
    } else if (message === undefined) {
      this.fail(`it sent ${cmd} for ${messageId}, which is not in use`);
    } else if (cmd === "puback" && this.qos === 1) {
      this.#unfinished.delete(messageId);
      this.#acknowledge(message.number);
    } else if (cmd === "pubrec" && this.qos === 2) {
      message.isReleased = true;
      this.send({ cmd: "pubrel", messageId });
      this.#acknowledge(message.number);
    } else if (cmd === "pubcomp" && message.isReleased) this.#unfinished.delete(messageId);
    else this.fail(`it sent ${cmd} out of place`);
  }

  protected override onChunkEnd(): void {
    this.#fill();
    if (this.#isDone || this.failure !== undefined) this.#wake?.();
  }

  #acknowledge(number: number): void {
    if (this.acknowledged.has(number)) return;
    this.acknowledged.add(number);
    if (number % RETAINED_EVERY === 0) this.lastRetained = Math.max(this.lastRetained, number);
    this.onAcknowledged();
  }

  #fill(): void {
    while (this.#unfinished.size < WINDOW && this.lastNumber < this.limit) {
      const number = ++this.lastNumber;
      const messageId = this.#nextPacketId();
      this.#unfinished.set(messageId, { number, isReleased: false });
      this.#publish(messageId, number, false);
    }
  }

  #nextPacketId(): number {
    do this.#lastPacketId = this.#lastPacketId % 65535 + 1; while (
      this.#unfinished.has(this.#lastPacketId)
    );
    return this.#lastPacketId;
  }

  #publish(messageId: number, number: number, dup: boolean): void {
    // Of different sizes, up to more than what fits a page of a database.
    const padding = number % 17 === 0 ? 6000 : number % 200;
    this.send({
      cmd: "publish",
      topic: this.topic,
      payload: Buffer.from(`${this.name} ${number} ${"x".repeat(padding)}`),
      qos: this.qos,
      dup,
      retain: number % RETAINED_EVERY === 0,
      messageId,
    });
  }
}

/** What a payload says. */
export function readPayload(payload: Uint8Array | string): { publisher: string; number: number } {
  const [publisher = "", number] = String(payload).split(" ", 2);
  return { publisher, number: Number(number) };
}
