import type { Prng } from "../base/mod.ts";
import type { Runtime } from "../runtime/mod.ts";
import {
  createSinkCounters,
  type HostRules,
  type HttpItem,
  HttpSink,
  SinkBudget,
  SinkBuffer,
  type SinkCounters,
  type SinkError,
} from "../sinks/mod.ts";
import type { WebHookOptions } from "./options.ts";

/** What has to be asked of the system. */
export type WebHookRuntime = Pick<Runtime, "createHttpClient" | "defer" | "every" | "yieldTurn">;

export interface OutboxParts {
  readonly options: WebHookOptions;
  /** What `options.caFile` holds. */
  readonly ca: string | undefined;
  readonly hosts: () => HostRules;
  readonly runtime: WebHookRuntime;
  readonly prng: Prng;
  readonly onOutcome: (failure: SinkError | undefined) => void;
}

/** From a failure to the next try, doubled each time. */
const RETRY_DELAY_MS = 200;
/** For three tries to a server that closes its connections. */
const PATIENCE_MS = 1000;

/**
 * What waits to be posted. Events of one client go one after the other, so that they arrive in their order; clients
 * share a number of lanes, and all lanes what may wait.
 */
export class Outbox {
  readonly #sink: HttpSink;
  readonly #budget: SinkBudget;
  readonly #lanes: readonly SinkBuffer<HttpItem>[];

  constructor({ options, ca, hosts, runtime, prng, onOutcome }: OutboxParts) {
    const { url, headers, timeoutMs, parallelMax } = options;
    this.#sink = new HttpSink({
      options: {
        url,
        method: "POST",
        headers,
        timeoutMs,
        connectionsMax: parallelMax,
        ca,
        isVerified: options.verifiesPeer,
        needsSuccess: true,
      },
      hosts,
      runtime,
    });
    this.#budget = new SinkBudget(options.queuedMax, options.queuedBytesMax);
    this.#lanes = Array.from({ length: parallelMax }, () =>
      new SinkBuffer<HttpItem>({
        sink: this.#sink,
        options: {
          whenFull: options.whenFull,
          parallelMax: 1,
          timeoutMs: timeoutMs * 4 + PATIENCE_MS,
          retriesMax: options.retriesMax,
          retryDelayMs: RETRY_DELAY_MS,
          retryDelayMaxMs: options.retryDelayMaxMs,
        },
        budget: this.#budget,
        runtime,
        prng,
        onOutcome,
      }));
  }

  /** Where what is about a client waits. */
  laneOf(clientId: string): SinkBuffer<HttpItem> {
    let hash = 0;
    for (let index = 0; index < clientId.length; index++) {
      hash = (Math.imul(hash, 31) + clientId.charCodeAt(index)) | 0;
    }
    return this.#lanes[(hash >>> 0) % this.#lanes.length] as SinkBuffer<HttpItem>;
  }

  /** Sums of all lanes. */
  get counters(): SinkCounters {
    return this.#lanes.reduce(
      (sum, { counters }) => addCounters(sum, counters),
      createSinkCounters(),
    );
  }

  async close(flushMs: number): Promise<void> {
    await Promise.all(this.#lanes.map((lane) => lane.close(flushMs)));
    await this.#sink.close();
  }
}

export function addCounters(sum: SinkCounters, more: Readonly<SinkCounters>): SinkCounters {
  for (const name of Object.keys(sum) as (keyof SinkCounters)[]) sum[name] += more[name];
  return sum;
}
