/** What a store should remember, said plainly; and hands that do the same to both at random. */
import { copyFileSync, existsSync } from "node:fs";
import { join } from "node:path";
import { assertEquals } from "@std/assert";
import type { Prng } from "../../../src/base/mod.ts";
import type {
  DelayedKey,
  LiveSession,
  LiveState,
  LoadedDelayed,
  SessionKey,
  SessionRecord,
  Store,
  StoredGroup,
} from "../../../src/ports/mod.ts";
import type { Subscription } from "../../../src/routing/mod.ts";
import {
  type Delivery,
  FramedMessage,
  InflightState,
  type Message,
  messageBytes,
  packetIdOfPlace,
} from "../../../src/session/mod.ts";
import { DATABASE_NAME } from "../../../src/storage/mod.ts";
import { contentOf, lend, openInline, TestTimers } from "../../support/storage_rig.ts";
import {
  randomDelivery,
  randomMessage,
  randomRecord,
  randomSubscription,
} from "./random_messages.ts";

interface ModelSession {
  key: SessionKey;
  record: SessionRecord;
  readonly subscriptions: Map<string, Subscription>;
  readonly received: Set<number>;
  /** undefined: released, only its identifier is kept. */
  readonly queue: Map<number, Delivery<StoredGroup> | undefined>;
  readonly inflight: Map<number, { packetId: number; state: InflightState }>;
  /** Up to this place messages are in flight, of QoS 1 and 2, or gone, of QoS 0, after a restart. */
  reserved: number;
}

/** All that is remembered, in a form that can be compared. */
export interface Remembered {
  readonly sessions: Record<string, unknown>;
  readonly retained: Record<string, unknown>;
  readonly delayed: readonly unknown[];
}

const CLIENT_IDS = ["a", "b", "größe", "d", "e"];

export class StoreModel {
  readonly #prng: Prng;
  readonly #sessions = new Map<string, ModelSession>();
  readonly #retained = new Map<string, unknown>();
  readonly #delayed = new Map<DelayedKey, unknown>();
  readonly #retainedMessages = new Map<string, Message>();
  readonly #delayedMessages = new Map<DelayedKey, LoadedDelayed>();
  #store: Store;
  #packetId = 0;

  constructor(prng: Prng, store: Store) {
    this.#prng = prng;
    this.#store = store;
  }

  /** The store has been opened again: its keys are what `load` says. */
  moveTo(store: Store): void {
    this.#store = store;
    for (const { key, record } of store.load().sessions) {
      const session = this.#sessions.get(record.clientId);
      if (session === undefined) continue;
      session.key = key;
      const { queue, inflight, reserved } = session;
      for (const [seq, delivery] of queue) {
        if (seq <= reserved && !inflight.has(seq) && delivery?.qos === 0) queue.delete(seq);
      }
    }
  }

  step(): void {
    const prng = this.#prng;
    const steps: readonly [weight: number, run: () => void][] = [
      [2, () => this.#putSession()],
      [1, () => this.#removeSession()],
      [3, () => this.#subscribe()],
      [3, () => this.#receive()],
      [12, () => this.#push()],
      [3, () => this.#pushToAll()],
      [8, () => this.#send()],
      [4, () => this.#reserve()],
      [10, () => this.#remove()],
      [6, () => this.#retain()],
      [4, () => this.#delay()],
    ];
    const total = steps.reduce((sum, [weight]) => sum + weight, 0);
    let choice = prng.nextInt(total);
    for (const [weight, run] of steps) {
      choice -= weight;
      if (choice < 0) return run();
    }
  }

  /** Steps of which something is left to write for sure: without sessions many change nothing. */
  change(steps = 20): void {
    for (let step = 1; step < steps; step++) this.step();
    this.#putRetained(randomMessage(this.#prng));
  }

  remembered(): Remembered {
    const sessions: Record<string, unknown> = {};
    for (const [clientId, session] of this.#sessions) sessions[clientId] = describe(session);
    const delayed = [...this.#delayed];
    return structuredClone({ sessions, retained: Object.fromEntries(this.#retained), delayed });
  }

  /** What a broker would have in memory: of each queue the oldest `heldMax` messages. */
  live(heldMax: number): LiveState {
    return {
      sessions: () => this.#liveSessions(heldMax),
      retained: () => this.#retainedMessages.values(),
      delayed: () => this.#delayedMessages.values(),
      countQueued: () => {
        let count = 0;
        for (const { queue } of this.#sessions.values()) {
          for (const delivery of queue.values()) if (delivery !== undefined) count++;
        }
        return count;
      },
    };
  }

  *#liveSessions(heldMax: number): IterableIterator<LiveSession> {
    for (const session of this.#sessions.values()) {
      const { key, record, subscriptions, received } = session;
      const queued = [...session.queue].filter((entry): entry is [number, Delivery<StoredGroup>] =>
        entry[1] !== undefined && !session.inflight.has(entry[0])
      ).map(([seq, delivery]) => ({ seq, delivery }));
      const held = queued.slice(0, heldMax);
      const inflight = [...session.inflight].map(([seq, one]) => ({
        seq,
        ...one,
        // As if it had been in flight before the last start, now and then.
        delivery: seq % 3 === 0 && heldMax < Infinity ? undefined : session.queue.get(seq),
      }));
      const notedAfter = queued.length > held.length ? held.at(-1)?.seq ?? 0 : undefined;
      yield { key, record, subscriptions, received: [...received], inflight, held, notedAfter };
    }
  }

  removeAll(): void {
    while (this.#sessions.size > 0) this.#removeSession();
    for (const topic of this.#retained.keys()) this.#store.removeRetained(topic);
    this.#retained.clear();
    this.#retainedMessages.clear();
    for (const key of this.#delayed.keys()) this.#store.removeDelayed(key);
    this.#delayed.clear();
    this.#delayedMessages.clear();
  }

  #putSession(): void {
    const clientId = this.#prng.pick(CLIENT_IDS);
    const record = randomRecord(this.#prng, clientId);
    const known = this.#sessions.get(clientId);
    if (known !== undefined) {
      known.record = { ...record, createdAtMs: known.record.createdAtMs };
      this.#store.putSession(known.key, known.record);
      return;
    }
    this.#sessions.set(clientId, {
      key: this.#store.createSession(record),
      record,
      subscriptions: new Map(),
      received: new Set(),
      queue: new Map(),
      inflight: new Map(),
      reserved: 0,
    });
  }

  #removeSession(): void {
    const session = this.#anySession();
    if (session === undefined) return;
    this.#sessions.delete(session.record.clientId);
    this.#store.removeSession(session.key);
  }

  #subscribe(): void {
    const session = this.#anySession();
    if (session === undefined) return;
    const subscription = randomSubscription(this.#prng, this.#prng.pick(["a/#", "+/ü", "c"]));
    const { shareName, filter } = subscription;
    const name = shareName === "" ? filter : `$share/${shareName}/${filter}`;
    if (this.#prng.nextBoolean(0.7)) {
      session.subscriptions.set(name, subscription);
      this.#store.putSubscription(session.key, name, subscription);
    } else {
      session.subscriptions.delete(name);
      this.#store.removeSubscription(session.key, name);
    }
  }

  #receive(): void {
    const session = this.#anySession();
    if (session === undefined) return;
    const packetId = this.#prng.pick([1, 2, 3, 65535]);
    if (this.#prng.nextBoolean()) {
      session.received.add(packetId);
      this.#store.addReceived(session.key, packetId);
    } else {
      session.received.delete(packetId);
      this.#store.removeReceived(session.key, packetId);
    }
  }

  #push(): void {
    const session = this.#anySession();
    if (session === undefined) return;
    const delivery = randomDelivery(this.#prng);
    const push = (pushed: Delivery<StoredGroup>): number =>
      this.#store.pushQueued(session.key, pushed);
    const isLent = delivery.message instanceof FramedMessage && this.#prng.nextBoolean(0.7);
    session.queue.set(isLent ? lend(delivery, push) : push(delivery), delivery);
  }

  #pushToAll(): void {
    const { message } = randomDelivery(this.#prng);
    for (const session of this.#sessions.values()) {
      const delivery = { ...randomDelivery(this.#prng), message };
      session.queue.set(this.#store.pushQueued(session.key, delivery), delivery);
    }
  }

  #send(): void {
    const session = this.#anySession();
    if (session === undefined) return;
    const seq = this.#anySeq(session);
    if (seq === undefined) return;
    const delivery = session.queue.get(seq);
    const old = session.inflight.get(seq);
    const placedId = seq <= session.reserved ? packetIdOfPlace(seq) : undefined;
    // None that a place has.
    const packetId = old?.packetId ?? placedId ?? 60_000 + this.#packetId++ % 5000;
    const state = delivery === undefined ? InflightState.awaitsPubcomp : this.#prng.pick(
      [InflightState.awaitsPuback, InflightState.awaitsPubrec, InflightState.awaitsPubcomp],
    );
    if (state === InflightState.awaitsPubcomp) session.queue.set(seq, undefined);
    // Until PUBREC it is as the grant says.
    if (
      placedId === undefined || old !== undefined || delivery === undefined || isReleased(state)
    ) {
      session.inflight.set(seq, { packetId, state });
    }
    this.#store.setInflight(session.key, seq, packetId, state);
  }

  /** As far as the newest message, or less far than before. */
  #reserve(): void {
    const session = this.#anySession();
    const seq = session === undefined ? undefined : this.#anySeq(session);
    if (session === undefined || seq === undefined) return;
    session.reserved = seq;
    this.#store.reserve(session.key, seq);
  }

  #remove(): void {
    const session = this.#anySession();
    if (session === undefined) return;
    // Mostly from the front, as acknowledgements come.
    const count = this.#prng.nextInt(4);
    for (let i = 0; i < count; i++) {
      const seq = this.#prng.nextBoolean(0.7)
        ? session.queue.keys().next().value
        : this.#anySeq(session);
      if (seq === undefined) return;
      session.queue.delete(seq);
      session.inflight.delete(seq);
      this.#store.removeQueued(session.key, seq);
    }
  }

  #retain(): void {
    const message = randomMessage(this.#prng);
    if (this.#prng.nextBoolean(0.7)) this.#putRetained(message);
    else {
      const topic = this.#prng.pick([...this.#retained.keys(), "none"]);
      this.#retained.delete(topic);
      this.#retainedMessages.delete(topic);
      this.#store.removeRetained(topic);
    }
  }

  #putRetained(message: Message): void {
    this.#retained.set(message.topic, contentOf(message));
    this.#retainedMessages.set(message.topic, message);
    this.#store.putRetained(message);
  }

  #delay(): void {
    const prng = this.#prng;
    const [key] = this.#delayed.keys();
    if (key !== undefined && prng.nextBoolean(0.5)) {
      this.#delayed.delete(key);
      this.#delayedMessages.delete(key);
      this.#store.removeDelayed(key);
      return;
    }
    const username = prng.pick([undefined, "", "größe"]);
    const delayed = { dueAtMs: prng.nextInt(2 ** 31) * 1000, username };
    const message = randomMessage(prng);
    const added = this.#store.putDelayed({ ...delayed, message });
    this.#delayed.set(added, { ...delayed, message: contentOf(message) });
    this.#delayedMessages.set(added, { key: added, delayed: { ...delayed, message } });
  }

  #anySession(): ModelSession | undefined {
    const sessions = [...this.#sessions.values()];
    return sessions.length === 0 ? undefined : this.#prng.pick(sessions);
  }

  #anySeq({ queue }: ModelSession): number | undefined {
    const seqs = [...queue.keys()];
    return seqs.length === 0 ? undefined : this.#prng.pick(seqs);
  }
}

function isReleased(state: InflightState): boolean {
  return state === InflightState.awaitsPubcomp;
}

function describe(session: ModelSession): unknown {
  const { record, subscriptions, received, queue } = session;
  const sent = (seq: number): boolean => seq <= session.reserved && !session.inflight.has(seq);
  const waiting = [...queue].filter((entry): entry is [number, Delivery<StoredGroup>] =>
    entry[1] !== undefined && !(sent(entry[0]) && entry[1].qos === 0)
  );
  const inflight = new Map(session.inflight);
  for (const [seq, { qos }] of waiting) {
    if (!sent(seq)) continue;
    const state = qos === 1 ? InflightState.awaitsPuback : InflightState.awaitsPubrec;
    inflight.set(seq, { packetId: packetIdOfPlace(seq), state });
  }
  return {
    record,
    subscriptions: Object.fromEntries(subscriptions),
    received: [...received].sort((a, b) => a - b),
    queue: waiting.map(([seq, delivery]) => describeDelivery(seq, delivery)),
    sums: {
      count: waiting.length,
      bytes: waiting.reduce((sum, [, { message }]) => sum + messageBytes(message), 0),
    },
    inflight: [...inflight].sort(([a], [b]) => a - b).map(([seq, one]) => {
      const message = queue.get(seq)?.message;
      return { seq, ...one, bytes: message === undefined ? 0 : messageBytes(message) };
    }),
  };
}

/** A delivery in a form that can be compared. */
export function describeDelivery(seq: number, delivery: Delivery<StoredGroup>): unknown {
  return { seq, ...delivery, message: contentOf(delivery.message) };
}

/** What a store that was just opened remembers. Its queues are read `limit` messages at a time. */
export function rememberedBy(store: Store, limit: number): Remembered {
  const state = store.load();
  const sessions: Record<string, unknown> = {};
  for (const { key, record, subscriptions, received, queue, inflight } of state.sessions) {
    sessions[record.clientId] = {
      record,
      subscriptions: Object.fromEntries(subscriptions),
      received: [...received].sort((a, b) => a - b),
      queue: wholeQueue(store, key, limit),
      sums: { count: queue.count, bytes: queue.bytes },
      inflight: inflight.map((one) => ({ ...one })),
    };
  }
  const retained = state.retained.map((message) => [message.topic, contentOf(message)]);
  const delayed = state.delayed.map(({ key, delayed: { message, ...rest } }) => [
    key,
    { ...rest, message: contentOf(message) },
  ]);
  return structuredClone({ sessions, retained: Object.fromEntries(retained), delayed });
}

function wholeQueue(store: Store, key: SessionKey, limit: number): unknown[] {
  const all: unknown[] = [];
  for (let after = 0;;) {
    const read = store.readQueued(key, after, limit, Infinity);
    all.push(...read.map(({ seq, delivery }) => describeDelivery(seq, delivery)));
    const last = read.at(-1);
    if (last === undefined) return all;
    after = last.seq;
  }
}

/** What the disk would hold, were the process killed now. */
export function copyAsKilled(from: string, to: string): void {
  for (const side of ["", "-wal"]) {
    const file = join(from, DATABASE_NAME + side);
    if (existsSync(file)) copyFileSync(file, join(to, DATABASE_NAME + side));
  }
}

/** What another run finds in a folder, its queues read in pieces of any size. */
export async function rememberedIn(folder: string, prng: Prng): Promise<Remembered> {
  const { store, damage } = await openInline(folder, new TestTimers());
  assertEquals(damage, undefined);
  const remembered = rememberedBy(store, prng.pick([1, 7, 1000]));
  assertEquals(store.unreadable, 0);
  await store.close();
  return remembered;
}
