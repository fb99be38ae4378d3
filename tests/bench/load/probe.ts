/**
 * A pair of clients with little to say, as a program: `probe.ts PORT QOS SECONDS`. Sends a message about every
 * millisecond and prints how long they took, as a line of JSON.
 */
import process from "node:process";
import { LoadClient, type LoadObserver } from "./client.ts";
import { nowUs, sleep } from "./clock.ts";
import { publishTemplate, type Qos, readUint32 } from "./frames.ts";
import { LatencyHistogram } from "../../../src/base/mod.ts";

export interface ProbeResult {
  readonly count: number;
  readonly p50Us: number;
  readonly p99Us: number;
  readonly maxUs: number;
  /** Where so many were to be sent in a second: how many were, and how many of them never came. */
  readonly perSecond?: number;
  readonly lost?: number;
}

const PAUSE_MS_MAX = 2;
const READ_BYTES = 4096;
const WARM_UP_MS = 500;

class Probe implements LoadObserver {
  readonly latency = new LatencyHistogram();
  #onDelivery: (() => void) | undefined;

  onDelivery(_client: LoadClient, bytes: Uint8Array, payloadStart: number): void {
    this.latency.record((nowUs() - readUint32(bytes, payloadStart)) >>> 0);
    this.#onDelivery?.();
  }

  onAcknowledged(): void {}
  onChunkEnd(): void {}

  onClose(_client: LoadClient, detail: string | undefined): void {
    throw new Error(`Cannot go on: the broker closed a connection of the probe: ${detail}`);
  }

  async run(port: number, qos: Qos, seconds: number): Promise<ProbeResult> {
    const topic = `probe/${process.pid}`;
    const [subscriber, publisher] = [new LoadClient(0, 4, this), new LoadClient(1, 4, this)];
    for (const client of [subscriber, publisher]) {
      const clientId = `probe-${process.pid}-${client.index}`;
      const fields = { clientId, version: 4, keepAliveS: 0 } as const;
      await client.connect({ host: "127.0.0.1", port, readBytes: READ_BYTES }, fields);
    }
    await subscriber.subscribe([topic], qos);
    const template = publishTemplate({ topic, payloadBytes: 64, qos, version: 4, deliveries: 1 });
    const startMs = performance.now();
    let isWarm = false;
    while (performance.now() - startMs < WARM_UP_MS + seconds * 1000) {
      if (!isWarm && performance.now() - startMs > WARM_UP_MS) {
        isWarm = true;
        this.latency.reset();
      }
      const delivered = new Promise<void>((resolve) => this.#onDelivery = resolve);
      publisher.publish(template, nowUs(), 0);
      publisher.flush();
      await delivered;
      // Not in step with anything that the broker does at regular times.
      await sleep(Math.random() * PAUSE_MS_MAX);
    }
    const { latency } = this;
    return {
      count: latency.count,
      p50Us: latency.quantileUs(0.5),
      p99Us: latency.quantileUs(0.99),
      maxUs: latency.maxUs,
    };
  }
}

const [port, qos, seconds] = process.argv.slice(2).map(Number) as [number, Qos, number];
const result = await new Probe().run(port, qos, seconds);
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0));
