/**
 * The router against a list that is searched one by one, under random subscriptions and messages, with
 * the cache on, too small, and off: the same body for all.
 */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Prng } from "../../../src/base/mod.ts";
import { type Route, Router, type RouterOptions } from "../../../src/routing/mod.ts";
import { seededPrng } from "../../support/seed.ts";
import {
  Client,
  NaiveRouter,
  plain,
  randomFilter,
  randomSubscription,
  randomTopic,
} from "./routing_rig.ts";

const STEPS = 12_000;
const encoder = new TextEncoder();

const CACHES: ReadonlyArray<[name: string, options: RouterOptions]> = [
  ["the default cache", {}],
  ["a cache of 5 topics", { cacheEntriesMax: 5 }],
  ["a cache of 1 topic", { cacheEntriesMax: 1 }],
  ["a cache of 20 recipients", { cacheRecipientsMax: 20 }],
  ["no cache", { cacheEntriesMax: 0 }],
];

/** A route that somebody kept, with what it said when it was made. */
interface Kept {
  readonly route: Route<Client>;
  readonly saidThen: string;
}

class Walk {
  readonly #prng: Prng;
  readonly router: Router<Client>;
  readonly naive = new NaiveRouter();
  readonly #clients = Array.from({ length: 30 }, (_, i) => new Client(`client-${i}`));
  readonly #topics: readonly string[];
  readonly #kept: Kept[] = [];
  #last: Route<Client> | undefined;

  constructor(prng: Prng, options: RouterOptions) {
    this.#prng = prng;
    this.router = new Router<Client>({ ...options, prng });
    this.#topics = Array.from({ length: 30 }, () => randomTopic(prng));
  }

  step(subscribeWeight: number): void {
    const choice = this.#prng.nextInt(100);
    if (choice < subscribeWeight) this.#subscribe();
    else if (choice < 40) this.#unsubscribe();
    else this.#publish();
    this.#checkKept();
  }

  #subscribe(): void {
    const client = this.#prng.pick(this.#clients);
    const wanted = randomSubscription(this.#prng);
    assertEquals(this.router.subscribe(client, wanted), this.naive.subscribe(client, wanted));
  }

  #unsubscribe(): void {
    const { list } = this.naive;
    let client = this.#prng.pick(this.#clients);
    let filter = randomFilter(this.#prng);
    let shareName = "";
    if (list.length > 0 && this.#prng.nextInt(10) !== 0) {
      const existing = this.#prng.pick(list);
      client = existing.client;
      ({ filter, shareName } = existing.subscription);
    }
    const expected = this.naive.unsubscribe(client, filter, shareName);
    assertEquals(this.router.unsubscribe(client, filter, shareName), expected);
  }

  #publish(): void {
    const isKnown = this.#prng.nextInt(3) !== 0;
    const topic = isKnown ? this.#prng.pick(this.#topics) : randomTopic(this.#prng);
    const route = this.#route(topic);
    assertEquals(plain(route), this.naive.route(topic), `route of "${topic}"`);
    assertEquals(route.topic, topic);
    assertEquals(route.topicBytes, encoder.encode(topic));
    assertEquals(route.levelCount, topic.split("/").length);
    assert(this.router.isCurrent(route));
    this.#last = route;
    if (this.#kept.length < 40) this.#keep(this.#kept.length, route);
    else this.#keep(this.#prng.nextInt(40), route);
  }

  #route(topic: string): Route<Client> {
    const way = this.#prng.nextInt(3);
    if (way === 0) return this.router.route(topic);
    // In the midst of other bytes, which are overwritten afterwards: they belong to a socket.
    const bytes = encoder.encode(`é${topic}/x`);
    const [start, end] = [2, bytes.length - 2];
    const last = this.#prng.nextInt(4) === 0 ? undefined : this.#last;
    const route = way === 1
      ? this.router.routeBytes(bytes, start, end)
      : this.router.routeBytesAfter(last, bytes, start, end);
    bytes.fill(0xff);
    return route;
  }

  #keep(index: number, route: Route<Client>): void {
    this.#kept[index] = { route, saidThen: said(route) };
  }

  #checkKept(): void {
    if (this.#kept.length === 0) return;
    const { route, saidThen } = this.#prng.pick(this.#kept);
    assertEquals(said(route), saidThen, "a route never changes");
    if (this.router.isCurrent(route)) {
      assertEquals(plain(route), this.naive.route(route.topic), `kept route of "${route.topic}"`);
    }
  }
}

function said(route: Route<Client>): string {
  return JSON.stringify([route.topic, [...route.topicBytes], plain(route)]);
}

for (const [name, options] of CACHES) {
  test(`Router with ${name} agrees with a list`, () => {
    const prng = seededPrng(`Router with ${name}`);
    const walk = new Walk(prng, options);
    const { router, naive } = walk;
    for (let step = 0; step < STEPS; step++) {
      // More come than go, then more go than come.
      walk.step(step % 4000 < 2000 ? 28 : 12);
      if (step % 200 !== 0) continue;
      const { entries, recipients } = router.counters;
      assert(entries <= (options.cacheEntriesMax ?? Infinity));
      assert(recipients <= (options.cacheRecipientsMax ?? Infinity));
      assertEquals(router.subscriptionCount, naive.list.length);
      assertEquals(
        router.sharedSubscriptionCount,
        naive.list.filter((each) => each.subscription.shareName !== "").length,
      );
      assertEquals(listed(router), naiveListed(naive));
    }
    for (const { client, subscription } of [...naive.list]) {
      assert(router.unsubscribe(client, subscription.filter, subscription.shareName));
    }
    assertEquals([router.subscriptionCount, router.filterCount], [0, 0]);
    assertEquals([router.sharedSubscriptionCount, listed(router)], [0, []]);
  });
}

function listed(router: Router<Client>): string[] {
  return [...router.subscriptions()].map(([client, subscription]) =>
    JSON.stringify([client.clientId, subscription])
  ).sort();
}

function naiveListed(naive: NaiveRouter): string[] {
  return naive.list.map(({ client, subscription }) =>
    JSON.stringify([client.clientId, subscription])
  ).sort();
}

test("Router serves several thousand subscribers of overlapping filters, each once", () => {
  const prng = new Prng(5);
  const router = new Router<Client>();
  const naive = new NaiveRouter();
  const filters = ["big/topic", "big/+", "big/#", "#"];
  for (let i = 0; i < 3000; i++) {
    const client = new Client(`client-${i}`);
    for (const filter of filters) {
      if (prng.nextInt(3) !== 0) continue;
      const wanted = { ...randomSubscription(prng), filter, shareName: "" };
      router.subscribe(client, wanted);
      naive.subscribe(client, wanted);
    }
  }
  assertEquals(plain(router.route("big/topic")), naive.route("big/topic"));
  for (const { client, subscription } of naive.list.filter(() => prng.nextBoolean())) {
    router.unsubscribe(client, subscription.filter, "");
    naive.unsubscribe(client, subscription.filter, "");
  }
  assertEquals(plain(router.route("big/topic")), naive.route("big/topic"));
});
