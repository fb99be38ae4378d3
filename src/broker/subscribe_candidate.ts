import {
  parseTopicFilter,
  ProtocolError,
  ReasonCode,
  type SubscriptionRequest,
} from "../mqtt/mod.ts";
import type { Subscription } from "../routing/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import { subscriptionFor } from "./subscription_terms.ts";

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
  const request = mounted(from, asked);
  const subscription = subscriptionFor(request, identifier, from.core.options);
  if (!("reasonCode" in subscription)) {
    return { request, subscription, refusal: ReasonCode.notAuthorized };
  }
  const { reasonCode, detail } = subscription;
  if (reasonCode === ReasonCode.protocolError) {
    throw new ProtocolError(
      reasonCode,
      `Cannot accept SUBSCRIBE: topic filter "${request.filter}" ${detail}`,
    );
  }
  return { request, subscription: undefined, refusal: reasonCode };
}
