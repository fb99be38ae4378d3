import { topicLevelCount } from "../mqtt/mod.ts";
import { type ChangeStamp, slotOfPrefix, slotOfWhole } from "./change_log.ts";
import type { Recipient, SubscriptionEntry } from "./recipient.ts";
import type { SharedGroup } from "./shared_group.ts";
import type { SubscribedFilter } from "./subscribed_filter.ts";
import type { Subscriber } from "./subscription.ts";

/**
 * Who gets the messages of one topic. Complete when it is handed out and never changed afterwards: a
 * change of subscriptions makes a new one. Only the groups are alive inside.
 */
export interface Route<S extends Subscriber> {
  readonly topic: string;
  /** The topic name in UTF-8; owned by the route, never to be written. */
  readonly topicBytes: Uint8Array;
  readonly levelCount: number;
  readonly recipients: readonly Recipient<S>[];
  readonly groups: readonly SharedGroup<S>[];
  /** Subscribers that are not among the recipients because they may not be. */
  readonly withheldCount: number;
  /**
   * For the owner of retained messages, who alone reads and writes it. Undefined at first; handed on
   * when subscriptions change, lost when the topic falls out of the cache, so good for a cache only.
   */
  retainedSlot: unknown;
}

export interface RouteParts<S extends Subscriber> {
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly hash: number;
  readonly sources: readonly SubscribedFilter<S>[];
  readonly recipients: readonly SubscriptionEntry<S>[];
  readonly groups: readonly SharedGroup<S>[];
  readonly withheldCount: number;
  readonly version: number;
}

/** A route with what the cache and the router know about it. All that is not in `Route` is theirs. */
export class CachedRoute<S extends Subscriber> implements Route<S>, ChangeStamp {
  // First what every look-up reads, so that it lies together.
  readonly hash: number;
  /** The next one of the same bucket. */
  next: CachedRoute<S> | undefined = undefined;
  readonly topicBytes: Uint8Array;
  seenVersion: number;
  /** Asked for since the hand of the cache came by. */
  isUsed = false;
  readonly recipients: readonly SubscriptionEntry<S>[];
  readonly groups: readonly SharedGroup<S>[];
  readonly topic: string;
  readonly levelCount: number;
  readonly withheldCount: number;
  retainedSlot: unknown = undefined;

  readonly slot1: number;
  readonly slot2: number;
  readonly slot3: number;
  readonly slot4: number;
  readonly slotWhole: number;
  /** The filters that matched when the route was made. */
  readonly sources: readonly SubscribedFilter<S>[];
  /** The last change when it was made. */
  readonly madeVersion: number;
  /** Index in the cache's list; -1: not in the cache. */
  position = -1;

  constructor(parts: RouteParts<S>) {
    const { topic } = parts;
    this.topic = topic;
    this.topicBytes = parts.topicBytes;
    this.levelCount = topicLevelCount(topic);
    this.recipients = parts.recipients;
    this.groups = parts.groups;
    this.withheldCount = parts.withheldCount;
    this.seenVersion = parts.version;
    this.madeVersion = parts.version;
    this.slot1 = slotOfPrefix(topic, 1);
    this.slot2 = slotOfPrefix(topic, 2);
    this.slot3 = slotOfPrefix(topic, 3);
    this.slot4 = slotOfPrefix(topic, 4);
    this.slotWhole = slotOfWhole(topic);
    this.sources = parts.sources;
    this.hash = parts.hash;
  }

  /** What the route holds on to, in the unit of the cache's limit. */
  get weight(): number {
    return this.recipients.length;
  }

  /** Whether matching again gave the very same filters, none of which has changed since. */
  isMadeOf(matched: readonly SubscribedFilter<S>[]): boolean {
    const { sources, seenVersion } = this;
    if (sources.length !== matched.length) return false;
    for (let i = 0; i < sources.length; i++) {
      const source = sources[i] as SubscribedFilter<S>;
      if (source !== matched[i] || source.changedVersion > seenVersion) return false;
    }
    return true;
  }
}
