import { Prng, SequenceList } from "../base/mod.ts";
import { decodeTopicName, encodeUtf8 } from "../mqtt/mod.ts";
import { ChangeLog } from "./change_log.ts";
import { SubscriptionEntry } from "./recipient.ts";
import { CachedRoute, type Route } from "./route.ts";
import { RouteCache, type RouteCacheLimits } from "./route_cache.ts";
import { SharedGroup, SharedGroupList, type SharedStrategy } from "./shared_group.ts";
import { mergeGroups, mergeRecipients, SubscribedFilter } from "./subscribed_filter.ts";
import { isSameSubscription, type Subscriber, type Subscription } from "./subscription.ts";
import { hashTopicBytes, isSameTopic } from "./topic_hash.ts";
import { TopicTrie } from "./topic_trie.ts";

export interface RouterOptions extends Partial<RouteCacheLimits> {
  /** Default `round_robin`. */
  readonly sharedStrategy?: SharedStrategy;
  /** For the seed of the topic hash and the strategy `random`. */
  readonly prng?: Prng;
}

/** What an inspector wants to know of the cache. */
export interface RouterCounters {
  /** Answered from the cache. */
  readonly hits: number;
  /** Matched: topics not in the cache, and routes that a change of subscriptions made useless. */
  readonly misses: number;
  /** Dropped for want of room. */
  readonly evictions: number;
  /** Topics in the cache now. */
  readonly entries: number;
  /** Recipients in their lists. */
  readonly recipients: number;
  /** UTF-8 of these topics. */
  readonly topicBytes: number;
}

/** A filter that somebody has subscribed with. */
export interface FilterFigures<S extends Subscriber> {
  /** Without `$share/…`. */
  readonly filter: string;
  /** Its number in the order of filters. */
  readonly sequence: number;
  /** Ordinary ones. */
  readonly subscriberCount: number;
  readonly groups: readonly SharedGroup<S>[];
}

const CACHE_ENTRIES_MAX = 65_536;
const CACHE_RECIPIENTS_MAX = 1_000_000;
const CACHE_TOPIC_BYTES_MAX = 16 * 1024 * 1024;
const SWEEP_COUNT = 8;

/** Whether a subscriber may get messages of a topic that it has subscribed to. */
export type RouteGuard<S> = (subscriber: S, topic: string) => boolean;

/** Knows all subscriptions and finds the subscribers of a topic. */
export class Router<S extends Subscriber> {
  readonly #filters = new TopicTrie<SubscribedFilter<S>>();
  readonly #inOrder = new SequenceList<SubscribedFilter<S>>();
  readonly #changes = new ChangeLog();
  readonly #cache: RouteCache<S>;
  readonly #sharedStrategy: SharedStrategy;
  readonly #prng: Prng;
  readonly #hashSeed: number;
  #subscriptionCount = 0;
  #sharedSubscriptionCount = 0;
  #hits = 0;
  #misses = 0;
  #guard: RouteGuard<S> | undefined;
  /** Routes that were made before this change are of no use. */
  #validSince = 0;
  /** Scratch: what matched. */
  readonly #matched: SubscribedFilter<S>[] = [];

  constructor(options: RouterOptions = {}) {
    this.#cache = new RouteCache({
      cacheEntriesMax: options.cacheEntriesMax ?? CACHE_ENTRIES_MAX,
      cacheRecipientsMax: options.cacheRecipientsMax ?? CACHE_RECIPIENTS_MAX,
      cacheTopicBytesMax: options.cacheTopicBytesMax ?? CACHE_TOPIC_BYTES_MAX,
    });
    this.#sharedStrategy = options.sharedStrategy ?? "round_robin";
    this.#prng = options.prng ?? new Prng(Math.floor(Math.random() * Number.MAX_SAFE_INTEGER));
    this.#hashSeed = this.#prng.nextUint32() | 0;
  }

  /**
   * Asked about every ordinary recipient when a route is made; those of groups are their owner's matter. Setting it, also
   * to the same, makes all routes anew: its answers are other ones now.
   */
  set guard(guard: RouteGuard<S> | undefined) {
    this.#guard = guard;
    this.#validSince = this.#changes.note("#");
  }

  /** The guard's answers about a subscriber of `filter` are other ones now. */
  renew(filter: string): void {
    const subscribed = this.#filters.get(filter);
    if (subscribed !== undefined) this.#noteChange(subscribed);
  }

  /** All subscriptions, those of groups included. */
  get subscriptionCount(): number {
    return this.#subscriptionCount;
  }

  get sharedSubscriptionCount(): number {
    return this.#sharedSubscriptionCount;
  }

  /** Different filters that somebody has subscribed with. */
  get filterCount(): number {
    return this.#filters.size;
  }

  get counters(): RouterCounters {
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#cache.evictions,
      entries: this.#cache.size,
      recipients: this.#cache.recipientCount,
      topicBytes: this.#cache.topicBytes,
    };
  }

  /**
   * Adds a subscription with a valid filter, or replaces the one that the subscriber has with the
   * same filter and share name [MQTT-3.8.4-3].
   */
  subscribe(subscriber: S, subscription: Subscription): "added" | "replaced" {
    const { filter, shareName } = subscription;
    let subscribed = this.#filters.get(filter);
    if (subscribed === undefined) {
      subscribed = new SubscribedFilter(filter);
      this.#filters.set(filter, subscribed);
      this.#inOrder.append(subscribed);
    }
    const list = shareName === "" ? subscribed : this.#groupOf(subscribed, shareName);
    const existing = list.get(subscriber);
    // Clients that come back repeat what they had: that must not cost everybody's routes.
    if (existing !== undefined && isSameSubscription(existing.subscription, subscription)) {
      return "replaced";
    }
    list.put(SubscriptionEntry.of(subscriber, subscription));
    if (list === subscribed) this.#noteChange(subscribed);
    if (existing !== undefined) return "replaced";
    this.#subscriptionCount++;
    if (list !== subscribed) this.#sharedSubscriptionCount++;
    return "added";
  }

  /** Takes a subscription back. False: there was none. */
  unsubscribe(subscriber: S, filter: string, shareName: string): boolean {
    const subscribed = this.#filters.get(filter);
    if (subscribed === undefined) return false;
    const wasThere = shareName === ""
      ? this.#leave(subscribed, subscriber)
      : this.#leaveGroup(subscribed, shareName, subscriber);
    if (!wasThere) return false;
    this.#subscriptionCount--;
    if (subscribed.length === 0 && subscribed.groups === undefined) {
      this.#filters.delete(filter);
      this.#inOrder.remove(subscribed);
    }
    return true;
  }

  /** The group of a shared subscription; undefined while it has no member. */
  sharedGroup(filter: string, shareName: string): SharedGroup<S> | undefined {
    return this.#filters.get(filter)?.groups?.get(shareName);
  }

  /**
   * The route of the topic whose UTF-8 bytes are bytes[start..end), which are not kept. A topic that
   * the cache does not know is checked first: throws what `decodeTopicName` throws.
   */
  routeBytes(bytes: Uint8Array, start: number, end: number): Route<S> {
    const hash = hashTopicBytes(bytes, start, end, this.#hashSeed);
    const route = this.#cache.find(hash, bytes, start, end);
    if (route !== undefined && this.isCurrent(route)) {
      this.#hits++;
      if (!route.isUsed) route.isUsed = true;
      return route;
    }
    return this.#makeRoute(hash, route ?? topicOf(bytes, start, end));
  }

  /** Like `routeBytes`, for a caller that has the last route which it used: often the same again. */
  routeBytesAfter(
    last: Route<S> | undefined,
    bytes: Uint8Array,
    start: number,
    end: number,
  ): Route<S> {
    if (
      last !== undefined && isSameTopic(last.topicBytes, bytes, start, end) && this.isCurrent(last)
    ) {
      this.#hits++;
      return last;
    }
    return this.routeBytes(bytes, start, end);
  }

  /** The route of `topic`, which must be a valid topic name. */
  route(topic: string): Route<S> {
    const topicBytes = encodeUtf8(topic);
    const hash = hashTopicBytes(topicBytes, 0, topicBytes.length, this.#hashSeed);
    const route = this.#cache.find(hash, topicBytes, 0, topicBytes.length);
    if (route !== undefined && this.isCurrent(route)) {
      this.#hits++;
      if (!route.isUsed) route.isUsed = true;
      return route;
    }
    return this.#makeRoute(hash, route ?? { topic, topicBytes, retainedSlot: undefined });
  }

  /**
   * Whether a route of this router still tells the truth, so that its holder may go on using it. One
   * comparison of numbers as long as no subscription changes.
   */
  isCurrent(route: Route<S>): boolean {
    const cached = route as CachedRoute<S>;
    const { version } = this.#changes;
    return cached.seenVersion === version || this.#isStillTrue(cached, version);
  }

  /** Every subscription with its subscriber. What changes meanwhile may or may not be seen. */
  *subscriptions(): Generator<[S, Subscription], void, undefined> {
    for (const subscribed of this.#filters.values()) {
      for (const entry of subscribed.lend()) yield [entry.subscriber, entry.subscription];
      for (const group of subscribed.groups?.lend() ?? []) {
        for (const entry of group.members()) yield [entry.subscriber, entry.subscription];
      }
    }
  }

  /** Filters in the order in which somebody first subscribed with them, behind the one with that number; 0: the first. */
  filtersAfter(sequence: number, limit: number): FilterFigures<S>[] {
    return this.#inOrder.after(sequence, limit).map(figuresOf);
  }

  /** The same from a position, counted from 0. */
  filtersFrom(position: number, limit: number): FilterFigures<S>[] {
    return this.#inOrder.slice(position, limit).map(figuresOf);
  }

  /** Undefined: nobody has subscribed with this filter. */
  filter(filter: string): FilterFigures<S> | undefined {
    const subscribed = this.#filters.get(filter);
    return subscribed === undefined ? undefined : figuresOf(subscribed);
  }

  /** The ordinary subscribers of a filter as they are now, for as long as the caller likes. */
  subscribersOf(filter: string): readonly SubscriptionEntry<S>[] {
    return this.#filters.get(filter)?.lend() ?? [];
  }

  #groupOf(subscribed: SubscribedFilter<S>, shareName: string): SharedGroup<S> {
    const groups = subscribed.groups ??= new SharedGroupList<S>();
    const existing = groups.get(shareName);
    if (existing !== undefined) return existing;
    const group = new SharedGroup<S>({
      shareName,
      filter: subscribed.filter,
      strategy: this.#sharedStrategy,
      prng: this.#prng,
    });
    groups.put(group);
    this.#noteChange(subscribed);
    return group;
  }

  #leave(subscribed: SubscribedFilter<S>, subscriber: S): boolean {
    if (subscribed.remove(subscriber) === undefined) return false;
    this.#noteChange(subscribed);
    return true;
  }

  #leaveGroup(subscribed: SubscribedFilter<S>, shareName: string, subscriber: S): boolean {
    const group = subscribed.groups?.get(shareName);
    if (group?.remove(subscriber) === undefined) return false;
    this.#sharedSubscriptionCount--;
    if (group.length === 0) {
      subscribed.groups?.remove(shareName);
      if (subscribed.groups?.length === 0) subscribed.groups = undefined;
      this.#noteChange(subscribed);
    }
    return true;
  }

  #noteChange(subscribed: SubscribedFilter<S>): void {
    subscribed.changedVersion = this.#changes.note(subscribed.filter);
    this.#cache.sweep(SWEEP_COUNT, this.#changes);
  }

  /** Something changed since `route` was last looked at: was it what the route is made of? */
  #isStillTrue(route: CachedRoute<S>, version: number): boolean {
    if (route.madeVersion < this.#validSince) return false;
    if (this.#changes.mayConcern(route, route.topic)) {
      const matched = this.#matched;
      this.#filters.match(route.topic, matched);
      const isSame = route.isMadeOf(matched);
      matched.length = 0;
      if (!isSame) return false;
    }
    route.seenVersion = version;
    return true;
  }

  #makeRoute(
    hash: number,
    from: Pick<Route<S>, "topic" | "topicBytes" | "retainedSlot">,
  ): Route<S> {
    this.#misses++;
    const matched = this.#matched;
    this.#filters.match(from.topic, matched);
    const merged = mergeRecipients(matched);
    const recipients = this.#guard === undefined
      ? merged
      : withoutDenied(merged, from.topic, this.#guard);
    const route = new CachedRoute<S>({
      topic: from.topic,
      topicBytes: from.topicBytes,
      hash,
      sources: matched.slice(),
      recipients,
      withheldCount: merged.length - recipients.length,
      groups: mergeGroups(matched),
      version: this.#changes.version,
    });
    matched.length = 0;
    route.retainedSlot = from.retainedSlot;
    if (from instanceof CachedRoute) this.#cache.remove(from);
    this.#cache.add(route);
    return route;
  }
}

/** The list itself where nobody is denied. */
function withoutDenied<S extends Subscriber>(
  recipients: readonly SubscriptionEntry<S>[],
  topic: string,
  guard: RouteGuard<S>,
): readonly SubscriptionEntry<S>[] {
  let allowed: SubscriptionEntry<S>[] | undefined;
  for (const [index, recipient] of recipients.entries()) {
    if (guard(recipient.subscriber, topic)) allowed?.push(recipient);
    else allowed ??= recipients.slice(0, index);
  }
  return allowed ?? recipients;
}

function figuresOf<S extends Subscriber>(subscribed: SubscribedFilter<S>): FilterFigures<S> {
  const { filter, sequence, length, groups } = subscribed;
  return { filter, sequence, subscriberCount: length, groups: groups?.lend() ?? [] };
}

function topicOf(
  bytes: Uint8Array,
  start: number,
  end: number,
): Pick<Route<Subscriber>, "topic" | "topicBytes" | "retainedSlot"> {
  const topic = decodeTopicName(bytes, start, end);
  // Neither slice(), which shares the memory of a Buffer, nor a view, which costs more than the copy.
  const topicBytes = new Uint8Array(end - start);
  for (let i = 0; i < topicBytes.length; i++) topicBytes[i] = bytes[start + i] as number;
  return { topic, topicBytes, retainedSlot: undefined };
}
