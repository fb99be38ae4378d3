import { assert, type SmallMap, smallMapAdd, smallMapGet, smallMapRemove } from "../base/mod.ts";
import { hasWildcard } from "../mqtt/mod.ts";

/*
 * Filters without a wildcard, by far the most of a broker with very many, need no tree: they are
 * looked up by the whole topic. The others are kept level by level. A topic is matched breadth
 * first, level by level, with the set of nodes that its beginning leads to: no recursion, so the
 * depth of a filter is nobody's problem, and what is visited are only nodes that exist.
 */

class TrieNode<T> {
  /** The level's text; not used for `+`. */
  readonly key: string;
  children: SmallMap<TrieNode<T>> = undefined;
  plus: TrieNode<T> | undefined = undefined;
  /** Of the filter that ends here. */
  value: T | undefined = undefined;
  /** Of the filter that goes on with `#` and so ends. */
  hashValue: T | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }

  get isEmpty(): boolean {
    return this.children === undefined && this.plus === undefined && this.value === undefined &&
      this.hashValue === undefined;
  }
}

/** A value for each topic filter, found by filter or by a topic that the filter matches. */
export class TopicTrie<T> {
  readonly #literals = new Map<string, T>();
  readonly #root = new TrieNode<T>("");
  #wildcardCount = 0;
  /** Scratch of `match`. */
  readonly #frontier: TrieNode<T>[] = [];
  readonly #nextFrontier: TrieNode<T>[] = [];

  /** Filters that have a value. */
  get size(): number {
    return this.#literals.size + this.#wildcardCount;
  }

  /** Nodes of the tree, counted one by one: whoever removes all filters must find it at 1. */
  countNodes(): number {
    let count = 0;
    for (const _node of this.#nodes()) count++;
    return count;
  }

  /** The value of exactly this filter. */
  get(filter: string): T | undefined {
    if (!hasWildcard(filter)) return this.#literals.get(filter);
    const { levels, isHash } = levelsOf(filter);
    let node: TrieNode<T> | undefined = this.#root;
    for (let i = 0; i < levels.length && node !== undefined; i++) {
      node = childOf(node, levels[i] as string);
    }
    return isHash ? node?.hashValue : node?.value;
  }

  /** Gives a valid topic filter a value, or another one. */
  set(filter: string, value: T): void {
    if (!hasWildcard(filter)) {
      this.#literals.set(filter, value);
      return;
    }
    const { levels, isHash } = levelsOf(filter);
    let node = this.#root;
    for (const level of levels) node = makeChild(node, level);
    if ((isHash ? node.hashValue : node.value) === undefined) this.#wildcardCount++;
    if (isHash) node.hashValue = value;
    else node.value = value;
  }

  /** Removes the filter and the nodes that only it needed. False: it had no value. */
  delete(filter: string): boolean {
    if (!hasWildcard(filter)) return this.#literals.delete(filter);
    const { levels, isHash } = levelsOf(filter);
    const path = [this.#root];
    for (const level of levels) {
      const child = childOf(path.at(-1) as TrieNode<T>, level);
      if (child === undefined) return false;
      path.push(child);
    }
    const last = path.at(-1) as TrieNode<T>;
    if ((isHash ? last.hashValue : last.value) === undefined) return false;
    if (isHash) last.hashValue = undefined;
    else last.value = undefined;
    this.#wildcardCount--;
    prune(path, levels);
    return true;
  }

  /**
   * Appends the values of all filters that match `topic`, a valid topic name, to `found`. The same
   * trie and topic give the same order.
   */
  match(topic: string, found: T[]): void {
    const literal = this.#literals.get(topic);
    if (literal !== undefined) found.push(literal);
    if (this.#wildcardCount > 0) this.#matchWildcards(topic, found);
  }

  /** Every filter's value, in no special order. The trie must not change meanwhile. */
  *values(): Generator<T, void, undefined> {
    yield* this.#literals.values();
    for (const { value, hashValue } of this.#nodes()) {
      if (value !== undefined) yield value;
      if (hashValue !== undefined) yield hashValue;
    }
  }

  *#nodes(): Generator<TrieNode<T>, void, undefined> {
    const stack = [this.#root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      yield node;
      if (node.plus !== undefined) stack.push(node.plus);
      for (const child of node.children?.values() ?? []) stack.push(child);
    }
  }

  #matchWildcards(topic: string, found: T[]): void {
    let frontier = this.#frontier;
    let next = this.#nextFrontier;
    frontier.push(this.#root);
    let start = 0;
    while (frontier.length > 0 && start <= topic.length) {
      const slash = topic.indexOf("/", start);
      const end = slash < 0 ? topic.length : slash;
      const level = topic.substring(start, end);
      // [MQTT-4.7.2-1]: the first level of a `$` topic is not for wildcards.
      const isHidden = start === 0 && level.startsWith("$");
      for (let i = 0; i < frontier.length; i++) {
        const node = frontier[i] as TrieNode<T>;
        if (!isHidden && node.hashValue !== undefined) found.push(node.hashValue);
        if (!isHidden && node.plus !== undefined) next.push(node.plus);
        const child = smallMapGet(node.children, level);
        if (child !== undefined) next.push(child);
      }
      frontier.length = 0;
      const done = frontier;
      frontier = next;
      next = done;
      start = end + 1;
    }
    // `sport/#` matches `sport` itself.
    for (let i = 0; i < frontier.length; i++) {
      const node = frontier[i] as TrieNode<T>;
      if (node.value !== undefined) found.push(node.value);
      if (node.hashValue !== undefined) found.push(node.hashValue);
    }
    frontier.length = 0;
  }
}

function levelsOf(filter: string): { levels: string[]; isHash: boolean } {
  const levels = filter.split("/");
  const isHash = levels.at(-1) === "#";
  if (isHash) levels.pop();
  return { levels, isHash };
}

function childOf<T>(node: TrieNode<T>, level: string): TrieNode<T> | undefined {
  return level === "+" ? node.plus : smallMapGet(node.children, level);
}

function makeChild<T>(node: TrieNode<T>, level: string): TrieNode<T> {
  assert(level !== "#", "a valid filter has nothing behind #");
  const existing = childOf(node, level);
  if (existing !== undefined) return existing;
  const child = new TrieNode<T>(level);
  if (level === "+") node.plus = child;
  else node.children = smallMapAdd(node.children, child);
  return child;
}

/** Unlinks what became empty, from the end of `path`; `levels[i]` leads to `path[i + 1]`. */
function prune<T>(path: readonly TrieNode<T>[], levels: readonly string[]): void {
  for (let depth = levels.length; depth > 0; depth--) {
    if (!(path[depth] as TrieNode<T>).isEmpty) return;
    const parent = path[depth - 1] as TrieNode<T>;
    const level = levels[depth - 1] as string;
    if (level === "+") parent.plus = undefined;
    else parent.children = smallMapRemove(parent.children, level);
  }
}
