/** Pairs of clients of one broker that send at a steady rate, whatever comes of it. */
import process from "node:process";
import { LoadClient, type LoadObserver } from "./client.ts";
import { nowUs, sleep } from "./clock.ts";
import { type PublishTemplate, publishTemplate, readUint32 } from "./frames.ts";

const PAIRS = 10;
const TICK_MS = 1;
/** Who was not awake for so long has stood still; else the clock of what is sent has its turn in half the time. */
const STILL_US = 2500;
/** Of what could not be sent in time no more than this is made up for at once. */
const LATE_MS_MAX = 100;
const READ_BYTES = 65536;
const DRAIN_MS_MAX = 3000;

interface Publisher {
  readonly client: LoadClient;
  readonly template: PublishTemplate;
}

/**
 * Told how long a message of a pair took. Where this program stood still meanwhile it does not know how much of that is the
 * broker's.
 */
export type RecordLatency = (us: number, isKnown: boolean, pair: number) => void;

/** Each pair has a topic of its own, "steady/…/0" and so on. */
export class SteadyPairs implements LoadObserver {
  /** Messages sent and received. */
  published = 0;
  delivered = 0;
  readonly #record: RecordLatency;
  readonly #publishers: Publisher[] = [];
  #clockUs = 0;
  /** When this program was seen awake the last time. */
  #awakeUs = 0;
  /** Since when it has not stood still. */
  #sinceUs = 0;

  private constructor(record: RecordLatency) {
    this.#record = record;
  }

  /** `record` is told how long each message took. */
  static async open(port: number, record: RecordLatency): Promise<SteadyPairs> {
    const pairs = new SteadyPairs(record);
    for (let pair = 0; pair < PAIRS; pair++) await pairs.#openPair(port, pair);
    return pairs;
  }

  onDelivery({ index }: LoadClient, bytes: Uint8Array, payloadStart: number): void {
    this.delivered++;
    if (this.#clockUs === 0) this.#clockUs = this.#wake();
    const sentUs = readUint32(bytes, payloadStart);
    const isKnown = ((sentUs - this.#sinceUs) | 0) >= 0;
    this.#record((this.#clockUs - sentUs) >>> 0, isKnown, index);
  }

  onChunkEnd(): void {
    this.#clockUs = 0;
  }

  onAcknowledged(): void {}

  onClose(client: LoadClient, detail: string | undefined): void {
    throw new Error(`Cannot go on: the broker closed client ${client.index}: ${detail}`);
  }

  /**
   * Sends so many messages in a second until what it returns is called. What is due goes to one publisher after the
   * other, or each time to all of them; a message is as old as it is since it was handed over.
   */
  send(rate: number, who: "turns" | "all"): () => void {
    let [lastMs, owed, turn] = [performance.now(), 0, 0];
    this.#awakeUs = this.#sinceUs = nowUs();
    const timer = setInterval(() => {
      const now = performance.now();
      owed = Math.min(owed + (now - lastMs) * rate / 1000, LATE_MS_MAX * rate / 1000);
      lastMs = now;
      const due = Math.floor(owed);
      owed -= due;
      const stampUs = this.#wake();
      if (who === "turns") {
        this.#sendTo(this.#publishers[turn] as Publisher, due, stampUs);
        turn = (turn + 1) % PAIRS;
        return;
      }
      for (let pair = 0; pair < PAIRS; pair++) {
        const count = Math.floor(due * (pair + 1) / PAIRS) - Math.floor(due * pair / PAIRS);
        if (count > 0) this.#sendTo(this.#publishers[pair] as Publisher, count, stampUs);
      }
    }, TICK_MS);
    return () => clearInterval(timer);
  }

  /** The time. */
  #wake(): number {
    const us = nowUs();
    if (((us - this.#awakeUs) >>> 0) > STILL_US) this.#sinceUs = us;
    this.#awakeUs = us;
    return us;
  }

  #sendTo({ client, template }: Publisher, count: number, stampUs: number): void {
    for (let i = 0; i < count; i++) client.publish(template, stampUs, 0);
    this.published += count;
    client.flush();
  }

  /** Until all that was sent has come, or will not come any more; how many did not. */
  async drain(): Promise<number> {
    const endMs = performance.now() + DRAIN_MS_MAX;
    while (this.delivered < this.published && performance.now() < endMs) await sleep(TICK_MS);
    return this.published - this.delivered;
  }

  async #openPair(port: number, pair: number): Promise<void> {
    const topic = `steady/${process.pid}/${pair}`;
    const [subscriber, client] = [
      new LoadClient(pair, 4, this),
      new LoadClient(PAIRS + pair, 4, this),
    ];
    for (const each of [subscriber, client]) {
      const clientId = `steady-${process.pid}-${each.index}`;
      const fields = { clientId, version: 4, keepAliveS: 0 } as const;
      await each.connect({ host: "127.0.0.1", port, readBytes: READ_BYTES }, fields);
    }
    await subscriber.subscribe([topic], 0);
    const template = publishTemplate({
      topic,
      payloadBytes: 64,
      qos: 0,
      version: 4,
      deliveries: 1,
    });
    this.#publishers.push({ client, template });
  }
}
