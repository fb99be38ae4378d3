import { Deque } from "../base/mod.ts";

export interface WorkLimits {
  /** Under way at the same time. */
  readonly runningMax: number;
  /** Waiting for that; more are declined. */
  readonly waitingMax: number;
}

export interface WorkFigures {
  /** As it is now. */
  readonly running: number;
  readonly waiting: number;
  /** Since the start: carried through, declined because too much waited, given up because nobody wanted it any more. */
  readonly finished: number;
  readonly declined: number;
  readonly abandoned: number;
}

/** Why work was not done: too much of it waits, or whom it was for is gone. */
export class NotDone {
  constructor(readonly why: "busy" | "left") {}
}

const BUSY = new NotDone("busy");
const LEFT = new NotDone("left");

interface Waiting {
  readonly isWanted: () => boolean;
  readonly start: () => void;
  readonly giveUp: () => void;
}

/**
 * Lets a limited number of expensive things happen at a time, in the order in which they were asked for. A flood of
 * clients can so take neither memory nor processor without end: what is too much is declined at once.
 */
export class BoundedWork {
  limits: WorkLimits;
  readonly #waiting = new Deque<Waiting>();
  #running = 0;
  #finished = 0;
  #declined = 0;
  #abandoned = 0;

  constructor(limits: WorkLimits) {
    this.limits = limits;
  }

  get figures(): WorkFigures {
    return {
      running: this.#running,
      waiting: this.#waiting.length,
      finished: this.#finished,
      declined: this.#declined,
      abandoned: this.#abandoned,
    };
  }

  /** `isWanted` is asked once, when it is the work's turn. Rejects with what `work` rejects with. */
  run<T>(work: () => Promise<T>, isWanted: () => boolean = () => true): Promise<T | NotDone> {
    if (this.#running < this.limits.runningMax) return this.#start(work);
    if (this.#waiting.length >= this.limits.waitingMax) {
      this.#declined++;
      return Promise.resolve(BUSY);
    }
    return new Promise((resolve) => {
      const start = (): void => resolve(this.#start(work));
      this.#waiting.push({ isWanted, start, giveUp: () => resolve(LEFT) });
    });
  }

  async #start<T>(work: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#finished++;
      this.#startNext();
    }
  }

  #startNext(): void {
    while (this.#waiting.length > 0 && this.#running < this.limits.runningMax) {
      const next = this.#waiting.shift() as Waiting;
      if (next.isWanted()) {
        next.start();
        continue;
      }
      this.#abandoned++;
      next.giveUp();
    }
  }
}
