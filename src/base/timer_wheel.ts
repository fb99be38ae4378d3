import { assert } from "./assert.ts";
import type { Clock } from "./clock.ts";

/*
 * A hierarchy of wheels. Level 0 has one slot per tick, level 1 one slot per 64 ticks, and so on:
 * five levels of 64 slots span 64^5 ticks, more than three years at 100 ms; what is due later goes
 * round once more. A timer is put in the
 * coarsest slot that its distance needs and moves to a finer level when the hand gets there, so it
 * is touched at most five times in its life. Slots are doubly linked rings through the timers
 * themselves: scheduling, cancelling and re-scheduling are a few pointer writes and allocate
 * nothing.
 *
 * A keep alive is meant to be used lazily: the owner notes the time of the last packet in a field of
 * its own, and only when the timer fires looks whether the peer was silent, or schedules the rest.
 */

const SLOTS = 64;
const LEVELS = 5;
/** How many ticks one slot of a level covers. */
const SLOT_TICKS = [1, SLOTS, SLOTS ** 2, SLOTS ** 3, SLOTS ** 4] as const;
const DEFAULT_TICK_MS = 100;

/** Not in any slot. */
const UNSCHEDULED = -1;
/** Due in the tick that is being worked on. */
const EXPIRING = -2;

class Link {
  /** Belongs to the wheel. */
  next: Link = this;
  /** Belongs to the wheel. */
  previous: Link = this;
}

/** One deadline. Its owner extends or embeds it; it is in one wheel at most. */
export abstract class Timer extends Link {
  /** Belongs to the wheel: the tick in which the timer is due. */
  dueTick = 0;
  /** Belongs to the wheel: where the timer is linked in. */
  place: number = UNSCHEDULED;

  /** Called once for each `schedule`, not before its delay is over. May schedule or cancel any timer. */
  abstract fire(): void;

  get isScheduled(): boolean {
    return this.place !== UNSCHEDULED;
  }
}

/** A timer that calls a function, for owners that have few of them. */
export class CallbackTimer extends Timer {
  readonly #callback: () => void;

  constructor(callback: () => void) {
    super();
    this.#callback = callback;
  }

  override fire(): void {
    this.#callback();
  }
}

/**
 * Deadlines in any number, O(1) each.
 *
 * A timer never fires early and, as long as `advance` is called once per tick, at most two ticks
 * late. Which of the timers of one tick fires first is not promised.
 */
export class TimerWheel {
  readonly #clock: Clock;
  readonly #tickMs: number;
  readonly #originMs: number;
  /** Everything due up to this tick has fired or is in `#expiring`. */
  #tick = 0;
  #count = 0;
  readonly #slots: Link[] = Array.from({ length: LEVELS * SLOTS }, () => new Link());
  readonly #levelCounts: number[] = new Array<number>(LEVELS).fill(0);
  readonly #expiring = new Link();
  #isAdvancing = false;

  constructor(clock: Clock, options: { readonly tickMs?: number } = {}) {
    this.#clock = clock;
    this.#tickMs = options.tickMs ?? DEFAULT_TICK_MS;
    assert(this.#tickMs > 0, "a tick takes some time");
    this.#originMs = clock.monotonicMs();
  }

  get tickMs(): number {
    return this.#tickMs;
  }

  /** Timers that are scheduled now. */
  get count(): number {
    return this.#count;
  }

  /** Lets `timer` fire once `delayMs` from now have passed; moves it when it is scheduled already. */
  schedule(timer: Timer, delayMs: number): void {
    assert(delayMs >= 0 && delayMs < Infinity, "a delay is a number of milliseconds");
    this.cancel(timer);
    const dueMs = this.#clock.monotonicMs() - this.#originMs + delayMs;
    // At least the next tick: a timer that schedules itself with 0 must not keep advance() busy.
    timer.dueTick = Math.max(Math.ceil(dueMs / this.#tickMs), this.#tick + 1);
    this.#insert(timer);
    this.#count++;
  }

  /** Forgets `timer`. False: it was not scheduled. */
  cancel(timer: Timer): boolean {
    if (timer.place === UNSCHEDULED) return false;
    this.#unlink(timer);
    timer.place = UNSCHEDULED;
    this.#count--;
    return true;
  }

  /**
   * Fires all that is due at `nowMonotonicMs`, a reading of the same clock.
   *
   * What a timer throws goes to the caller; the timers that were due with it fire at the next call.
   * Must not be called by a timer.
   */
  advance(nowMonotonicMs: number): void {
    assert(!this.#isAdvancing, "a timer does not advance the wheel that fires it");
    this.#isAdvancing = true;
    try {
      this.#fireExpiring();
      const target = Math.floor((nowMonotonicMs - this.#originMs) / this.#tickMs);
      while (this.#tick < target) {
        this.#skipEmpty(target);
        this.#tick++;
        this.#cascade();
        this.#collect(this.#tick % SLOTS);
        this.#fireExpiring();
      }
    } finally {
      this.#isAdvancing = false;
    }
  }

  /** Moves the hand to just before the next tick that can have work, or before `target`. */
  #skipEmpty(target: number): void {
    const level = this.#levelCounts.findIndex((count) => count > 0);
    const slotTicks = SLOT_TICKS[level];
    const nextWork = slotTicks === undefined
      ? target
      : (Math.floor(this.#tick / slotTicks) + 1) * slotTicks;
    this.#tick = Math.min(nextWork, target) - 1;
  }

  #fireExpiring(): void {
    for (let link = this.#expiring.next; link !== this.#expiring; link = this.#expiring.next) {
      const timer = link as Timer;
      this.cancel(timer);
      timer.fire();
    }
  }

  /** Hands the timers of coarser slots that begin with this tick down to finer levels. */
  #cascade(): void {
    for (let level = 1; level < LEVELS; level++) {
      const slotTicks = SLOT_TICKS[level] as number;
      if (this.#tick % slotTicks !== 0) return;
      const head = this.#slots[level * SLOTS + (this.#tick / slotTicks) % SLOTS] as Link;
      // Those beyond the span come back to this very slot: stop at what was the last one.
      const last = head.previous;
      if (last === head) continue;
      let link: Link;
      do {
        link = head.next;
        this.#unlink(link as Timer);
        this.#insert(link as Timer);
      } while (link !== last);
    }
  }

  /** Moves the due slot aside, because what fires may add to any slot. */
  #collect(slot: number): void {
    const head = this.#slots[slot] as Link;
    while (head.next !== head) {
      const timer = head.next as Timer;
      this.#unlink(timer);
      this.#link(timer, this.#expiring, EXPIRING);
    }
  }

  #insert(timer: Timer): void {
    const distance = timer.dueTick - this.#tick;
    let level = 0;
    while (level < LEVELS - 1 && distance >= (SLOT_TICKS[level + 1] as number)) level++;
    const slot = level * SLOTS + Math.floor(timer.dueTick / (SLOT_TICKS[level] as number)) % SLOTS;
    this.#link(timer, this.#slots[slot] as Link, slot);
    this.#levelCounts[level] = (this.#levelCounts[level] as number) + 1;
  }

  #link(timer: Timer, head: Link, place: number): void {
    const last = head.previous;
    timer.previous = last;
    timer.next = head;
    last.next = timer;
    head.previous = timer;
    timer.place = place;
  }

  #unlink(timer: Timer): void {
    timer.previous.next = timer.next;
    timer.next.previous = timer.previous;
    timer.next = timer;
    timer.previous = timer;
    if (timer.place >= 0) {
      const level = Math.floor(timer.place / SLOTS);
      this.#levelCounts[level] = (this.#levelCounts[level] as number) - 1;
    }
  }
}
