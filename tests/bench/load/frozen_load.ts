/**
 * A steady publisher, as a program: `frozen_load.ts PORT FROZEN RATE PAYLOAD`, with so many subscribers that never
 * read: in turn one of QoS 0, one of QoS 1, one of QoS 1 whose session would outlive it. Prints the number of
 * messages published, one line a second, until it is ended.
 */
import process from "node:process";
import { LoadClient, type LoadObserver } from "./client.ts";
import { publishTemplate, type Qos } from "./frames.ts";

const READ_BYTES = 4096;
const TOPIC = "frozen/all";
const BURSTS_PER_SECOND = 100;

class FrozenLoad implements LoadObserver {
  published = 0;
  #owed = 0;

  onDelivery(): void {}
  onAcknowledged(): void {}
  onChunkEnd(): void {}

  onClose(client: LoadClient, detail: string | undefined): void {
    throw new Error(`Cannot go on: the broker closed client ${client.index}: ${detail}`);
  }

  async #open(index: number, port: number, isClean: boolean): Promise<LoadClient> {
    const client = new LoadClient(index, 4, this);
    const clientId = `frozen-${process.pid}-${index}`;
    const lasting = isClean ? {} : { sessionExpiryS: 3600 };
    const fields = { clientId, version: 4, keepAliveS: 0, ...lasting } as const;
    await client.connect({ host: "127.0.0.1", port, readBytes: READ_BYTES }, fields);
    return client;
  }

  async run(port: number, frozen: number, rate: number, payloadBytes: number): Promise<void> {
    for (let index = 0; index < frozen; index++) {
      const subscriber = await this.#open(index, port, index % 3 !== 2);
      await subscriber.subscribe([TOPIC], index % 3 === 0 ? 0 : 1);
      subscriber.freeze();
    }
    const publisher = await this.#open(frozen, port, true);
    const templates = ([0, 1] as const).map((qos: Qos) =>
      publishTemplate({ topic: TOPIC, payloadBytes, qos, version: 4, deliveries: 0 })
    );
    setInterval(() => {
      this.#owed += rate / BURSTS_PER_SECOND;
      for (; this.#owed >= 1; this.#owed--) {
        publisher.publish(templates[this.published++ % 2]!, 0, 0);
      }
      publisher.flush();
    }, 1000 / BURSTS_PER_SECOND);
  }
}

const [port, frozen, rate, payloadBytes] = process.argv.slice(2).map(Number) as [
  number,
  number,
  number,
  number,
];
const load = new FrozenLoad();
await load.run(port, frozen, rate, payloadBytes);
setInterval(() => process.stdout.write(`${load.published}\n`), 1000);
