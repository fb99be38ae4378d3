import type { Histogram } from "../base/mod.ts";

/** When a target is flushed. */
export const Touch = Object.freeze(
  {
    none: 0,
    /** With the others that wide fan-outs have touched. */
    later: 1,
    /** At the end of this turn. */
    now: 2,
  } as const,
);
export type Touch = (typeof Touch)[keyof typeof Touch];

/** Something with bytes to send at the end of the turn. */
export interface Flushable {
  /** Belongs to the flush set. */
  touch: Touch;
  /** What there is to send. */
  readonly pendingBytes: number;
  flush(): void;
}

/** What a flush set asks of those around it. */
export interface FlushSetParts {
  /** Calls a function at the end of the turn. */
  defer(fn: () => void): void;
  /** Calls a function after the other sockets had their turn. */
  yieldTurn(fn: () => void): void;
  /** Any clock that does not jump, in milliseconds. */
  monotonicMs(): number;
  /** Seconds from a chunk's arrival to when all that followed from it was handed to the system. */
  readonly deliverySeconds: Histogram;
  /** Somebody has given way to the others in the middle of what it has to say, and goes on in the next turn. */
  isMoreComing(): boolean;
}

/** Connections that are flushed in one turn; a write to a socket takes the system some microseconds. */
const FLUSHED_PER_TURN = 500;
/** A window of short messages is more than that, a few acknowledgements are less, in bytes. */
const MUCH_BYTES = 512;
/** The longest that the receivers of wide fan-outs wait for more, in milliseconds. */
const WAIT_MAX_MS = 100;
/** And only while no more than this is held for all of them, in bytes. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024;

/**
 * The connections that were written to in this turn of the event loop. Each is flushed once at its end, however
 * many messages it got.
 *
 * Whoever has much to send is flushed first, for its peer can work on that meanwhile; of equals, whoever was touched last. The
 * system tells of sockets in the order in which it told of them the last time, with the others behind: clients that answer
 * what they are sent would stay in their places, and those that have come too late for one turn would come too late for
 * every second one, and fall behind the others as far as their queues are long.
 *
 * Where messages go to very many, a write for each message and receiver would cost most of the time. As long as
 * there is more to come, these connections wait as long as flushing them all took last time, so that each write carries many
 * messages; and their flushing goes on over several turns, so that everybody else gets theirs.
 */
export class FlushSet {
  readonly #parts: FlushSetParts;
  readonly #run = (): void => this.#flushNow();
  readonly #runLater = (): void => this.#flushLater();
  #touched: Flushable[] = [];
  #spare: Flushable[] = [];
  #later: Flushable[] = [];
  /** When the chunk came that is being worked on; 0: none is. */
  #chunkMs = 0;
  /** The same of the first chunk that touched somebody; 0: it was something else. */
  #touchedByMs = 0;
  #laterByMs = 0;
  #drainedByMs = 0;
  #laterSinceMs = 0;
  #laterBytes = 0;
  #draining: Flushable[] = [];
  #drained = 0;
  /** When the draining began that is going on; -1: none is. */
  #drainStartMs = -1;
  /** What the last draining took, in milliseconds. */
  #drainMs = 0;

  constructor(parts: FlushSetParts) {
    this.#parts = parts;
  }

  /** What is touched until `endChunk` follows from a chunk that came at `nowMs`. */
  beginChunk(nowMs: number): void {
    this.#chunkMs = nowMs;
  }

  endChunk(): void {
    this.#chunkMs = 0;
  }

  /** The target is flushed at the end of the turn. */
  add(target: Flushable): void {
    if (target.touch === Touch.now) return;
    target.touch = Touch.now;
    if (this.#touched.push(target) > 1) return;
    this.#touchedByMs = this.#chunkMs;
    this.#parts.defer(this.#run);
  }

  /** For one of very many receivers of a message, which was given `bytes` bytes of it. */
  addLater(target: Flushable, bytes: number): void {
    this.#laterBytes += bytes;
    if (target.touch !== Touch.none) return;
    target.touch = Touch.later;
    if (this.#later.push(target) > 1) return;
    this.#laterSinceMs = this.#parts.monotonicMs();
    this.#laterByMs = this.#chunkMs;
    // The end of a draining looks for more by itself.
    if (this.#drainStartMs < 0) this.#parts.defer(this.#runLater);
  }

  /** What the flushed touch meanwhile waits for another turn. */
  #flushNow(): void {
    const touched = this.#touched;
    const byMs = this.#touchedByMs;
    this.#touched = this.#spare;
    this.#touchedByMs = 0;
    const end = Math.min(touched.length, FLUSHED_PER_TURN);
    // Left are those in front of `left`, and from `small` to `last` those with little to send.
    let [left, small, last] = [end, end, end];
    try {
      while (left > 0) {
        const target = touched[--left] as Flushable;
        if (target.pendingBytes < MUCH_BYTES) touched[--small] = target;
        else flush(target);
      }
      while (last > small) flush(touched[--last] as Flushable);
    } finally {
      // Also after an error: the others wait for nothing but this.
      touched.copyWithin(left, small, last);
      this.#leave(touched, left + last - small, end);
      if (byMs > 0) this.#observe(byMs, this.#parts.monotonicMs());
    }
  }

  /** Once for each turn, of the chunk that waited longest: a look at the clock for each message would cost more. */
  #observe(sinceMs: number, nowMs: number): void {
    this.#parts.deliverySeconds.observe((nowMs - sinceMs) / 1000);
  }

  /** Those from `start` to `end` are done. */
  #leave(touched: Flushable[], start: number, end: number): void {
    const meanwhile = this.#touched;
    if (touched.length === end - start) {
      touched.length = 0;
      this.#spare = touched;
      return;
    }
    touched.splice(start, end - start);
    // Whoever was touched meanwhile has asked for a call already.
    if (meanwhile.length === 0) this.#parts.yieldTurn(this.#run);
    for (const target of meanwhile) touched.push(target);
    meanwhile.length = 0;
    this.#spare = meanwhile;
    this.#touched = touched;
  }

  #flushLater(): void {
    if (this.#draining.length === 0 && !this.#beginDraining()) return;
    const draining = this.#draining;
    const end = Math.min(this.#drained + FLUSHED_PER_TURN, draining.length);
    try {
      while (this.#drained < end) {
        const target = draining[this.#drained++] as Flushable;
        // Another message may have had it flushed meanwhile.
        if (target.touch !== Touch.later) continue;
        target.touch = Touch.none;
        target.flush();
      }
    } finally {
      if (this.#drained === draining.length) this.#draining = [];
      this.#parts.yieldTurn(this.#runLater);
    }
  }

  /** False: there is nothing to flush, or not yet. */
  #beginDraining(): boolean {
    const nowMs = this.#parts.monotonicMs();
    if (this.#drainStartMs >= 0) {
      // Only now is it over: what a write takes shows itself after the call.
      this.#drainMs = nowMs - this.#drainStartMs;
      this.#drainStartMs = -1;
      if (this.#drainedByMs > 0) this.#observe(this.#drainedByMs, nowMs);
      this.#drainedByMs = 0;
      this.#laterSinceMs = nowMs;
    }
    if (this.#later.length === 0) return false;
    if (this.#isWorthWaiting(nowMs)) {
      this.#parts.yieldTurn(this.#runLater);
      return false;
    }
    this.#drainStartMs = nowMs;
    this.#draining = this.#later;
    this.#drainedByMs = this.#laterByMs;
    this.#later = [];
    this.#laterBytes = 0;
    this.#drained = 0;
    return true;
  }

  #isWorthWaiting(nowMs: number): boolean {
    return this.#parts.isMoreComing() &&
      nowMs - this.#laterSinceMs < Math.min(this.#drainMs, WAIT_MAX_MS) &&
      this.#laterBytes < WAITING_BYTES_MAX;
  }
}

function flush(target: Flushable): void {
  target.touch = Touch.none;
  target.flush();
}
