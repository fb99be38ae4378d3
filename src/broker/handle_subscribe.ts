import { isPromise, type MaybePromise } from "../base/mod.ts";
import {
  hasWildcard,
  parseTopicFilter,
  ProtocolError,
  type Qos,
  ReasonCode,
  type SubscribePacket,
  type SubscriptionRequest,
  topicLevelCount,
} from "../mqtt/mod.ts";
import type { Subscription } from "../routing/mod.ts";
import { type Message, NO_IDENTIFIERS } from "../session/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";

/** A filter of the packet, either ready to be entered or refused for what it is. */
interface Candidate {
  readonly request: SubscriptionRequest;
  readonly subscription: Subscription | undefined;
  readonly refusal: ReasonCode;
}

/** SUBSCRIBE: each filter is judged by itself, all answers go into one SUBACK, retained messages follow it. */
export function handleSubscribe(from: ClientConnection, packet: SubscribePacket): void {
  const candidates = packet.subscriptions.map((request) =>
    candidateOf(from, mounted(from, request), packet.subscriptionIdentifier)
  );
  const permits = candidates.map(({ subscription }): MaybePromise<boolean> =>
    subscription !== undefined &&
    from.core.permissions.maySubscribe(from, wholeFilter(subscription))
  );
  if (permits.some(isPromise)) {
    from.waitFor(
      Promise.all(permits).then((late) => {
        if (from.isConnected) answer(from, packet, candidates, late);
      }),
    );
    return;
  }
  answer(from, packet, candidates, permits as boolean[]);
}

function wholeFilter({ filter, shareName }: Subscription): string {
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

function candidateOf(
  from: ClientConnection,
  request: SubscriptionRequest,
  identifier: number,
): Candidate {
  const { options } = from.core;
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

function answer(
  from: ClientConnection,
  packet: SubscribePacket,
  candidates: readonly Candidate[],
  permits: readonly boolean[],
): void {
  const isDenied = candidates.some(({ subscription }, index) =>
    subscription !== undefined && permits[index] !== true
  );
  if (isDenied && from.core.permissions.disconnects) {
    from.disconnect(ReasonCode.notAuthorized, undefined);
    return;
  }
  const session = from.session as ClientSession;
  const { durability } = from.core;
  const { journal } = session;
  const isFailing = journal !== undefined && durability.isFailing;
  durability.begin();
  const reasonCodes: ReasonCode[] = [];
  const replays: { messages: Message[]; subscription: Subscription }[] = [];
  for (const [index, candidate] of candidates.entries()) {
    const { subscription, request, refusal } = candidate;
    if (subscription === undefined || permits[index] !== true) {
      from.core.counters.subscribesRefused++;
      if (refusal === ReasonCode.notAuthorized) from.core.counters.subscribesNotAuthorized++;
      reasonCodes.push(refusal);
      continue;
    }
    const isNew = !session.subscriptions.has(request.filter);
    const { maxSubscriptions } = from.core.options;
    const isFull = isNew && maxSubscriptions > 0 &&
      session.subscriptions.size >= maxSubscriptions;
    if (isFull || isFailing) {
      from.core.counters.subscribesRefused++;
      reasonCodes.push(ReasonCode.quotaExceeded);
      continue;
    }
    from.core.subscriptions.put(session, request.filter, subscription); // [MQTT-3.8.4-3]
    reasonCodes.push(subscription.qos);
    if (wantsRetained(subscription, isNew)) {
      replays.push({ messages: from.core.retained.match(subscription.filter), subscription });
    }
  }
  if (from.version === 3 && reasonCodes.some((code) => code >= 0x80)) {
    // The SUBACK of 3.1 has no failure: to grant what was refused would be a lie.
    from.closeReason ??= "refused";
    from.close();
    return;
  }
  const reply = (): void => {
    if (!from.isConnected) return;
    if (!from.out.send({ type: "suback", packetId: packet.packetId, reasonCodes })) { // [MQTT-3.8.4-6]
      from.disconnect(ReasonCode.packetTooLarge, "SUBACK is larger than the client takes");
      return;
    }
    for (const { messages, subscription } of replays) {
      const { identifier } = subscription;
      session.replay(messages, subscription.qos, identifier === 0 ? NO_IDENTIFIERS : [identifier]);
      from.spend(messages.length);
    }
  };
  const stored = durability.committed(durability.end());
  if (stored === undefined) reply();
  else from.waitFor(stored.then(reply));
}

/** Retain handling 0: always, 1: only for a new subscription, 2: never; shared ones never get any. */
function wantsRetained(subscription: Subscription, isNew: boolean): boolean {
  if (subscription.shareName !== "") return false;
  return subscription.retainHandling === 0 || (subscription.retainHandling === 1 && isNew); // [MQTT-3.3.1-9]
}
