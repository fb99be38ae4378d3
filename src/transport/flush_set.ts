/** Something with bytes to send at the end of the turn. */
export interface Flushable {
  /** Belongs to the flush set. */
  isTouched: boolean;
  flush(): void;
}

/**
 * The connections that were written to in this turn of the event loop. Each is flushed once at its end, however
 * many messages it got.
 */
export class FlushSet {
  readonly #defer: (fn: () => void) => void;
  readonly #run = (): void => this.flush();
  #touched: Flushable[] = [];
  #spare: Flushable[] = [];

  /** `defer` calls a function at the end of the turn. */
  constructor(defer: (fn: () => void) => void) {
    this.#defer = defer;
  }

  add(target: Flushable): void {
    if (target.isTouched) return;
    target.isTouched = true;
    if (this.#touched.push(target) === 1) this.#defer(this.#run);
  }

  /** Flushes each touched connection once. What is touched meanwhile waits for the next turn. */
  flush(): void {
    const touched = this.#touched;
    this.#touched = this.#spare;
    for (let index = 0; index < touched.length; index++) {
      const target = touched[index] as Flushable;
      target.isTouched = false;
      target.flush();
    }
    touched.length = 0;
    this.#spare = touched;
  }
}
