import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assert, assertEquals, assertNotStrictEquals, assertThrows } from "@std/assert";
import { ProtocolError, ReasonCode } from "../../../src/mqtt/mod.ts";
import { type Route, Router, type Subscription } from "../../../src/routing/mod.ts";
import type { CachedRoute } from "../../../src/routing/route.ts";
import { Client, plain, type PlainRecipient, subscription } from "./routing_rig.ts";

const encoder = new TextEncoder();

function routeOf(router: Router<Client>, topic: string): Route<Client> {
  const bytes = encoder.encode(topic);
  return router.routeBytes(bytes, 0, bytes.length);
}

/** Subscriptions of one client that match `t/1`, and the one delivery that they make. */
const MERGES: ReadonlyArray<
  [what: string, options: Partial<Subscription>[], expected: Partial<PlainRecipient>]
> = [
  ["the highest QoS counts", [{ qos: 0 }, { qos: 2 }, { qos: 1 }], { qos: 2 }],
  ["retain as published of one is enough", [{}, { retainAsPublished: true }], {
    retainAsPublished: true,
  }],
  ["all identifiers are there, the same one twice", [
    { identifier: 5 },
    {},
    { identifier: 5 },
    { identifier: 3 },
  ], { identifiers: [3, 5, 5] }],
  ["no local of all", [{ noLocal: true }, { noLocal: true }], { noLocal: true, own: undefined }],
  ["no local of none", [{}, {}], { noLocal: false, own: undefined }],
  ["no local of some: the others are left for own messages", [
    { noLocal: true, qos: 2, identifier: 1, retainAsPublished: true },
    { qos: 1, identifier: 2 },
    { qos: 0, identifier: 3 },
  ], {
    qos: 2,
    noLocal: false,
    retainAsPublished: true,
    identifiers: [1, 2, 3],
    own: {
      clientId: "c",
      qos: 1,
      noLocal: false,
      retainAsPublished: false,
      identifiers: [2, 3],
      own: undefined,
    },
  }],
];

for (const [what, options, expected] of MERGES) {
  test(`overlapping subscriptions: ${what}`, () => {
    const filters = ["t/1", "t/+", "t/#", "#"];
    // In every order in which the filters can come.
    for (let turn = 0; turn < options.length; turn++) {
      const router = new Router<Client>();
      const client = new Client("c");
      options.forEach((each, i) => {
        const filter = filters[(i + turn) % options.length]!;
        router.subscribe(client, subscription(filter, each));
      });
      const { recipients } = plain(routeOf(router, "t/1"));
      assertEquals(recipients.length, 1);
      assertEquals({ ...recipients[0]!, ...expected }, recipients[0]!);
    }
  });
}

test("Router.subscribe() replaces the options of a filter [MQTT-3.8.4-3]", () => {
  const router = new Router<Client>();
  const client = new Client("c");
  assertEquals(router.subscribe(client, subscription("a/+", { qos: 2 })), "added");
  assertEquals(routeOf(router, "a/b").recipients[0]!.qos, 2);
  assertEquals(router.subscribe(client, subscription("a/+", { qos: 1 })), "replaced");
  assertEquals(routeOf(router, "a/b").recipients.map(({ qos }) => qos), [1]);
  assertEquals(router.subscriptionCount, 1);
});

test("Router.subscribe() of the same again leaves all routes as they are", () => {
  const router = new Router<Client>();
  const client = new Client("c");
  router.subscribe(client, subscription("a/+", { qos: 1 }));
  const route = routeOf(router, "a/b");
  assertEquals(router.subscribe(client, subscription("a/+", { qos: 1 })), "replaced");
  assert(routeOf(router, "a/b") === route);
});

test("Router keeps an ordinary and a shared subscription with one filter apart", () => {
  const router = new Router<Client>();
  const client = new Client("c");
  router.subscribe(client, subscription("a"));
  assertEquals(router.subscribe(client, subscription("a", { shareName: "g" })), "added");
  assertEquals(router.subscribe(client, subscription("a", { shareName: "h" })), "added");
  assertEquals([router.subscriptionCount, router.sharedSubscriptionCount], [3, 2]);
  assertEquals(
    router.filtersAfter(0, 100).map(({ filter, subscriberCount, groups }) => [
      filter,
      subscriberCount,
      groups.length,
    ]),
    [["a", 1, 2]],
  );
  assertEquals(router.unsubscribe(client, "a", ""), true);
  assertEquals(plain(routeOf(router, "a")), { recipients: [], groups: ["g a", "h a"] });
  assertEquals(router.unsubscribe(client, "a", "g"), true);
  assertEquals(router.unsubscribe(client, "a", "h"), true);
  assertEquals([router.subscriptionCount, router.filterCount], [0, 0]);
});

test("Router.unsubscribe() of what is not there changes nothing", () => {
  const router = new Router<Client>();
  const [client, other] = [new Client("c"), new Client("d")];
  router.subscribe(client, subscription("a/+"));
  router.subscribe(client, subscription("b", { shareName: "g" }));
  const route = routeOf(router, "a/b");
  assertEquals(router.unsubscribe(client, "a", ""), false);
  assertEquals(router.unsubscribe(other, "a/+", ""), false);
  assertEquals(router.unsubscribe(client, "a/+", "g"), false);
  assertEquals(router.unsubscribe(client, "b", ""), false);
  assertEquals(router.unsubscribe(client, "b", "h"), false);
  assertEquals(router.unsubscribe(other, "b", "g"), false);
  assertEquals([router.subscriptionCount, router.sharedSubscriptionCount], [2, 1]);
  assert(routeOf(router, "a/b") === route);
});

test("a route that is out does not change, and is current no more when it is untrue", () => {
  const router = new Router<Client>();
  router.subscribe(new Client("c"), subscription("a/+"));
  const route = routeOf(router, "a/b");
  assert(routeOf(router, "a/b") === route);
  router.subscribe(new Client("d"), subscription("a/b"));
  assertEquals([route.recipients.length, router.isCurrent(route)], [1, false]);
  assertEquals(routeOf(router, "a/b").recipients.length, 2);
  assertEquals(router.counters.entries, 1);
});

test("a route stays current, the very same, when other topics' subscriptions change", () => {
  const router = new Router<Client>();
  const client = new Client("c");
  router.subscribe(client, subscription("site/1/device/+"));
  const route = routeOf(router, "site/1/device/7");
  const others = [
    "site/1/device/8",
    "site/2/#",
    "site/+/device/8",
    "x/+",
    "site/1/device/8/#",
    "+",
  ];
  for (const filter of others) {
    router.subscribe(client, subscription(filter));
    assert(routeOf(router, "site/1/device/7") === route, filter);
    router.unsubscribe(client, filter, "");
    assert(routeOf(router, "site/1/device/7") === route, filter);
  }
  assertEquals([router.counters.hits, router.counters.misses], [12, 1]);
});

test("a route that was looked at after a change is not looked at again before the next", () => {
  const router = new Router<Client>();
  const route = routeOf(router, "a/b") as CachedRoute<Client>;
  router.subscribe(new Client("c"), subscription("x/+"));
  assertEquals([route.seenVersion, router.isCurrent(route), route.seenVersion], [0, true, 1]);
});

test("a route stays current through more changes than are remembered", () => {
  const router = new Router<Client>();
  const client = new Client("c");
  router.subscribe(client, subscription("site/1/device/+"));
  const route = routeOf(router, "site/1/device/7");
  for (let i = 0; i < 1000; i++) router.subscribe(client, subscription(`+/other/${i}`));
  assert(router.isCurrent(route));
});

test("a filter that is given up and taken up again is noticed", () => {
  const router = new Router<Client>();
  router.subscribe(new Client("c"), subscription("a/+"));
  const route = routeOf(router, "a/b");
  router.unsubscribe(route.recipients[0]!.subscriber, "a/+", "");
  router.subscribe(new Client("d"), subscription("a/+"));
  assertEquals(router.isCurrent(route), false);
  assertEquals(plain(routeOf(router, "a/b")).recipients.map(({ clientId }) => clientId), ["d"]);
});

test("a first and a last member of a group are noticed, those between need not be", () => {
  const router = new Router<Client>();
  const none = routeOf(router, "a/b");
  router.subscribe(new Client("c"), subscription("a/+", { shareName: "g" }));
  assertEquals(router.isCurrent(none), false);
  const one = routeOf(router, "a/b");
  const second = new Client("d");
  router.subscribe(second, subscription("a/+", { shareName: "g" }));
  assertEquals([router.isCurrent(one), one.groups[0]!.length], [true, 2]);
  for (const { subscriber } of one.groups[0]!.members()) router.unsubscribe(subscriber, "a/+", "g");
  assertEquals(router.isCurrent(one), false);
});

test("what the owner of retained messages noted is handed on to the next route of a topic", () => {
  const router = new Router<Client>();
  const route = routeOf(router, "a/b");
  assertEquals(route.retainedSlot, undefined);
  route.retainedSlot = "note";
  routeOf(router, "a/b");
  router.subscribe(new Client("c"), subscription("a/#"));
  const next = routeOf(router, "a/b");
  assertNotStrictEquals(next, route);
  assertEquals(next.retainedSlot, "note");
});

test("a route owns its bytes, also when they came in a Buffer", () => {
  const router = new Router<Client>();
  const buffer = Buffer.from("xxa/byy");
  const route = router.routeBytes(buffer, 2, 5);
  buffer.fill(0);
  assertEquals(route.topicBytes, encoder.encode("a/b"));
  assert(routeOf(router, "a/b") === route);
});

test("Router.route() and routeBytes() give the same route", () => {
  const router = new Router<Client>();
  for (const topic of ["a", "a/é/ü", "/", "x".repeat(200)]) {
    assert(router.route(topic) === routeOf(router, topic));
  }
});

/** Topic names on the wire that are none, and the reason that the sender is told. */
const BAD_TOPICS: ReadonlyArray<[what: string, bytes: number[], reason: number]> = [
  ["a +", [0x61, 0x2f, 0x2b], ReasonCode.topicNameInvalid],
  ["a #", [0x23], ReasonCode.topicNameInvalid],
  ["nothing", [], ReasonCode.topicNameInvalid],
  ["U+0000", [0x61, 0x00], ReasonCode.malformedPacket],
  ["an encoded surrogate", [0xed, 0xa0, 0x80], ReasonCode.malformedPacket],
  ["an overlong slash", [0xc0, 0xaf], ReasonCode.malformedPacket],
];

for (const [what, bytes, reason] of BAD_TOPICS) {
  test(`Router.routeBytes() refuses a topic with ${what}, every time`, () => {
    const router = new Router<Client>();
    for (let i = 0; i < 2; i++) {
      const error = assertThrows(
        () => router.routeBytes(Uint8Array.from(bytes), 0, bytes.length),
        ProtocolError,
      );
      assertEquals(error.reasonCode, reason);
    }
    assertEquals(router.counters.entries, 0);
  });
}

test("100,000 subscribers of one filter come and go while it is published to", () => {
  const router = new Router<Client>();
  const clients = Array.from({ length: 100_000 }, (_, i) => new Client(`c${i}`));
  const wanted = subscription("all/#", { qos: 1 });
  for (let i = 0; i < clients.length; i++) {
    assertEquals(router.subscribe(clients[i]!, wanted), "added");
    if (i % 10_000 === 0) assertEquals(routeOf(router, "all/x").recipients.length, i + 1);
  }
  assertEquals(new Set(routeOf(router, "all/x").recipients.map((r) => r.subscriber)).size, 100_000);
  for (let i = 0; i < clients.length; i++) {
    assert(router.unsubscribe(clients[i]!, "all/#", ""));
    if (i % 10_000 === 0) assertEquals(routeOf(router, "all/x").recipients.length, 99_999 - i);
  }
  assertEquals([router.subscriptionCount, router.filterCount], [0, 0]);
});

test("subscriptions that are gone are let go by topics that nobody publishes to any more", () => {
  const router = new Router<Client>();
  const client = new Client("c");
  for (let i = 0; i < 100; i++) router.subscribe(client, subscription(`d/${i}/+`));
  for (let i = 0; i < 100; i++) routeOf(router, `d/${i}/x`);
  assertEquals([router.counters.entries, router.counters.recipients], [100, 100]);
  for (let i = 0; i < 100; i++) router.unsubscribe(client, `d/${i}/+`, "");
  assertEquals(router.counters.recipients, 0);
});

test("topics that are published to once do not make the cache grow beyond its limit", () => {
  const router = new Router<Client>({ cacheEntriesMax: 100 });
  for (let i = 0; i < 10_000; i++) routeOf(router, `once/${i}`);
  const { entries, evictions, misses } = router.counters;
  assertEquals([entries, evictions, misses], [100, 9_900, 10_000]);
});
