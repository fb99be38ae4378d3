import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Packet } from "mqtt-packet";
import { LastingBroker } from "../../support/lasting_broker.ts";
import type { ClientVersion, MemoryClient } from "../../support/memory_broker.ts";
import { withFolder } from "../../support/storage_rig.ts";
import { describe, judge, type ReceivedMessage } from "../../broker/crash/checker.ts";
import { SimClient } from "./sim_client.ts";
import { StubbornPublisher } from "./stubborn_publisher.ts";

const DURABLE = { clean: false, properties: { sessionExpiryInterval: 3600 } } as const;

async function durableClient(
  broker: LastingBroker,
  clientId: string,
  version: ClientVersion = 5,
): Promise<MemoryClient> {
  const { properties, clean } = DURABLE;
  const v5 = version === 5 ? { properties } : {};
  const client = broker.memory.client({ clientId, version, clean, ...v5 });
  await broker.pass(4);
  client.expect("connack");
  return client;
}

function answersOf(packets: readonly Packet[]): (string | number | undefined)[][] {
  return packets.map((packet) => [
    packet.cmd,
    packet.messageId,
    (packet as { reasonCode?: number }).reasonCode ?? 0,
  ]);
}

for (const version of [4, 5] as const) {
  test(`while the store is failing, a QoS 2 duplicate waits for the commit of the first copy, v${version}`, () =>
    withFolder(async (folder) => {
      const broker = await LastingBroker.start(folder);
      const subscriber = await durableClient(broker, "subscriber");
      subscriber.subscribe("t", 2);
      await broker.pass(4);
      subscriber.expect("suback");
      const publisher = await durableClient(broker, "publisher", version);
      broker.faults.arm(1, "from then on");
      publisher.publish("t", "1", 2, 7);
      await broker.pass(4);
      assertEquals(broker.store.failure?.error, broker.faults.error);
      const copy: Packet = {
        cmd: "publish",
        topic: "t",
        payload: "1",
        qos: 2,
        retain: false,
        dup: true,
        messageId: 7,
      };
      publisher.send(copy);
      // A new one is refused, or not answered.
      publisher.publish("t", "2", 2, 8);
      await broker.pass(4);
      // Behind the one that waits, for the order of acknowledgements is that of the messages [MQTT-4.6.0-3].
      assertEquals(answersOf(publisher.take()), []);
      broker.faults.heal();
      await broker.pass(10_000);
      const refused = version === 5 ? [["pubrec", 8, 0x97]] : [];
      assertEquals(answersOf(publisher.take()), [["pubrec", 7, 0], ["pubrec", 7, 0], ...refused]);
      // A client that cannot be told connects again, and then sends again what has no answer.
      assertEquals(publisher.peer.isHungUp, version === 4);
      const back = version === 4 ? await durableClient(broker, "publisher", 4) : publisher;
      if (version === 4) back.publish("t", "2", 2, 8);
      back.send({ cmd: "pubrel", messageId: 7 });
      await broker.pass(4);
      const accepted = version === 4 ? [["pubrec", 8, 0]] : [];
      assertEquals(answersOf(back.take()), [...accepted, ["pubcomp", 7, 0]]);
      const came = subscriber.take().filter(({ cmd }) => cmd === "publish");
      assertEquals(came.length, version === 4 ? 2 : 1);
      assertEquals(broker.memory.errors.length, 1, "that it fails is said once");
      await broker.stop();
    }));
}

test("QoS 2 messages of one chunk wait each for its commit, where the publisher's session is stored", () =>
  withFolder(async (folder) => {
    const broker = await LastingBroker.start(folder);
    const subscriber = broker.memory.client({ clientId: "subscriber", version: 5 });
    await broker.pass(4);
    subscriber.subscribe("t", 2);
    const publisher = await durableClient(broker, "publisher");
    broker.faults.arm(1, "from then on");
    const frames = [1, 2, 3].map((messageId) =>
      publisher.encode({
        cmd: "publish",
        topic: "t",
        payload: "1",
        qos: 2,
        retain: false,
        dup: false,
        messageId,
      })
    );
    publisher.send(Uint8Array.from(frames.flatMap((frame) => [...frame])));
    await broker.pass(4);
    assertEquals(answersOf(publisher.take()), []);
    broker.faults.heal();
    await broker.pass(10_000);
    assertEquals(answersOf(publisher.take()), [1, 2, 3].map((id) => ["pubrec", id, 0]));
    await broker.stop();
  }));

/** Durable clients before a failure of the store that somebody else has noticed. */
async function whileFailing(
  folder: string,
  version: ClientVersion,
): Promise<{ broker: LastingBroker; client: MemoryClient }> {
  const broker = await LastingBroker.start(folder);
  const client = await durableClient(broker, "client", version);
  client.subscribe("t", 1);
  const other = await durableClient(broker, "other");
  client.expect("suback");
  broker.faults.arm(1, "from then on");
  other.subscribe("t", 1);
  await broker.pass(1000);
  assertEquals(broker.store.failure?.error, broker.faults.error);
  return { broker, client };
}

for (const version of [4, 5] as const) {
  test(`while the store is failing, UNSUBSCRIBE is refused or stays without an answer, and all else goes on, v${version}`, () =>
    withFolder(async (folder) => {
      const { broker, client } = await whileFailing(folder, version);
      client.send({ cmd: "unsubscribe", messageId: 7, unsubscriptions: ["t", "other"] });
      client.send({ cmd: "pingreq" });
      await broker.pass(10);
      const answers = client.take();
      assertEquals(
        answers.map((packet) => "granted" in packet ? packet.granted : packet.cmd),
        version === 5 ? [[0x83, 0x11], "pingresp"] : ["pingresp"],
      );
      broker.faults.heal();
      await broker.pass(10_000);
      // It connects anew, and finds that nothing has changed.
      assertEquals(client.peer.isHungUp, version === 4);
      const back = version === 4 ? await durableClient(broker, "client", 4) : client;
      back.publish("t", "still", 1, 8);
      await broker.pass(10);
      assertEquals(back.take().filter(({ cmd }) => cmd === "publish").length, 1);
      await broker.stop();
    }));

  test(`while the store is failing, who would end a stored session is refused, and disturbs nobody, v${version}`, () =>
    withFolder(async (folder) => {
      const { broker, client } = await whileFailing(folder, version);
      const anew = broker.memory.client({ clientId: "client", version, clean: true });
      await broker.pass(10);
      const [{ returnCode, reasonCode }] = anew.expect("connack");
      assertEquals(reasonCode ?? returnCode, version === 5 ? 0x88 : 3);
      assertEquals([anew.peer.isHungUp, client.peer.isHungUp], [true, false]);
      broker.faults.heal();
      await broker.pass(10_000);
      broker.memory.connect({ clientId: "unknown", version, clean: true });
      await broker.stop();
    }));
}

test("while the store is failing, QoS 0 for those who are away fills no memory", () =>
  withFolder(async (folder) => {
    const options = { queueQos0Offline: true, maxQueuedMessages: 3000, maxQueuedBytes: 1e9 };
    const broker = await LastingBroker.start(folder, options);
    const away = await durableClient(broker, "away");
    away.subscribe("t", 1);
    const other = await durableClient(broker, "other");
    away.peer.reset();
    const publisher = broker.memory.connect({ version: 4 });
    const publish = async (): Promise<void> => {
      // More than what a queue holds in memory: the rest is lent to the store.
      for (let count = 0; count < 5000; count++) publisher.publish("t", "x".repeat(1000));
      await broker.pass(200);
    };
    await publish();
    const { sessions } = broker.memory.broker.counters;
    assertEquals([sessions.queuedMessages, broker.store.waitingBytes], [3000, 0]);
    broker.faults.arm(1, "from then on");
    other.subscribe("t", 1);
    await broker.pass(100);
    const before = broker.store.waitingBytes;
    const dropped = sessions.droppedQueueFull;
    await publish();
    assertEquals([sessions.queuedMessages, broker.store.waitingBytes], [3000, before]);
    assertEquals(sessions.droppedQueueFull, dropped);
    broker.faults.heal();
    await broker.pass(10_000);
    await publish();
    assertEquals([sessions.queuedMessages, broker.store.waitingBytes], [3000, 0]);
    await broker.stop();
  }));

/** A subscriber that takes what comes, with a memory that outlives its connections. */
class Subscriber {
  readonly name: string;
  readonly messages: ReceivedMessage[] = [];
  readonly #client: SimClient;
  #hasAsked = false;
  isSubscribed = false;
  /** Of the last connection on which it was let in. */
  #connack: Packet | undefined;

  constructor(name: string) {
    this.name = name;
    this.#client = new SimClient(name, ({ payload }) => {
      const [publisher = "", number] = payload.split(" ");
      this.messages.push({ publisher, number: Number(number) });
    }, { losesPackets: true });
  }

  connect(broker: LastingBroker): void {
    this.#hasAsked = this.isSubscribed;
    const connection = broker.memory.client({
      clientId: this.name,
      version: 5,
      clean: false,
      properties: { sessionExpiryInterval: 3600, receiveMaximum: 10 },
    });
    const limits = {
      version: 5,
      receiveMaximum: 10,
      topicAliasMaximum: 0,
      isPresent: true,
    } as const;
    this.#client.begin(connection, limits);
  }

  lose(): void {
    if (this.#client.isConnected) this.#client.connection.peer.reset();
    this.#client.lose();
  }

  /** Reads and answers; subscribes when it is let in for the first time. A broker that cannot keep it is asked again. */
  step(broker: LastingBroker): void {
    this.#client.read();
    if (this.#client.answers.some(({ cmd }) => cmd === "suback")) this.isSubscribed = true;
    const { connack, isConnected } = this.#client;
    if (connack !== undefined && connack.reasonCode !== 0 && !isConnected) this.connect(broker);
    if (!isConnected || connack === undefined) return;
    if (connack !== this.#connack) {
      const isFirst = this.#connack === undefined;
      assert(connack.sessionPresent || isFirst, `${this.name}: the session is lost`);
      this.#connack = connack;
    }
    if (this.#hasAsked) return;
    this.#hasAsked = true;
    this.#client.send({
      cmd: "subscribe",
      messageId: 1,
      subscriptions: [{ topic: "n/+", qos: 2 }],
    });
  }
}

/** QoS 0 between two clients with nothing to keep: whatever happens to the store is none of their business. */
class Bystanders {
  readonly #subscriber: MemoryClient;
  readonly #publisher: MemoryClient;
  #count = 0;

  constructor(broker: LastingBroker) {
    this.#subscriber = broker.memory.connect();
    this.#publisher = broker.memory.connect();
    this.#subscriber.subscribe("by/stander", 0);
    broker.memory.runtime.settle();
    this.#subscriber.expect("suback");
  }

  /** Without a moment's delay. */
  check(broker: LastingBroker): void {
    this.#publisher.publish("by/stander", String(++this.#count));
    broker.memory.runtime.settle();
    const [packet] = this.#subscriber.expect("publish");
    assertEquals(String(packet.payload), String(this.#count));
  }
}

type End = "recovers" | "is killed";

class FailureRun {
  readonly publishers = [
    new StubbornPublisher("v5-1", 5, 1),
    new StubbornPublisher("v5-2", 5, 2),
    new StubbornPublisher("v4-1", 4, 1),
    new StubbornPublisher("v4-2", 4, 2),
  ];
  readonly #online = new Subscriber("online");
  readonly #offline = new Subscriber("offline");
  readonly #newcomer = new Subscriber("newcomer");
  #broker: LastingBroker;
  #bystanders: Bystanders;

  private constructor(broker: LastingBroker) {
    this.#broker = broker;
    this.#bystanders = new Bystanders(broker);
  }

  static async start(folder: string): Promise<FailureRun> {
    const run = new FailureRun(await LastingBroker.start(folder, { maxQueuedMessages: 0 }));
    for (const publisher of run.publishers) publisher.connect(run.#broker.memory);
    for (const subscriber of [run.#online, run.#offline]) subscriber.connect(run.#broker);
    for (let turn = 0; turn < 3; turn++) await run.#step(0);
    assert(run.#online.isSubscribed && run.#offline.isSubscribed);
    run.#offline.lose();
    await run.#step(0);
    return run;
  }

  /** Traffic with a fault in its midst. Returns the calls to the disk, and whether the store noticed. */
  async fail(
    n: number,
    how: "once" | "from then on",
  ): Promise<{ calls: number; hasFailed: boolean }> {
    const { faults, store } = this.#broker;
    faults.arm(n, how);
    for (let step = 0; step < 3; step++) {
      if (step === 1) this.#newcomer.connect(this.#broker);
      await this.#step(2);
    }
    return { calls: faults.calls, hasFailed: store.counters.failures > 0 };
  }

  async end(how: End): Promise<void> {
    if (how === "is killed") {
      const folder = this.#broker.copyAsKilled();
      for (const publisher of this.publishers) publisher.lose();
      for (const subscriber of this.#subscribers) subscriber.lose();
      this.#broker.faults.heal();
      await this.#broker.stop().catch(() => "it was killed, whatever it says");
      this.#broker = await LastingBroker.start(folder, { maxQueuedMessages: 0 });
      this.#bystanders = new Bystanders(this.#broker);
      this.#online.connect(this.#broker);
      this.#newcomer.connect(this.#broker);
    }
    this.#broker.faults.heal();
    await this.#broker.pass(6000);
    assertEquals(this.#broker.store.failure, undefined, "it recovers by itself");
    this.#offline.connect(this.#broker);
    for (let turn = 0; turn < 30 && !this.#isDone; turn++) await this.#step(0);
    // From now on the newcomer gets everything, too.
    assert(this.#newcomer.isSubscribed, "whoever came while the store was failing is let in");
    await this.#step(1);
    for (let turn = 0; turn < 30 && !this.#isDone; turn++) await this.#step(0);
    const { publishers } = this;
    assert(publishers.every(({ isIdle }) => isIdle), "everything is answered");
    await this.#broker.stop();
    const verdict = judge(publishers, [this.#online, this.#offline]);
    const { lost, duplicates, invented } = verdict;
    assertEquals([lost, duplicates, invented], [[], [], []], describe(verdict));
    // Who is told sends again when it likes; the others keep their order.
    const misplaced = verdict.misplaced.filter((text) => text.startsWith("v4"));
    assertEquals(misplaced, [], describe(verdict));
    this.#checkNewcomer();
  }

  get #isDone(): boolean {
    return this.#newcomer.isSubscribed && this.publishers.every(({ isIdle }) => isIdle) &&
      judge(this.publishers, [this.#online, this.#offline]).lost.length === 0;
  }

  get #subscribers(): readonly Subscriber[] {
    return [this.#online, this.#offline, this.#newcomer];
  }

  /** It came late; from its first message on it misses none. */
  #checkNewcomer(): void {
    const seen = new Map<string, number[]>();
    for (const { publisher, number } of this.#newcomer.messages) {
      seen.set(publisher, [...seen.get(publisher) ?? [], number]);
    }
    for (const { name, lastNumber, version } of this.publishers) {
      const numbers = seen.get(name) ?? [];
      assert(numbers.includes(lastNumber), `${name} ${lastNumber} came to the newcomer`);
      if (version === 5) continue;
      const first = Math.min(...numbers);
      assertEquals(new Set(numbers).size, lastNumber - first + 1, `${name}: ${numbers}`);
    }
  }

  async #step(messages: number): Promise<void> {
    for (const publisher of this.publishers) publisher.step(this.#broker.memory, messages);
    this.#bystanders.check(this.#broker);
    for (const subscriber of this.#subscribers) subscriber.step(this.#broker);
    await this.#broker.pass(3);
    this.#bystanders.check(this.#broker);
    for (const subscriber of this.#subscribers) subscriber.step(this.#broker);
  }
}

const FAULTS = [
  ["once", "recovers"],
  ["from then on", "recovers"],
  ["from then on", "is killed"],
] as const;

for (const [how, end] of FAULTS) {
  test(`a disk under a whole broker that fails at the n-th call, ${how}, for every n, and ${end}`, async () => {
    let calls = 0;
    let noticed = 0;
    let refused = 0;
    for (let n = 0; n <= calls; n++) {
      await withFolder(async (folder) => {
        const run = await FailureRun.start(folder);
        // At first without a fault, to know how many calls there are.
        const outcome = await run.fail(n === 0 ? Infinity : n, how);
        if (n === 0) ({ calls } = outcome);
        if (outcome.hasFailed) noticed++;
        await run.end(end);
        refused += run.publishers.reduce((sum, publisher) => sum + publisher.refused, 0);
      });
    }
    assert(calls > 100 && noticed > calls / 2, `only ${noticed} of ${calls} faults were noticed`);
    // Whoever is told is told in order, behind what waits for the disk.
    if (end === "recovers") assert(refused > 20, `only ${refused} messages were refused`);
  });
}
