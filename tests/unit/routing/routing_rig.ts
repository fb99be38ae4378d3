/** What the tests of this folder share: subscribers, random filters, and the oracle. */
import type { Prng } from "../../../src/base/mod.ts";
import { filterMatches, type Qos } from "../../../src/mqtt/mod.ts";
import type { Recipient, Route, Subscription } from "../../../src/routing/mod.ts";

export class Client {
  readonly clientId: string;
  isOnline = true;

  constructor(clientId: string) {
    this.clientId = clientId;
  }
}

export function subscription(filter: string, options: Partial<Subscription> = {}): Subscription {
  return {
    filter,
    shareName: "",
    qos: 0,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    identifier: 0,
    ...options,
  };
}

// Few, so that filters and topics meet; `$`, empty ones and such as are not ASCII among them.
const LEVELS = ["a", "b", "c", "", "$x", "é", "long-level-name"];

export function randomTopic(prng: Prng): string {
  for (;;) {
    const levels = Array.from({ length: 1 + prng.nextInt(5) }, () => prng.pick(LEVELS));
    const topic = levels.join("/");
    if (topic !== "") return topic;
  }
}

export function randomFilter(prng: Prng): string {
  for (;;) {
    const levels = Array.from(
      { length: 1 + prng.nextInt(5) },
      () => prng.nextInt(4) === 0 ? "+" : prng.pick(LEVELS),
    );
    if (prng.nextInt(4) === 0) levels.push("#");
    if (prng.nextInt(40) === 0) return "#";
    const filter = levels.join("/");
    if (filter !== "") return filter;
  }
}

export function randomSubscription(prng: Prng): Subscription {
  const shareName = prng.nextInt(5) === 0 ? prng.pick(["g", "h"]) : "";
  return subscription(randomFilter(prng), {
    shareName,
    qos: prng.nextInt(3) as Qos,
    noLocal: shareName === "" && prng.nextBoolean(0.3),
    retainAsPublished: prng.nextBoolean(),
    retainHandling: prng.nextInt(3) as 0 | 1 | 2,
    identifier: prng.nextBoolean() ? 0 : 1 + prng.nextInt(9),
  });
}

/** One delivery in a form that can be compared. */
export interface PlainRecipient {
  readonly clientId: string;
  readonly qos: Qos;
  readonly noLocal: boolean;
  readonly retainAsPublished: boolean;
  readonly identifiers: readonly number[];
  readonly own: PlainRecipient | undefined;
}

export interface PlainRoute {
  readonly recipients: PlainRecipient[];
  readonly groups: string[];
}

/** A route without what must not matter: the order of its parts. */
export function plain(route: Route<Client>): PlainRoute {
  return {
    recipients: route.recipients.map(plainRecipient).sort(byClientId),
    groups: route.groups.map(({ shareName, filter }) => `${shareName} ${filter}`).sort(),
  };
}

function plainRecipient(recipient: Recipient<Client>): PlainRecipient {
  const { subscriber, qos, noLocal, retainAsPublished, identifiers, mixedNoLocal } = recipient;
  return {
    clientId: subscriber.clientId,
    qos,
    noLocal,
    retainAsPublished,
    identifiers: identifiers.toSorted((a, b) => a - b),
    own: mixedNoLocal && plainRecipient(mixedNoLocal),
  };
}

function byClientId(a: PlainRecipient, b: PlainRecipient): number {
  return a.clientId < b.clientId ? -1 : 1;
}

/** All subscriptions in a list, matched one by one: the oracle of the router. */
export class NaiveRouter {
  readonly list: { readonly client: Client; readonly subscription: Subscription }[] = [];

  subscribe(client: Client, wanted: Subscription): "added" | "replaced" {
    const wasThere = this.unsubscribe(client, wanted.filter, wanted.shareName);
    this.list.push({ client, subscription: wanted });
    return wasThere ? "replaced" : "added";
  }

  unsubscribe(client: Client, filter: string, shareName: string): boolean {
    const index = this.list.findIndex((each) =>
      each.client === client && each.subscription.filter === filter &&
      each.subscription.shareName === shareName
    );
    if (index >= 0) this.list.splice(index, 1);
    return index >= 0;
  }

  route(topic: string): PlainRoute {
    const matching = this.list.filter((each) => filterMatches(each.subscription.filter, topic));
    const ordinary = matching.filter((each) => each.subscription.shareName === "");
    const shared = matching.filter((each) => each.subscription.shareName !== "");
    const clients = new Set(ordinary.map((each) => each.client));
    return {
      recipients: [...clients].map((client) => {
        const own = ordinary.filter((each) => each.client === client);
        return mergeNaively(client.clientId, own.map((each) => each.subscription));
      }).sort(byClientId),
      groups: [
        ...new Set(shared.map(({ subscription: s }) => `${s.shareName} ${s.filter}`)),
      ].sort(),
    };
  }
}

function mergeNaively(clientId: string, all: readonly Subscription[]): PlainRecipient {
  const local = all.filter((each) => !each.noLocal);
  return {
    clientId,
    qos: Math.max(...all.map((each) => each.qos)) as Qos,
    noLocal: local.length === 0,
    retainAsPublished: all.some((each) => each.retainAsPublished),
    identifiers: all.map((each) => each.identifier).filter((id) => id !== 0).sort((a, b) => a - b),
    own: local.length === 0 || local.length === all.length
      ? undefined
      : mergeNaively(clientId, local),
  };
}
