/**
 * A broker in memory that is killed between any two turns, again and again: many more moments than a real process can
 * be killed at, and the same ones for the same seed.
 */
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { IPublishPacket } from "mqtt-packet";
import type { Prng } from "../../../src/base/mod.ts";
import { DiskFaults } from "../../support/failing_store.ts";
import { LastingBroker } from "../../support/lasting_broker.ts";
import type { MemoryClient } from "../../support/memory_broker.ts";
import { seededPrng } from "../../support/seed.ts";
import { withFolder } from "../../support/storage_rig.ts";
import { describe, judge, type ReceivedMessage } from "../../broker/crash/checker.ts";
import { SimClient } from "./sim_client.ts";
import { StubbornPublisher } from "./stubborn_publisher.ts";

const OPTIONS = { maxQueuedMessages: 0, maxInflight: 65535 };

/** A subscriber with a session that outlives everything, now and then slow, away, or changed in what it takes. */
class Subscriber {
  readonly name: string;
  readonly messages: ReceivedMessage[] = [];
  readonly #client: SimClient;
  readonly #prng: Prng;
  #isSubscribed = false;
  #isHurrying = false;

  constructor(name: string, prng: Prng) {
    this.name = name;
    this.#prng = prng;
    this.#client = new SimClient(name, ({ payload }) => {
      const [publisher = "", number] = payload.split(" ");
      this.messages.push({ publisher, number: Number(number) });
    }, { losesPackets: true });
  }

  get isConnected(): boolean {
    return this.#client.isConnected;
  }

  connect(broker: LastingBroker): void {
    const receiveMaximum = this.#isHurrying ? 65535 : this.#prng.pick([1, 3, 20, 65535]);
    const connection = broker.memory.client({
      clientId: this.name,
      version: 5,
      clean: false,
      properties: { sessionExpiryInterval: 3600, receiveMaximum },
    });
    this.#client.isHoldingBack = !this.#isHurrying && this.#prng.nextBoolean(0.3);
    this.#client.begin(connection, {
      version: 5,
      receiveMaximum,
      topicAliasMaximum: 0,
      isPresent: true,
    });
  }

  lose(): void {
    if (this.isConnected) this.#client.connection.peer.reset();
    this.#client.lose();
  }

  step(): void {
    this.#client.read();
    if (!this.isConnected || this.#client.connack === undefined) return;
    if (this.#client.isHoldingBack) this.#client.sendAnswers(this.#prng.nextInt(4));
    if (this.#isSubscribed) {
      assert(this.#client.connack.sessionPresent || this.#client.answers.length > 0);
      return;
    }
    this.#client.send({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: [{ topic: "n/+", qos: 2 }],
    });
    this.#isSubscribed = true;
  }

  /** From now on it takes and answers everything at once. */
  hurry(): void {
    this.#isHurrying = true;
    this.lose();
  }
}

class CrashModel {
  readonly publishers = [
    new StubbornPublisher("q1", 5, 1),
    new StubbornPublisher("q2", 4, 2),
    new StubbornPublisher("q2-too", 5, 2),
  ];
  readonly subscribers: readonly Subscriber[];
  kills = 0;
  repairs = 0;
  readonly #prng: Prng;
  /** Now and then the database is called damaged, and so written anew. */
  readonly #hasDamage: boolean;
  #broker: LastingBroker;

  constructor(prng: Prng, broker: LastingBroker, hasDamage = false) {
    this.#prng = prng;
    this.#broker = broker;
    this.#hasDamage = hasDamage;
    this.subscribers = ["a", "b", "c"].map((name) => new Subscriber(name, prng));
  }

  async run(rounds: number): Promise<void> {
    for (const subscriber of this.subscribers) subscriber.connect(this.#broker);
    for (let turn = 0; turn < 5; turn++) await this.#everybody(0);
    for (let round = 0; round < rounds; round++) {
      const turns = this.#prng.nextInt(60);
      for (let turn = 0; turn < turns; turn++) await this.#turn();
      await this.#kill();
    }
    await this.#finish();
  }

  /** Something small happens. */
  async #turn(): Promise<void> {
    const prng = this.#prng;
    const { memory } = this.#broker;
    for (const publisher of this.publishers) {
      if (prng.nextBoolean(0.3)) publisher.step(memory, prng.nextInt(4));
    }
    for (const subscriber of this.subscribers) {
      if (!subscriber.isConnected) {
        if (prng.nextBoolean(0.1)) subscriber.connect(this.#broker);
      } else if (prng.nextBoolean(0.03)) subscriber.lose();
      else if (prng.nextBoolean(0.4)) subscriber.step();
    }
    if (this.#hasDamage) this.#damage();
    if (prng.nextBoolean(0.6)) memory.runtime.turn();
    else memory.runtime.advance(1);
    for (let count = prng.nextInt(4); count > 0; count--) await Promise.resolve();
  }

  /** Until it was written anew, for a first look finds it sound. */
  #damage(): void {
    const { faults, store } = this.#broker;
    if (store.counters.repairs > 0) faults.heal();
    else if (this.#prng.nextBoolean(0.02)) faults.arm(1, "from then on");
  }

  async #kill(): Promise<void> {
    this.kills++;
    this.repairs += this.#broker.store.counters.repairs;
    const folder = this.#broker.copyAsKilled();
    await this.#broker.abandon();
    for (const each of [...this.publishers, ...this.subscribers]) each.lose();
    this.#broker = await LastingBroker.start(folder, OPTIONS, faultsOf(this.#hasDamage));
  }

  async #everybody(messages: number): Promise<void> {
    for (const publisher of this.publishers) publisher.step(this.#broker.memory, messages);
    for (const subscriber of this.subscribers) {
      if (!subscriber.isConnected) subscriber.connect(this.#broker);
      subscriber.step();
    }
    await this.#broker.pass(4);
  }

  async #finish(): Promise<void> {
    this.#broker.faults.heal();
    for (const subscriber of this.subscribers) subscriber.hurry();
    for (let turn = 0; turn < 5; turn++) await this.#everybody(1);
    const isDone = (): boolean =>
      this.publishers.every(({ isIdle }) => isIdle) &&
      judge(this.publishers, this.subscribers).lost.length === 0;
    for (let turn = 0; turn < 300 && !isDone(); turn++) await this.#everybody(0);
    const verdict = judge(this.publishers, this.subscribers);
    const { lost, duplicates, invented } = verdict;
    // Who is told that a message is refused, as 5.0 clients are, sends it again when it likes.
    const misplaced = verdict.misplaced.filter((text) => !this.#hasDamage || /^q2 /.test(text));
    const faults = [lost, duplicates, misplaced, invented].map(({ length }) => length);
    assertEquals(faults, [0, 0, 0, 0], describe(verdict));
    if (!this.#hasDamage) assertEquals(this.#broker.memory.errors, []);
    await this.#broker.abandon();
  }
}

function faultsOf(hasDamage: boolean): DiskFaults {
  return hasDamage ? new DiskFaults("database disk image is malformed", true) : new DiskFaults();
}

test("a broker whose database is written anew, and that is killed between any two turns, loses nothing", async () => {
  const prng = seededPrng("a broker whose database is written anew, and that is killed");
  let repairs = 0;
  for (let run = 0; run < 3; run++) {
    await withFolder(async (folder) => {
      const broker = await LastingBroker.start(folder, OPTIONS, faultsOf(true));
      const model = new CrashModel(prng, broker, true);
      await model.run(25);
      repairs += model.repairs;
    });
  }
  assert(repairs > 3, `only ${repairs} databases were written anew`);
});

test("a broker that is killed between any two turns loses nothing and repeats no QoS 2 message", async () => {
  const prng = seededPrng("a broker that is killed between any two turns");
  let messages = 0;
  for (let run = 0; run < 6; run++) {
    await withFolder(async (folder) => {
      const model = new CrashModel(prng, await LastingBroker.start(folder, OPTIONS));
      await model.run(25);
      messages += model.publishers.reduce((sum, { lastNumber }) => sum + lastNumber, 0);
    });
  }
  assert(messages > 1000, `only ${messages} messages were published`);
});

/** Answers QoS 2 but for two messages: the first gets no PUBREC, the second no PUBCOMP. */
class StuckSubscriber {
  readonly numbers: number[] = [];
  /** Packet identifiers that the broker has in use, by message. */
  readonly #open = new Map<number, number>();
  #client: MemoryClient | undefined;
  isStuck = true;

  connect(broker: LastingBroker): void {
    this.#client = broker.memory.client({
      clientId: "stuck",
      version: 5,
      clean: false,
      properties: { sessionExpiryInterval: 3600, receiveMaximum: 65535 },
    });
  }

  subscribe(): void {
    this.#client!.subscribe("n", 2);
  }

  lose(): void {
    this.#client!.peer.reset();
  }

  /** Returns what came, in words. */
  step(): string[] {
    const came: string[] = [];
    for (const packet of this.#client!.take()) {
      const { messageId = 0 } = packet;
      if (packet.cmd === "publish") {
        const number = Number((packet as IPublishPacket).payload);
        came.push(`${number} ${packet.dup}`);
        const known = this.#open.get(messageId);
        assert(known === undefined || (packet.dup && known === number), `${messageId} is in use`);
        if (known === undefined) this.numbers.push(number);
        this.#open.set(messageId, number);
        if (number !== 1 || !this.isStuck) this.#client!.send({ cmd: "pubrec", messageId });
      } else if (packet.cmd === "pubrel") {
        came.push(`pubrel of ${this.#open.get(messageId)}`);
        if (this.isStuck && this.#open.get(messageId) === 2) continue;
        this.#open.delete(messageId);
        this.#client!.send({ cmd: "pubcomp", messageId });
      }
    }
    return came;
  }
}

test("while two messages are never answered all identifiers are used, and none twice, also after a crash", () =>
  withFolder(async (folder) => {
    let broker = await LastingBroker.start(folder, OPTIONS);
    const subscriber = new StuckSubscriber();
    subscriber.connect(broker);
    await broker.pass(4);
    subscriber.subscribe();
    await broker.pass(4);
    const publisher = broker.memory.connect({ version: 4 });
    const [count, atOnce] = [70_000, 1000];
    for (let first = 1; first <= count; first += atOnce) {
      const ids = Array.from({ length: atOnce }, (_, index) => index + 1);
      for (const id of ids) publisher.publish("n", String(first + id - 1), 2, id);
      await broker.pass(4);
      for (const id of ids) publisher.send({ cmd: "pubrel", messageId: id });
      for (let turn = 0; turn < 3; turn++) {
        await broker.pass(4);
        subscriber.step();
      }
      publisher.take();
    }
    const numbers = Array.from({ length: count }, (_, index) => index + 1);
    assertEquals(subscriber.numbers, numbers);
    // What nobody waits for takes a moment.
    await broker.pass(300);
    const copy = broker.copyAsKilled();
    await broker.abandon();
    broker = await LastingBroker.start(copy, OPTIONS);
    subscriber.connect(broker);
    await broker.pass(4);
    subscriber.isStuck = false;
    assertEquals(subscriber.step(), ["pubrel of 2", "1 true"]);
    await broker.pass(4);
    assertEquals(subscriber.step(), ["pubrel of 1"]);
    await broker.pass(4);
    assertEquals(subscriber.numbers, numbers);
    assertEquals([subscriber.step(), broker.memory.broker.counters.sessions.inflight], [[], 0]);
    await broker.abandon();
  }));
