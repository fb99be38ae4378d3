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

/** A node that a walk still has to visit, with the level of the filter that its children meet. */
interface Step<M> {
  readonly node: LevelNode<M>;
  readonly depth: number;
}

/** Gets each match. `false` ends the walk. */
export type RetainedVisitor<M> = (topic: string, message: M) => boolean | void;

/** One message for each topic, found by topic or by a filter that matches the topic. */
export class RetainedTrie<M> {
  readonly #byTopic = new Map<string, Entry<M>>();
  readonly #inOrder = new SequenceList<Entry<M>>();
  readonly #root = new LevelNode<M>("");

  /** Topics that have a message. */
  get size(): number {
    return this.#byTopic.size;
  }

  /** Topics in the order in which they got their first message; without those that `#` does not match [MQTT-4.7.2-1]. */
  get inOrder(): SequenceList<RetainedEntry<M> & Sequenced> {
    return this.#inOrder;
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
    for (const level of topic.split("/")) node = makeChild(node, level);
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
    }
    return true;
  }

  /**
   * Shows `visit` the message of every topic that a valid filter matches, in no special order.
   *
   * `visit` may set and remove messages. What it removes is not shown afterwards; what it adds may be.
   */
  match(filter: string, visit: RetainedVisitor<M>): void {
    if (!hasWildcard(filter)) {
      const entry = this.#byTopic.get(filter);
      if (entry !== undefined) visit(filter, entry.message);
      return;
    }
    const levels = filter.split("/");
    const stack: Step<M>[] = [{ node: this.#root, depth: 0 }];
    for (let step = stack.pop(); step !== undefined; step = stack.pop()) {
      const { node, depth } = step;
      const level = levels[depth];
      // Behind the last level only an entry matters; `sport/#` matches `sport` itself.
      if ((level === undefined || level === "#") && node.entry !== undefined) {
        if (visit(node.entry.topic, node.entry.message) === false) return;
      }
      if (level !== undefined) this.#pushChildren(stack, step, level);
    }
  }

  /** All topics with their messages, in the order in which they got the first one. */
  *entries(): Generator<[topic: string, message: M], void, undefined> {
    for (const entry of this.#byTopic.values()) yield [entry.topic, entry.message];
  }

  #pushChildren(stack: Step<M>[], { node, depth }: Step<M>, level: string): void {
    if (level !== "+" && level !== "#") {
      const child = smallMapGet(node.children, level);
      if (child !== undefined) stack.push({ node: child, depth: depth + 1 });
      return;
    }
    const childDepth = level === "#" ? depth : depth + 1;
    for (const child of node.children?.values() ?? []) {
      // [MQTT-4.7.2-1]: the first level of a `$` topic is not for wildcards.
      if (node === this.#root && child.key.startsWith("$")) continue;
      stack.push({ node: child, depth: childDepth });
    }
  }
}

function makeChild<M>(node: LevelNode<M>, level: string): LevelNode<M> {
  const existing = smallMapGet(node.children, level);
  if (existing !== undefined) return existing;
  const child = new LevelNode<M>(level);
  node.children = smallMapAdd(node.children, child);
  return child;
}
