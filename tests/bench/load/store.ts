/**
 * Publishers that store as fast as they are acknowledged, as a program: `store.ts PORT QOS`. Ten of them publish to one
 * session whose client is away, with at most a thousand messages between them unacknowledged. Prints the number of messages
 * acknowledged, one line a second, until it is ended.
 */
import process from "node:process";
import { LoadClient, type LoadObserver } from "./client.ts";
import { type PublishTemplate, publishTemplate, type Qos } from "./frames.ts";

const READ_BYTES = 65536;
const PUBLISHERS = 10;
const WINDOW = 100;
const TOPIC = "store/all";

class StoreLoad implements LoadObserver {
  readonly #template: PublishTemplate;
  #isEnding = false;
  acknowledged = 0;

  constructor(qos: Qos) {
    const fields = { topic: TOPIC, payloadBytes: 64, version: 4, deliveries: 0 } as const;
    this.#template = publishTemplate({ ...fields, qos });
  }

  onDelivery(): void {}

  onAcknowledged(): void {
    this.acknowledged++;
  }

  /** All acknowledgements in a chunk have been seen: as many messages may follow. */
  onChunkEnd(client: LoadClient): void {
    if (client.isConnected && client.index > 0) this.#fill(client);
  }

  onClose(client: LoadClient, detail: string | undefined): void {
    if (this.#isEnding) return;
    throw new Error(`Cannot go on: the broker closed client ${client.index}: ${detail}`);
  }

  #fill(client: LoadClient): void {
    while (client.inflight < WINDOW) client.publish(this.#template, 0, 0);
    client.flush();
  }

  async #open(index: number, port: number, sessionExpiryS?: number): Promise<LoadClient> {
    const client = new LoadClient(index, 4, this);
    const clientId = `store-${process.pid}-${index}`;
    const fields = { clientId, version: 4, keepAliveS: 0, sessionExpiryS } as const;
    await client.connect({ host: "127.0.0.1", port, readBytes: READ_BYTES }, fields);
    return client;
  }

  async run(port: number, qos: Qos): Promise<void> {
    const subscriber = await this.#open(0, port, 3600);
    await subscriber.subscribe([TOPIC], qos);
    this.#isEnding = true;
    subscriber.disconnect();
    const publishers = [];
    for (let i = 1; i <= PUBLISHERS; i++) publishers.push(await this.#open(i, port));
    this.#isEnding = false;
    for (const publisher of publishers) this.#fill(publisher);
  }
}

const [port, qos] = process.argv.slice(2).map(Number) as [number, Qos];
const load = new StoreLoad(qos);
await load.run(port, qos);
setInterval(() => process.stdout.write(`${load.acknowledged}\n`), 1000);
