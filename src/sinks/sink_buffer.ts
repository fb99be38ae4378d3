import { assert, Deque, type Prng } from "../base/mod.ts";
import type { IntervalHandle, Runtime } from "../runtime/mod.ts";
import { type ItemQueue, PackedQueue } from "./packed_queue.ts";
import { SinkBudget } from "./sink_budget.ts";
import { type Sink, SinkError, type SinkItem, toSinkError } from "./sink.ts";

/** What a buffer asks of the runtime that it is on. */
export type SinkRuntime = Pick<Runtime, "every" | "yieldTurn">;

export interface SinkBufferOptions {
  /** What goes where there is no room. */
  readonly whenFull: "drop-newest" | "drop-oldest";
  /** Batches under way at the same time. With 1 everything is delivered in the order in which it was offered. */
  readonly parallelMax: number;
  /** How long one delivery may take, in milliseconds. */
  readonly timeoutMs: number;
  /** How often a batch is tried again. */
  readonly retriesMax: number;
  /**
   * From a failure to the next try; doubled with each failure of the batch, or in a row where nothing works, up to
   * `retryDelayMaxMs`, less a random part of up to a half.
   */
  readonly retryDelayMs: number;
  readonly retryDelayMaxMs: number;
}

/** Sums since the buffer was made, and what is in it now. */
export interface SinkCounters {
  offered: number;
  delivered: number;
  /** Given up after the last try, or refused for good. */
  failed: number;
  /** For want of room: not taken, or pushed out. And what was left when the buffer was closed. */
  dropped: number;
  /** Batches that were tried again. */
  retried: number;
  /** Now: waiting or under way. */
  queued: number;
  queuedBytes: number;
}

export interface SinkBufferParts<Item extends SinkItem> {
  readonly sink: Pick<Sink<Item>, "batchMax" | "packing" | "deliver">;
  readonly options: SinkBufferOptions;
  /** What may wait or be under way; others may share in it. */
  readonly budget: SinkBudget;
  readonly runtime: SinkRuntime;
  readonly prng: Prng;
  /** Told of every delivery that was tried; undefined: it succeeded. */
  readonly onOutcome?: (failure: SinkError | undefined) => void;
}

/** A batch that is under way, or waits for its next try. */
interface Flight<Item> {
  readonly batch: readonly Item[];
  /** Those that have failed. */
  tries: number;
  /** The end of our patience, or of the time until the next try. */
  timer: IntervalHandle | undefined;
}

/**
 * What waits for a sink. Nobody ever waits for the buffer: `offer` is a few assignments, everything else happens in
 * later turns, after the sockets had theirs.
 *
 * As long as something works, each batch that failed is tried again after its own time. Where as many tries as there may
 * be at the same time have failed in a row the place is down: then there is one try at a time, and ever more time
 * between them, whichever batch it is. A place that does not answer so costs next to nothing, however much there is for
 * it; the first try that succeeds lets all of it go.
 */
export class SinkBuffer<Item extends SinkItem> {
  readonly counters: SinkCounters = createSinkCounters();
  readonly #parts: SinkBufferParts<Item>;
  readonly #waiting: ItemQueue<Item>;
  /** Under way. */
  readonly #flights = new Set<Flight<Item>>();
  /** They failed, and each is tried again at its time. */
  readonly #resting = new Set<Flight<Item>>();
  /** To be tried again as soon as anything is: in front of all that waits. */
  readonly #ready = new Deque<Flight<Item>>();
  /** Until the next try where all is down. */
  #pause: IntervalHandle | undefined;
  /** How many at the front go each by itself. */
  #singles = 0;
  /** Deliveries that failed since the last one that did not. */
  #failuresInARow = 0;
  #isPumpDue = false;
  #isClosing = false;
  #onEmpty: (() => void) | undefined;

  constructor(parts: SinkBufferParts<Item>) {
    assert(parts.options.parallelMax > 0, "something can be under way");
    this.#parts = parts;
    const { packing } = parts.sink;
    this.#waiting = packing === undefined ? new Deque() : new PackedQueue(packing);
  }

  /** False: it was dropped, and its `onSettled` is not called. An older one may be pushed out for it. */
  offer(item: Item): boolean {
    const { counters } = this;
    counters.offered++;
    if (this.#isClosing || !this.#makeRoom(item.bytes)) {
      counters.dropped++;
      return false;
    }
    counters.queued++;
    counters.queuedBytes += item.bytes;
    this.#parts.budget.take(item.bytes);
    this.#waiting.push(item);
    this.#pumpLater();
    return true;
  }

  /** Whether an item would be dropped, however small: what it takes to make one can be saved; see `countDropped`. */
  get isFull(): boolean {
    const { budget, options: { whenFull } } = this.#parts;
    return budget.isFull && (whenFull === "drop-newest" || this.#waiting.length === 0);
  }

  /** An item that was not even made, because there is no room for it. */
  countDropped(): void {
    this.counters.offered++;
    this.counters.dropped++;
  }

  /** Where it waits for the next try, because nothing has worked for some time, that is now. */
  tryNow(): void {
    if (this.#pause === undefined) return;
    this.#pause.stop();
    this.#pause = undefined;
    this.#pumpLater();
  }

  /**
   * Takes nothing more. Resolves when all is delivered or given up, after `flushMs` at the latest: what is left then is
   * dropped, and what is under way is no longer waited for.
   */
  async close(flushMs: number): Promise<void> {
    this.#isClosing = true;
    if (this.counters.queued === 0) return;
    const isEmpty = new Promise<void>((resolve) => this.#onEmpty = resolve);
    const patience = this.#after(flushMs, () => this.#dropAll());
    this.tryNow();
    await isEmpty;
    patience.stop();
  }

  #makeRoom(bytes: number): boolean {
    const { budget, options: { whenFull } } = this.#parts;
    if (!budget.canEverHold(bytes)) return false;
    while (!budget.hasRoomFor(bytes)) {
      // What is under way cannot be pushed out, nor can what others have.
      const oldest = whenFull === "drop-oldest" ? this.#waiting.shift() : undefined;
      if (oldest === undefined) return false;
      this.counters.dropped++;
      this.#leave(oldest, false);
    }
    return true;
  }

  #leave(item: Item, isDelivered: boolean): void {
    this.counters.queued--;
    this.counters.queuedBytes -= item.bytes;
    this.#parts.budget.giveBack(item.bytes);
    item.onSettled?.(isDelivered);
    if (this.counters.queued === 0) this.#onEmpty?.();
  }

  #pumpLater(): void {
    if (this.#isPumpDue || !this.#canLaunch) return;
    this.#isPumpDue = true;
    this.#parts.runtime.yieldTurn(() => {
      this.#isPumpDue = false;
      this.#pump();
    });
  }

  /** Where nothing has worked for some time, one try at a time tells whether it works again, and costs the least. */
  get #isDown(): boolean {
    return this.#failuresInARow >= this.#parts.options.parallelMax;
  }

  get #canLaunch(): boolean {
    const hasAny = this.#ready.length > 0 || this.#waiting.length > 0;
    if (!hasAny || this.#pause !== undefined) return false;
    if (this.#isDown) return this.#flights.size === 0;
    const { parallelMax } = this.#parts.options;
    if (this.#ready.length > 0) return this.#flights.size < parallelMax;
    // What rests keeps its place: order, and the number of batches in memory, stay as they are.
    return this.#flights.size + this.#resting.size < parallelMax;
  }

  /** One in a turn: a request takes up to half a millisecond, and the traffic has its turn before the next. */
  #pump(): void {
    if (!this.#canLaunch) return;
    const again = this.#ready.shift();
    if (again !== undefined) this.counters.retried++;
    this.#fly(again ?? { batch: this.#takeBatch(), tries: 0, timer: undefined });
    this.#pumpLater();
  }

  #takeBatch(): readonly Item[] {
    const isSingle = this.#singles > 0;
    if (isSingle) this.#singles--;
    const countMax = isSingle ? 1 : this.#parts.sink.batchMax;
    const batch: Item[] = [];
    while (batch.length < countMax) {
      const item = this.#waiting.shift();
      if (item === undefined) break;
      batch.push(item);
    }
    return batch;
  }

  /** Whichever comes first counts: the sink's answer, or the end of our patience. */
  #fly(flight: Flight<Item>): void {
    const { sink, options } = this.#parts;
    const { timeoutMs } = options;
    this.#flights.add(flight);
    const settle = (failure: SinkError | undefined): void => {
      flight.timer?.stop();
      // Given up already, for want of time or because the buffer was closed.
      if (this.#flights.delete(flight)) this.#landed(flight, failure);
    };
    flight.timer = this.#after(timeoutMs, () => {
      settle(new SinkError(`Cannot deliver: no answer in ${timeoutMs} ms`, { isRetryable: true }));
    });
    sink.deliver(flight.batch).then(
      () => settle(undefined),
      (error: unknown) => settle(toSinkError(error, "Cannot deliver")),
    );
  }

  #landed(flight: Flight<Item>, failure: SinkError | undefined): void {
    const { options, onOutcome } = this.#parts;
    const { batch } = flight;
    onOutcome?.(failure);
    this.#failuresInARow = failure?.isRetryable === true ? this.#failuresInARow + 1 : 0;
    if (failure === undefined) this.#settle(batch, true);
    else if (failure.isRetryable && flight.tries < options.retriesMax) this.#rest(flight);
    else if (!failure.isRetryable && batch.length > 1) this.#deliverSingly(batch);
    else this.#settle(batch, false);
    if (this.#isDown) this.#waitLonger();
    else this.tryNow();
    this.#pumpLater();
  }

  #rest(flight: Flight<Item>): void {
    flight.tries++;
    this.#resting.add(flight);
    flight.timer = this.#after(this.#retryDelay(flight.tries), () => {
      this.#resting.delete(flight);
      this.#ready.push(flight);
      this.#pump();
    });
  }

  /** Whatever was to be tried, and when, waits for its turn. */
  #waitLonger(): void {
    for (const flight of this.#resting) {
      flight.timer?.stop();
      this.#ready.push(flight);
    }
    this.#resting.clear();
    this.#pause?.stop();
    const failures = this.#failuresInARow - this.#parts.options.parallelMax + 1;
    this.#pause = this.#after(this.#retryDelay(failures), () => {
      this.#pause = undefined;
      this.#pump();
    });
  }

  #settle(batch: readonly Item[], isDelivered: boolean): void {
    if (isDelivered) this.counters.delivered += batch.length;
    else this.counters.failed += batch.length;
    for (const item of batch) this.#leave(item, isDelivered);
  }

  /** After so many failures. */
  #retryDelay(failures: number): number {
    const { options: { retryDelayMs, retryDelayMaxMs }, prng } = this.#parts;
    const delayMs = Math.min(retryDelayMaxMs, retryDelayMs * 2 ** Math.min(failures - 1, 30));
    return Math.max(1, delayMs * (1 - prng.nextFloat() / 2));
  }

  /** Most of them may be as the sink wants them, and are not to go down with the one that is not. */
  #deliverSingly(batch: readonly Item[]): void {
    for (const item of batch.toReversed()) this.#waiting.unshift(item);
    this.#singles += batch.length;
  }

  #dropAll(): void {
    const flights = [...this.#flights, ...this.#resting, ...this.#ready];
    const left: Item[] = flights.flatMap(({ batch }) => batch);
    for (const { timer } of flights) timer?.stop();
    this.#pause?.stop();
    this.#pause = undefined;
    this.#flights.clear();
    this.#resting.clear();
    this.#ready.clear();
    for (let item = this.#waiting.shift(); item !== undefined; item = this.#waiting.shift()) {
      left.push(item);
    }
    this.counters.dropped += left.length;
    for (const item of left) this.#leave(item, false);
  }

  #after(delayMs: number, fn: () => void): IntervalHandle {
    const interval = this.#parts.runtime.every(delayMs, () => {
      interval.stop();
      fn();
    });
    return interval;
  }
}

export function createSinkCounters(): SinkCounters {
  return {
    offered: 0,
    delivered: 0,
    failed: 0,
    dropped: 0,
    retried: 0,
    queued: 0,
    queuedBytes: 0,
  };
}
