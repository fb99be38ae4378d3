/**
 * One publisher at full speed, as a program: `flood.ts PORT FROZEN READING`, with so many subscribers that never read
 * and so many that do. Prints the number of messages published, one line a second, until it is ended.
 */
import process from "node:process";
import { LoadClient, type LoadObserver } from "./client.ts";
import { publishTemplate } from "./frames.ts";

const READ_BYTES = 65536;
const BURST = 700;
const TOPIC = "flood/all";

class Flood implements LoadObserver {
  readonly #template = publishTemplate({
    topic: TOPIC,
    payloadBytes: 64,
    qos: 0,
    version: 4,
    deliveries: 0,
  });
  #publisher: LoadClient | undefined;
  published = 0;

  onDelivery(): void {}
  onAcknowledged(): void {}

  /** The system has taken what was given to it: here is more. */
  onChunkEnd(client: LoadClient): void {
    if (client === this.#publisher && !client.isWriting) this.#fill(client);
  }

  onClose(client: LoadClient, detail: string | undefined): void {
    throw new Error(`Cannot go on: the broker closed client ${client.index}: ${detail}`);
  }

  async #open(index: number, port: number): Promise<LoadClient> {
    const client = new LoadClient(index, 4, this);
    const fields = {
      clientId: `flood-${process.pid}-${index}`,
      version: 4,
      keepAliveS: 0,
    } as const;
    await client.connect({ host: "127.0.0.1", port, readBytes: READ_BYTES }, fields);
    return client;
  }

  #fill(client: LoadClient): void {
    for (let i = 0; i < BURST; i++) client.publish(this.#template, 0, 0);
    this.published += BURST;
    client.flush();
    // Else the next burst goes when the system has room again.
    if (!client.isWriting) setImmediate(() => this.#fill(client));
  }

  async run(port: number, frozen: number, reading: number): Promise<void> {
    for (let i = 0; i < frozen + reading; i++) {
      const subscriber = await this.#open(i, port);
      await subscriber.subscribe([TOPIC], 0);
      if (i < frozen) subscriber.freeze();
    }
    const publisher = await this.#open(frozen + reading, port);
    this.#publisher = publisher;
    this.#fill(publisher);
  }
}

const [port, frozen, reading] = process.argv.slice(2).map(Number) as [number, number, number];
const flood = new Flood();
await flood.run(port, frozen, reading);
setInterval(() => process.stdout.write(`${flood.published}\n`), 1000);
