import { assert } from "./assert.ts";

const CAPACITY_MIN = 8;
/** Buffers that nobody needs, by the logarithm of their length: of each so many are kept, for all deques, up to this length. */
const SPARES_MAX = 16;
const SPARE_CAPACITY_MAX = 4096;
const spares: undefined[][][] = [];

function takeItems(capacity: number): undefined[] {
  const spare = spares[31 - Math.clz32(capacity)]?.pop();
  return spare ?? new Array<undefined>(capacity).fill(undefined);
}

/** Nothing is left in `items`. */
function giveItems(items: undefined[]): void {
  const capacity = items.length;
  if (capacity === 0 || capacity > SPARE_CAPACITY_MAX) return;
  const alike = spares[31 - Math.clz32(capacity)] ??= [];
  if (alike.length < SPARES_MAX) alike.push(items);
}

/**
 * A queue with two ends in one ring buffer: every operation O(1), amortised over growing.
 *
 * Empty ones hold no buffer and shrinking gives memory back, since a broker has one or several for
 * each session and most of them are idle. What one gives back serves another, so that those that are full and empty in turn, many
 * times a second, cost the garbage collector nothing.
 */
export class Deque<T> {
  /** Length is zero or a power of two, so that an index wraps with one bitwise and. */
  #items: (T | undefined)[] = [];
  #head = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  /** Appends at the end. */
  push(item: T): void {
    if (this.#length === this.#items.length) this.#resize(this.#length * 2);
    this.#items[(this.#head + this.#length) & (this.#items.length - 1)] = item;
    this.#length++;
  }

  /** Puts in front of all others. */
  unshift(item: T): void {
    if (this.#length === this.#items.length) this.#resize(this.#length * 2);
    this.#head = (this.#head - 1) & (this.#items.length - 1);
    this.#items[this.#head] = item;
    this.#length++;
  }

  /** Takes the last one; undefined when there is none. */
  pop(): T | undefined {
    if (this.#length === 0) return undefined;
    const index = (this.#head + this.#length - 1) & (this.#items.length - 1);
    const item = this.#items[index];
    this.#items[index] = undefined;
    this.#length--;
    this.#shrink();
    return item;
  }

  /** Takes the first one; undefined when there is none. */
  shift(): T | undefined {
    if (this.#length === 0) return undefined;
    const item = this.#items[this.#head];
    this.#items[this.#head] = undefined;
    this.#head = (this.#head + 1) & (this.#items.length - 1);
    this.#length--;
    this.#shrink();
    return item;
  }

  /** Takes the first `count`, which must be there. */
  shiftMany(count: number): void {
    assert(count <= this.#length, "no more than there are");
    const mask = this.#items.length - 1;
    for (let index = 0; index < count; index++) {
      this.#items[(this.#head + index) & mask] = undefined;
    }
    this.#head = (this.#head + count) & mask;
    this.#length -= count;
    while (this.#shrink()) continue;
  }

  /** The item at `index`, counted from the front; undefined beyond the ends. */
  at(index: number): T | undefined {
    if (index < 0 || index >= this.#length) return undefined;
    return this.#items[(this.#head + index) & (this.#items.length - 1)];
  }

  /** Replaces the item at `index`, which must exist. */
  set(index: number, item: T): void {
    assert(index >= 0 && index < this.#length, "only an item that is there can be replaced");
    this.#items[(this.#head + index) & (this.#items.length - 1)] = item;
  }

  /** Drops everything, the buffer included. */
  clear(): void {
    this.#replaceItems([]);
    this.#head = 0;
    this.#length = 0;
  }

  /** From front to end. The deque must not change meanwhile. */
  *[Symbol.iterator](): Generator<T, void, undefined> {
    const length = this.#length;
    for (let index = 0; index < length; index++) {
      assert(this.#length === length, "nobody changes a deque while it is iterated");
      yield this.at(index) as T;
    }
  }

  /** Whether it did. */
  #shrink(): boolean {
    const capacity = this.#items.length;
    // A quarter full, not half: otherwise one push and one pop in turn would copy each time.
    if (capacity <= CAPACITY_MIN || this.#length > capacity / 4) return false;
    this.#resize(capacity / 2);
    return true;
  }

  #resize(capacity: number): void {
    const items: (T | undefined)[] = takeItems(Math.max(capacity, CAPACITY_MIN));
    for (let index = 0; index < this.#length; index++) items[index] = this.at(index);
    this.#replaceItems(items);
    this.#head = 0;
  }

  #replaceItems(items: (T | undefined)[]): void {
    const old = this.#items;
    const mask = old.length - 1;
    for (let index = 0; index < this.#length; index++) old[(this.#head + index) & mask] = undefined;
    this.#items = items;
    giveItems(old as undefined[]);
  }
}
