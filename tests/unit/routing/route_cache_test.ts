import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { ChangeLog } from "../../../src/routing/change_log.ts";
import { SubscriptionEntry } from "../../../src/routing/recipient.ts";
import { CachedRoute } from "../../../src/routing/route.ts";
import { RouteCache } from "../../../src/routing/route_cache.ts";
import { seededPrng } from "../../support/seed.ts";
import { Client, subscription } from "./routing_rig.ts";

const encoder = new TextEncoder();
const cacheTopicBytesMax = 1_000_000;

function routeOf(topic: string, hash: number, recipientCount = 0): CachedRoute<Client> {
  const entry = SubscriptionEntry.of(new Client("c"), subscription("#"));
  return new CachedRoute<Client>({
    topic,
    topicBytes: encoder.encode(topic),
    hash,
    sources: [],
    recipients: new Array<typeof entry>(recipientCount).fill(entry),
    groups: [],
    withheldCount: 0,
    version: 0,
  });
}

function find(cache: RouteCache<Client>, topic: string, hash: number): string | undefined {
  const bytes = encoder.encode(topic);
  return cache.find(hash, bytes, 0, bytes.length)?.topic;
}

test("RouteCache keeps its limits and finds what it holds, whatever comes and goes", () => {
  const prng = seededPrng("RouteCache");
  const limits = { cacheEntriesMax: 600, cacheRecipientsMax: 2000, cacheTopicBytesMax: 5000 };
  const cache = new RouteCache<Client>(limits);
  const all = Array.from(
    { length: 1500 },
    // A few hash values only, so that chains are long and full, and many others.
    (_, i) => routeOf(`topic/${i}`, i % 3 === 0 ? prng.nextInt(20) : prng.nextInt(2 ** 30), i % 9),
  );
  for (let step = 0; step < 20_000; step++) {
    const route = prng.pick(all);
    if (route.position < 0) cache.add(route);
    else if (prng.nextInt(4) === 0) cache.remove(route);
    else route.isUsed = true;
    assert(cache.size <= limits.cacheEntriesMax);
    assert(cache.recipientCount <= limits.cacheRecipientsMax);
    assert(cache.topicBytes <= limits.cacheTopicBytesMax);
    const wanted = prng.pick(all);
    assertEquals(
      find(cache, wanted.topic, wanted.hash),
      wanted.position < 0 ? undefined : wanted.topic,
    );
    if (step % 1000 !== 0) continue;
    const kept = all.filter(({ position }) => position >= 0);
    assertEquals(cache.size, kept.length);
    assertEquals(cache.recipientCount, kept.reduce((sum, { weight }) => sum + weight, 0));
    assertEquals(cache.topicBytes, kept.reduce((sum, each) => sum + each.topicBytes.length, 0));
  }
  assert(cache.evictions > 100);
});

test("RouteCache lets topics that are used stay when others only pass by", () => {
  const cache = new RouteCache<Client>({
    cacheEntriesMax: 100,
    cacheRecipientsMax: 1000,
    cacheTopicBytesMax,
  });
  const used = Array.from({ length: 50 }, (_, i) => routeOf(`used/${i}`, i));
  for (const route of used) cache.add(route);
  for (let i = 0; i < 10_000; i++) {
    if (i % 20 === 0) { for (const route of used) route.isUsed = true; }
    cache.add(routeOf(`once/${i}`, 1000 + i));
  }
  assertEquals(used.filter(({ position }) => position < 0).length, 0);
});

test("RouteCache does not keep a route that is bigger than it may hold", () => {
  const cache = new RouteCache<Client>({
    cacheEntriesMax: 100,
    cacheRecipientsMax: 10,
    cacheTopicBytesMax,
  });
  cache.add(routeOf("small", 1, 4));
  cache.add(routeOf("big", 2, 11));
  assertEquals([find(cache, "small", 1), find(cache, "big", 2)], ["small", undefined]);
});

test("RouteCache drops small routes for one that just fits", () => {
  const cache = new RouteCache<Client>({
    cacheEntriesMax: 100,
    cacheRecipientsMax: 10,
    cacheTopicBytesMax,
  });
  for (let i = 0; i < 5; i++) cache.add(routeOf(`small/${i}`, i, 2));
  cache.add(routeOf("big", 77, 10));
  assertEquals([cache.size, cache.recipientCount, cache.evictions], [1, 10, 5]);
  assertEquals(find(cache, "big", 77), "big");
});

test("RouteCache: topics with one hash do not make a look-up long, the oldest goes", () => {
  const cache = new RouteCache<Client>({
    cacheEntriesMax: 1000,
    cacheRecipientsMax: 1000,
    cacheTopicBytesMax,
  });
  for (let i = 0; i < 100; i++) cache.add(routeOf(`topic/${i}`, 5));
  assertEquals([cache.size, cache.evictions], [16, 84]);
  assertEquals([find(cache, "topic/83", 5), find(cache, "topic/84", 5)], [undefined, "topic/84"]);
});

test("RouteCache grows with what it holds: many topics do not crowd its buckets", () => {
  const cache = new RouteCache<Client>({
    cacheEntriesMax: 10_000,
    cacheRecipientsMax: 1000,
    cacheTopicBytesMax,
  });
  for (let i = 0; i < 10_000; i++) cache.add(routeOf(`topic/${i}`, i));
  assertEquals([cache.size, cache.evictions], [10_000, 0]);
});

test("RouteCache without entries keeps nothing", () => {
  const cache = new RouteCache<Client>({
    cacheEntriesMax: 0,
    cacheRecipientsMax: 1000,
    cacheTopicBytesMax,
  });
  cache.add(routeOf("a", 1));
  assertEquals([cache.size, find(cache, "a", 1)], [0, undefined]);
});

test("RouteCache.sweep() drops what changes may concern and spares the rest", () => {
  const cache = new RouteCache<Client>({
    cacheEntriesMax: 1000,
    cacheRecipientsMax: 1000,
    cacheTopicBytesMax,
  });
  const changes = new ChangeLog();
  for (let i = 0; i < 100; i++) cache.add(routeOf(`${i % 2 === 0 ? "even" : "odd"}/x/${i}`, i));
  changes.note("even/x/#");
  for (let i = 0; i < 20; i++) cache.sweep(5, changes);
  assertEquals(cache.size, 50);
  assertEquals([find(cache, "even/x/2", 2), find(cache, "odd/x/3", 3)], [undefined, "odd/x/3"]);
});

test("RouteCache does not keep a topic that is longer than all may be together", () => {
  const cache = new RouteCache<Client>({
    cacheEntriesMax: 10,
    cacheRecipientsMax: 10,
    cacheTopicBytesMax: 100,
  });
  cache.add(routeOf("a", 1));
  cache.add(routeOf("x".repeat(101), 2));
  assertEquals([cache.size, cache.topicBytes], [1, 1]);
  cache.add(routeOf("x".repeat(100), 3));
  assertEquals([cache.size, cache.topicBytes, cache.evictions], [1, 100, 1]);
});
