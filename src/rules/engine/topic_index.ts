import { TopicTrie } from "../../routing/mod.ts";

/** Something that stands in an order, and is about some topics. */
export interface Indexed {
  /** Where it comes among the others; no two have the same. */
  readonly order: number;
  /** Topic filters of which one must match; undefined: every topic will do. */
  readonly filters: readonly string[] | undefined;
}

/** Topics whose answer is remembered, in each of two generations. */
const REMEMBERED_MAX = 8192;
/** Entries of the remembered answers of a generation. */
const REMEMBERED_ENTRIES_MAX = 262_144;
/** Longer topics are looked for each time. */
const TOPIC_LENGTH_MAX = 512;

/**
 * Finds what is about a topic, in order. Answers are remembered for topics that come again: these cost one look-up. What
 * was not asked for while others took all the room is forgotten.
 */
export class TopicIndex<T extends Indexed> {
  readonly #trie = new TopicTrie<Set<T>>();
  /** Those for every topic. */
  readonly #unfiltered = new Set<T>();
  /** The same in order; undefined: to be made anew. */
  #forAll: readonly T[] | undefined;
  #size = 0;
  #young = new Map<string, readonly T[]>();
  #old = new Map<string, readonly T[]>();
  #youngEntries = 0;
  readonly #found: Set<T>[] = [];

  get size(): number {
    return this.#size;
  }

  add(each: T): void {
    this.#size++;
    this.#forget();
    if (each.filters === undefined) {
      this.#unfiltered.add(each);
      this.#forAll = undefined;
      return;
    }
    for (const filter of new Set(each.filters)) {
      const same = this.#trie.get(filter);
      if (same === undefined) this.#trie.set(filter, new Set([each]));
      else same.add(each);
    }
  }

  /** Only what was added, with the filters that it had then. */
  remove(each: T): void {
    this.#size--;
    this.#forget();
    if (each.filters === undefined) {
      this.#unfiltered.delete(each);
      this.#forAll = undefined;
      return;
    }
    for (const filter of new Set(each.filters)) {
      const same = this.#trie.get(filter);
      same?.delete(each);
      if (same?.size === 0) this.#trie.delete(filter);
    }
  }

  /** All that are about `topic`, a valid topic name. Nobody changes the answer. */
  find(topic: string): readonly T[] {
    const known = this.#young.get(topic);
    if (known !== undefined) return known;
    const answer = this.#old.get(topic) ?? this.#search(topic);
    if (topic.length <= TOPIC_LENGTH_MAX) this.#remember(topic, answer);
    return answer;
  }

  #search(topic: string): readonly T[] {
    const found = this.#found;
    this.#trie.match(topic, found);
    const forAll = this.#forAll ??= [...this.#unfiltered].sort(byOrder);
    if (found.length === 0) return forAll;
    const different = new Set(forAll);
    for (const list of found) for (const each of list) different.add(each);
    found.length = 0;
    return [...different].sort(byOrder);
  }

  #remember(topic: string, answer: readonly T[]): void {
    const weight = answer === this.#forAll ? 0 : answer.length;
    const isFull = this.#young.size >= REMEMBERED_MAX ||
      this.#youngEntries + weight > REMEMBERED_ENTRIES_MAX;
    if (isFull) {
      this.#old = this.#young;
      this.#young = new Map();
      this.#youngEntries = 0;
    }
    this.#young.set(topic, answer);
    this.#youngEntries += weight;
  }

  #forget(): void {
    if (this.#young.size > 0) this.#young = new Map();
    if (this.#old.size > 0) this.#old = new Map();
    this.#youngEntries = 0;
  }
}

function byOrder(a: Indexed, b: Indexed): number {
  return a.order - b.order;
}
