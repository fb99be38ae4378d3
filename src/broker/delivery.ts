import type { Qos } from "../mqtt/mod.ts";
import type { Recipient, Route, Router, SharedGroup, SubscriptionEntry } from "../routing/mod.ts";
import type { Delivery, Message, Publication, PublishRun } from "../session/mod.ts";
import type { ClientSession } from "./client_session.ts";

/**
 * Offers the message to everybody that the route names. The route is complete and nobody changes it, so a
 * delivery may do to subscriptions what it likes. Returns how many subscribers it was for, sent or not. `isGuarded`: a
 * member of a group may be one that may not have it.
 */
export function deliver(
  publication: Publication,
  route: Route<ClientSession>,
  publisher: ClientSession | undefined,
  isGuarded: boolean,
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
    if (deliverToGroup(publication, group, isGuarded)) matched++;
  }
  return matched;
}

/**
 * The same for a run of messages; adds to `others` who is to be offered them one by one. Returns how many subscribers it
 * was for, these included.
 */
export function deliverRun(
  run: PublishRun,
  recipients: readonly Recipient<ClientSession>[],
  publisher: ClientSession | undefined,
  others: Recipient<ClientSession>[],
): number {
  let matched = recipients.length;
  for (let index = 0; index < recipients.length; index++) {
    let recipient = recipients[index] as Recipient<ClientSession> | undefined;
    if (recipient?.subscriber === publisher) {
      recipient = recipient && ownMessagesRecipient(recipient); // [MQTT-3.8.3-3]
    }
    if (recipient === undefined) matched--;
    else if (
      recipient.identifiers.length > 0 || recipient.qos < run.qos ||
      !recipient.subscriber.offerRun(run)
    ) others.push(recipient);
  }
  return matched;
}

/** What a subscriber gets of its own messages. */
function ownMessagesRecipient(
  recipient: Recipient<ClientSession>,
): Recipient<ClientSession> | undefined {
  return recipient.noLocal ? undefined : recipient.mixedNoLocal ?? recipient;
}

/** One member gets the message; if it cannot take it, the next one. False: there is no member that may have it. */
function deliverToGroup(
  publication: Publication,
  group: SharedGroup<ClientSession>,
  isGuarded: boolean,
): boolean {
  let entry = group.next(undefined, publication.publisherId);
  if (entry === undefined) return false;
  let tried: Set<ClientSession> | undefined;
  let dropper: ClientSession | undefined;
  while (entry !== undefined) {
    const { subscriber } = entry;
    const isDenied = isGuarded && !subscriber.mayReceiveTopic(publication.topic, group.shareName);
    const result = isDenied ? "denied" : subscriber.offer(
      publication,
      lowerQos(publication.qos, entry.qos),
      publication.retain && entry.retainAsPublished,
      entry.identifiers,
      group,
    );
    if (result !== "dropped" && result !== "denied") return true;
    if (result === "dropped") dropper = subscriber;
    tried ??= new Set<ClientSession>();
    tried.add(subscriber);
    entry = group.next(tried, publication.publisherId);
  }
  dropper?.noteDropOfGroup(publication);
  return dropper !== undefined;
}

/** Groups of a session that goes offline in which another member is there. */
export function groupsWithOthers(
  session: ClientSession,
  router: Router<ClientSession>,
): ReadonlySet<SharedGroup<ClientSession>> {
  const groups = new Set<SharedGroup<ClientSession>>();
  for (const { shareName, filter } of session.subscriptions.values()) {
    const group = shareName === "" ? undefined : router.sharedGroup(filter, shareName);
    const others = group?.members() ?? [];
    if (
      group !== undefined &&
      others.some(({ subscriber }) => subscriber !== session && subscriber.isOnline)
    ) groups.add(group);
  }
  return groups;
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
    const entry = group === undefined ? undefined : nextAllowed(group, except, delivery.message);
    if (group === undefined || entry === undefined) {
      if (!from.isEnded) from.enqueue(delivery);
      continue;
    }
    const result = entry.subscriber.enqueue({
      message: delivery.message,
      qos: lowerQos(delivery.message.qos, entry.qos),
      retain: delivery.message.retain && entry.retainAsPublished,
      identifiers: entry.identifiers,
      group,
    });
    if (result === "dropped") entry.subscriber.noteDropOfGroup(delivery.message);
    entry.subscriber.pump();
  }
}

/** A member that may have the message; not one of `except`. */
function nextAllowed(
  group: SharedGroup<ClientSession>,
  except: ReadonlySet<ClientSession>,
  { topic, publisherId }: Message,
): SubscriptionEntry<ClientSession> | undefined {
  let excluded = except;
  let entry = group.next(excluded, publisherId);
  while (entry !== undefined && !entry.subscriber.mayReceiveTopic(topic, group.shareName)) {
    excluded = new Set([...excluded, entry.subscriber]);
    entry = group.next(excluded, publisherId);
  }
  return entry;
}

export function lowerQos(a: Qos, b: Qos): Qos {
  return a < b ? a : b;
}
