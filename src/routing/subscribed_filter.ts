import type { Sequenced } from "../base/mod.ts";
import { LentList } from "./lent_list.ts";
import { SubscriptionEntry } from "./recipient.ts";
import type { SharedGroup, SharedGroupList } from "./shared_group.ts";
import type { Subscriber } from "./subscription.ts";

/** All that is subscribed with one filter: a list of the ordinary subscriptions, and groups. */
export class SubscribedFilter<S extends Subscriber> extends LentList<S, SubscriptionEntry<S>>
  implements Sequenced {
  readonly filter: string;
  /** Belongs to the router's list. */
  sequence = 0;
  groups: SharedGroupList<S> | undefined = undefined;
  /** The number of the last change of the ordinary subscriptions or of the set of groups. */
  changedVersion = 0;

  constructor(filter: string) {
    super();
    this.filter = filter;
  }

  protected override keyOf(entry: SubscriptionEntry<S>): S {
    return entry.subscriber;
  }
}

/**
 * The list of nobody. Once it held something, so that engines take it for a list of objects like all others: one that is
 * empty from the start would be another kind, until the code that reads it were thrown away for that.
 */
const NOBODY: readonly never[] = emptied([undefined]);

function emptied(list: unknown[]): readonly never[] {
  list.pop();
  return list as never[];
}

/** Tail entries up to this number are searched one by one. */
const UNINDEXED_TAIL_MAX = 16;

/**
 * The ordinary subscribers of all `filters`, each once.
 *
 * With one filter that is the filter's own list, lent and not copied: a topic of 100,000 subscribers
 * costs its route nothing. With several the longest is copied and the others are merged into it.
 */
export function mergeRecipients<S extends Subscriber>(
  filters: readonly SubscribedFilter<S>[],
): readonly SubscriptionEntry<S>[] {
  const longest = longestOf(filters);
  if (longest === undefined) return NOBODY;
  let merged: SubscriptionEntry<S>[] | undefined;
  let tail: TailIndex<S> | undefined;
  for (let f = 0; f < filters.length; f++) {
    const filter = filters[f] as SubscribedFilter<S>;
    if (filter === longest || filter.length === 0) continue;
    merged ??= longest.copy();
    tail ??= new TailIndex(merged);
    for (let i = 0; i < filter.length; i++) {
      const entry = filter.at(i);
      let position = longest.positionOf(entry.subscriber);
      if (position < 0) position = tail.positionOf(entry.subscriber);
      if (position < 0) tail.push(entry);
      else merged[position] = SubscriptionEntry.merge(merged[position] as typeof entry, entry);
    }
  }
  return merged ?? longest.lend();
}

/** The groups of all `filters`. */
export function mergeGroups<S extends Subscriber>(
  filters: readonly SubscribedFilter<S>[],
): readonly SharedGroup<S>[] {
  let first: readonly SharedGroup<S>[] | undefined;
  let merged: SharedGroup<S>[] | undefined;
  for (let f = 0; f < filters.length; f++) {
    const groups = (filters[f] as SubscribedFilter<S>).groups?.lend();
    if (groups === undefined) continue;
    if (first === undefined) first = groups;
    else merged = (merged ?? first).concat(groups);
  }
  return merged ?? first ?? NOBODY;
}

function longestOf<S extends Subscriber>(
  filters: readonly SubscribedFilter<S>[],
): SubscribedFilter<S> | undefined {
  let longest: SubscribedFilter<S> | undefined;
  for (let f = 0; f < filters.length; f++) {
    const filter = filters[f] as SubscribedFilter<S>;
    if (filter.length > (longest?.length ?? 0)) longest = filter;
  }
  return longest;
}

/** Finds subscribers among those that were appended to a copied list. */
class TailIndex<S> {
  readonly #list: SubscriptionEntry<S>[];
  readonly #start: number;
  #positions: Map<S, number> | undefined = undefined;

  constructor(list: SubscriptionEntry<S>[]) {
    this.#list = list;
    this.#start = list.length;
  }

  push(entry: SubscriptionEntry<S>): void {
    this.#list.push(entry);
    this.#positions?.set(entry.subscriber, this.#list.length - 1);
    if (this.#list.length - this.#start > UNINDEXED_TAIL_MAX) this.#positions ??= this.#index();
  }

  positionOf(subscriber: S): number {
    if (this.#positions !== undefined) return this.#positions.get(subscriber) ?? -1;
    for (let i = this.#start; i < this.#list.length; i++) {
      if ((this.#list[i] as SubscriptionEntry<S>).subscriber === subscriber) return i;
    }
    return -1;
  }

  #index(): Map<S, number> {
    const positions = new Map<S, number>();
    for (let i = this.#start; i < this.#list.length; i++) {
      positions.set((this.#list[i] as SubscriptionEntry<S>).subscriber, i);
    }
    return positions;
  }
}
