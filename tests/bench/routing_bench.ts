/**
 * What routing costs: `deno run -A tests/bench/routing_bench.ts`, or the same with `bun`.
 *
 * Memory is what the heap grew by per subscription, the subscription itself included; it needs
 * `--v8-flags=--expose-gc` on Deno.
 */
import { Prng } from "../../src/base/mod.ts";
import { RetainedTrie } from "../../src/retain/mod.ts";
import { Router, type RouterOptions, type Subscription } from "../../src/routing/mod.ts";
import { Bench, heapUsed } from "./timing.ts";

interface Client {
  readonly clientId: string;
  readonly isOnline: boolean;
}

const PUBLISHED_TOPICS = 1000;
const encoder = new TextEncoder();
const prng = new Prng(1);
const bench = new Bench("routing");

function subscription(filter: string): Subscription {
  return {
    filter,
    shareName: "",
    qos: 1,
    noLocal: false,
    retainAsPublished: false,
    retainHandling: 0,
    identifier: 0,
  };
}

function client(index: number): Client {
  return { clientId: `client-${index}`, isOnline: true };
}

/** The filters that clients of one kind of broker have. */
const FILTERS: Readonly<Record<string, (index: number) => string>> = {
  exact: (index) => `site/${index % 100}/device/${index}/command`,
  "+": (index) => `site/${index % 100}/device/${index}/+`,
  "#": (index) => `site/${index % 100}/device/${index}/#`,
};

function fill(router: Router<Client>, count: number, filterOf: (index: number) => string): void {
  for (let i = 0; i < count; i++) router.subscribe(client(i), subscription(filterOf(i)));
}

/** Topic names one behind the other, as they stand in the chunks of a socket. */
interface Topics {
  readonly bytes: Uint8Array;
  /** Where each begins, and where the last one ends. */
  readonly starts: readonly number[];
}

function topics(count: number, subscribed: number): Topics {
  const starts = [0];
  let text = "";
  for (let i = 0; i < count; i++) {
    const index = prng.nextInt(subscribed);
    text += `site/${index % 100}/device/${index}/command`;
    starts.push(text.length);
  }
  return { bytes: encoder.encode(text), starts };
}

function routeAll(router: Router<Client>, { bytes, starts }: Topics): number {
  let found = 0;
  for (let i = 1; i < starts.length; i++) {
    const route = router.routeBytes(bytes, starts[i - 1] as number, starts[i] as number);
    found += route.recipients.length;
  }
  return found;
}

function benchHits(): void {
  const router = new Router<Client>();
  fill(router, 1000, FILTERS["exact"] as (index: number) => string);
  for (const count of [1, 100, 1000, 50_000]) {
    const list = topics(count, 50_000);
    bench.measure(`routeBytes hit, ${count} topics in turn`, count, () => routeAll(router, list));
  }
  const bytes = encoder.encode("site/1/device/1/command");
  bench.measure("routeBytesAfter, the same topic again", 1000, () => {
    let last = router.routeBytes(bytes, 0, bytes.length);
    let found = 0;
    for (let i = 0; i < 1000; i++) {
      last = router.routeBytesAfter(last, bytes, 0, bytes.length);
      found += last.recipients.length;
    }
    return found;
  });
}

function benchMisses(kind: string, filterOf: (index: number) => string): void {
  for (const count of [10, 1000, 100_000]) {
    const name = `routeBytes miss, ${count.toLocaleString("en")} × ${kind}`;
    const sizeName = `heap of a subscription, ${count.toLocaleString("en")} × ${kind}`;
    if (!bench.wants(name) && !bench.wants(sizeName)) continue;
    const router = new Router<Client>({ cacheEntriesMax: 0 });
    const before = heapUsed();
    fill(router, count, filterOf);
    if (count === 100_000) bench.size(sizeName, (heapUsed() - before) / count);
    const list = topics(PUBLISHED_TOPICS, count);
    bench.measure(name, PUBLISHED_TOPICS, () => routeAll(router, list));
  }
}

function benchChurn(
  kind: string,
  options: RouterOptions,
  filterOf: (index: number) => string,
): void {
  const name = `subscribe and unsubscribe beside 100,000 × ${kind}`;
  if (!bench.wants(name)) return;
  const router = new Router<Client>(options);
  fill(router, 100_000, filterOf);
  let index = 0;
  bench.measure(name, 1000, () => {
    for (let i = 0; i < 1000; i++) {
      const filter = filterOf(100_000 + (index++ % 100_000));
      const subscriber = client(i);
      router.subscribe(subscriber, subscription(filter));
      router.unsubscribe(subscriber, filter, "");
    }
    return router.subscriptionCount;
  });
}

/** One change of subscriptions for so many messages, on 1,000 or 50,000 topics in use. */
function benchHitsUnderChurn(
  kind: string,
  topicCount: number,
  filterOf: (n: number) => string,
): void {
  const name = `routeBytes, ${topicCount} topics, 100 changes of ${kind} per 1M messages`;
  if (!bench.wants(name)) return;
  const router = new Router<Client>();
  fill(router, 100_000, FILTERS["+"] as (index: number) => string);
  const list = topics(topicCount, 100_000);
  const { bytes, starts } = list;
  const messagesPerChange = 10_000;
  const subscriber = client(1);
  let [changes, messages] = [0, 0];
  routeAll(router, list);
  const before = router.counters;
  bench.measure(name, 100_000, () => {
    let found = 0;
    for (let i = 0; i < 100_000; i++) {
      if (messages % messagesPerChange === 0) {
        const filter = filterOf(200_000 + (changes >> 1));
        if (changes++ % 2 === 0) router.subscribe(subscriber, subscription(filter));
        else router.unsubscribe(subscriber, filter, "");
      }
      const at = messages++ % topicCount;
      const route = router.routeBytes(bytes, starts[at] as number, starts[at + 1] as number);
      found += route.recipients.length;
    }
    return found;
  });
  const { hits, misses } = router.counters;
  const missed = misses - before.misses;
  bench.note(`${missed} of ${missed + hits - before.hits} were not in the cache`);
}

function benchOneFilter(): void {
  const router = new Router<Client>();
  const clients = Array.from({ length: 100_000 }, (_, i) => client(i));
  const shared = subscription("broadcast/#");
  bench.measure("100,000 subscribe to and leave one filter", 200_000, () => {
    for (const each of clients) router.subscribe(each, shared);
    for (const each of clients) router.unsubscribe(each, "broadcast/#", "");
    return router.filterCount;
  });
}

function benchRetained(): void {
  const trie = new RetainedTrie<number>();
  const names = Array.from({ length: 100_000 }, (_, i) => `site/${i % 100}/device/${i}/state`);
  bench.measure("retained: set 100,000 topics and remove them", 200_000, () => {
    for (let i = 0; i < names.length; i++) trie.set(names[i] as string, i);
    for (const name of names) trie.remove(name);
    return trie.size;
  });
  const before = heapUsed();
  for (let i = 0; i < names.length; i++) trie.set(names[i] as string, i);
  bench.size("heap of a retained topic, without the name", (heapUsed() - before) / names.length);
  bench.measure("retained: replace", 100_000, () => {
    for (let i = 0; i < names.length; i++) trie.set(names[i] as string, i + 1);
    return trie.size;
  });
  for (const filter of ["#", "site/7/device/+/state", "site/+/device/4711/state"]) {
    let found = 0;
    trie.match(filter, () => void found++);
    bench.measure(`retained: each of the ${found} found by ${filter}`, found, () => {
      let sum = 0;
      trie.match(filter, (_topic, message) => void (sum += message));
      return sum;
    });
  }
}

benchHits();
for (const [kind, filterOf] of Object.entries(FILTERS)) benchMisses(kind, filterOf);
for (const [kind, filterOf] of Object.entries(FILTERS)) benchChurn(kind, {}, filterOf);
for (const topicCount of [1000, 50_000]) {
  for (const [kind, filterOf] of Object.entries(FILTERS)) {
    benchHitsUnderChurn(kind, topicCount, filterOf);
  }
  benchHitsUnderChurn("site/+/…", topicCount, (n) => `site/+/device/${n}/command`);
  benchHitsUnderChurn("+/+/…", topicCount, (n) => `+/+/device/${n}/command`);
}
if (bench.wants("100,000 subscribe to and leave one filter")) benchOneFilter();
if (bench.wants("retained:")) benchRetained();
bench.finish();
