import type { ChangeLog } from "./change_log.ts";
import type { CachedRoute } from "./route.ts";
import type { Subscriber } from "./subscription.ts";
import { isSameTopic } from "./topic_hash.ts";

export interface RouteCacheLimits {
  /** Topics kept; 0: no cache. */
  readonly cacheEntriesMax: number;
  /** Recipients in the lists of all kept topics together, lists in common counted each time. */
  readonly cacheRecipientsMax: number;
  /** UTF-8 of all kept topics together: a topic may have 65,535 bytes. */
  readonly cacheTopicBytesMax: number;
}

const BUCKETS_MIN = 256;
/** Topics chosen to collide must not make a look-up long: a full bucket loses its oldest. */
const CHAIN_MAX = 16;

/**
 * Routes by the bytes of their topic, bounded in number and in what they hold.
 *
 * Buckets are chains through the routes themselves. When room is needed a hand goes round the list
 * of all routes and takes the first that nobody has asked for since it last came by (the CLOCK
 * algorithm); new ones start unasked, so topics that occur once push out each other and not those in use.
 */
export class RouteCache<S extends Subscriber> {
  readonly #entriesMax: number;
  readonly #recipientsMax: number;
  readonly #topicBytesMax: number;
  #buckets: (CachedRoute<S> | undefined)[] = new Array(BUCKETS_MIN).fill(undefined);
  #mask = BUCKETS_MIN - 1;
  readonly #routes: CachedRoute<S>[] = [];
  #recipientCount = 0;
  #topicBytes = 0;
  #hand = 0;
  #sweepHand = 0;
  #evictions = 0;

  constructor(limits: RouteCacheLimits) {
    this.#entriesMax = limits.cacheEntriesMax;
    this.#recipientsMax = limits.cacheRecipientsMax;
    this.#topicBytesMax = limits.cacheTopicBytesMax;
  }

  get size(): number {
    return this.#routes.length;
  }

  /** Recipients in the lists of all kept routes. */
  get recipientCount(): number {
    return this.#recipientCount;
  }

  /** UTF-8 of all kept topics. */
  get topicBytes(): number {
    return this.#topicBytes;
  }

  /** Routes that had to go for want of room. */
  get evictions(): number {
    return this.#evictions;
  }

  /** The route of a topic, current or not. */
  find(
    hash: number,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): CachedRoute<S> | undefined {
    let route = this.#buckets[hash & this.#mask];
    while (route !== undefined) {
      if (route.hash === hash && isSameTopic(route.topicBytes, bytes, start, end)) return route;
      route = route.next;
    }
    return undefined;
  }

  /** Keeps a route whose topic is not in the cache, unless it is too big for it. */
  add(route: CachedRoute<S>): void {
    const { weight, topicBytes } = route;
    if (this.#entriesMax === 0 || weight > this.#recipientsMax) return;
    if (topicBytes.length > this.#topicBytesMax) return;
    while (
      this.#routes.length >= this.#entriesMax ||
      this.#recipientCount + weight > this.#recipientsMax ||
      this.#topicBytes + topicBytes.length > this.#topicBytesMax
    ) {
      this.#evict();
    }
    if (this.#routes.length >= this.#buckets.length) this.#grow();
    this.#shortenChain(route.hash & this.#mask);
    this.#link(route);
    route.position = this.#routes.length;
    this.#routes.push(route);
    this.#recipientCount += weight;
    this.#topicBytes += topicBytes.length;
  }

  /** Forgets a route that is in the cache. */
  remove(route: CachedRoute<S>): void {
    const bucket = route.hash & this.#mask;
    if (this.#buckets[bucket] === route) {
      this.#buckets[bucket] = route.next;
    } else {
      let before = this.#buckets[bucket];
      while (before !== undefined && before.next !== route) before = before.next;
      if (before !== undefined) before.next = route.next;
    }
    const last = this.#routes.pop() as CachedRoute<S>;
    if (last !== route) {
      this.#routes[route.position] = last;
      last.position = route.position;
    }
    route.next = undefined;
    route.position = -1;
    this.#recipientCount -= route.weight;
    this.#topicBytes -= route.topicBytes.length;
  }

  /**
   * Looks at the next `count` routes and drops those that `changes` may concern, unless they were
   * asked for lately. Called with every change, so that a topic that nobody publishes to any more
   * does not hold on to sessions that are gone.
   */
  sweep(count: number, changes: ChangeLog): void {
    for (let i = Math.min(count, this.#routes.length); i > 0; i--) {
      if (this.#sweepHand >= this.#routes.length) this.#sweepHand = 0;
      const route = this.#routes[this.#sweepHand] as CachedRoute<S>;
      const isStale = changes.mayConcern(route, route.topic);
      if (isStale && !route.isUsed) {
        this.remove(route);
        continue;
      }
      if (isStale) route.isUsed = false;
      this.#sweepHand++;
    }
  }

  #evict(): void {
    for (;;) {
      if (this.#hand >= this.#routes.length) this.#hand = 0;
      const route = this.#routes[this.#hand] as CachedRoute<S>;
      if (!route.isUsed) {
        // The last one moves to where the hand is; let it have its round.
        this.remove(route);
        this.#hand++;
        this.#evictions++;
        return;
      }
      route.isUsed = false;
      this.#hand++;
    }
  }

  #shortenChain(bucket: number): void {
    let length = 0;
    let last: CachedRoute<S> | undefined;
    for (let route = this.#buckets[bucket]; route !== undefined; route = route.next) {
      length++;
      last = route;
    }
    if (length < CHAIN_MAX || last === undefined) return;
    this.remove(last);
    this.#evictions++;
  }

  #link(route: CachedRoute<S>): void {
    const bucket = route.hash & this.#mask;
    route.next = this.#buckets[bucket];
    this.#buckets[bucket] = route;
  }

  #grow(): void {
    const count = this.#buckets.length * 2;
    this.#buckets = new Array(count).fill(undefined);
    this.#mask = count - 1;
    for (const route of this.#routes) this.#link(route);
  }
}
