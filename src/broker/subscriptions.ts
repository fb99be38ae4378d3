import type { Clock } from "../base/mod.ts";
import { EventBit } from "../ports/mod.ts";
import type { Router, Subscription } from "../routing/mod.ts";
import type { ClientSession } from "./client_session.ts";
import type { Durability } from "./durability.ts";
import { eventSubscriptionOf } from "./event_client.ts";
import type { EventHub } from "./event_hub.ts";
import type { BrokerGauges } from "./gauges.ts";

export interface SubscriptionsParts {
  readonly router: Router<ClientSession>;
  readonly durability: Durability;
  readonly gauges: BrokerGauges;
  readonly events: EventHub;
  readonly clock: Clock;
  /** Calls back after the other sockets had their turn. */
  readonly yieldTurn: (fn: () => void) => void;
}

/** Subscriptions of a session that has ended that are taken back in one turn. */
const REMOVED_PER_TURN = 1000;

/** The one place where sessions get and lose subscriptions: in the session, in the router, in the store, in figures. */
export class Subscriptions {
  readonly #router: Router<ClientSession>;
  readonly #durability: Durability;
  readonly #gauges: BrokerGauges;
  readonly #events: EventHub;
  readonly #clock: Clock;
  readonly #yieldTurn: (fn: () => void) => void;

  constructor(parts: SubscriptionsParts) {
    this.#router = parts.router;
    this.#durability = parts.durability;
    this.#gauges = parts.gauges;
    this.#events = parts.events;
    this.#clock = parts.clock;
    this.#yieldTurn = parts.yieldTurn;
  }

  /** `filter`: as the client wrote it. Replaces what the session has under it [MQTT-3.8.4-3]. */
  put(session: ClientSession, filter: string, subscription: Subscription): void {
    const isNew = !session.subscriptions.has(filter);
    this.#enter(session, filter, subscription);
    const { journal } = session;
    if (journal !== undefined) {
      this.#durability.note();
      this.#durability.store.putSubscription(journal.key, filter, subscription);
    }
    if ((this.#events.mask & EventBit.sessionSubscribed) !== 0) {
      this.#events.client({
        type: "session.subscribed",
        client: session.eventClient,
        timestampMs: this.#clock.nowMs(),
        subscription: eventSubscriptionOf(subscription),
        isNew,
      });
    }
  }

  /** What an earlier run of the broker had in its store. */
  restore(session: ClientSession, filter: string, subscription: Subscription): void {
    this.#enter(session, filter, subscription);
  }

  /** False: the session has no such subscription. */
  remove(session: ClientSession, filter: string): boolean {
    const subscription = session.subscriptions.get(filter);
    if (subscription === undefined) return false;
    session.subscriptions.delete(filter);
    this.#router.unsubscribe(session, subscription.filter, subscription.shareName);
    if (session.subscriptions.size === 0) this.#countSubscriber(session, -1);
    this.#updateGauges();
    const { journal } = session;
    if (journal !== undefined) {
      this.#durability.note();
      this.#durability.store.removeSubscription(journal.key, filter);
    }
    if ((this.#events.mask & EventBit.sessionUnsubscribed) !== 0) {
      this.#events.client({
        type: "session.unsubscribed",
        client: session.eventClient,
        timestampMs: this.#clock.nowMs(),
        subscription: eventSubscriptionOf(subscription),
      });
    }
    return true;
  }

  /**
   * The session is over; its journal goes as a whole. Of very many subscriptions most are taken back in later turns,
   * until when messages may still be offered to the session: it drops them.
   */
  removeAll(session: ClientSession): void {
    if (session.subscriptions.size === 0) return;
    const left = [...session.subscriptions.values()];
    session.subscriptions.clear();
    this.#countSubscriber(session, -1);
    this.#removeSome(session, left);
  }

  #removeSome(session: ClientSession, left: Subscription[]): void {
    for (const { filter, shareName } of left.splice(-REMOVED_PER_TURN)) {
      this.#router.unsubscribe(session, filter, shareName);
    }
    this.#updateGauges();
    if (left.length > 0) this.#yieldTurn(() => this.#removeSome(session, left));
  }

  /** The session's client has come or gone. */
  noteOnline(session: ClientSession, isOnline: boolean): void {
    if (session.subscriptions.size === 0) return;
    this.#gauges.connectedSubscribers.add(isOnline ? 1 : -1);
  }

  #enter(session: ClientSession, filter: string, subscription: Subscription): void {
    const isFirst = session.subscriptions.size === 0;
    const order = session.subscriptions.get(filter)?.order ?? ++session.lastSubscriptionOrder;
    const entered = { ...subscription, order };
    session.subscriptions.set(filter, entered);
    this.#router.subscribe(session, entered);
    if (isFirst) this.#countSubscriber(session, 1);
    this.#updateGauges();
  }

  #countSubscriber(session: ClientSession, change: number): void {
    this.#gauges.subscribers.add(change);
    if (session.connection !== undefined) this.#gauges.connectedSubscribers.add(change);
  }

  #updateGauges(): void {
    const gauges = this.#gauges;
    gauges.routes.set(this.#router.filterCount);
    gauges.subscriptions.set(this.#router.subscriptionCount);
    gauges.sharedSubscriptions.set(this.#router.sharedSubscriptionCount);
  }
}
