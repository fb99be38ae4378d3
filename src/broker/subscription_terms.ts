import {
  hasWildcard,
  parseTopicFilter,
  type Qos,
  ReasonCode,
  type SubscriptionRequest,
  topicLevelCount,
} from "../mqtt/mod.ts";
import type { Subscription } from "../routing/mod.ts";
import type { MqttOptions } from "./options.ts";

/** Why a filter cannot be subscribed with; `detail` fits behind "topic filter". */
export interface FilterProblem {
  readonly reasonCode: ReasonCode;
  readonly detail: string;
}

/** What a request asks for, as far as the broker grants it; or why it does not. Access rules are another matter. */
export function subscriptionFor(
  request: SubscriptionRequest,
  identifier: number,
  options: MqttOptions,
): Subscription | FilterProblem {
  const parsed = parseTopicFilter(request.filter);
  if (!parsed.valid) { // [MQTT-4.7.1-1]
    return { reasonCode: ReasonCode.topicFilterInvalid, detail: parsed.problem };
  }
  const { filter } = parsed;
  const shareName = parsed.shareName ?? "";
  const levels = topicLevelCount(filter);
  if (levels > options.maxTopicLevels) {
    const detail = `has ${levels} levels, allowed are ${options.maxTopicLevels}`;
    return { reasonCode: ReasonCode.topicFilterInvalid, detail };
  }
  if (shareName !== "" && !options.sharedSubscription) {
    const detail = "is shared, which is not available";
    return { reasonCode: ReasonCode.sharedSubscriptionsNotSupported, detail };
  }
  if (shareName !== "" && request.noLocal) { // [MQTT-3.8.3-4]
    return { reasonCode: ReasonCode.protocolError, detail: "is shared, and no local is set" };
  }
  if (hasWildcard(filter) && !options.wildcardSubscription) {
    const detail = "has a wildcard, which is not available";
    return { reasonCode: ReasonCode.wildcardSubscriptionsNotSupported, detail };
  }
  const { noLocal, retainAsPublished, retainHandling } = request;
  const qos = (request.qos < options.maxQos ? request.qos : options.maxQos) as Qos;
  return { filter, shareName, qos, noLocal, retainAsPublished, retainHandling, identifier };
}

/** Retain handling 0: always, 1: only for a new subscription, 2: never; shared ones never get any. */
export function wantsRetained(subscription: Subscription, isNew: boolean): boolean {
  if (subscription.shareName !== "") return false;
  return subscription.retainHandling === 0 || (subscription.retainHandling === 1 && isNew); // [MQTT-3.3.1-9]
}
