import { CallbackTimer, type Clock, TimerWheel } from "../base/mod.ts";
import type { IntervalHandle, Runtime } from "../runtime/mod.ts";

/** What clients ask of the program that runs them. */
export type ClientRuntime = Pick<
  Runtime,
  "connectTcp" | "connectUnix" | "connectTls" | "defer" | "every"
>;

/** A client with bytes to send. */
export interface Flushable {
  flush(): void;
}

const TICK_MS = 100;

/** What all clients of a program share: timers, and one write for each at the end of a turn. */
export class ClientLoop {
  readonly runtime: ClientRuntime;
  readonly clock: Clock;
  readonly timers: TimerWheel;
  readonly #ticking: IntervalHandle;
  #touched: Flushable[] = [];
  #spare: Flushable[] = [];
  readonly #flush = (): void => this.#flushAll();

  constructor(runtime: ClientRuntime, clock: Clock) {
    this.runtime = runtime;
    this.clock = clock;
    this.timers = new TimerWheel(clock, { tickMs: TICK_MS });
    this.#ticking = runtime.every(TICK_MS, () => this.timers.advance(clock.monotonicMs()));
  }

  /** `client` is flushed at the end of this turn; it asks once for each turn. */
  flushLater(client: Flushable): void {
    if (this.#touched.push(client) === 1) this.runtime.defer(this.#flush);
  }

  /** Calls `fn` once after so many milliseconds; what it answers forgets that. */
  after(ms: number, fn: () => void): () => void {
    const timer = new CallbackTimer(fn);
    this.timers.schedule(timer, ms);
    return () => void this.timers.cancel(timer);
  }

  /** No timer fires any more. */
  close(): void {
    this.#ticking.stop();
  }

  #flushAll(): void {
    const touched = this.#touched;
    this.#touched = this.#spare;
    for (const client of touched) client.flush();
    touched.length = 0;
    this.#spare = touched;
  }
}
