import { test } from "node:test";
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { Router, type SharedGroup, type SharedStrategy } from "../../../src/routing/mod.ts";
import { Prng } from "../../../src/base/mod.ts";
import { Client, subscription } from "./routing_rig.ts";

class Rig {
  readonly router: Router<Client>;
  readonly clients: readonly Client[];

  constructor(strategy: SharedStrategy, memberCount: number) {
    this.router = new Router<Client>({ sharedStrategy: strategy, prng: new Prng(1) });
    this.clients = Array.from({ length: memberCount }, (_, i) => new Client(`c${i}`));
    for (const client of this.clients) this.join(client);
  }

  get group(): SharedGroup<Client> {
    return this.router.route("t/1").groups[0]!;
  }

  join(client: Client): void {
    this.router.subscribe(client, subscription("t/+", { shareName: "g", qos: 1 }));
  }

  leave(client: Client): void {
    this.router.unsubscribe(client, "t/+", "g");
  }

  take(count: number, publisher = ""): (string | undefined)[] {
    const { group } = this;
    return Array.from(
      { length: count },
      () => group.next(undefined, publisher)?.subscriber.clientId,
    );
  }
}

test("round robin goes from member to member", () => {
  const rig = new Rig("round_robin", 3);
  assertEquals(rig.take(7), ["c0", "c1", "c2", "c0", "c1", "c2", "c0"]);
});

test("round robin goes past members that are offline", () => {
  const rig = new Rig("round_robin", 4);
  rig.clients[1]!.isOnline = false;
  rig.clients[2]!.isOnline = false;
  assertEquals(rig.take(4), ["c0", "c3", "c0", "c3"]);
  rig.clients[2]!.isOnline = true;
  assertEquals(rig.take(3), ["c0", "c2", "c3"]);
});

test("round robin takes in who joins and lets go who leaves, within a route that is out", () => {
  const rig = new Rig("round_robin", 2);
  const route = rig.router.route("t/1");
  const late = new Client("late");
  rig.join(late);
  assert(rig.router.isCurrent(route));
  assertEquals(rig.take(3), ["c0", "c1", "late"]);
  rig.leave(rig.clients[0]!);
  rig.leave(rig.clients[1]!);
  assert(rig.router.isCurrent(route));
  assertEquals(rig.take(2), ["late", "late"]);
});

for (const strategy of ["round_robin", "random", "sticky", "hash_clientid"] as const) {
  test(`${strategy}: the members that are excepted do not get it, and all others can`, () => {
    const rig = new Rig(strategy, 5);
    const tried = new Set<Client>();
    for (let i = 0; i < 5; i++) {
      const { subscriber } = rig.group.next(tried, "publisher")!;
      assert(!tried.has(subscriber));
      tried.add(subscriber);
    }
    assertEquals(rig.group.next(tried, "publisher"), undefined);
  });

  test(`${strategy}: an offline member gets it when nobody is online`, () => {
    const rig = new Rig(strategy, 3);
    for (const client of rig.clients) client.isOnline = false;
    const first = rig.group.next()!.subscriber;
    const second = rig.group.next(new Set([first]))!.subscriber;
    assertNotEquals(second.clientId, first.clientId);
    rig.clients[2]!.isOnline = true;
    assertEquals(rig.take(3), ["c2", "c2", "c2"]);
  });

  test(`${strategy}: a group that everybody has left has no next member`, () => {
    const rig = new Rig(strategy, 2);
    const { group } = rig;
    for (const client of rig.clients) rig.leave(client);
    assertEquals(group.next(), undefined);
    assertEquals(rig.router.route("t/1").groups, []);
  });
}

test("sticky stays with one member until it is offline or leaves", () => {
  const rig = new Rig("sticky", 4);
  assertEquals(rig.take(3), ["c0", "c0", "c0"]);
  rig.clients[0]!.isOnline = false;
  assertEquals(rig.take(3), ["c1", "c1", "c1"]);
  rig.clients[0]!.isOnline = true;
  assertEquals(rig.take(2), ["c1", "c1"]);
  // Leaving moves others in the list of members; that must not move the choice.
  rig.leave(rig.clients[0]!);
  assertEquals(rig.take(2), ["c1", "c1"]);
  rig.leave(rig.clients[1]!);
  const [chosen] = rig.take(1);
  assertEquals(rig.take(3), [chosen, chosen, chosen]);
});

test("hash_clientid sends all of one publisher to one member, and spreads publishers", () => {
  const rig = new Rig("hash_clientid", 4);
  const counts = new Map<string, number>();
  for (let i = 0; i < 1000; i++) {
    const [first, second] = rig.take(2, `publisher-${i}`);
    assertEquals(first, second);
    counts.set(first!, (counts.get(first!) ?? 0) + 1);
  }
  assertEquals(counts.size, 4);
  for (const count of counts.values()) assert(count > 150, `${[...counts]}`);
});

test("random reaches every member about equally often", () => {
  const counts = new Map<string | undefined, number>();
  for (const id of new Rig("random", 4).take(4000)) counts.set(id, (counts.get(id) ?? 0) + 1);
  assertEquals(counts.size, 4);
  for (const count of counts.values()) assert(count > 850 && count < 1150, `${[...counts]}`);
});

test("a member has the subscription that it made, the last one if it made several", () => {
  const rig = new Rig("round_robin", 1);
  const wanted = subscription("t/+", { shareName: "g", qos: 2, identifier: 7 });
  assertEquals(rig.router.subscribe(rig.clients[0]!, wanted), "replaced");
  const next = rig.group.next();
  assertEquals([next?.qos, next?.identifiers, next?.subscription], [2, [7], wanted]);
});

test("10,000 members join, are served in turn and leave", () => {
  const rig = new Rig("round_robin", 10_000);
  assertEquals(new Set(rig.take(10_000)).size, 10_000);
  for (const client of rig.clients) rig.leave(client);
  assertEquals(rig.router.subscriptionCount, 0);
});
