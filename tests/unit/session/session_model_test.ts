import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { Prng } from "../../../src/base/mod.ts";
import { encodeUtf8, type Qos, ReasonCode } from "../../../src/mqtt/mod.ts";
import {
  createSessionCounters,
  FrameRun,
  type Message,
  messageBytes,
  NO_BYTES,
  NO_IDENTIFIERS,
  Pace,
  Publication,
  Session,
  type SessionContext,
  type SessionCounters,
  type SessionLimits,
} from "../../../src/session/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { seededPrng } from "../../support/seed.ts";
import { publishRun, publishView } from "./publish_views.ts";
import {
  type Entry,
  type Group,
  ModelSession,
  numberOf,
  RecordingOutlet,
} from "./session_model.ts";

const GROUPS: readonly Group[] = [{ name: "a" }, { name: "b" }];
const TOPIC = "t";
const TOPIC_BYTES = encodeUtf8(TOPIC);

/** One session and its model, and the hands that do the same to both. */
class Pair {
  readonly #prng: Prng;
  readonly #clock = new ManualClock();
  readonly #context: SessionContext & { limits: SessionLimits };
  readonly #modelCounters: SessionCounters = createSessionCounters();
  readonly #publication = new Publication();
  #session: Session<Group>;
  #model: ModelSession;
  /** How many frames each run had that left with one copy. */
  readonly runs: number[] = [];
  /** Of messages that came together. */
  runsTaken = 0;
  #lastNumber = 0;
  #knownIds: number[] = [];
  readonly #receivedIds = new Set<number>();
  /** Of these, those of this connection. */
  readonly #receivedNow = new Set<number>();

  constructor(prng: Prng) {
    this.#prng = prng;
    this.#context = {
      limits: this.#randomLimits(),
      counters: createSessionCounters(),
      clock: this.#clock,
      carrier: new Publication(),
      run: new FrameRun(),
      pace: new Pace(),
      isRetained: (message) => !this.#model.replaced.has(numberOf(message)),
      isGuarded: false,
      isDropWatched: false,
      isAckWatched: false,
    };
    this.#session = new Session("c", this.#context);
    this.#model = this.#newModel();
    this.#begin();
  }

  step(): void {
    const prng = this.#prng;
    const commands: readonly [weight: number, run: () => void][] = [
      [30, () => this.#offer()],
      [5, () => this.#offerPlain()],
      [16, () => this.#offerRun()],
      [3, () => this.#enqueue()],
      [4, () => this.#replay()],
      [2, () => this.#replace()],
      [25, () => this.#answerWell()],
      [8, () => this.#answerAnything()],
      [4, () => this.#attach()],
      [3, () => this.#detach()],
      [6, () => this.#fill()],
      [6, () => this.#writable()],
      [3, () => this.#clock.advance(prng.nextInt(3) * 1000)],
      [4, () => this.#receive()],
      [1, () => void (this.#context.limits = this.#randomLimits())],
      [2, () => void (this.#context.isGuarded = prng.nextBoolean(0.2))],
      [2, () => this.#model.outlet?.setForwardsRuns(prng.nextBoolean(0.8))],
      [prng.nextBoolean(0.1) ? 1 : 0, () => this.#end()],
    ];
    let choice = prng.nextInt(commands.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, run] of commands) {
      choice -= weight;
      if (choice >= 0) continue;
      run();
      break;
    }
    this.#compare();
  }

  /** The client takes and answers everything; then nothing is left, and every message is accounted for. */
  drain(): void {
    if (this.#model.outlet === undefined) this.#attach();
    this.#model.outlet!.isFull = false;
    this.#session.pump();
    this.#model.pump();
    while (this.#model.inflight.length > 0) {
      this.#answerWell();
      this.#compare();
    }
    assertEquals([this.#model.queue.length, this.#model.replays.length], [0, 0]);
    assertEquals(this.#session.inflightCount, 0);
    this.#end();
    const { queuedMessages, queuedBytes, inflight } = this.#context.counters;
    assertEquals([queuedMessages, queuedBytes, inflight], [0, 0, 0]);
  }

  #newModel(): ModelSession {
    const limits = (): SessionLimits => this.#context.limits;
    return new ModelSession(this.#modelCounters, limits, () => this.#clock.nowMs());
  }

  #begin(): void {
    const survives = this.#prng.nextBoolean(0.6);
    this.#session.survives = survives;
    this.#model.survives = survives;
  }

  #randomLimits(): SessionLimits {
    const prng = this.#prng;
    return {
      queuedMessagesMax: prng.pick([1, 3, 10, 100, Infinity]),
      queuedBytesMax: prng.pick([60, 300, 2_000, 1 << 20]),
      inflightBytesMax: Infinity,
      whenFull: prng.pick(["drop_oldest", "drop_newest"]),
      queueQos0Offline: prng.nextBoolean(),
    };
  }

  #payload(): Uint8Array {
    const payload = new Uint8Array(this.#prng.pick([4, 10, 40, 100]));
    new DataView(payload.buffer).setUint32(0, ++this.#lastNumber);
    return payload;
  }

  #randomMessage(): Message {
    const prng = this.#prng;
    return {
      topic: TOPIC,
      topicBytes: TOPIC_BYTES,
      payload: this.#payload(),
      qos: prng.nextInt(3) as Qos,
      retain: prng.nextBoolean(0.3),
      properties: NO_BYTES,
      expiresAtMs: prng.nextBoolean(0.2) ? this.#clock.nowMs() + prng.nextInt(4) * 1000 : Infinity,
      publisherId: "p",
    };
  }

  /** One that may be sent on as it came, to many: several of them leave together. */
  #loadPlain(): void {
    const view = publishView({ version: 4, topic: TOPIC, payload: this.#payload(), qos: 1 });
    this.#publication.loadView(view, TOPIC, TOPIC_BYTES, "p", false, this.#clock.nowMs());
    this.#publication.expectReceivers(100, false);
  }

  #offerPlain(): void {
    for (let count = this.#prng.nextInt(20); count > 0; count--) {
      this.#loadPlain();
      const publication = this.#publication;
      const delivered = {
        qos: 1,
        retain: false,
        identifiers: NO_IDENTIFIERS,
        group: undefined,
      } as const;
      const result = this.#session.offer(publication, 1, false, NO_IDENTIFIERS, undefined);
      assertEquals(result, this.#model.offer(this.#entry(publication.own(), delivered)));
    }
  }

  /** Messages that come together; where they are refused, nothing has happened. */
  #offerRun(): void {
    const prng = this.#prng;
    const version = this.#model.outlet?.version ?? 4;
    const qos = prng.pick([1, 2] as const);
    const run = publishRun(
      Array.from(
        { length: prng.nextInt(20) + 1 },
        () => ({ version, topic: TOPIC, payload: this.#payload(), qos }),
      ),
    );
    run.receivers = 1;
    if (!this.#session.offerRun(run)) return;
    this.runsTaken++;
    const delivered = { qos, retain: false, identifiers: NO_IDENTIFIERS, group: undefined };
    for (let index = 0; index < run.count; index++) {
      const { message } = run.block().delivery<Group>(index);
      this.#model.offer(this.#entry(message, delivered));
    }
    // What it lay in is overwritten at once.
    run.bytes.fill(0);
    run.clear();
  }

  #load(): void {
    const prng = this.#prng;
    const nowMs = this.#clock.nowMs();
    if (prng.nextBoolean(0.3)) {
      this.#publication.loadMessage(this.#randomMessage(), nowMs);
      return;
    }
    const view = publishView({
      version: prng.pick([4, 5]),
      topic: TOPIC,
      payload: this.#payload(),
      qos: prng.nextInt(3) as Qos,
      retain: prng.nextBoolean(0.3),
      messageExpiryS: prng.nextBoolean(0.2) ? prng.nextInt(4) : undefined,
    });
    const isStable = prng.nextBoolean();
    this.#publication.loadView(view, TOPIC, TOPIC_BYTES, "p", isStable, nowMs);
    this.#publication.expectReceivers(prng.pick([1, 100]), isStable);
  }

  #entry(message: Message, delivered: Omit<Entry, "number" | "bytes" | "expiresAtMs">): Entry {
    const { expiresAtMs } = message;
    return { number: numberOf(message), bytes: messageBytes(message), expiresAtMs, ...delivered };
  }

  #offer(): void {
    const prng = this.#prng;
    this.#load();
    const publication = this.#publication;
    const qos = Math.min(publication.qos, prng.nextInt(3)) as Qos;
    const retain = publication.retain && prng.nextBoolean();
    const identifiers = prng.nextBoolean(0.2) ? [prng.nextInt(100) + 1] : NO_IDENTIFIERS;
    const group = prng.nextBoolean(0.2) ? prng.pick(GROUPS) : undefined;
    const result = this.#session.offer(publication, qos, retain, identifiers, group);
    const message = publication.own();
    const entry = this.#entry(message, { qos, retain, identifiers, group });
    assertEquals(result, this.#model.offer(entry));
  }

  /** As `redistribute` does with what another member of a group did not acknowledge. */
  #enqueue(): void {
    if (this.#model.outlet === undefined && !this.#model.survives) return;
    const message = this.#randomMessage();
    const delivered = {
      qos: message.qos,
      retain: message.retain,
      identifiers: NO_IDENTIFIERS,
      group: this.#prng.pick([undefined, ...GROUPS]),
    };
    const result = this.#session.enqueue({ message, ...delivered });
    assertEquals(result, this.#model.enqueue(this.#entry(message, delivered)));
    this.#session.pump();
    this.#model.pump();
  }

  #replay(): void {
    if (this.#model.outlet === undefined) return;
    const prng = this.#prng;
    const messages = Array.from({ length: prng.nextInt(6) }, () => this.#randomMessage());
    const granted = prng.nextInt(3) as Qos;
    const identifiers = prng.nextBoolean(0.3) ? [7] : NO_IDENTIFIERS;
    this.#session.replay(messages, granted, identifiers);
    this.#model.replay(messages.map((message) => {
      const qos = Math.min(message.qos, granted) as Qos;
      return this.#entry(message, { qos, retain: true, identifiers, group: undefined });
    }));
  }

  /** Some of the retained messages that are still to be sent are replaced. */
  #replace(): void {
    for (const { number } of this.#model.replays.flatMap(({ entries }) => entries)) {
      if (this.#prng.nextBoolean(0.2)) this.#model.replaced.add(number);
    }
  }

  /** What the client should answer next, mostly in order. */
  #answerWell(): void {
    const { inflight } = this.#model;
    const active = inflight.filter(({ isActive }) => isActive);
    if (active.length === 0 || this.#model.outlet === undefined) return;
    const held = this.#prng.nextBoolean(0.8) ? active[0]! : this.#prng.pick(active);
    this.#answer(held.packetId, held.state);
  }

  /** Any answer to any identifier: known, used up long ago, or waiting to be sent again. */
  #answerAnything(): void {
    if (this.#model.outlet === undefined) return;
    const prng = this.#prng;
    const ids = [...this.#model.inflight.map(({ packetId }) => packetId), ...this.#knownIds];
    const packetId = ids.length > 0 && prng.nextBoolean(0.8) ? prng.pick(ids) : prng.nextInt(65536);
    this.#answer(packetId, prng.pick(["puback", "pubrec", "pubcomp"]));
  }

  #answer(packetId: number, type: "puback" | "pubrec" | "pubcomp"): void {
    this.#knownIds = [...this.#knownIds.slice(-20), packetId];
    if (type === "puback" && this.#prng.nextInt(2) === 0) this.#answerRun(packetId);
    else if (type === "puback") {
      assertEquals(this.#session.acknowledge(packetId), this.#model.acknowledge(packetId));
    } else if (type === "pubcomp") {
      assertEquals(this.#session.complete(packetId), this.#model.complete(packetId));
    } else {
      const reasonCode = this.#prng.pick(
        [ReasonCode.success, ReasonCode.noMatchingSubscribers, ReasonCode.quotaExceeded],
      );
      this.#session.received(packetId, reasonCode);
      this.#model.received(packetId, reasonCode);
    }
  }

  /** PUBACKs of one chunk, known and unknown ones, the same one twice perhaps. */
  #answerRun(packetId: number): void {
    const others = Array.from(
      { length: this.#prng.nextInt(4) },
      () => this.#prng.pick(this.#knownIds),
    );
    const packetIds = [packetId, ...others];
    const run = packetIds.flatMap((id) => [0x40, 2, id >> 8, id & 0xff]);
    // In the middle of a chunk, where offsets count.
    const chunk = Uint8Array.from([0xc0, 0, ...run, 0xc0, 0]);
    this.#session.beginBatch();
    this.#session.acknowledgeRun(chunk, 2, 2 + run.length);
    this.#session.endBatch();
    this.#model.acknowledgeRun(packetIds);
  }

  #attach(): void {
    if (this.#model.outlet !== undefined) return;
    const prng = this.#prng;
    const version = prng.pick([4, 5] as const);
    const bytesMax = prng.pick([50, 1e6, 1e6]);
    const outlet = new RecordingOutlet(version, bytesMax, prng.nextBoolean(), this.runs);
    outlet.isFull = prng.nextBoolean(0.1);
    const quota = prng.pick([1, 2, 5, 20, 65535]);
    this.#receivedNow.clear();
    this.#session.attach(outlet, quota);
    this.#model.attach(outlet, quota);
    this.#session.pump();
    this.#model.pump();
  }

  #detach(): void {
    if (this.#model.outlet === undefined) return;
    this.#compare();
    const movable = new Set(GROUPS.filter(() => this.#prng.nextBoolean()));
    const canMove = (group: Group): boolean => movable.has(group);
    const moved = this.#session.detach(movable);
    assertEquals(moved.map(({ message }) => numberOf(message)), this.#model.detach(canMove));
    if (!this.#model.survives) this.#end();
  }

  #end(): void {
    this.#session.end();
    this.#receivedIds.clear();
    this.#receivedNow.clear();
    assertEquals(this.#session.isOnline, false);
    assertEquals([this.#session.queuedMessages, this.#session.queuedBytes], [0, 0]);
    assertEquals([this.#session.inflightCount, this.#session.receivedCount], [0, 0]);
    this.#session = new Session("c", this.#context);
    this.#model = this.#newModel();
    this.#begin();
  }

  #fill(): void {
    if (this.#model.outlet !== undefined) this.#model.outlet.isFull = true;
  }

  #writable(): void {
    if (this.#model.outlet === undefined) return;
    this.#model.outlet.isFull = false;
    this.#session.pump();
    this.#model.pump();
  }

  #receive(): void {
    const packetId = this.#prng.nextInt(20) + 1;
    assertEquals(this.#session.hasReceived(packetId), this.#receivedIds.has(packetId));
    if (this.#prng.nextBoolean()) {
      assertEquals(this.#session.receive(packetId), !this.#receivedIds.has(packetId));
      if (!this.#receivedIds.has(packetId)) this.#receivedNow.add(packetId);
      this.#receivedIds.add(packetId);
    } else {
      this.#receivedNow.delete(packetId);
      assertEquals(this.#session.forgetReceived(packetId), this.#receivedIds.delete(packetId));
    }
    assertEquals(this.#session.receivedCount, this.#receivedNow.size);
  }

  #compare(): void {
    const [session, model] = [this.#session, this.#model];
    model.assertNothingElseSent();
    assertEquals(session.isOnline, model.outlet !== undefined);
    assertEquals(session.queuedMessages, model.queue.length);
    assertEquals(session.queuedBytes, model.queuedBytes);
    assertEquals(session.inflightCount, model.inflight.length);
    assertEquals(session.droppedMessages, model.dropped);
    assertEquals(this.#context.counters, {
      ...this.#modelCounters,
      queuedMessages: model.queue.length,
      queuedBytes: model.queuedBytes,
      inflight: model.inflight.length,
    });
  }
}

test("Session does what the model does, whatever happens to it", () => {
  const prng = seededPrng("Session against its model");
  let [longestRun, runsTaken] = [0, 0];
  for (let round = 0; round < 60; round++) {
    const pair = new Pair(prng);
    const steps = 500 + prng.nextInt(500);
    for (let step = 0; step < steps; step++) pair.step();
    pair.drain();
    longestRun = Math.max(longestRun, ...pair.runs);
    runsTaken += pair.runsTaken;
  }
  // Otherwise that way has not been seen.
  assert(longestRun >= 4, `the longest run has ${longestRun} frames`);
  assert(runsTaken >= 20, `${runsTaken} runs were taken together`);
});
