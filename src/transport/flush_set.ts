/** Something with bytes to send at the end of the turn. */
export interface Flushable {
  /** Belongs to the flush set. */
  isTouched: boolean;
  flush(): void;
}

/** Connections that are flushed in one turn; a write to a socket takes the system some microseconds. */
const FLUSHED_PER_TURN = 500;

/**
 * The connections that were written to in this turn of the event loop. Each is flushed once at its end, however
 * many messages it got. After a wide fan-out the flushing goes on over several turns, so that everybody else gets
 * theirs; what is written meanwhile to those that still wait goes out with the rest.
 */
export class FlushSet {
  readonly #defer: (fn: () => void) => void;
  readonly #yieldTurn: (fn: () => void) => void;
  readonly #run = (): void => this.flush();
  readonly #touched: Flushable[] = [];
  #isFlushing = false;

  /** `defer` calls a function at the end of the turn, `yieldTurn` after the other sockets had theirs. */
  constructor(defer: (fn: () => void) => void, yieldTurn: (fn: () => void) => void) {
    this.#defer = defer;
    this.#yieldTurn = yieldTurn;
  }

  add(target: Flushable): void {
    if (target.isTouched) return;
    target.isTouched = true;
    if (this.#touched.push(target) === 1 && !this.#isFlushing) this.#defer(this.#run);
  }

  /** Flushes each touched connection once, the oldest first. What they touch meanwhile waits for another turn. */
  flush(): void {
    const touched = this.#touched;
    const [waiting, end] = [touched.length, Math.min(touched.length, FLUSHED_PER_TURN)];
    this.#isFlushing = true;
    let flushed = 0;
    try {
      while (flushed < end) {
        const target = touched[flushed++] as Flushable;
        target.isTouched = false;
        target.flush();
      }
    } finally {
      // Also after an error: the others wait for nothing but this.
      this.#isFlushing = false;
      this.#leave(flushed, waiting);
    }
  }

  #leave(flushed: number, waiting: number): void {
    const touched = this.#touched;
    if (touched.length === flushed) {
      touched.length = 0;
      return;
    }
    touched.splice(0, flushed);
    if (flushed < waiting) this.#yieldTurn(this.#run);
    else this.#defer(this.#run);
  }
}
