/** Stores for tests and benches, and what to put into them. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodePublish, encodeUtf8, PublishView, type Qos } from "../../src/mqtt/mod.ts";
import type { SessionRecord, StoredGroup } from "../../src/ports/mod.ts";
import {
  type Delivery,
  FramedMessage,
  LentMessage,
  type Message,
  NO_IDENTIFIERS,
  Publication,
} from "../../src/session/mod.ts";
import {
  type Durability,
  type OpenedStore,
  openSqliteStore,
  type StoreTimers,
  type WriterLink,
} from "../../src/storage/mod.ts";
import { InlineWriter } from "./inline_writer.ts";

/** Where a store's thread begins. */
export const STORAGE_THREAD: string = new URL("./storage_thread.ts", import.meta.url).href;

export const REAL_TIMERS: StoreTimers = {
  after: (delayMs, fn) => void setTimeout(fn, delayMs),
  defer: (fn) => void setImmediate(fn),
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
};

/** Nothing happens until the test says so. */
export class TestTimers implements StoreTimers {
  #now = 1_700_000_000_000;
  readonly #waiting: { atMs: number; fn: () => void }[] = [];

  nowMs(): number {
    return this.#now;
  }

  monotonicMs(): number {
    return this.#now;
  }

  after(delayMs: number, fn: () => void): void {
    this.#waiting.push({ atMs: this.#now + delayMs, fn });
  }

  defer(fn: () => void): void {
    this.after(0, fn);
  }

  /** Lets the time pass; what is due happens in its order, and what that brings about, too. */
  pass(ms: number): void {
    const end = this.#now + ms;
    while (true) {
      let next = -1;
      for (const [index, { atMs }] of this.#waiting.entries()) {
        if (atMs <= end && (next < 0 || atMs < this.#waiting[next]!.atMs)) next = index;
      }
      if (next < 0) break;
      const [{ atMs, fn }] = this.#waiting.splice(next, 1) as [{ atMs: number; fn: () => void }];
      this.#now = Math.max(this.#now, atMs);
      fn();
    }
    this.#now = end;
  }
}

/** Runs a test with a folder of its own. */
export async function withFolder(run: (folder: string) => Promise<void> | void): Promise<void> {
  const folder = temporaryFolder();
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "broker-store-"));
}

/** A store whose writer is in this thread and whose time the test lets pass. */
export function openInline(
  dataDir: string,
  timers: StoreTimers,
  parts: { durability?: Durability; createWriter?: () => WriterLink } = {},
): Promise<OpenedStore> {
  // Answers come in a later turn, as from a thread; those to `open` and `close` must not wait for the test's time.
  const createWriter = (): WriterLink => new InlineWriter(queueMicrotask);
  const durability = parts.durability ?? "os";
  return openSqliteStore({
    dataDir,
    timers,
    durability,
    groupCommitMs: 2,
    threadEntry: STORAGE_THREAD,
    createWriter: parts.createWriter ?? createWriter,
  });
}

export function openThreaded(
  dataDir: string,
  durability: Durability,
  threadEntry = STORAGE_THREAD,
): Promise<OpenedStore> {
  return openSqliteStore({
    dataDir,
    durability,
    groupCommitMs: 2,
    timers: REAL_TIMERS,
    threadEntry,
  });
}

export function sessionRecord(clientId: string): SessionRecord {
  return {
    clientId,
    expiryS: 3600,
    createdAtMs: 1,
    disconnectedAtMs: 0,
    owner: undefined,
    will: undefined,
  };
}

/** A message that is kept as the frame it came in. */
export function framedMessage(
  topic: string,
  payload: Uint8Array,
  qos: Qos,
  publisherId = "publisher",
): Message {
  const topicBytes = encodeUtf8(topic);
  const bodyLength = 2 + topicBytes.length + (qos > 0 ? 2 : 0) + payload.length;
  const length: number[] = [];
  for (let rest = bodyLength;; rest >>>= 7) {
    length.push(rest > 0x7f ? rest & 0x7f | 0x80 : rest);
    if (rest <= 0x7f) break;
  }
  const frame = Uint8Array.from([
    0x30 | qos << 1,
    ...length,
    topicBytes.length >> 8,
    topicBytes.length & 0xff,
    ...topicBytes,
    ...(qos > 0 ? [0, 1] : []),
    ...payload,
  ]);
  const view = new PublishView();
  decodePublish(view, frame, 0, 1 + length.length, frame.length, 4);
  const publication = new Publication();
  publication.loadView(view, topic, topicBytes, publisherId, true, 0);
  return publication.own();
}

/** A message that is kept in parts. */
export function messageOf(topic: string, payload: string, more: Partial<Message> = {}): Message {
  return {
    topic,
    topicBytes: encodeUtf8(topic),
    payload: encodeUtf8(payload),
    qos: 1,
    retain: false,
    properties: new Uint8Array(0),
    expiresAtMs: Infinity,
    publisherId: "",
    ...more,
  };
}

export function deliveryOf(
  message: Message,
  more: Partial<Delivery<StoredGroup>> = {},
): Delivery<StoredGroup> {
  const { qos } = message;
  return { message, qos, retain: false, identifiers: NO_IDENTIFIERS, group: undefined, ...more };
}

/** Lends `use` a delivery whose message is a frame, and spoils it afterwards, as the next chunk would. */
export function lend<T>(
  delivery: Delivery<StoredGroup>,
  use: (lent: Delivery<StoredGroup>) => T,
): T {
  const { message } = delivery;
  if (!(message instanceof FramedMessage)) throw new Error("Cannot lend: it is no frame");
  const bytes = Uint8Array.from(message.bytes);
  const lent = { ...delivery, message: Object.assign(LentMessage.create(), message, { bytes }) };
  try {
    return use(lent);
  } finally {
    bytes.fill(0xff);
    Object.assign(lent.message, { topic: "spoilt", publisherId: "spoilt", end: message.start });
    Object.assign(lent, { qos: 0, retain: true, identifiers: [99], group: undefined });
  }
}

/** What a message says, in a form that can be compared whatever it is kept in. */
export function contentOf(message: Message): unknown {
  const { topic, qos, retain, expiresAtMs, publisherId } = message;
  return {
    topic,
    topicBytes: [...message.topicBytes],
    payload: [...message.payload],
    qos,
    retain,
    properties: [...message.properties],
    expiresAtMs,
    publisherId,
    isFramed: "packetIdAt" in message,
  };
}
