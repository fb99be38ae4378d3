import type { Qos } from "../mqtt/mod.ts";
import type { Recipient, Route, SharedGroup } from "../routing/mod.ts";
import type { Delivery, Publication } from "../session/mod.ts";
import type { ClientSession } from "./client_session.ts";

/**
 * Offers the message to everybody that the route names. The route is complete and nobody changes it, so a
 * delivery may do to subscriptions what it likes. Returns how many subscribers it was for, sent or not.
 */
export function deliver(
  publication: Publication,
  route: Route<ClientSession>,
  publisher: ClientSession | undefined,
): number {
  const { recipients, groups } = route;
  let matched = recipients.length;
  for (let index = 0; index < recipients.length; index++) {
    let recipient: Recipient<ClientSession> | undefined = recipients[index] as Recipient<
      ClientSession
    >;
    if (recipient.subscriber === publisher) {
      recipient = ownMessagesRecipient(recipient); // [MQTT-3.8.3-3]
      if (recipient === undefined) {
        matched--;
        continue;
      }
    }
    recipient.subscriber.offer(
      publication,
      lowerQos(publication.qos, recipient.qos), // [MQTT-3.8.4-8]
      publication.retain && recipient.retainAsPublished, // [MQTT-3.3.1-12]
      recipient.identifiers,
      undefined,
    );
  }
  for (let index = 0; index < groups.length; index++) {
    const group = groups[index] as SharedGroup<ClientSession>;
    if (deliverToGroup(publication, group)) matched++;
  }
  return matched;
}

/** What a subscriber gets of its own messages. */
function ownMessagesRecipient(
  recipient: Recipient<ClientSession>,
): Recipient<ClientSession> | undefined {
  return recipient.noLocal ? undefined : recipient.mixedNoLocal ?? recipient;
}

/** One member gets the message; if it cannot take it, the next one. False: the group has no member. */
function deliverToGroup(
  publication: Publication,
  group: SharedGroup<ClientSession>,
): boolean {
  let entry = group.next(undefined, publication.publisherId);
  if (entry === undefined) return false;
  let tried: Set<ClientSession> | undefined;
  while (entry !== undefined) {
    const result = entry.subscriber.offer(
      publication,
      lowerQos(publication.qos, entry.qos),
      publication.retain && entry.retainAsPublished,
      entry.identifiers,
      group,
    );
    if (result !== "dropped") return true;
    tried ??= new Set<ClientSession>();
    tried.add(entry.subscriber);
    entry = group.next(tried, publication.publisherId);
  }
  return true;
}

/**
 * Passes on what `from` was chosen for and did not acknowledge [MQTT-4.8.2-5]. Another member that is there gets
 * it; without one it stays with `from`, and is lost with it.
 */
export function redistribute(
  deliveries: readonly Delivery<SharedGroup<ClientSession>>[],
  from: ClientSession,
): void {
  const except = new Set<ClientSession>([from]);
  for (const delivery of deliveries) {
    const { group } = delivery;
    const entry = group?.next(except, delivery.message.publisherId);
    if (group === undefined || entry === undefined) {
      if (!from.isEnded) from.enqueue(delivery);
      continue;
    }
    entry.subscriber.enqueue({
      message: delivery.message,
      qos: lowerQos(delivery.message.qos, entry.qos),
      retain: delivery.message.retain && entry.retainAsPublished,
      identifiers: entry.identifiers,
      group,
    });
    entry.subscriber.pump();
  }
}

function lowerQos(a: Qos, b: Qos): Qos {
  return a < b ? a : b;
}
