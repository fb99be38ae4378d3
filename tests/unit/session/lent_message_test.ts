import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { encodeUtf8 } from "../../../src/mqtt/mod.ts";
import {
  createSessionCounters,
  type Delivery,
  FrameRun,
  type Journal,
  type JournalEntry,
  LentMessage,
  messageBytes,
  NO_IDENTIFIERS,
  type OfferResult,
  ownDelivery,
  Pace,
  Publication,
  Session,
  type SessionContext,
  type SessionLimits,
} from "../../../src/session/mod.ts";
import { ManualClock } from "../../support/manual_clock.ts";
import { publishView } from "./publish_views.ts";

interface Group {
  readonly name: string;
}

const TOPIC = "t";
/** What a queue holds in memory, whatever else waits. */
const HELD = 1000;

/** Keeps what it is given, and notes which of it was lent. */
class RecordingJournal implements Journal<Group> {
  readonly entries: JournalEntry<Group>[] = [];
  readonly lent: number[] = [];
  readonly committedTicket = 0;
  isBehind = false;

  push(delivery: Delivery<Group>): number {
    const seq = (this.entries.at(-1)?.seq ?? 0) + 1;
    if (delivery.message instanceof LentMessage) this.lent.push(seq);
    this.entries.push({ seq, delivery: ownDelivery(delivery) });
    return seq;
  }

  read(afterSeq: number, limit: number): JournalEntry<Group>[] {
    return this.entries.filter(({ seq }) => seq > afterSeq).slice(0, limit);
  }

  setInflight(): void {}
  reserve(): void {}
  isStored(): boolean {
    return true;
  }
  remove(): void {}
  addReceived(): void {}
  removeReceived(): void {}
  ticket(): number {
    return 0;
  }
  wake(): void {}
}

class Rig {
  readonly journal = new RecordingJournal();
  readonly publication = new Publication();
  readonly session: Session<Group>;
  #number = 0;

  constructor(limits: Partial<SessionLimits> = {}) {
    const context: SessionContext = {
      limits: {
        queuedMessagesMax: Infinity,
        queuedBytesMax: Infinity,
        inflightBytesMax: Infinity,
        whenFull: "drop_oldest",
        queueQos0Offline: true,
        ...limits,
      },
      counters: createSessionCounters(),
      clock: new ManualClock(),
      carrier: new Publication(),
      run: new FrameRun(),
      pace: new Pace(),
      isRetained: () => true,
      isGuarded: false,
      isDropWatched: false,
      isAckWatched: false,
    };
    this.session = new Session<Group>("c", context, this.journal);
    this.session.survives = true;
  }

  /** The frame is spoilt afterwards, as the next chunk would do. */
  offer(qos: 0 | 1 = 1, receivers = 1): OfferResult {
    const payload = encodeUtf8(String(++this.#number));
    const view = publishView({ version: 4, topic: TOPIC, payload, qos });
    this.publication.loadView(view, TOPIC, encodeUtf8(TOPIC), "p", false, 0);
    this.publication.expectReceivers(receivers, false);
    const result = this.session.offer(this.publication, qos, false, NO_IDENTIFIERS, undefined);
    view.bytes.fill(0xff);
    return result;
  }
}

function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, index) => from + index);
}

test("a session lends its journal what it does not hold in memory", () => {
  const rig = new Rig();
  for (let count = 0; count < HELD + 5; count++) assertEquals(rig.offer(), "queued");
  assertEquals(rig.journal.lent, numbers(HELD + 1, HELD + 5));
  assertEquals(rig.offer(0), "queued");
  assertEquals(rig.journal.lent.at(-1), HELD + 6);
  assertEquals(rig.session.queuedMessages, HELD + 6);
  const bytes = rig.journal.entries.map(({ delivery }) => messageBytes(delivery.message));
  assertEquals(rig.session.queuedBytes, bytes.reduce((sum, one) => sum + one, 0));
  const texts = rig.journal.entries.map(({ delivery }) =>
    Number(new TextDecoder().decode(delivery.message.payload))
  );
  assertEquals(texts, numbers(1, HELD + 6));
});

test("while its journal cannot write, a session takes no QoS 0 for a client that is away", () => {
  const rig = new Rig();
  rig.journal.isBehind = true;
  assertEquals([rig.offer(0), rig.offer(1)], ["dropped", "queued"]);
  rig.journal.isBehind = false;
  assertEquals([rig.offer(0), rig.session.queuedMessages], ["queued", 2]);
});

test("a session holds what takes the place of the oldest, and lends nothing of it", () => {
  const rig = new Rig({ queuedMessagesMax: HELD });
  for (let count = 0; count < HELD + 5; count++) assertEquals(rig.offer(), "queued");
  assertEquals(rig.journal.lent, []);
  assertEquals([rig.session.queuedMessages, rig.session.droppedMessages], [HELD, 5]);
});

test("a session drops what does not fit, lent or not", () => {
  const rig = new Rig({ queuedMessagesMax: HELD + 1, whenFull: "drop_newest" });
  for (let count = 0; count < HELD + 1; count++) assertEquals(rig.offer(), "queued");
  assertEquals(rig.offer(), "dropped");
  assertEquals(rig.journal.lent, [HELD + 1]);
  assertEquals([rig.session.queuedMessages, rig.session.droppedMessages], [HELD + 1, 1]);
});

test("a session lends nothing that others get, too", () => {
  const rig = new Rig();
  for (let count = 0; count < HELD; count++) rig.offer();
  assertEquals(rig.offer(1, 2), "queued");
  assertEquals(rig.journal.lent, []);
  assertEquals(rig.offer(1, 1), "queued");
  assertEquals(rig.journal.lent, [HELD + 2]);
});
