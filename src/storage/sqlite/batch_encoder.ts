import { encodeUtf8 } from "../../mqtt/mod.ts";
import type { DelayedKey, DelayedMessage } from "../../ports/mod.ts";
import { type Message, messageBytes } from "../../session/mod.ts";
import { beginBody } from "../codec/body.ts";
import { ByteSink } from "../codec/byte_sink.ts";
import { writeDelayed } from "../codec/delayed_body.ts";
import { type StoredExchange, writeExchange } from "../codec/exchange_body.ts";
import { writeGrant, writeMessage } from "../codec/message_body.ts";
import { writeSession, writeSubscription } from "../codec/session_body.ts";
import { Operation } from "./batch_format.ts";
import type { ChangeBatch, SessionChanges } from "./change_batch.ts";

/** Memory beyond this is given back after a batch that needed it. */
const MEMORY_KEPT_BYTES = 8 * 1024 * 1024;

/** Turns a batch into the operations of `batch_format.ts`, in memory that the writer sees, too. */
export class BatchEncoder {
  readonly #sink = new ByteSink((bytes) => new SharedArrayBuffer(bytes));
  #nextMessageId: number;
  /** Identifiers of the messages of this batch that several sessions share. */
  #messageIds = new Map<Message, number>();

  constructor(nextMessageId: number) {
    this.#nextMessageId = nextMessageId;
  }

  get memory(): ArrayBufferLike {
    return this.#sink.bytes.buffer;
  }

  /** Bytes of the last batch. */
  get length(): number {
    return this.#sink.length;
  }

  /** Returns the length in bytes; 0: nothing is left to be written. */
  encode(batch: ChangeBatch): number {
    const sink = this.#sink;
    sink.reset(MEMORY_KEPT_BYTES);
    this.#messageIds.clear();
    // First what makes room: a client identifier may have a new session in the batch that ends its old one.
    for (const session of batch.sessions) {
      if (session.isRemoved && !session.isNew) {
        sink.word(Operation.removeSession);
        sink.word(session.key);
      }
    }
    if (batch.shared !== undefined) this.#putSharedMessages(batch, batch.shared);
    for (const session of batch.sessions) if (!session.isRemoved) this.#putSession(session);
    for (const [topic, message] of batch.retained) this.#putRetained(topic, message);
    for (const [key, delayed] of batch.delayed) this.#putDelayed(key, delayed);
    return sink.length;
  }

  /** What two or more sessions wait for is written once, by itself. */
  #putSharedMessages(batch: ChangeBatch, shared: ReadonlySet<Message>): void {
    const refs = new Map<Message, number>();
    for (const { pushed } of batch.sessions) {
      for (const delivery of pushed) {
        if (delivery === undefined || !shared.has(delivery.message)) continue;
        refs.set(delivery.message, (refs.get(delivery.message) ?? 0) + 1);
      }
    }
    for (const [message, count] of refs) {
      if (count < 2) continue;
      const id = this.#nextMessageId++;
      this.#messageIds.set(message, id);
      const sink = this.#sink;
      sink.word(Operation.putMessage);
      sink.wideWord(id);
      sink.word(count);
      const at = this.#beginSizedBody();
      writeMessage(sink, message);
      this.#endSizedBody(at);
    }
  }

  #putSession(session: SessionChanges): void {
    const { key, record } = session;
    const sink = this.#sink;
    if (record !== undefined) {
      sink.word(Operation.putSession);
      sink.word(key);
      const at = this.#beginNamedBody(encodeUtf8(record.clientId));
      writeSession(sink, record);
      this.#endSizedBody(at);
    }
    if (session.subscriptions !== undefined) this.#putSubscriptions(session);
    if (session.received !== undefined) {
      for (const [packetId, isThere] of session.received) {
        sink.word(isThere ? Operation.addReceived : Operation.removeReceived);
        sink.word(key);
        sink.word(packetId);
      }
    }
    if (session.exchange !== undefined) this.#putExchange(key, session.exchange);
    this.#putOlder(session);
    if (session.pushed.length > 0) this.#putPushed(session);
  }

  #putSubscriptions({ key, subscriptions }: SessionChanges): void {
    const sink = this.#sink;
    for (const [filter, subscription] of subscriptions ?? []) {
      if (subscription === undefined) {
        sink.word(Operation.removeSubscription);
        sink.word(key);
        this.#name(filter);
        continue;
      }
      sink.word(Operation.putSubscription);
      sink.word(key);
      const at = this.#beginNamedBody(encodeUtf8(filter));
      writeSubscription(sink, subscription);
      this.#endSizedBody(at);
    }
  }

  /** As it is now, which is after all that is noted in the batch. */
  #putExchange(key: number, exchange: StoredExchange): void {
    const sink = this.#sink;
    sink.word(Operation.putExchange);
    sink.word(key);
    const at = this.#beginSizedBody();
    writeExchange(sink, exchange);
    this.#endSizedBody(at);
  }

  /** What became of messages of earlier batches. */
  #putOlder({ key, removed, olderInflight }: SessionChanges): void {
    const sink = this.#sink;
    for (let index = 0; index < removed.length; index += 2) {
      sink.word(Operation.removeQueued);
      sink.word(key);
      sink.wideWord(removed[index] as number);
      sink.wideWord(removed[index + 1] as number);
    }
    if (olderInflight === undefined) return;
    for (const [seq, packed] of olderInflight) this.#putInflight(key, seq, packed);
  }

  #putPushed(session: SessionChanges): void {
    const { key, firstSeq, pushed, pushedInflight } = session;
    const sink = this.#sink;
    for (let index = 0; index < pushed.length; index++) {
      const packed = pushedInflight?.[index] ?? 0;
      if (packed !== 0) this.#putInflight(key, firstSeq + index, packed);
      const delivery = pushed[index];
      if (delivery === undefined) continue;
      const { message } = delivery;
      const id = this.#messageIds.get(message) ?? 0;
      sink.word(Operation.pushQueued);
      sink.word(key);
      sink.wideWord(firstSeq + index);
      sink.word(messageBytes(message));
      sink.wideWord(id);
      const at = this.#beginSizedBody();
      writeGrant(sink, delivery);
      if (id === 0) writeMessage(sink, message);
      this.#endSizedBody(at);
    }
  }

  #putInflight(key: number, seq: number, packed: number): void {
    const sink = this.#sink;
    sink.word(Operation.setInflight);
    sink.word(key);
    sink.wideWord(seq);
    sink.word(packed);
  }

  #putRetained(topic: string, message: Message | undefined): void {
    const sink = this.#sink;
    if (message === undefined) {
      sink.word(Operation.removeRetained);
      this.#name(topic);
      return;
    }
    sink.word(Operation.putRetained);
    const at = this.#beginNamedBody(message.topicBytes);
    writeMessage(sink, message);
    this.#endSizedBody(at);
  }

  #putDelayed(key: DelayedKey, delayed: DelayedMessage | undefined): void {
    const sink = this.#sink;
    sink.word(delayed === undefined ? Operation.removeDelayed : Operation.putDelayed);
    sink.wideWord(key);
    if (delayed === undefined) return;
    const at = this.#beginSizedBody();
    writeDelayed(sink, delayed);
    this.#endSizedBody(at);
  }

  /** Length and text. */
  #name(text: string): void {
    const sink = this.#sink;
    const bytes = encodeUtf8(text);
    sink.word(bytes.length);
    sink.raw(bytes, 0, bytes.length);
    sink.align();
  }

  /** Length of a text, room for that of a body, the text; the body begins. Returns where the room is. */
  #beginNamedBody(bytes: Uint8Array): number {
    const sink = this.#sink;
    sink.word(bytes.length);
    const at = sink.length;
    sink.word(bytes.length);
    sink.raw(bytes, 0, bytes.length);
    sink.align();
    beginBody(sink);
    return at;
  }

  #beginSizedBody(): number {
    const sink = this.#sink;
    const at = sink.length;
    sink.word(0);
    beginBody(sink);
    return at;
  }

  /** Fills in the length, now that it is known. */
  #endSizedBody(at: number): void {
    const sink = this.#sink;
    const nameLength = sink.wordAt(at);
    sink.setWord(at, sink.length - at - 4 - (nameLength + 3 & ~3));
    sink.align();
  }
}
