/** Something that has its time. */
export interface Due {
  /** On whatever clock its owner reads. */
  readonly dueMs: number;
  /** Of those that are due together the smallest is the first. */
  readonly key: number;
}

/** What is due, the earliest first: O(log n) to put in and to take out. */
export class DueQueue<T extends Due> {
  /** A heap: no item is due before the one at half its index. */
  readonly #heap: T[] = [];

  get length(): number {
    return this.#heap.length;
  }

  /** The earliest. */
  get first(): T | undefined {
    return this.#heap[0];
  }

  /** All of them, in no order, as they are now. */
  values(): T[] {
    return [...this.#heap];
  }

  push(item: T): void {
    const heap = this.#heap;
    let index = heap.length;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent] as T;
      if (isBefore(above, item)) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = item;
  }

  /** Takes out the earliest. */
  shift(): T | undefined {
    const heap = this.#heap;
    const first = heap[0];
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return first;
    let index = 0;
    for (;;) {
      let child = index * 2 + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1] as T, heap[child] as T)) child++;
      const below = heap[child] as T;
      if (isBefore(last, below)) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = last;
    return first;
  }
}

function isBefore(a: Due, b: Due): boolean {
  return a.dueMs < b.dueMs || (a.dueMs === b.dueMs && a.key < b.key);
}
