import {
  hasWildcard,
  parseTopicFilter,
  ProtocolError,
  type Qos,
  ReasonCode,
  type SubscriptionRequest,
  topicLevelCount,
} from "../mqtt/mod.ts";
import type { Subscription } from "../routing/mod.ts";
import type { ClientConnection } from "./client_connection.ts";

/** A filter of the packet, either ready to be entered or refused for what it is. */
export interface Candidate {
  readonly request: SubscriptionRequest;
  readonly subscription: Subscription | undefined;
  readonly refusal: ReasonCode;
}

/** As the client wrote it. */
export function wholeFilter({ filter, shareName }: Subscription): string {
  return shareName === "" ? filter : `$share/${shareName}/${filter}`;
}

/** What is no filter is left as it is, to be refused as that. */
function mounted(
  { mountpoint }: ClientConnection,
  request: SubscriptionRequest,
): SubscriptionRequest {
  const { filter } = request;
  if (mountpoint === undefined || !parseTopicFilter(filter).valid) return request;
  return { ...request, filter: mountpoint.mount(filter, true) };
}

/** Judges a filter by itself; who may subscribe with it is another question. Throws ProtocolError. */
export function candidateOf(
  from: ClientConnection,
  asked: SubscriptionRequest,
  identifier: number,
): Candidate {
  const { options } = from.core;
  const request = mounted(from, asked);
  const refused = (refusal: ReasonCode): Candidate => ({
    request,
    subscription: undefined,
    refusal,
  });
  const parsed = parseTopicFilter(request.filter);
  if (!parsed.valid) return refused(ReasonCode.topicFilterInvalid); // [MQTT-4.7.1-1]
  const { filter } = parsed;
  const shareName = parsed.shareName ?? "";
  if (topicLevelCount(filter) > options.maxTopicLevels) {
    return refused(ReasonCode.topicFilterInvalid);
  }
  if (shareName !== "" && !options.sharedSubscription) {
    return refused(ReasonCode.sharedSubscriptionsNotSupported);
  }
  if (shareName !== "" && request.noLocal) { // [MQTT-3.8.3-4]
    throw new ProtocolError(
      ReasonCode.protocolError,
      `Cannot accept SUBSCRIBE: no local on the shared subscription "${request.filter}"`,
    );
  }
  if (hasWildcard(filter) && !options.wildcardSubscription) {
    return refused(ReasonCode.wildcardSubscriptionsNotSupported);
  }
  const { noLocal, retainAsPublished, retainHandling } = request;
  const qos = (request.qos < options.maxQos ? request.qos : options.maxQos) as Qos;
  return {
    request,
    subscription: {
      filter,
      shareName,
      qos,
      noLocal,
      retainAsPublished,
      retainHandling,
      identifier,
    },
    refusal: ReasonCode.notAuthorized,
  };
}
