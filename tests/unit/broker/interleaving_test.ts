import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Deque, type Prng } from "../../../src/base/mod.ts";
import {
  type ClientVersion,
  MemoryBroker,
  type MemoryClient,
} from "../../support/memory_broker.ts";
import { seededPrng } from "../../support/seed.ts";
import { type ReceivedMessage, SimClient } from "./sim_client.ts";

const MESSAGES = 120;
const WINDOW = 8;
const EXPIRY_S = 10_000;

interface Sending {
  readonly packetId: number;
  readonly number: number;
  isReleased: boolean;
}

/** Sends numbered messages of one QoS to its own topic, and again after each break, as the standard asks. */
class Publisher {
  readonly clientId: string;
  readonly qos: 1 | 2;
  readonly version: ClientVersion;
  connection: MemoryClient | undefined;
  #lastNumber = 0;
  #lastPacketId = 0;
  readonly #sending = new Deque<Sending>();

  constructor(clientId: string, qos: 1 | 2, version: ClientVersion) {
    this.clientId = clientId;
    this.qos = qos;
    this.version = version;
  }

  get isDone(): boolean {
    return this.#lastNumber === MESSAGES && this.#sending.length === 0;
  }

  begin(connection: MemoryClient): void {
    this.connection = connection;
    for (const sending of this.#sending) {
      if (sending.isReleased) this.#release(sending.packetId);
      else this.#publish(sending, true);
    }
  }

  send(): void {
    if (this.connection === undefined || this.#sending.length >= WINDOW) return;
    if (this.#lastNumber === MESSAGES) return;
    this.#lastPacketId = this.#lastPacketId % 65535 + 1;
    const sending = {
      packetId: this.#lastPacketId,
      number: ++this.#lastNumber,
      isReleased: false,
    };
    this.#sending.push(sending);
    this.#publish(sending, false);
  }

  read(): void {
    for (const packet of this.connection?.take() ?? []) {
      const sending = [...this.#sending].find(({ packetId }) => packetId === packet.messageId);
      if (packet.cmd === "pubrec" && sending !== undefined) {
        sending.isReleased = true;
        this.#release(sending.packetId);
      }
      if (packet.cmd === "puback" || packet.cmd === "pubcomp") {
        // In order: the first is the one.
        if (this.#sending.at(0) === sending) this.#sending.shift();
        else assertEquals(sending, undefined, "answered in the order of sending");
      }
    }
  }

  #publish({ packetId, number }: Sending, dup: boolean): void {
    const payload = `${number}${number % 20 === 0 ? " ".repeat(6_000) : ""}`;
    this.connection?.send({
      cmd: "publish",
      topic: `p/${this.clientId}`,
      payload,
      qos: this.qos,
      retain: false,
      dup,
      messageId: packetId,
    });
  }

  #release(messageId: number): void {
    this.connection?.send({ cmd: "pubrel", messageId });
  }
}

/** Has seen each message of each publisher at least once, at QoS 2 just once, in order. */
class Subscriber {
  readonly client: SimClient;
  readonly version: ClientVersion;
  readonly #last = new Map<string, number>();
  isSubscribed = false;

  constructor(clientId: string, version: ClientVersion) {
    this.version = version;
    this.client = new SimClient(clientId, (message) => this.#note(message), { losesPackets: true });
  }

  last(publisherId: string): number {
    return this.#last.get(`p/${publisherId}`) ?? 0;
  }

  #note({ topic, payload, qos }: ReceivedMessage): void {
    const number = Number(payload);
    const last = this.#last.get(topic) ?? 0;
    const what = `${this.client.clientId}: ${topic} ${number} after ${last}`;
    if (qos === 2) assertEquals(number, last + 1, what);
    else assert(number <= last + 1, what);
    this.#last.set(topic, Math.max(last, number));
  }
}

/** Everything happens in between everything else. */
class Interleaving {
  readonly #prng: Prng;
  readonly #memory: MemoryBroker;
  readonly #publishers: Publisher[];
  readonly #subscribers: Subscriber[];
  readonly #connections: MemoryClient[] = [];

  constructor(prng: Prng) {
    this.#prng = prng;
    const options = { maxQueuedMessages: 0, maxOutboundBufferBytes: 20_000 };
    this.#memory = new MemoryBroker({ prng, options });
    const version = (): ClientVersion => prng.pick([3, 4, 5]);
    this.#publishers = [0, 1, 2, 3].map((n) => new Publisher(`pub${n}`, n % 2 ? 1 : 2, version()));
    this.#subscribers = [0, 1, 2].map((n) => new Subscriber(`sub${n}`, version()));
  }

  run(): void {
    this.#subscribeAll();
    for (let step = 0; step < 50_000 && !this.#isDone; step++) this.#step();
    // Now without further breaks.
    for (const { client } of this.#subscribers) client.isHoldingBack = false;
    for (let step = 0; step < 5_000 && !this.#isDone; step++) this.#calmStep();
    assertEquals(this.#memory.errors, []);
    for (const { clientId } of this.#publishers) {
      for (const subscriber of this.#subscribers) {
        assertEquals(subscriber.last(clientId), MESSAGES, subscriber.client.clientId);
      }
    }
    this.#leave();
  }

  get #isDone(): boolean {
    return this.#publishers.every(({ isDone, clientId }) =>
      isDone && this.#subscribers.every((subscriber) => subscriber.last(clientId) === MESSAGES)
    );
  }

  #subscribeAll(): void {
    for (const subscriber of this.#subscribers) {
      this.#connectSubscriber(subscriber, true);
      subscriber.client.send({
        cmd: "subscribe",
        messageId: 1,
        subscriptions: [{ topic: "p/+", qos: 2 }],
      });
      this.#memory.runtime.settle();
      subscriber.client.read();
      assertEquals(subscriber.client.answers.map(({ cmd }) => cmd), ["suback"]);
    }
  }

  #step(): void {
    const prng = this.#prng;
    const choice = prng.nextInt(100);
    const publisher = prng.pick(this.#publishers);
    const subscriber = prng.pick(this.#subscribers);
    const peer = prng.pick([
      publisher.connection?.peer,
      subscriber.client.isConnected ? subscriber.client.connection.peer : undefined,
    ]);
    if (choice < 30) publisher.send();
    else if (choice < 45) this.#readPublisher(publisher);
    else if (choice < 60) this.#readSubscriber(subscriber);
    else if (choice < 80) this.#memory.runtime.turn();
    else if (choice < 84) subscriber.client.isHoldingBack = prng.nextBoolean();
    else if (choice < 87) subscriber.client.sendAnswers(prng.nextInt(4));
    else if (choice < 89) this.#narrow(subscriber);
    else if (choice < 92 && subscriber.client.isConnected) {
      subscriber.client.connection.peer.giveRoom(prng.pick([1, 100, 10_000]));
    } else if (choice < 93) peer?.reset();
    else if (choice < 94) peer?.end();
    else if (choice < 96) this.#connectPublisher(publisher);
    else if (choice < 98) this.#connectSubscriber(subscriber, false);
    else this.#memory.runtime.advance(prng.nextInt(3_000));
  }

  #calmStep(): void {
    this.#memory.runtime.turn();
    for (const publisher of this.#publishers) {
      if (publisher.connection === undefined) this.#connectPublisher(publisher);
      publisher.send();
      this.#readPublisher(publisher);
    }
    for (const subscriber of this.#subscribers) {
      if (!subscriber.client.isConnected) this.#connectSubscriber(subscriber, false);
      subscriber.client.connection.peer.giveRoom(Infinity);
      this.#readSubscriber(subscriber);
    }
  }

  #readPublisher(publisher: Publisher): void {
    publisher.read();
    if (publisher.connection?.peer.isHungUp === true) publisher.connection = undefined;
  }

  #readSubscriber({ client }: Subscriber): void {
    client.read();
  }

  #narrow({ client }: Subscriber): void {
    if (client.isConnected) client.connection.peer.room = this.#prng.nextInt(500);
  }

  /** Also while it is connected: then it takes over. */
  #connectPublisher(publisher: Publisher): void {
    const { clientId, version } = publisher;
    const connection = this.#memory.client({
      version,
      clientId,
      clean: false,
      ...(version === 5 ? { properties: { sessionExpiryInterval: EXPIRY_S } } : {}),
    });
    this.#connections.push(connection);
    publisher.begin(connection);
  }

  #connectSubscriber({ client, version }: Subscriber, clean: boolean): void {
    const prng = this.#prng;
    const { clientId } = client;
    const receiveMaximum = version === 5 ? prng.pick([1, 3, 20]) : 32;
    const topicAliasMaximum = version === 5 ? prng.pick([0, 1, 5]) : 0;
    const properties = { sessionExpiryInterval: EXPIRY_S, receiveMaximum, topicAliasMaximum };
    const isPlain = version !== 5;
    const connection = this.#memory.client({
      version,
      clientId,
      // A first session that ends with its connection would take the subscription with it.
      clean: clean && !isPlain,
      ...(isPlain ? {} : { properties }),
    });
    connection.peer.takesLate = prng.nextBoolean();
    this.#connections.push(connection);
    client.begin(connection, { version, receiveMaximum, topicAliasMaximum, isPresent: !clean });
  }

  #leave(): void {
    this.#memory.runtime.settle();
    // Among them those of which nobody knows: CONNECTs that came in later than the one that was sent after them.
    for (const { peer } of this.#connections) {
      if (!peer.isHungUp) this.#prng.nextBoolean() ? peer.reset() : peer.end();
    }
    this.#memory.runtime.jump(2 * EXPIRY_S * 1000);
    this.#memory.runtime.advance(1_000);
    const { figures, counters: { sessions } } = this.#memory.broker;
    assertEquals(Object.values(figures), new Array(Object.keys(figures).length).fill(0));
    assertEquals([sessions.inflight, sessions.queuedMessages, sessions.queuedBytes], [0, 0, 0]);
    assertEquals([this.#memory.openConnections, this.#memory.runtime.openSockets], [0, 0]);
  }
}

test("QoS 1 and 2 arrive in order through breaks, takeovers and congestion, QoS 2 just once", () => {
  const prng = seededPrng("Interleaving");
  for (let round = 0; round < 5; round++) new Interleaving(prng).run();
});
