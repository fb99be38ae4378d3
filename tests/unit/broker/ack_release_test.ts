import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { AckRelease, type OwedClient } from "../../../src/broker/ack_release.ts";
import { BrokerCounters } from "../../../src/broker/counters.ts";
import { PacketType } from "../../../src/mqtt/mod.ts";
import type { Durability } from "../../../src/broker/durability.ts";
import type { PublishInterceptor } from "../../../src/ports/mod.ts";
import type { Message } from "../../../src/session/mod.ts";
import { LastingBroker } from "../../support/lasting_broker.ts";
import type { MemoryClient } from "../../support/memory_broker.ts";
import { MemoryRuntime } from "../../support/memory_socket.ts";
import { withFolder } from "../../support/storage_rig.ts";

/** What a message takes here, in milliseconds. */
const COST_MS = 0.002;

/** Counts what it is owed: pairs of a ticket and how many wait for it. */
class Client implements OwedClient {
  readonly #rig: Rig;
  readonly #waiting: [ticket: number, count: number][] = [];
  sent = 0;

  constructor(rig: Rig) {
    this.#rig = rig;
  }

  get isOwed(): boolean {
    return this.#waiting.length > 0;
  }

  get owed(): number {
    return this.#waiting.reduce((sum, [, count]) => sum + count, 0);
  }

  /** Publishes `count` messages that wait for `ticket`. */
  publish(count: number, ticket: number, costMs = COST_MS): void {
    for (let i = 0; i < count; i++) this.#rig.counters.countPublishReceived(1, 10);
    this.#rig.acks.owe(this);
    this.#rig.acks.owedPublishes += count;
    this.#rig.acks.spent(count * costMs);
    this.#waiting.push([ticket, count]);
  }

  releaseAcks(ticket: number, most: number): number {
    let sent = 0;
    for (let [first] = this.#waiting; first !== undefined; [first] = this.#waiting) {
      if (first[0] > ticket || sent === most) break;
      const count = Math.min(first[1], most - sent);
      sent += count;
      first[1] -= count;
      if (first[1] === 0) this.#waiting.shift();
    }
    this.sent += sent;
    return sent;
  }
}

class Rig {
  readonly runtime = new MemoryRuntime();
  readonly counters = new BrokerCounters();
  readonly acks: AckRelease;
  /** Told of commits. */
  readonly #waiters = new Set<{ onCommitted(ticket: number): boolean }>();
  #committedTicket = 0;

  constructor(givesWay = true) {
    const ticket = (): number => this.#committedTicket;
    this.acks = new AckRelease({
      clock: this.runtime.clock,
      durability: {
        get committedTicket(): number {
          return ticket();
        },
        tell: (waiter) => void this.#waiters.add(waiter),
      } as Partial<Durability> as Durability,
      counters: this.counters,
      givesWay,
      every: (ms, fn) => this.runtime.every(ms, fn),
    });
  }

  commit(ticket: number): void {
    this.#committedTicket = ticket;
    for (const waiter of this.#waiters) {
      if (!waiter.onCommitted(ticket)) this.#waiters.delete(waiter);
    }
  }

  /** A message that nobody stores. */
  other(): void {
    this.counters.countPublishReceived(0, 10);
  }

  get isWatching(): boolean {
    return this.#waiters.size > 0;
  }
}

/** Somebody who answers each acknowledgement with a message at once, for `ms`, with a commit in each of them. */
function storeFor(rig: Rig, clients: readonly Client[], ms: number, beside: () => void): void {
  for (let i = 1; i <= ms; i++) {
    for (const client of clients) client.publish(1000 - client.owed, i);
    beside();
    rig.commit(i);
    rig.runtime.advance(1);
  }
}

test("acknowledgements leave with their commit, and none before it", () => {
  const rig = new Rig();
  const [one, two] = [new Client(rig), new Client(rig)];
  one.publish(500, 1);
  two.publish(300, 1);
  one.publish(20, 2);
  assertEquals([one.sent, two.sent], [0, 0]);
  rig.commit(1);
  assertEquals([one.sent, two.sent], [500, 300]);
  rig.commit(2);
  assertEquals([one.sent, two.sent], [520, 300]);
  assert(!rig.isWatching);
  assertEquals(rig.counters.ackPauses, 0);
});

test("while others have messages, stored ones take a part of the time; alone all that they want", () => {
  const rig = new Rig();
  const clients = [new Client(rig), new Client(rig)];
  const sent = (): number => clients.reduce((sum, client) => sum + client.sent, 0);
  storeFor(rig, clients, 200, () => {});
  assertEquals(sent(), 200 * 2000);
  const alone = sent();
  storeFor(rig, clients, 1000, () => rig.other());
  const beside = sent() - alone;
  const share = beside * COST_MS / 1000;
  assert(share > 0.06 && share < 0.08, `took ${share} of the time`);
  assert(rig.counters.ackPauses > 500);
  // The others are gone for longer than a second.
  storeFor(rig, clients, 1001, () => {});
  const before = sent();
  storeFor(rig, clients, 10, () => {});
  assertEquals(sent() - before, 10 * 2000);
});

test("whoever stores little does not wait behind those who store much", () => {
  const rig = new Rig();
  const many = Array.from({ length: 20 }, () => new Client(rig));
  const little = new Client(rig);
  // Until then they are newcomers, too.
  storeFor(rig, many, 100, () => rig.other());
  let longestMs = 0;
  let sinceMs = 0;
  storeFor(rig, many, 1000, () => {
    const nowMs = rig.runtime.clock.monotonicMs();
    rig.other();
    if (little.owed > 0) longestMs = Math.max(longestMs, nowMs - sinceMs);
    else {
      sinceMs = nowMs;
      little.publish(1, 0);
    }
  });
  assert(little.sent > 900, `sent ${little.sent}`);
  assert(longestMs <= 2, `waited ${longestMs} ms`);
});

test("newcomers leave half of the time to those who store much", () => {
  const rig = new Rig();
  const much = new Client(rig);
  storeFor(rig, [much], 100, () => rig.other());
  const before = much.sent;
  const newcomers: Client[] = [];
  storeFor(rig, [much], 1000, () => {
    rig.other();
    for (let i = 0; i < 100; i++) {
      const newcomer = new Client(rig);
      newcomer.publish(1, 0);
      newcomers.push(newcomer);
    }
  });
  const share = (much.sent - before) * COST_MS / 1000;
  assert(share > 0.03 && share < 0.04, `${share} of the time was left`);
  assert(newcomers.some(({ sent }) => sent === 1));
});

test("a message that takes longer than its share leaves all the same", () => {
  const rig = new Rig();
  const client = new Client(rig);
  rig.other();
  for (let i = 1; i <= 10; i++) {
    client.publish(64, i, 5);
    rig.other();
    rig.commit(i);
    for (let ms = 0; ms < 64 * 5 / 0.07 + 100; ms += 100) {
      rig.other();
      rig.runtime.advance(100);
    }
    assertEquals(client.owed, 0, `after commit ${i}`);
  }
});

test("what waits for its pace is sent without another commit, and then nothing ticks any more", () => {
  const rig = new Rig();
  const client = new Client(rig);
  rig.other();
  client.publish(1000, 1);
  rig.commit(1);
  assert(client.sent > 0 && client.sent < 1000, `sent ${client.sent} at once`);
  rig.runtime.advance(50);
  assertEquals(client.sent, 1000);
  rig.runtime.advance(5);
  assertEquals(rig.runtime.intervalCount, 0);
});

test("at the end all that is committed leaves at once, and what is not stays", () => {
  const rig = new Rig();
  const client = new Client(rig);
  rig.other();
  client.publish(1000, 1);
  client.publish(10, 2);
  rig.commit(1);
  assert(client.sent < 1000);
  rig.acks.stop();
  assertEquals([client.sent, client.owed], [1000, 10]);
  assertEquals(rig.runtime.intervalCount, 0);
});

test("whoever is gone is sent nothing", () => {
  const rig = new Rig();
  const [gone, here] = [new Client(rig), new Client(rig)];
  gone.publish(5, 1);
  here.publish(5, 1);
  rig.acks.leave(gone);
  rig.commit(1);
  assertEquals([gone.sent, here.sent], [0, 5]);
});

test("storing need not give way", () => {
  const rig = new Rig(false);
  const client = new Client(rig);
  rig.other();
  client.publish(1000, 1);
  rig.commit(1);
  assertEquals(client.sent, 1000);
});

interface Way {
  readonly storingGivesWay?: boolean;
  /** Somebody else has a message, for nobody. */
  readonly isBeside?: boolean;
  /** What a message takes. */
  readonly messageMs?: number;
}

/** A publisher that has sent 500 messages for a session that is away. */
async function publishMuch(
  folder: string,
  { storingGivesWay = true, isBeside = true, messageMs = 0 }: Way = {},
): Promise<{ broker: LastingBroker; publisher: MemoryClient }> {
  let advance = (_ms: number): void => {};
  const interceptor: PublishInterceptor = {
    intercept(message): Message {
      advance(messageMs);
      return message;
    },
  };
  const parts = { storingGivesWay, interceptors: [interceptor] };
  const broker = await LastingBroker.start(folder, {}, undefined, parts);
  const subscriber = broker.memory.client({
    clientId: "away",
    clean: false,
    version: 5,
    properties: { sessionExpiryInterval: 3600 },
  });
  subscriber.subscribe("stored", 1);
  await broker.pass(4);
  subscriber.send({ cmd: "disconnect", reasonCode: 0 });
  const publisher = broker.memory.client({ clientId: "publisher", version: 4 });
  const other = broker.memory.client({ clientId: "other" });
  await broker.pass(4);
  publisher.take();
  if (isBeside) other.publish("else", "1");
  advance = (ms) => broker.memory.runtime.clock.advance(ms);
  for (let id = 1; id <= 500; id++) publisher.publish("stored", "1", 1, id);
  await broker.pass(2);
  return { broker, publisher };
}

function acknowledged(publisher: MemoryClient): (number | undefined)[] {
  return publisher.take().map(({ cmd, messageId }) => cmd === "puback" ? messageId : -1);
}

const ALL = Array.from({ length: 500 }, (_, i) => i + 1);

test("a client gets its acknowledgements in order, at their pace", () =>
  withFolder(async (folder) => {
    const { broker, publisher } = await publishMuch(folder);
    const first = acknowledged(publisher);
    assert(first.length > 0 && first.length < 500, `${first.length} at once`);
    await broker.pass(50);
    assertEquals([...first, ...acknowledged(publisher)], ALL);
    assert(broker.memory.broker.counters.ackPauses > 0);
    await broker.stop();
  }));

test("nobody gives way to other stored messages", () =>
  withFolder(async (folder) => {
    const { broker, publisher } = await publishMuch(folder, { isBeside: false });
    await broker.pass(4);
    assertEquals(acknowledged(publisher), ALL);
    assertEquals(broker.memory.broker.counters.ackPauses, 0);
    await broker.stop();
  }));

test("messages that take longer leave more slowly", () =>
  withFolder(async (folder) => {
    const { broker, publisher } = await publishMuch(folder, { messageMs: 0.05 });
    await broker.pass(20);
    const soon = acknowledged(publisher).length;
    assert(soon > 0 && soon < 250, `${soon} after 20 ms`);
    await broker.pass(1000);
    assertEquals(soon + acknowledged(publisher).length, 500);
    await broker.stop();
  }));

test("a client that is asked to go gets first what is committed", () =>
  withFolder(async (folder) => {
    const { broker, publisher } = await publishMuch(folder);
    await broker.stop();
    assertEquals(acknowledged(publisher), ALL);
  }));

test("a client that goes while it waits is forgotten, and has all the next time", () =>
  withFolder(async (folder) => {
    const { broker, publisher } = await publishMuch(folder);
    const sent = acknowledged(publisher).length;
    publisher.peer.reset();
    await broker.pass(50);
    assertEquals(broker.memory.errors, []);
    assertEquals(broker.memory.broker.counters.sent(PacketType.puback), sent);
    const again = broker.memory.client({ clientId: "again", version: 4 });
    again.publish("stored", "2", 1, 1);
    await broker.pass(50);
    assertEquals(again.take().map(({ cmd }) => cmd), ["connack", "puback"]);
    await broker.stop();
  }));

test("where storing need not give way, all leave with their commit", () =>
  withFolder(async (folder) => {
    const { broker, publisher } = await publishMuch(folder, { storingGivesWay: false });
    await broker.pass(4);
    assertEquals(acknowledged(publisher), ALL);
    assertEquals(broker.memory.broker.counters.ackPauses, 0);
    await broker.stop();
  }));
