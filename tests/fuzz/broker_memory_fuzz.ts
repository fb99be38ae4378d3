/**
 * Hostile clients for a whole broker in memory, in the same process: what the fuzz over TCP leaves to the
 * system is chance from the seed here, too: chunks, turns, room to write, breaks, time, and when those answer whom
 * the broker asks. A well-behaved pair beside them must get every message of its own; when the hostile
 * ones have left, nothing of them may be kept.
 *
 * `deno run -A tests/fuzz/broker_memory_fuzz.ts --seconds 60`, or the same with `bun`.
 */
import process from "node:process";
import { assert, assertEquals } from "@std/assert";
import type { IPublishPacket } from "mqtt-packet";
import { Prng } from "../../src/base/mod.ts";
import type { Authorizer } from "../../src/ports/mod.ts";
import { type ClientVersion, MemoryBroker, type MemoryClient } from "../support/memory_broker.ts";
import type { MemoryPeer } from "../support/memory_socket.ts";
import { heapBytes } from "../support/heap_bytes.ts";
import { seedOfRun } from "../unit/mqtt/frames.ts";
import { hostileStream } from "./broker_fuzz.ts";

export interface BrokerFuzzOptions {
  readonly seed: number;
  /** Ends after so many periods, or … */
  readonly periods?: number;
  /** … after this time. */
  readonly seconds?: number;
}

export interface BrokerFuzzResult {
  periods: number;
  connections: number;
  packets: number;
  protocolErrors: number;
  pairMessages: number;
  /** Heap in use after a collection, at the end of the second and of the last period. */
  heapBytesEarly: number;
  heapBytesLate: number;
}

const ROUNDS_PER_PERIOD = 150;
const OPEN_MAX = 8;
const RETAINED_MAX = 10;
/** Small limits, so that each is reached all the time. */
const OPTIONS = {
  maxPacketSizeBytes: 65_536,
  maxTopicLevels: 5,
  maxSubscriptions: 30,
  maxTopicAlias: 5,
  receiveMaximum: 10,
  maxInflight: 5,
  maxQueuedMessages: 20,
  maxQueuedBytes: 100_000,
  queueQos0Offline: true,
  maxOutboundBufferBytes: 8_000,
  maxSessionExpiryS: 5,
  sessionExpiry3xS: 5,
  maxWillDelayS: 5,
  maxRetainedMessages: RETAINED_MAX,
} as const;

/** Runs until a budget is used up; throws at the first find, with the seed that repeats its period. */
export async function fuzzBrokerInMemory(options: BrokerFuzzOptions): Promise<BrokerFuzzResult> {
  const { seed, periods = Infinity, seconds = Infinity } = options;
  const endMs = performance.now() + seconds * 1000;
  const result: BrokerFuzzResult = {
    periods: 0,
    connections: 0,
    packets: 0,
    protocolErrors: 0,
    pairMessages: 0,
    heapBytesEarly: 0,
    heapBytesLate: 0,
  };
  while (result.periods < periods && performance.now() < endMs) {
    const ownSeed = seed + result.periods;
    try {
      await new Period(new Prng(ownSeed)).run(result);
    } catch (cause) {
      throw new Error(`Broker fuzz found a bug: SEED=${ownSeed}: ${cause}`, { cause });
    }
    result.periods++;
    if (result.periods === 2) result.heapBytesEarly = heapBytes();
  }
  result.heapBytesLate = heapBytes();
  return result;
}

/** Asks and is answered later, in any order. */
class LateAnswers implements Pick<Authorizer, "authorize"> {
  readonly #prng: Prng;
  readonly #waiting: (() => void)[] = [];

  constructor(prng: Prng) {
    this.#prng = prng;
  }

  get count(): number {
    return this.#waiting.length;
  }

  authorize(
    _identity: unknown,
    _action: unknown,
    topic: string,
  ): "allow" | "deny" | Promise<"allow" | "deny"> {
    const decision = topic.startsWith("x") ? "deny" : "allow";
    if (this.#prng.nextBoolean(0.9)) return decision;
    return new Promise((resolve) => this.#waiting.push(() => resolve(decision)));
  }

  /** Some of those who wait are answered. */
  answerSome(): void {
    while (this.#waiting.length > 0 && this.#prng.nextBoolean(0.7)) {
      this.#waiting.splice(this.#prng.nextInt(this.#waiting.length), 1)[0]?.();
    }
  }
}

/** One hostile connection and what it still has to send. */
interface Hostile {
  readonly peer: MemoryPeer;
  readonly bytes: Uint8Array;
  sent: number;
}

class Period {
  readonly #prng: Prng;
  readonly #answers: LateAnswers;
  readonly #memory: MemoryBroker;
  readonly #publisher: MemoryClient;
  readonly #subscriber: MemoryClient;
  readonly #open: Hostile[] = [];
  #isSubscribed = false;
  #lastNumber = 0;
  readonly #expected: string[] = [];

  constructor(prng: Prng) {
    this.#prng = prng;
    this.#answers = new LateAnswers(prng);
    this.#memory = new MemoryBroker({
      prng,
      options: { ...OPTIONS, queueFull: prng.pick(["drop_oldest", "drop_newest"]) },
      authorizer: this.#answers,
    });
    const version = (): ClientVersion => prng.pick([3, 4, 5]);
    this.#publisher = this.#memory.connect({ version: version(), clientId: "pair-publisher" });
    this.#subscriber = this.#memory.connect({ version: version(), clientId: "pair-subscriber" });
  }

  async run(result: BrokerFuzzResult): Promise<void> {
    this.#subscriber.subscribe("pair/+", 2);
    await this.#settle();
    assert(this.#isSubscribed, "the pair is ready");
    for (let round = 0; round < ROUNDS_PER_PERIOD; round++) {
      for (let step = this.#prng.nextInt(20); step > 0; step--) this.#step();
      await Promise.resolve();
      if (this.#prng.nextBoolean(0.3)) await this.#exchange();
      assertEquals(this.#memory.errors, []);
    }
    await this.#end();
    const { counters } = this.#memory.broker;
    result.connections += counters.connectionsAccepted;
    result.packets += counters.packetsReceived;
    result.protocolErrors += counters.protocolErrors;
    result.pairMessages += this.#lastNumber;
  }

  #step(): void {
    const prng = this.#prng;
    const choice = prng.nextInt(100);
    const hostile = this.#open.length === 0 ? undefined : prng.pick(this.#open);
    if (choice < 8) this.#connect();
    else if (choice < 60) this.#sendSome(hostile);
    else if (choice < 85) this.#memory.runtime.turn();
    else if (choice < 88) hostile?.peer.giveRoom(prng.pick([1, 1_000, 100_000]));
    else if (choice < 90) hostile?.peer.take();
    else if (choice < 91) hostile?.peer.end();
    else if (choice < 92) hostile?.peer.reset();
    else if (choice < 95) this.#answers.answerSome();
    else if (choice < 99) this.#memory.runtime.advance(prng.nextInt(500));
    else this.#memory.runtime.jump(prng.nextInt(4_000));
  }

  #connect(): void {
    const prng = this.#prng;
    const peer = this.#memory.open();
    peer.takesLate = prng.nextBoolean();
    peer.room = prng.pick([0, 50, 5_000, Infinity, Infinity]);
    const bytes = hostileStream(prng, prng.pick([3, 4, 5, 5]));
    this.#open.push({ peer, bytes, sent: 0 });
    while (this.#open.length > OPEN_MAX) this.#open.shift()?.peer.reset();
  }

  #sendSome(hostile: Hostile | undefined): void {
    if (hostile === undefined) return;
    const { bytes, sent } = hostile;
    const count = 1 + this.#prng.nextInt(this.#prng.pick([4, 100, 5_000, 100_000]));
    hostile.sent = Math.min(bytes.length, sent + count);
    hostile.peer.send(bytes.subarray(sent, hostile.sent));
  }

  /** The pair goes on as if nothing were the matter. */
  async #exchange(): Promise<void> {
    const prng = this.#prng;
    const count = 1 + prng.nextInt(5);
    const qos = prng.pick([0, 1, 2] as const);
    for (let n = 0; n < count; n++) {
      const payload = `${++this.#lastNumber}${" ".repeat(prng.pick([0, 0, 500]))}`;
      this.#publisher.publish("pair/t", payload, qos, this.#lastNumber % 65_535 + 1);
      this.#expected.push(payload);
    }
    await this.#settle();
    assertEquals(this.#expected, [], "the pair has not got all its messages");
  }

  async #settle(): Promise<void> {
    do {
      this.#answers.answerSome();
      await this.#memory.runtime.settled();
      this.#readPublisher();
      this.#readSubscriber();
    } while (this.#answers.count > 0 || this.#hasMore);
  }

  get #hasMore(): boolean {
    return this.#memory.runtime.turn() || this.#subscriber.peer.receivedBytes > 0 ||
      this.#publisher.peer.receivedBytes > 0;
  }

  #readPublisher(): void {
    for (const packet of this.#publisher.take()) {
      assert(["puback", "pubrec", "pubcomp"].includes(packet.cmd), `${packet.cmd} came`);
      const { messageId = 0 } = packet;
      if (packet.cmd === "pubrec") this.#publisher.send({ cmd: "pubrel", messageId });
    }
  }

  #readSubscriber(): void {
    for (const packet of this.#subscriber.take()) {
      const { messageId = 0 } = packet;
      if (packet.cmd === "suback") this.#isSubscribed = true;
      else if (packet.cmd === "pubrel") this.#subscriber.send({ cmd: "pubcomp", messageId });
      else this.#receive(packet as IPublishPacket);
    }
  }

  #receive(packet: IPublishPacket): void {
    assertEquals(packet.cmd, "publish");
    const { qos, messageId = 0 } = packet;
    assertEquals(String(packet.payload), this.#expected.shift());
    if (qos > 0) this.#subscriber.send({ cmd: qos === 1 ? "puback" : "pubrec", messageId });
  }

  /** The hostile ones leave; when all that they were promised is over, nothing of them is kept. */
  async #end(): Promise<void> {
    for (const { peer } of this.#open.splice(0)) peer.reset();
    await this.#settle();
    this.#memory.runtime.advance(20_000);
    await this.#settle();
    assertEquals(this.#memory.errors, []);
    const { broker, runtime } = this.#memory;
    const { retainedMessages, retainedBytes: _, timers, ...figures } = broker.figures;
    assertEquals(figures, {
      sessions: 2,
      connected: 2,
      connections: 2,
      subscriptions: 1,
      sharedSubscriptions: 0,
      delayedMessages: 0,
      delayedBytes: 0,
    });
    assert(retainedMessages <= RETAINED_MAX, `${retainedMessages} messages are retained`);
    assert(timers <= retainedMessages, `${timers} timers for ${retainedMessages} messages`);
    const { sessions: { queuedMessages, queuedBytes, inflight } } = broker.counters;
    assertEquals([queuedMessages, queuedBytes, inflight], [0, 0, 0]);
    assertEquals([this.#memory.openConnections, runtime.openSockets], [2, 2]);
  }
}

if (import.meta.main) {
  const at = process.argv.indexOf("--seconds");
  const seconds = at < 0 ? 60 : Number(process.argv[at + 1]);
  const result = await fuzzBrokerInMemory({ seed: seedOfRun("broker_memory_fuzz"), seconds });
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
