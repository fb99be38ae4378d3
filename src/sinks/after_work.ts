import { Deque } from "../base/mod.ts";
import type { Runtime } from "../runtime/mod.ts";

/** What can be done a moment later. */
export interface Job {
  /** What it holds on to until then. */
  readonly bytes: number;
}

export interface AfterWorkParts<J extends Job> {
  readonly runtime: Pick<Runtime, "defer" | "yieldTurn">;
  /** Any clock that does not jump, in milliseconds. */
  readonly monotonicMs: () => number;
  /** Does it. Must not throw. */
  readonly run: (job: J) => void;
}

/** Jobs that are put off; one more, and the oldest is done at once. */
const JOBS_MAX = 1024;
const BYTES_MAX = 1024 * 1024;
/** Work that is done in one go, in milliseconds. */
const SLICE_MS = 0.25;

/**
 * Work that follows from what happens in the broker and that nobody in it waits for. It is done when what was written
 * in this turn is with the system, some at a time, in order: a message that goes to a web service, too, is on its way
 * to its subscribers before anything is made of it for the service.
 */
export class AfterWork<J extends Job> {
  readonly #parts: AfterWorkParts<J>;
  readonly #jobs = new Deque<J>();
  #bytes = 0;
  #isDue = false;
  // Bytes are handed to the system by the first such function of a turn that comes behind the events: not before this.
  readonly #afterTurn = (): void => this.#parts.runtime.defer(this.#afterFlush);
  readonly #afterFlush = (): void => this.#runSome();

  constructor(parts: AfterWorkParts<J>) {
    this.#parts = parts;
  }

  get length(): number {
    return this.#jobs.length;
  }

  add(job: J): void {
    while (this.#jobs.length > 0 && !this.#hasRoomFor(job)) this.#runOldest();
    if (job.bytes > BYTES_MAX) {
      this.#parts.run(job);
      return;
    }
    this.#jobs.push(job);
    this.#bytes += job.bytes;
    if (this.#isDue) return;
    this.#isDue = true;
    this.#parts.runtime.defer(this.#afterTurn);
  }

  /** Does all of it now, for what must not come before it. */
  flush(): void {
    while (this.#jobs.length > 0) this.#runOldest();
  }

  #hasRoomFor({ bytes }: J): boolean {
    return this.#jobs.length < JOBS_MAX && this.#bytes + bytes <= BYTES_MAX;
  }

  #runSome(): void {
    const { monotonicMs, runtime } = this.#parts;
    const endMs = monotonicMs() + SLICE_MS;
    while (this.#jobs.length > 0 && monotonicMs() < endMs) this.#runOldest();
    if (this.#jobs.length > 0) runtime.yieldTurn(this.#afterFlush);
    else this.#isDue = false;
  }

  #runOldest(): void {
    const job = this.#jobs.shift();
    if (job === undefined) return;
    this.#bytes -= job.bytes;
    this.#parts.run(job);
  }
}
