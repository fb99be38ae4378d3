import { test } from "node:test";
import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import type { IConnectPacket, IPublishPacket, ISubscription } from "mqtt-packet";
import type { Prng } from "../../../src/base/mod.ts";
import { encodeUtf8, type Qos } from "../../../src/mqtt/mod.ts";
import { BROKER_IDENTITY } from "../../../src/ports/mod.ts";
import { NO_BYTES } from "../../../src/session/mod.ts";
import { type ClientVersion, MemoryBroker } from "../../support/memory_broker.ts";
import { seededPrng } from "../../support/seed.ts";
import { SimClient } from "./sim_client.ts";
import { Oracle, type OracleSubscription, type OracleWill } from "./sim_oracle.ts";

const CLIENT_COUNT = 6;
const SESSION_EXPIRY_3X_S = 40;
const QOS: readonly Qos[] = [0, 1, 2];
const TOPICS = ["a", "a/b", "a/b/c", "b", "b/c", "/", "$x/a", "s/1", "w/c0", "w/c1"];
const FILTERS = [
  "a",
  "a/b",
  "a/+",
  "a/#",
  "+/b",
  "+/+",
  "#",
  "b/#",
  "/",
  "+",
  "$x/#",
  "$x/a",
  "w/#",
];
/** One for a topic, so that it is plain which group a message was for. */
const SHARED_FILTERS = ["$share/g/s/#", "$share/h/a/b"];

/** A broker, its clients and what it must do, hand in hand. */
class Simulation {
  readonly #prng: Prng;
  readonly #memory: MemoryBroker;
  readonly #oracle: Oracle;
  readonly #clients: SimClient[] = [];
  #lastNumber = 0;

  constructor(prng: Prng) {
    this.#prng = prng;
    this.#memory = new MemoryBroker({
      prng,
      options: { sessionExpiry3xS: SESSION_EXPIRY_3X_S, maxQueuedMessages: 0 },
    });
    this.#oracle = new Oracle(this.#memory.runtime.clock.nowMs());
    for (let n = 0; n < CLIENT_COUNT; n++) {
      const clientId = `c${n}`;
      this.#clients.push(
        new SimClient(clientId, (message) => {
          this.#oracle.receive(clientId, message);
        }),
      );
    }
  }

  step(): void {
    const prng = this.#prng;
    const client = prng.pick(this.#clients);
    const commands: readonly [weight: number, run: () => void][] = [
      [client.isConnected ? 2 : 20, () => this.#connect(client)],
      [10, () => this.#subscribe(client)],
      [4, () => this.#unsubscribe(client)],
      [30, () => this.#publish(client, 1)],
      [4, () => this.#publish(client, 2 + prng.nextInt(10))],
      [3, () => this.#disconnect(client)],
      [3, () => this.#cut(client)],
      [1, () => this.#misbehave(client)],
      [3, () => this.#holdBack(client)],
      [3, () => client.sendAnswers(1 + prng.nextInt(3))],
      [2, () => this.#ping(client)],
      [5, () => this.#advance(prng.pick([1, 2, 5, 20]))],
    ];
    let choice = prng.nextInt(commands.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, run] of commands) {
      choice -= weight;
      if (choice >= 0) continue;
      run();
      break;
    }
    this.#settle();
    this.#check();
  }

  /** Everybody leaves and time passes: nothing may be left. */
  finish(): void {
    for (const client of this.#clients) {
      if (!client.isConnected) continue;
      if (this.#prng.nextBoolean()) this.#disconnect(client);
      else this.#cut(client);
      this.#settle();
    }
    this.#advance(1_000);
    for (const topic of [...this.#oracle.retained.keys()]) this.#clear(topic);
    this.#settle();
    const { broker, runtime } = this.#memory;
    const { sessions: { queuedMessages, queuedBytes, inflight } } = broker.counters;
    assertEquals({ queuedMessages, queuedBytes, inflight }, {
      queuedMessages: 0,
      queuedBytes: 0,
      inflight: 0,
    });
    assertEquals(broker.figures, {
      sessions: 0,
      connected: 0,
      connections: 0,
      subscriptions: 0,
      sharedSubscriptions: 0,
      retainedMessages: 0,
      retainedBytes: 0,
      delayedMessages: 0,
      delayedBytes: 0,
      timers: 0,
    });
    assertEquals([this.#memory.openConnections, runtime.openSockets], [0, 0]);
  }

  #settle(): void {
    for (let isBusy = true; isBusy;) {
      this.#memory.runtime.settle();
      isBusy = false;
      for (const client of this.#clients) {
        if (!client.isConnected) continue;
        isBusy ||= client.connection.peer.receivedBytes > 0 ||
          (client.hasAnswersToCome && !client.isHoldingBack);
        client.read();
      }
    }
  }

  #check(): void {
    const { broker, errors } = this.#memory;
    assertEquals(errors, []);
    for (const client of this.#clients) {
      const session = this.#oracle.sessions.get(client.clientId);
      assertEquals(client.isConnected, session?.isOnline ?? false, client.clientId);
      if (client.openCount === 0 || !client.isHoldingBack) {
        this.#oracle.assertNothingOwed(client.clientId);
      }
    }
    this.#oracle.assertNothingOwedToGroups();
    const { sessions, connected, subscriptions, retainedMessages, timers } = broker.figures;
    assertEquals({ sessions, connected, subscriptions, retainedMessages, timers }, {
      sessions: this.#oracle.sessions.size,
      connected: this.#clients.filter(({ isConnected }) => isConnected).length,
      subscriptions: this.#oracle.subscriptionCount,
      retainedMessages: this.#oracle.retained.size,
      timers: this.#oracle.deadlineCount,
    });
  }

  // --- what clients do --------------------------------------------------------------------------

  #connect(client: SimClient): void {
    const prng = this.#prng;
    const { clientId } = client;
    const version = prng.pick([3, 4, 5, 5] as const);
    const clean = prng.nextBoolean(0.3);
    const receiveMaximum = version === 5 ? prng.pick([1, 2, 5, 65535]) : 32;
    const topicAliasMaximum = version === 5 ? prng.pick([0, 0, 2, 10]) : 0;
    const expiryS = version === 5 ? prng.pick([0, 5, 30, 100]) : (clean ? 0 : SESSION_EXPIRY_3X_S);
    const will = prng.nextBoolean(0.4) ? this.#will(clientId, version) : undefined;
    const properties = version !== 5 ? {} : {
      properties: {
        sessionExpiryInterval: expiryS,
        ...(receiveMaximum < 65535 ? { receiveMaximum } : {}),
        topicAliasMaximum,
      },
    };
    if (client.isConnected) client.lose();
    client.isHoldingBack = false;
    const connection = this.#memory.client({
      version,
      clientId,
      clean,
      ...properties,
      ...(will === undefined ? {} : { will: will.packet }),
    });
    connection.peer.takesLate = prng.nextBoolean();
    const isPresent = this.#oracle.connect(clientId, clean, expiryS, will?.oracle);
    client.begin(connection, { version, receiveMaximum, topicAliasMaximum, isPresent });
    this.#settle();
    const { connack } = client;
    assertEquals(connack?.reasonCode ?? connack?.returnCode, 0);
    assertEquals(version === 3 ? isPresent : connack?.sessionPresent, isPresent);
  }

  #will(
    clientId: string,
    version: ClientVersion,
  ): { packet: NonNullable<IConnectPacket["will"]>; oracle: OracleWill } {
    const prng = this.#prng;
    const payload = this.#nextPayload();
    const message = {
      topic: `w/${clientId}`,
      payload,
      qos: prng.pick(QOS),
      retain: prng.nextBoolean(0.3),
    };
    const delayS = version === 5 ? prng.pick([0, 0, 3, 50]) : 0;
    const messageExpiryS = version === 5 && prng.nextBoolean(0.3) ? 15 : undefined;
    const properties = version !== 5 ? {} : {
      properties: {
        willDelayInterval: delayS,
        ...(messageExpiryS === undefined ? {} : { messageExpiryInterval: messageExpiryS }),
      },
    };
    const packet = { ...message, payload: Buffer.from(payload), ...properties };
    return {
      packet,
      oracle: { message, delayS, messageExpiryS },
    };
  }

  #subscribe(client: SimClient): void {
    if (!client.isConnected) return;
    const prng = this.#prng;
    const isV5 = client.version === 5;
    const identifier = isV5 && prng.nextBoolean() ? 1 + prng.nextInt(300) : 0;
    const subscriptions = Array.from({ length: 1 + prng.nextInt(3) }, (): OracleSubscription => {
      // Who holds back answers is no good member of a group, and gets no new subscription to one.
      const isShared = !client.isHoldingBack && prng.nextBoolean(0.25);
      const filter = prng.pick(isShared ? SHARED_FILTERS : FILTERS);
      const isPlain = isV5 && !isShared;
      return {
        filter,
        qos: prng.pick(QOS),
        // Whether a will is the client's own message is left open here.
        noLocal: isPlain && /^[ab]/.test(filter) && prng.nextBoolean(0.3),
        retainAsPublished: isV5 && prng.nextBoolean(0.3),
        retainHandling: isV5 ? prng.pick([0, 1, 2]) : 0,
        identifier,
      };
    });
    const messageId = client.nextPacketId();
    client.send({
      cmd: "subscribe",
      messageId,
      subscriptions: subscriptions.map((asked): ISubscription => ({
        topic: asked.filter,
        qos: asked.qos,
        ...(isV5
          ? { nl: asked.noLocal, rap: asked.retainAsPublished, rh: asked.retainHandling }
          : {}),
      })),
      ...(identifier > 0 ? { properties: { subscriptionIdentifier: identifier } } : {}),
    });
    for (const asked of subscriptions) this.#oracle.subscribe(client.clientId, asked);
    this.#settle();
    const [suback] = this.#answersOf(client, "suback");
    assertEquals(suback?.messageId, messageId);
    const granted = (suback as { granted: unknown }).granted;
    assertEquals(granted, subscriptions.map(({ qos }) => qos));
  }

  #unsubscribe(client: SimClient): void {
    if (!client.isConnected) return;
    const prng = this.#prng;
    const own = [...this.#oracle.sessions.get(client.clientId)?.subscriptions.keys() ?? []];
    const filters = [prng.pick(own.length > 0 ? own : FILTERS), prng.pick(FILTERS)];
    const messageId = client.nextPacketId();
    client.send({ cmd: "unsubscribe", messageId, unsubscriptions: filters });
    const reasons = filters.map((filter) =>
      this.#oracle.unsubscribe(client.clientId, filter) ? 0 : 0x11
    );
    this.#settle();
    const [unsuback] = this.#answersOf(client, "unsuback");
    assertEquals(unsuback?.messageId, messageId);
    if (client.version === 5) assertEquals((unsuback as { granted: unknown }).granted, reasons);
  }

  /** Messages in one chunk; each is acknowledged to its end. */
  #publish(client: SimClient, count: number): void {
    if (!client.isConnected) return;
    const prng = this.#prng;
    const packets = Array.from({ length: count }, () => this.#publishPacket(client));
    for (const packet of packets) client.send(packet);
    const idsOf = (wanted: Qos): (number | undefined)[] =>
      packets.filter(({ qos }) => qos === wanted).map(({ messageId }) => messageId);
    const answered = (cmd: string): (number | undefined)[] =>
      this.#answersOf(client, cmd).map(({ messageId }) => messageId);
    this.#settle();
    assertEquals(answered("puback"), idsOf(1));
    assertEquals(answered("pubrec"), idsOf(2));
    for (const messageId of idsOf(2)) {
      // Also for an identifier that is free already there is an answer.
      const times = prng.nextBoolean(0.2) ? 2 : 1;
      for (let n = 0; n < times; n++) client.send({ cmd: "pubrel", messageId: messageId ?? 0 });
      this.#settle();
      assertEquals(answered("pubcomp"), new Array(times).fill(messageId));
    }
  }

  #publishPacket(client: SimClient): IPublishPacket {
    const prng = this.#prng;
    const isV5 = client.version === 5;
    const topic = prng.pick(TOPICS);
    const qos = prng.pick(QOS);
    const retain = prng.nextBoolean(0.2);
    const payload = retain && prng.nextBoolean(0.3) ? "" : this.#nextPayload();
    const expiryS = isV5 && prng.nextBoolean(0.3) ? prng.pick([1, 7, 30]) : undefined;
    const expiresAtMs = expiryS === undefined ? Infinity : this.#oracle.nowMs + expiryS * 1000;
    this.#oracle.publish({ topic, payload, qos, retain, expiresAtMs }, client.clientId);
    return {
      cmd: "publish",
      topic,
      payload,
      qos,
      retain,
      dup: qos > 0 && prng.nextBoolean(0.1),
      ...(qos > 0 ? { messageId: client.nextPacketId() } : {}),
      ...(expiryS === undefined ? {} : { properties: { messageExpiryInterval: expiryS } }),
    };
  }

  #disconnect(client: SimClient): void {
    if (!client.isConnected) return;
    const prng = this.#prng;
    const isV5 = client.version === 5;
    const withWill = isV5 && prng.nextBoolean(0.3);
    const had = this.#oracle.sessions.get(client.clientId)?.expiryS ?? 0;
    const expiryS = isV5 && had > 0 && prng.nextBoolean(0.3) ? prng.pick([0, 3, 60]) : undefined;
    client.send({
      cmd: "disconnect",
      ...(isV5 ? { reasonCode: withWill ? 4 : 0 } : {}),
      ...(expiryS === undefined ? {} : { properties: { sessionExpiryInterval: expiryS } }),
    });
    this.#oracle.lose(client.clientId, { will: withWill, expiryS });
    this.#settle();
    assert(!client.isConnected);
  }

  #cut(client: SimClient): void {
    if (!client.isConnected) return;
    const { peer } = client.connection;
    if (this.#prng.nextBoolean()) peer.end();
    else peer.reset();
    this.#oracle.lose(client.clientId);
    this.#settle();
    assert(!client.isConnected);
  }

  /** A packet that no client may send. */
  #misbehave(client: SimClient): void {
    if (!client.isConnected) return;
    const bytes = this.#prng.pick([[0x10, 0], [0x20, 2, 0, 0], [0, 0], [0x36, 5, 0, 1, 97, 0, 1]]);
    client.connection.send(Uint8Array.from(bytes));
    this.#oracle.lose(client.clientId);
    this.#settle();
    assert(!client.isConnected);
  }

  #holdBack(client: SimClient): void {
    const session = this.#oracle.sessions.get(client.clientId);
    const filters = [...session?.subscriptions.keys() ?? []];
    if (filters.some((filter) => filter.startsWith("$share"))) return;
    client.isHoldingBack = !client.isHoldingBack;
  }

  #ping(client: SimClient): void {
    if (!client.isConnected) return;
    client.send({ cmd: "pingreq" });
    this.#settle();
    assertEquals(this.#answersOf(client, "pingresp").length, 1);
  }

  /** Second by second as long as somebody is there to read what comes meanwhile. */
  #advance(seconds: number): void {
    const isWatched = this.#clients.some(({ isConnected }) => isConnected);
    const stepS = isWatched ? 1 : seconds;
    for (let passed = 0; passed < seconds; passed += stepS) {
      this.#memory.runtime.advance(stepS * 1000);
      this.#oracle.advance(stepS * 1000);
      this.#settle();
    }
  }

  #clear(topic: string): void {
    const message = { topic, payload: "", qos: 0, retain: true, expiresAtMs: Infinity } as const;
    this.#memory.broker.publisher.publishMessage({
      ...message,
      topicBytes: encodeUtf8(topic),
      payload: NO_BYTES,
      properties: NO_BYTES,
      publisherId: "",
    }, BROKER_IDENTITY);
    this.#oracle.publish(message, undefined);
  }

  #nextPayload(): string {
    const size = this.#prng.pick([0, 0, 0, 100, 5_000]);
    return `m${++this.#lastNumber}${".".repeat(size)}`;
  }

  #answersOf(client: SimClient, cmd: string): SimClient["answers"] {
    const wanted = client.answers.filter((packet) => packet.cmd === cmd);
    client.answers.splice(
      0,
      client.answers.length,
      ...client.answers.filter((packet) => packet.cmd !== cmd),
    );
    return wanted;
  }
}

test("a broker does with whole messages what the oracle does, whatever its clients do", () => {
  const prng = seededPrng("Broker against its oracle");
  for (let round = 0; round < 8; round++) {
    const simulation = new Simulation(prng);
    const steps = 150 + prng.nextInt(150);
    for (let step = 0; step < steps; step++) simulation.step();
    simulation.finish();
  }
});
