import { assert } from "../base/mod.ts";

/** Up to so many items are searched one by one; a larger list keeps an index. */
const UNINDEXED_MAX = 16;

/**
 * Items found by a key, in one array that is lent out as it is and iterated far more often than it
 * changes. What was lent never changes: the next change is made to a copy, so a route that is being
 * delivered, or kept, is a snapshot that cost nothing to take.
 *
 * Adding, replacing and removing are O(1) apart from that copy. Removing moves the last item into
 * the gap: the order of items means nothing.
 */
export abstract class LentList<K, T> {
  #items: T[] = [];
  #positions: Map<K, number> | undefined = undefined;
  #isLent = false;

  protected abstract keyOf(item: T): K;

  get length(): number {
    return this.#items.length;
  }

  /** All items as they are now, for as long as the caller likes. */
  lend(): readonly T[] {
    this.#isLent = true;
    return this.#items;
  }

  /** A copy that belongs to the caller. */
  copy(): T[] {
    return this.#items.slice();
  }

  /** The item at a position below `length`, for a caller that keeps nothing. */
  at(position: number): T {
    assert(position >= 0 && position < this.#items.length, "a position is inside the list");
    return this.#items[position] as T;
  }

  /** Where the item of `key` is until the next change; -1: there is none. */
  positionOf(key: K): number {
    if (this.#positions !== undefined) return this.#positions.get(key) ?? -1;
    for (let position = 0; position < this.#items.length; position++) {
      if (this.keyOf(this.#items[position] as T) === key) return position;
    }
    return -1;
  }

  get(key: K): T | undefined {
    const position = this.positionOf(key);
    return position < 0 ? undefined : this.#items[position];
  }

  /** Adds `item`, or puts it in the place of the one with the same key. */
  put(item: T): "added" | "replaced" {
    const key = this.keyOf(item);
    const position = this.positionOf(key);
    if (position >= 0) {
      this.#unlend();
      this.#items[position] = item;
      return "replaced";
    }
    this.#append(item);
    this.#positions?.set(key, this.#items.length - 1);
    if (this.#positions === undefined && this.#items.length > UNINDEXED_MAX) this.#makeIndex();
    return "added";
  }

  /** Takes the item of `key` out; undefined when there is none. */
  remove(key: K): T | undefined {
    const position = this.positionOf(key);
    if (position < 0) return undefined;
    this.#unlend();
    const removed = this.#items[position] as T;
    const last = this.#items.pop() as T;
    this.#positions?.delete(key);
    if (position < this.#items.length) {
      this.#items[position] = last;
      this.#positions?.set(this.keyOf(last), position);
    }
    // Half of the limit, so that a list at the limit does not make and drop its index in turn.
    if (this.#items.length <= UNINDEXED_MAX / 2) this.#positions = undefined;
    return removed;
  }

  #append(item: T): void {
    if (this.#items.length === 0) {
      // Most lists never get a second item, and pushing would reserve room for 17.
      this.#items = [item];
      this.#isLent = false;
      return;
    }
    this.#unlend();
    this.#items.push(item);
  }

  #unlend(): void {
    if (!this.#isLent) return;
    this.#items = this.#items.slice();
    this.#isLent = false;
  }

  #makeIndex(): void {
    const positions = new Map<K, number>();
    for (let position = 0; position < this.#items.length; position++) {
      positions.set(this.keyOf(this.#items[position] as T), position);
    }
    this.#positions = positions;
  }
}
