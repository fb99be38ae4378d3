/** Stores for tests and benches, and messages to put into them. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { decodePublish, encodeUtf8, PublishView, type Qos } from "../../src/mqtt/mod.ts";
import { type Delivery, type Message, NO_IDENTIFIERS, Publication } from "../../src/session/mod.ts";
import type { SessionRecord, StoredGroup } from "../../src/ports/mod.ts";
import type { StoreTimers } from "../../src/storage/mod.ts";

/** Where a store's thread begins. */
export const STORAGE_THREAD: string = new URL("./storage_thread.ts", import.meta.url).href;

export const REAL_TIMERS: StoreTimers = {
  after: (delayMs, fn) => void setTimeout(fn, delayMs),
  defer: (fn) => void setImmediate(fn),
  nowMs: () => Date.now(),
};

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "broker-store-"));
}

export function sessionRecord(clientId: string): SessionRecord {
  return { clientId, expiryS: 3600, createdAtMs: 1, disconnectedAtMs: 0, will: undefined };
}

/** A message that is kept as the frame it came in. */
export function framedMessage(topic: string, payload: Uint8Array, qos: Qos): Message {
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
    topicBytes.length,
    ...topicBytes,
    ...(qos > 0 ? [0, 1] : []),
    ...payload,
  ]);
  const view = new PublishView();
  decodePublish(view, frame, 0, 1 + length.length, frame.length, 4);
  const publication = new Publication();
  publication.loadView(view, topic, topicBytes, "publisher", true, 0);
  return publication.own();
}

export function deliveryOf(message: Message): Delivery<StoredGroup> {
  const { qos } = message;
  return { message, qos, retain: false, identifiers: NO_IDENTIFIERS, group: undefined };
}
