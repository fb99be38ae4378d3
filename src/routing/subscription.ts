import type { Qos, RetainHandling } from "../mqtt/mod.ts";

/** What one client asked for with one topic filter. Never changed; a new SUBSCRIBE makes a new one. */
export interface Subscription {
  /** A valid topic filter, without `$share/{shareName}/`. */
  readonly filter: string;
  /** Of a shared subscription; else empty. */
  readonly shareName: string;
  /** The granted, that is the highest, QoS. */
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly retainHandling: RetainHandling;
  /** Subscription identifier; 0: none. */
  readonly identifier: number;
}

/** What routing must know of whoever subscribes. */
export interface Subscriber {
  readonly clientId: string;
  /** Connected and able to take a message now. */
  readonly isOnline: boolean;
}

/** Whether two subscriptions ask for the same in every respect. */
export function isSameSubscription(a: Subscription, b: Subscription): boolean {
  return a === b ||
    (a.filter === b.filter && a.shareName === b.shareName && a.qos === b.qos &&
      a.noLocal === b.noLocal && a.retainAsPublished === b.retainAsPublished &&
      a.retainHandling === b.retainHandling && a.identifier === b.identifier);
}
