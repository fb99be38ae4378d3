import type { Prng } from "../base/mod.ts";
import { LentList } from "./lent_list.ts";
import type { SubscriptionEntry } from "./recipient.ts";
import type { Subscriber } from "./subscription.ts";

/**
 * Which member of a shared subscription gets the next message.
 *
 * - `round_robin`: one after the other.
 * - `random`: any.
 * - `sticky`: always the same one, until it is offline or leaves.
 * - `hash_clientid`: the same one for all messages of one publisher.
 */
export type SharedStrategy = "round_robin" | "random" | "sticky" | "hash_clientid";

export interface SharedGroupOptions {
  readonly shareName: string;
  readonly filter: string;
  readonly strategy: SharedStrategy;
  readonly prng: Prng;
}

/**
 * The subscribers of one `$share/{shareName}/{filter}`. Unlike a recipient list it is alive: who
 * joins or leaves is taken into account by routes that are already out.
 */
export class SharedGroup<S extends Subscriber> extends LentList<S, SubscriptionEntry<S>> {
  readonly shareName: string;
  readonly filter: string;
  readonly #strategy: SharedStrategy;
  readonly #prng: Prng;
  /** Round robin: the position after the one that was chosen last. */
  #cursor = 0;
  /** Sticky: the subscriber that was chosen last. */
  #stuckTo: S | undefined = undefined;

  constructor(options: SharedGroupOptions) {
    super();
    this.shareName = options.shareName;
    this.filter = options.filter;
    this.#strategy = options.strategy;
    this.#prng = options.prng;
  }

  protected override keyOf(entry: SubscriptionEntry<S>): S {
    return entry.subscriber;
  }

  /** The members as they are now. */
  members(): readonly SubscriptionEntry<S>[] {
    return this.lend();
  }

  /**
   * Chooses who gets the next message: an online member, or an offline one when no other is left;
   * undefined when nobody is left at all. `except` names those that were tried already.
   */
  next(except?: ReadonlySet<S>, publisherClientId = ""): SubscriptionEntry<S> | undefined {
    const count = this.length;
    if (count === 0) return undefined;
    const first = this.#firstChoice(count, publisherClientId);
    let offline = -1;
    for (let step = 0; step < count; step++) {
      const position = first + step < count ? first + step : first + step - count;
      const { subscriber } = this.at(position);
      if (except?.has(subscriber) === true) continue;
      if (subscriber.isOnline) return this.#choose(position);
      if (offline < 0) offline = position;
    }
    return offline < 0 ? undefined : this.#choose(offline);
  }

  #firstChoice(count: number, publisherClientId: string): number {
    switch (this.#strategy) {
      case "round_robin":
        return this.#cursor < count ? this.#cursor : 0;
      case "sticky":
        return this.#stuckTo === undefined ? 0 : Math.max(this.positionOf(this.#stuckTo), 0);
      case "random":
        return this.#prng.nextInt(count);
      case "hash_clientid":
        return hashText(publisherClientId) % count;
    }
  }

  #choose(position: number): SubscriptionEntry<S> {
    const entry = this.at(position);
    this.#cursor = position + 1;
    if (this.#strategy === "sticky") this.#stuckTo = entry.subscriber;
    return entry;
  }
}

/** The groups of one filter, by share name. */
export class SharedGroupList<S extends Subscriber> extends LentList<string, SharedGroup<S>> {
  protected override keyOf(group: SharedGroup<S>): string {
    return group.shareName;
  }
}

function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  // The low bits of a product depend on low bits only, and they alone would decide.
  return (hash ^ (hash >>> 15)) >>> 0;
}
