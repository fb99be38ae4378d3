import {
  type Sequenced,
  SequenceList,
  type SmallMap,
  smallMapAdd,
  smallMapGet,
  smallMapRemove,
} from "../base/mod.ts";
import { hasWildcard } from "../mqtt/mod.ts";

/*
 * A retained message is set far more often than it is looked for by a wildcard, and nearly always
 * for a topic that has one already. So there is a map from topic to entry, which does that with one
 * look-up, and beside it a tree by levels that changes only when a topic comes or goes.
 */

/** A topic with its message. */
export interface RetainedEntry<M> {
  readonly topic: string;
  readonly message: M;
  /** Its number in `inOrder`; 0: it is not there. */
  readonly sequence: number;
}

class Entry<M> implements RetainedEntry<M>, Sequenced {
  readonly topic: string;
  message: M;
  sequence = 0;

  constructor(topic: string, message: M) {
    this.topic = topic;
    this.message = message;
  }
}

class LevelNode<M> {
  /** The level's text. */
  readonly key: string;
  children: SmallMap<LevelNode<M>> = undefined;
  /** Of the topic that ends here. */
  entry: Entry<M> | undefined = undefined;

  constructor(key: string) {
    this.key = key;
  }
}

/** Gets each match. `false` ends the walk. */
export type RetainedVisitor<M> = (topic: string, message: M) => boolean | void;

/** One message for each topic, found by topic or by a filter that matches the topic. */
export class RetainedTrie<M> {
  readonly #byTopic = new Map<string, Entry<M>>();
  readonly #inOrder = new SequenceList<Entry<M>>();
  readonly #root = new LevelNode<M>("");
  #nodeCount = 1;

  /** Topics that have a message. */
  get size(): number {
    return this.#byTopic.size;
  }

  /** Topics in the order in which they got their first message; without those that `#` does not match [MQTT-4.7.2-1]. */
  get inOrder(): SequenceList<RetainedEntry<M> & Sequenced> {
    return this.#inOrder;
  }

  /** Of all topics. Others may be set and removed between two of them. */
  *messages(): IterableIterator<M> {
    for (const { message } of this.#byTopic.values()) yield message;
  }

  /** Nodes of the tree: a topic of many levels may need one for each. */
  get nodeCount(): number {
    return this.#nodeCount;
  }

  /** Nodes of the tree, counted one by one: whoever removes all topics must find it at 1. */
  countNodes(): number {
    let count = 0;
    const stack = [this.#root];
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      count++;
      for (const child of node.children?.values() ?? []) stack.push(child);
    }
    return count;
  }

  get(topic: string): M | undefined {
    return this.#byTopic.get(topic)?.message;
  }

  /** Gives a valid topic name a message, in place of the one that it has. */
  set(topic: string, message: M): "added" | "replaced" {
    const existing = this.#byTopic.get(topic);
    if (existing !== undefined) {
      existing.message = message;
      return "replaced";
    }
    const entry = new Entry(topic, message);
    this.#byTopic.set(topic, entry);
    if (!topic.startsWith("$")) this.#inOrder.append(entry);
    let node = this.#root;
    for (const level of topic.split("/")) node = this.#makeChild(node, level);
    node.entry = entry;
    return "added";
  }

  /** Forgets the message of a topic. False: it had none. */
  remove(topic: string): boolean {
    const entry = this.#byTopic.get(topic);
    if (entry === undefined) return false;
    this.#byTopic.delete(topic);
    if (entry.sequence > 0) this.#inOrder.remove(entry);
    const levels = topic.split("/");
    const path = [this.#root];
    for (const level of levels) {
      path.push(smallMapGet((path.at(-1) as LevelNode<M>).children, level) as LevelNode<M>);
    }
    (path.at(-1) as LevelNode<M>).entry = undefined;
    for (let depth = levels.length; depth > 0; depth--) {
      const node = path[depth] as LevelNode<M>;
      if (node.children !== undefined || node.entry !== undefined) break;
      const parent = path[depth - 1] as LevelNode<M>;
      parent.children = smallMapRemove(parent.children, node.key);
      this.#nodeCount--;
    }
    return true;
  }

  /**
   * Shows `visit` the message of every topic that a valid filter matches, in no special order.
   *
   * `visit` may set and remove messages. What it removes is not shown afterwards; what it adds may be.
   */
  match(filter: string, visit: RetainedVisitor<M>): void {
    this.walk(filter).step(Infinity, visit);
  }

  /** The same piece by piece, whatever becomes of the messages in between. */
  walk(filter: string): RetainedWalk<M> {
    if (hasWildcard(filter)) return new RetainedWalk(filter.split("/"), this.#root);
    const entry = this.#byTopic.get(filter);
    const only = new LevelNode<M>("");
    only.entry = entry;
    return new RetainedWalk([], only);
  }

  #makeChild(node: LevelNode<M>, level: string): LevelNode<M> {
    const existing = smallMapGet(node.children, level);
    if (existing !== undefined) return existing;
    const child = new LevelNode<M>(level);
    node.children = smallMapAdd(node.children, child);
    this.#nodeCount++;
    return child;
  }

  /** All topics with their messages, in the order in which they got the first one. */
  *entries(): Generator<[topic: string, message: M], void, undefined> {
    for (const entry of this.#byTopic.values()) yield [entry.topic, entry.message];
  }
}

/** Nodes of one level that a walk has still to visit, and which level of the filter they have met. */
interface Frame<M> {
  readonly nodes: Iterator<LevelNode<M>>;
  readonly depth: number;
  /** The first level of a topic, where wildcards do not find what begins with "$". */
  readonly isFirst: boolean;
}

/**
 * A walk through the topics that one filter matches. Between two steps anything may happen to them: what is removed is
 * not shown any more, what is added may be.
 */
export class RetainedWalk<M> {
  /** Nodes that were visited so far, and ends of levels: what the walk has cost. */
  visited = 0;
  readonly #levels: readonly string[];
  readonly #frames: Frame<M>[];

  /** Belongs to the trie. */
  constructor(levels: readonly string[], root: LevelNode<M>) {
    this.#levels = levels;
    this.#frames = [{ nodes: [root].values(), depth: 0, isFirst: false }];
  }

  /** Visits at most `nodes` nodes, whether they match or not. True: the walk is over, or was ended by `visit`. */
  step(nodes: number, visit: RetainedVisitor<M>): boolean {
    const frames = this.#frames;
    for (let left = nodes; left > 0; left--) {
      const frame = frames.at(-1);
      if (frame === undefined) return true;
      this.visited++;
      const { value: node, done } = frame.nodes.next();
      if (done === true) {
        frames.pop();
        continue;
      }
      // [MQTT-4.7.2-1]: the first level of a `$` topic is not for wildcards.
      if (frame.isFirst && node.key.startsWith("$")) continue;
      const level = this.#levels[frame.depth];
      // Behind the last level only an entry matters; `sport/#` matches `sport` itself.
      if ((level === undefined || level === "#") && node.entry !== undefined) {
        if (visit(node.entry.topic, node.entry.message) === false) return true;
      }
      if (level !== undefined) this.#descend(node, level, frame.depth);
    }
    return frames.length === 0;
  }

  #descend(node: LevelNode<M>, level: string, depth: number): void {
    const isFirst = this.#frames.length === 1;
    if (level !== "+" && level !== "#") {
      const child = smallMapGet(node.children, level);
      if (child === undefined) return;
      this.#frames.push({ nodes: [child].values(), depth: depth + 1, isFirst: false });
    } else if (node.children !== undefined) {
      const nodes = node.children.values();
      this.#frames.push({ nodes, depth: level === "#" ? depth : depth + 1, isFirst });
    }
  }
}
