/**
 * Pairs of clients that send at a steady rate, whatever comes of it, as a program: `steady.ts PORT RATE SECONDS`. Prints
 * how long messages took, how many were sent and how many never came, as a line of JSON.
 */
import process from "node:process";
import { LoadClient, type LoadObserver } from "./client.ts";
import { type PublishTemplate, publishTemplate, readUint32 } from "./frames.ts";
import { LatencyHistogram } from "../../../src/base/mod.ts";
import type { ProbeResult } from "./probe.ts";

const PAIRS = 10;
const TICK_MS = 1;
/** Of what could not be sent in time no more than this is made up for at once. */
const LATE_MS_MAX = 100;
const READ_BYTES = 65536;
const WARM_UP_MS = 500;
const DRAIN_MS_MAX = 3000;

function nowUs(): number {
  return (performance.now() * 1000) >>> 0;
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

interface Publisher {
  readonly client: LoadClient;
  readonly template: PublishTemplate;
}

class Steady implements LoadObserver {
  readonly #latency = new LatencyHistogram();
  readonly #publishers: Publisher[] = [];
  #published = 0;
  #delivered = 0;
  #clockUs = 0;

  onDelivery(_client: LoadClient, bytes: Uint8Array, payloadStart: number): void {
    this.#delivered++;
    if (this.#clockUs === 0) this.#clockUs = nowUs();
    this.#latency.record((this.#clockUs - readUint32(bytes, payloadStart)) >>> 0);
  }

  onChunkEnd(): void {
    this.#clockUs = 0;
  }

  onAcknowledged(): void {}

  onClose(client: LoadClient, detail: string | undefined): void {
    throw new Error(`Cannot go on: the broker closed client ${client.index}: ${detail}`);
  }

  async run(port: number, rate: number, seconds: number): Promise<ProbeResult> {
    for (let pair = 0; pair < PAIRS; pair++) await this.#openPair(port, pair);
    const stop = this.#send(rate);
    await sleep(WARM_UP_MS);
    const [startMs, before] = [performance.now(), this.#published];
    this.#latency.reset();
    await sleep(seconds * 1000);
    const perSecond = Math.round(
      (this.#published - before) / ((performance.now() - startMs) / 1000),
    );
    stop();
    const endMs = performance.now() + DRAIN_MS_MAX;
    while (this.#delivered < this.#published && performance.now() < endMs) await sleep(TICK_MS);
    const { count, maxUs } = this.#latency;
    return {
      count,
      perSecond,
      lost: this.#published - this.#delivered,
      p50Us: this.#latency.quantileUs(0.5),
      p99Us: this.#latency.quantileUs(0.99),
      maxUs,
    };
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

  /** Publishers take turns, each with what is due; a message is as old as it is since it was handed over. */
  #send(rate: number): () => void {
    let [lastMs, owed, turn] = [performance.now(), 0, 0];
    const timer = setInterval(() => {
      const now = performance.now();
      owed = Math.min(owed + (now - lastMs) * rate / 1000, LATE_MS_MAX * rate / 1000);
      lastMs = now;
      const due = Math.floor(owed);
      owed -= due;
      const { client, template } = this.#publishers[turn] as Publisher;
      turn = (turn + 1) % PAIRS;
      const stampUs = nowUs();
      for (let i = 0; i < due; i++) client.publish(template, stampUs, 0);
      this.#published += due;
      client.flush();
    }, TICK_MS);
    return () => clearInterval(timer);
  }
}

const [port, rate, seconds] = process.argv.slice(2).map(Number) as [number, number, number];
const result = await new Steady().run(port, rate, seconds);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
