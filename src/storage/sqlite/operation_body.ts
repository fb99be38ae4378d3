import type { StoredGroup } from "../../ports/mod.ts";
import { type Delivery, messageBytes } from "../../session/mod.ts";
import { beginBody } from "../codec/body.ts";
import type { ByteSink } from "../codec/byte_sink.ts";
import { writeGrant, writeMessage } from "../codec/message_body.ts";
import { Operation } from "./batch_format.ts";

/** Room for the length of a body, which begins. Returns where the room is. */
export function beginSizedBody(sink: ByteSink): number {
  const at = sink.length;
  sink.word(0);
  beginBody(sink);
  return at;
}

/** Length of a text, room for that of a body, the text; the body begins. Returns where the room is. */
export function beginNamedBody(sink: ByteSink, text: Uint8Array): number {
  sink.word(text.length);
  const at = sink.length;
  sink.word(text.length);
  sink.raw(text, 0, text.length);
  sink.align();
  beginBody(sink);
  return at;
}

/** Fills in the length, now that it is known. */
export function endSizedBody(sink: ByteSink, at: number): void {
  const nameLength = sink.wordAt(at);
  sink.setWord(at, sink.length - at - 4 - (nameLength + 3 & ~3));
  sink.align();
}

/** Of "pushQueued", in bytes from its beginning. */
export const QUEUED_MESSAGE_BYTES_AT = 16;
export const QUEUED_BODY_LENGTH_AT = 28;
export const QUEUED_BODY_AT = 32;

/** `messageId`: of a message that is written by itself; 0: it is part of the body. */
export function putQueued(
  sink: ByteSink,
  key: number,
  seq: number,
  delivery: Delivery<StoredGroup>,
  messageId: number,
): void {
  const { message } = delivery;
  sink.word(Operation.pushQueued);
  sink.word(key);
  sink.wideWord(seq);
  sink.word(messageBytes(message));
  sink.wideWord(messageId);
  const at = beginSizedBody(sink);
  writeGrant(sink, delivery);
  if (messageId === 0) writeMessage(sink, message);
  endSizedBody(sink, at);
}
