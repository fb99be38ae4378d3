/** An item of a `SequenceList`. */
export interface Sequenced {
  /** Belongs to the list: the item's number, which grows from each item to the next; 0: it is in none. */
  sequence: number;
}

const CHUNK_ITEMS_MAX = 512;
/** A chunk with fewer goes into its neighbour, where that has room. */
const CHUNK_ITEMS_MIN = 128;

/**
 * Items in the order in which they were added, for whoever shows them page by page while they come and go.
 *
 * The list is kept in chunks, so that adding, removing and finding a place, by number or by position, cost next to
 * nothing however long it is. A reader keeps the number of the last item that it saw, and no iterator.
 */
export class SequenceList<T extends Sequenced> {
  /** None is empty. */
  readonly #chunks: T[][] = [];
  #length = 0;
  #lastSequence = 0;

  get length(): number {
    return this.#length;
  }

  /** Adds at the end; the item must be in no list. */
  append(item: T): void {
    item.sequence = ++this.#lastSequence;
    const last = this.#chunks.at(-1);
    if (last !== undefined && last.length < CHUNK_ITEMS_MAX) last.push(item);
    else this.#chunks.push([item]);
    this.#length++;
  }

  /** Takes an item out. False: it was not in the list. */
  remove(item: T): boolean {
    const chunkIndex = this.#chunkOf(item.sequence);
    const chunk = this.#chunks[chunkIndex];
    if (chunk === undefined) return false;
    const index = positionBehind(chunk, item.sequence) - 1;
    if (chunk[index] !== item) return false;
    chunk.splice(index, 1);
    item.sequence = 0;
    this.#length--;
    if (chunk.length < CHUNK_ITEMS_MIN) this.#shrink(chunkIndex, chunk);
    return true;
  }

  /** Up to `limit` items behind the one with the number `sequence`, whether that is still there or not; 0: the first. */
  after(sequence: number, limit: number): T[] {
    let chunkIndex = this.#chunkOf(sequence);
    let index = 0;
    if (chunkIndex < 0) chunkIndex = 0;
    else index = positionBehind(this.#chunks[chunkIndex] as T[], sequence);
    return this.#take(chunkIndex, index, limit);
  }

  /** Up to `limit` items from the one at `position`, counted from 0. */
  slice(position: number, limit: number): T[] {
    let before = 0;
    for (let chunkIndex = 0; chunkIndex < this.#chunks.length; chunkIndex++) {
      const { length } = this.#chunks[chunkIndex] as T[];
      if (position < before + length) return this.#take(chunkIndex, position - before, limit);
      before += length;
    }
    return [];
  }

  #take(chunkIndex: number, index: number, limit: number): T[] {
    const taken: T[] = [];
    let start = index;
    for (let at = chunkIndex; at < this.#chunks.length && taken.length < limit; at++) {
      const chunk = this.#chunks[at] as T[];
      const end = Math.min(chunk.length, start + limit - taken.length);
      for (let each = start; each < end; each++) taken.push(chunk[each] as T);
      start = 0;
    }
    return taken;
  }

  /** The last chunk that begins with that number or before; -1: there is none. */
  #chunkOf(sequence: number): number {
    let low = 0;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (((this.#chunks[middle] as T[])[0] as T).sequence <= sequence) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }

  #shrink(chunkIndex: number, chunk: T[]): void {
    if (chunk.length === 0) {
      this.#chunks.splice(chunkIndex, 1);
      return;
    }
    const next = this.#chunks[chunkIndex + 1];
    if (next === undefined || chunk.length + next.length > CHUNK_ITEMS_MAX) return;
    for (const item of next) chunk.push(item);
    this.#chunks.splice(chunkIndex + 1, 1);
  }
}

/** Where in a chunk the first item is that has a greater number. */
function positionBehind<T extends Sequenced>(chunk: readonly T[], sequence: number): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((chunk[middle] as T).sequence <= sequence) low = middle + 1;
    else high = middle;
  }
  return low;
}
