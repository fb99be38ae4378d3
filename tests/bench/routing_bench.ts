/**
 * What routing costs: `deno run -A tests/bench/routing_bench.ts`, or the same with `bun`.
 *
 * Each row is the median of several runs after a warm-up. Memory is what the heap grew by per
 * subscription, the subscription itself included; it needs `--v8-flags=--expose-gc` on Deno.
 */
import process from "node:process";
import { Prng } from "../../src/base/mod.ts";
import { RetainedTrie } from "../../src/retain/mod.ts";
import { Router, type RouterOptions, type Subscription } from "../../src/routing/mod.ts";

interface Client {
  readonly clientId: string;
  readonly isOnline: boolean;
}

const RUNS = 5;
const PUBLISHED_TOPICS = 1000;
const encoder = new TextEncoder();
const prng = new Prng(1);
/** Everything that is computed ends here, so that nothing is optimised away. */
let sink = 0;

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

function print(line: string): void {
  process.stdout.write(line + "\n");
}

/** Median of the runs, in nanoseconds for one of `count` operations. */
function nanoseconds(count: number, run: () => void): number {
  run();
  const times: number[] = [];
  for (let i = 0; i < RUNS; i++) {
    const start = performance.now();
    run();
    times.push((performance.now() - start) * 1e6 / count);
  }
  times.sort((a, b) => a - b);
  return times[RUNS >> 1] ?? NaN;
}

function report(name: string, count: number, run: () => void): void {
  const each = nanoseconds(count, run);
  print(`${name.padEnd(66)} ${each.toFixed(0).padStart(8)} ns  ${perSecond(each).padStart(12)}/s`);
}

function perSecond(each: number): string {
  return Math.round(1e9 / each).toLocaleString("en");
}

function heapUsed(): number {
  const { gc } = globalThis as { gc?: () => void };
  const { Bun: bun } = globalThis as { Bun?: { gc(force: boolean): void } };
  bun?.gc(true);
  gc?.();
  return process.memoryUsage().heapUsed;
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

function routeAll(router: Router<Client>, { bytes, starts }: Topics, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (let i = 1; i < starts.length; i++) {
      const route = router.routeBytes(bytes, starts[i - 1] as number, starts[i] as number);
      sink += route.recipients.length;
    }
  }
}

function benchHits(): void {
  const router = new Router<Client>();
  fill(router, 1000, FILTERS["exact"] as (index: number) => string);
  for (const count of [1, 100, 1000, 50_000]) {
    const list = topics(count, 50_000);
    const rounds = Math.ceil(500_000 / count);
    report(`routeBytes hit, ${count} topics in turn`, rounds * count, () => {
      routeAll(router, list, rounds);
    });
  }
  const list = topics(1000, 50_000);
  routeAll(router, list, 1000);
  const before = heapUsed();
  routeAll(router, list, 1000);
  const grown = process.memoryUsage().heapUsed - before;
  print(`    ${(grown / 1e6).toFixed(3)} bytes of heap for each of 1M hits, nothing collected`);
  const bytes = encoder.encode("site/1/device/1/command");
  report("routeBytesAfter, the same topic again", 1_000_000, () => {
    let last = router.routeBytes(bytes, 0, bytes.length);
    for (let i = 0; i < 1_000_000; i++) {
      last = router.routeBytesAfter(last, bytes, 0, bytes.length);
      sink += last.recipients.length;
    }
  });
}

function benchMisses(kind: string, filterOf: (index: number) => string): void {
  for (const count of [10, 1000, 100_000]) {
    const router = new Router<Client>({ cacheEntriesMax: 0 });
    const before = heapUsed();
    fill(router, count, filterOf);
    const bytesEach = (heapUsed() - before) / count;
    const list = topics(PUBLISHED_TOPICS, count);
    const name = `routeBytes miss, ${count.toLocaleString("en")} × ${kind}`;
    const memory = count === 100_000 ? `, ${bytesEach.toFixed(0)} bytes each` : "";
    report(name + memory, 100 * PUBLISHED_TOPICS, () => routeAll(router, list, 100));
  }
}

function benchChurn(
  kind: string,
  options: RouterOptions,
  filterOf: (index: number) => string,
): void {
  const router = new Router<Client>(options);
  fill(router, 100_000, filterOf);
  let index = 0;
  report(`subscribe and unsubscribe beside 100,000 × ${kind}`, 100_000, () => {
    for (let i = 0; i < 100_000; i++) {
      const filter = filterOf(100_000 + (index++ % 100_000));
      const subscriber = client(i);
      router.subscribe(subscriber, subscription(filter));
      router.unsubscribe(subscriber, filter, "");
    }
  });
}

/** One change of subscriptions for so many messages, on 1,000 or 50,000 topics in use. */
function benchHitsUnderChurn(
  kind: string,
  topicCount: number,
  filterOf: (n: number) => string,
): void {
  const router = new Router<Client>();
  fill(router, 100_000, FILTERS["+"] as (index: number) => string);
  const list = topics(topicCount, 100_000);
  const { bytes, starts } = list;
  const messagesPerChange = 10_000;
  const subscriber = client(1);
  let changes = 0;
  routeAll(router, list, 1);
  const before = router.counters;
  const name = `routeBytes, ${topicCount} topics, 100 changes of ${kind} per 1M messages`;
  report(name, 1_000_000, () => {
    for (let i = 0; i < 1_000_000; i++) {
      if (i % messagesPerChange === 0) {
        const filter = filterOf(200_000 + (changes >> 1));
        if (changes++ % 2 === 0) router.subscribe(subscriber, subscription(filter));
        else router.unsubscribe(subscriber, filter, "");
      }
      const at = i % topicCount;
      const route = router.routeBytes(bytes, starts[at] as number, starts[at + 1] as number);
      sink += route.recipients.length;
    }
  });
  const after = router.counters;
  print(
    `    misses: ${after.misses - before.misses} of ${after.hits + after.misses - before.hits}`,
  );
}

function benchOneFilter(): void {
  const router = new Router<Client>();
  const clients = Array.from({ length: 100_000 }, (_, i) => client(i));
  const shared = subscription("broadcast/#");
  report("100,000 subscribe to and leave one filter", 200_000, () => {
    for (const each of clients) router.subscribe(each, shared);
    for (const each of clients) router.unsubscribe(each, "broadcast/#", "");
  });
}

function benchRetained(): void {
  const trie = new RetainedTrie<number>();
  const names = Array.from({ length: 100_000 }, (_, i) => `site/${i % 100}/device/${i}/state`);
  report("retained: set 100,000 topics and remove them", 200_000, () => {
    for (let i = 0; i < names.length; i++) trie.set(names[i] as string, i);
    for (const name of names) trie.remove(name);
  });
  const before = heapUsed();
  for (let i = 0; i < names.length; i++) trie.set(names[i] as string, i);
  print(
    `    ${((heapUsed() - before) / names.length).toFixed(0)} bytes for a topic, without the name`,
  );
  report("retained: replace", 100_000, () => {
    for (let i = 0; i < names.length; i++) trie.set(names[i] as string, i + 1);
  });
  for (const filter of ["#", "site/7/device/+/state", "site/+/device/4711/state"]) {
    let found = 0;
    trie.match(filter, () => void found++);
    report(`retained: each of the ${found} found by ${filter}`, found, () => {
      trie.match(filter, (_topic, message) => void (sink += message));
    });
  }
}

const { Bun: bunGlobal } = globalThis as { Bun?: { version: string } };
print(bunGlobal === undefined ? "V8" : `Bun ${bunGlobal.version}`);
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
benchOneFilter();
benchRetained();
print(`(${sink})`);
