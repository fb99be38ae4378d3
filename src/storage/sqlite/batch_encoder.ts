import { encodeUtf8 } from "../../mqtt/mod.ts";
import type { DelayedKey, DelayedMessage } from "../../ports/mod.ts";
import type { Message } from "../../session/mod.ts";
import { ByteSink } from "../codec/byte_sink.ts";
import { writeDelayed } from "../codec/delayed_body.ts";
import { type StoredExchange, writeExchange } from "../codec/exchange_body.ts";
import { writeMessage } from "../codec/message_body.ts";
import { writeSession, writeSubscription } from "../codec/session_body.ts";
import { Operation } from "./batch_format.ts";
import type { ChangeBatch, SessionChanges } from "./change_batch.ts";
import { beginNamedBody, beginSizedBody, endSizedBody, putQueued } from "./operation_body.ts";

/** Nothing is ever written to it. */
const NO_SINK = new ByteSink(() => new ArrayBuffer(0));

/** Turns a batch into the operations of `batch_format.ts`, in its memory, which the writer sees, too. */
export class BatchEncoder {
  /** Of the batch that is encoded. */
  #sink: ByteSink = NO_SINK;
  #nextMessageId: number;
  /** Identifiers of the messages of this batch that several sessions share. */
  #messageIds = new Map<Message, number>();

  constructor(nextMessageId: number) {
    this.#nextMessageId = nextMessageId;
  }

  /** Returns the length in bytes; 0: nothing is left to be written. */
  encode(batch: ChangeBatch): number {
    const { sink } = batch.memory;
    this.#sink = sink;
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
      for (let index = 0; index < pushed.length; index++) {
        const delivery = pushed.at(index);
        if (typeof delivery !== "object" || !shared.has(delivery.message)) continue;
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
      const at = beginSizedBody(sink);
      writeMessage(sink, message);
      endSizedBody(sink, at);
    }
  }

  #putSession(session: SessionChanges): void {
    const { key, record } = session;
    const sink = this.#sink;
    if (record !== undefined) {
      sink.word(Operation.putSession);
      sink.word(key);
      const at = beginNamedBody(sink, encodeUtf8(record.clientId));
      writeSession(sink, record);
      endSizedBody(sink, at);
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
      const at = beginNamedBody(sink, encodeUtf8(filter));
      writeSubscription(sink, subscription);
      endSizedBody(sink, at);
    }
  }

  /** As it is now, which is after all that is noted in the batch. */
  #putExchange(key: number, exchange: StoredExchange): void {
    const sink = this.#sink;
    sink.word(Operation.putExchange);
    sink.word(key);
    const at = beginSizedBody(sink);
    writeExchange(sink, exchange);
    endSizedBody(sink, at);
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
      const delivery = pushed.at(index);
      if (typeof delivery !== "object") continue;
      putQueued(sink, key, firstSeq + index, delivery, this.#messageIds.get(delivery.message) ?? 0);
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
    const at = beginNamedBody(sink, message.topicBytes);
    writeMessage(sink, message);
    endSizedBody(sink, at);
  }

  #putDelayed(key: DelayedKey, delayed: DelayedMessage | undefined): void {
    const sink = this.#sink;
    sink.word(delayed === undefined ? Operation.removeDelayed : Operation.putDelayed);
    sink.wideWord(key);
    if (delayed === undefined) return;
    const at = beginSizedBody(sink);
    writeDelayed(sink, delayed);
    endSizedBody(sink, at);
  }

  /** Length and text. */
  #name(text: string): void {
    const sink = this.#sink;
    const bytes = encodeUtf8(text);
    sink.word(bytes.length);
    sink.raw(bytes, 0, bytes.length);
    sink.align();
  }
}
