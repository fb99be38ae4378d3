import type { DelayedMessage } from "../../ports/mod.ts";
import type { ByteSink } from "./byte_sink.ts";
import type { ByteSource } from "./byte_source.ts";
import { readMessage, writeMessage } from "./message_body.ts";

const USERNAME_BIT = 0b1;

/** A delayed message, to the end of the body. */
export function writeDelayed(
  sink: ByteSink,
  { dueAtMs, username, message }: DelayedMessage,
): void {
  sink.reserve(1);
  sink.byte(username === undefined ? 0 : USERNAME_BIT);
  sink.float(dueAtMs);
  if (username !== undefined) sink.text(username);
  writeMessage(sink, message);
}

/** What `writeDelayed` wrote; it holds on to the bytes that it was read from. */
export function readDelayed(source: ByteSource): DelayedMessage {
  const flags = source.byte();
  const dueAtMs = source.float();
  const username = (flags & USERNAME_BIT) === 0 ? undefined : source.text();
  return { dueAtMs, username, message: readMessage(source) };
}
