import type { Qos } from "../mqtt/mod.ts";
import type { Subscription } from "./subscription.ts";

/** One subscriber of a topic with all its matching ordinary subscriptions merged: one delivery. */
export interface Recipient<S> {
  readonly subscriber: S;
  /** The highest that a matching subscription was granted [MQTT-3.3.4-2]. */
  readonly qos: Qos;
  /** All matching subscriptions are no-local: the subscriber's own messages do not go here. */
  readonly noLocal: boolean;
  /** At least one matching subscription wants to see the retain flag as it was published. */
  readonly retainAsPublished: boolean;
  /** Of all matching subscriptions that have one, repeated ones too [MQTT-3.3.4-4]. */
  readonly identifiers: readonly number[];
  /** What holds for the subscriber's own messages when some, not all, subscriptions are no-local. */
  readonly mixedNoLocal: Recipient<S> | undefined;
}

const NO_IDENTIFIERS: readonly number[] = [];

/** The recipient that a single subscription makes; also how a filter keeps its subscriptions. */
export class SubscriptionEntry<S> implements Recipient<S> {
  readonly subscriber: S;
  /** Of several that were merged, one with the highest QoS. */
  readonly subscription: Subscription;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[];
  readonly mixedNoLocal: SubscriptionEntry<S> | undefined;

  private constructor(
    subscriber: S,
    subscription: Subscription,
    merged: Omit<Recipient<S>, "subscriber" | "mixedNoLocal">,
    mixedNoLocal: SubscriptionEntry<S> | undefined,
  ) {
    this.subscriber = subscriber;
    this.subscription = subscription;
    this.qos = merged.qos;
    this.noLocal = merged.noLocal;
    this.retainAsPublished = merged.retainAsPublished;
    this.identifiers = merged.identifiers;
    this.mixedNoLocal = mixedNoLocal;
  }

  static of<S>(subscriber: S, subscription: Subscription): SubscriptionEntry<S> {
    const { qos, noLocal, retainAsPublished, identifier } = subscription;
    const identifiers = identifier === 0 ? NO_IDENTIFIERS : [identifier];
    const merged = { qos, noLocal, retainAsPublished, identifiers };
    return new SubscriptionEntry(subscriber, subscription, merged, undefined);
  }

  /** Two entries of one subscriber as one delivery; neither is changed. */
  static merge<S>(a: SubscriptionEntry<S>, b: SubscriptionEntry<S>): SubscriptionEntry<S> {
    const noLocal = a.noLocal && b.noLocal;
    const isMixed = !noLocal && (hasNoLocal(a) || hasNoLocal(b));
    const merged = {
      qos: a.qos > b.qos ? a.qos : b.qos,
      noLocal,
      retainAsPublished: a.retainAsPublished || b.retainAsPublished,
      identifiers: concatenate(a.identifiers, b.identifiers),
    };
    const subscription = a.qos >= b.qos ? a.subscription : b.subscription;
    const own = isMixed ? mergeOwn(a, b) : undefined;
    return new SubscriptionEntry(a.subscriber, subscription, merged, own);
  }
}

function hasNoLocal<S>(entry: SubscriptionEntry<S>): boolean {
  return entry.noLocal || entry.mixedNoLocal !== undefined;
}

function mergeOwn<S>(
  a: SubscriptionEntry<S>,
  b: SubscriptionEntry<S>,
): SubscriptionEntry<S> | undefined {
  const ownA = forOwnMessages(a);
  const ownB = forOwnMessages(b);
  if (ownA === undefined) return ownB;
  return ownB === undefined ? ownA : SubscriptionEntry.merge(ownA, ownB);
}

function forOwnMessages<S>(entry: SubscriptionEntry<S>): SubscriptionEntry<S> | undefined {
  return entry.noLocal ? undefined : entry.mixedNoLocal ?? entry;
}

function concatenate(a: readonly number[], b: readonly number[]): readonly number[] {
  if (a.length === 0) return b;
  return b.length === 0 ? a : [...a, ...b];
}
