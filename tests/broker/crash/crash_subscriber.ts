import type { Packet } from "mqtt-packet";
import type { Received, ReceivedMessage } from "./checker.ts";
import { readPayload } from "./crash_publisher.ts";
import { LastingClient } from "./lasting_client.ts";

/** Takes everything, and writes down what an application would be given. */
export class CrashSubscriber extends LastingClient implements Received {
  readonly messages: ReceivedMessage[] = [];
  /** So many acknowledgements are held back and then sent together. */
  acknowledgeEvery = 1;
  /** Called after each message. */
  onMessage: () => void = () => undefined;
  readonly #held: Packet[] = [];
  /** QoS 2 messages that were given to the application and are not released [MQTT-4.3.3-10]. */
  readonly #unreleased = new Set<number>();
  readonly #newest = new Map<string, number>();
  #isSubscribed = false;
  #wake: (() => void) | undefined;

  /** Subscribes; resolves with the SUBACK. */
  async subscribe(filter: string): Promise<void> {
    this.send({ cmd: "subscribe", messageId: 1, subscriptions: [{ topic: filter, qos: 2 }] });
    await this.#until(() => this.#isSubscribed);
  }

  /** Resolves when the message `number` of `publisher`, or a later one, has come, as news or as a repetition. */
  async reached(publisher: string, number: number): Promise<void> {
    await this.#until(() => (this.#newest.get(publisher) ?? 0) >= number);
  }

  async #until(condition: () => boolean): Promise<void> {
    while (this.failure === undefined && !condition()) {
      await new Promise<void>((resolve) => this.#wake = resolve);
    }
  }

  protected override onConnected(): void {
    // What was not acknowledged comes again.
    this.#held.length = 0;
  }

  protected override onPacket(packet: Packet): void {
    const { cmd, messageId = 0 } = packet;
    switch (cmd) {
      case "suback":
        this.#isSubscribed = true;
        break;
      case "publish":
        this.#note(packet.payload);
        if (packet.qos === 1) {
          this.#give(packet.payload);
          this.#held.push({ cmd: "puback", messageId });
        } else if (packet.qos === 2) {
          if (!this.#unreleased.has(messageId)) this.#give(packet.payload);
          this.#unreleased.add(messageId);
          this.#held.push({ cmd: "pubrec", messageId });
        } else this.fail("it sent a message with QoS 0");
        if (this.#held.length >= this.acknowledgeEvery) this.#acknowledge();
        break;
      case "pubrel":
        this.#unreleased.delete(messageId);
        this.send({ cmd: "pubcomp", messageId });
        break;
      default:
        this.fail(`it sent ${cmd}`);
    }
  }

  protected override onChunkEnd(): void {
    this.#wake?.();
  }

  /** In the order in which the messages came [MQTT-4.6.0-2]. */
  #acknowledge(): void {
    for (const packet of this.#held.splice(0)) this.send(packet);
  }

  /** Also of a message that is not given to the application. */
  #note(payload: Uint8Array | string): void {
    const { publisher, number } = readPayload(payload);
    this.#newest.set(publisher, Math.max(this.#newest.get(publisher) ?? 0, number));
  }

  #give(payload: Uint8Array | string): void {
    this.messages.push(readPayload(payload));
    this.onMessage();
  }
}
