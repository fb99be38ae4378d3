import type { StoredGroup } from "../../ports/mod.ts";
import type { Delivery } from "../../session/mod.ts";
import { openUnsealedBody } from "../codec/body.ts";
import { ByteSink } from "../codec/byte_sink.ts";
import { readGrant, readMessage } from "../codec/message_body.ts";
import { Operation } from "./batch_format.ts";
import {
  putQueued,
  QUEUED_BODY_AT,
  QUEUED_BODY_LENGTH_AT,
  QUEUED_MESSAGE_BYTES_AT,
} from "./operation_body.ts";

/** Memory beyond this is given back after a batch that needed it. */
const MEMORY_KEPT_BYTES = 8 * 1024 * 1024;

/**
 * The memory of one batch, shared with the writer. It begins with the messages that were only lent: they are written down when they
 * come, as the writer wants them, so that no object is made for each. The rest of the batch follows when it is sealed.
 */
export class BatchMemory {
  readonly sink = new ByteSink((bytes) => new SharedArrayBuffer(bytes));
  /** Messages in it that are still wanted. */
  #count = 0;

  /** Begins anew. */
  begin(): void {
    this.sink.reset(MEMORY_KEPT_BYTES);
    this.#count = 0;
  }

  /** Writes down the message; returns where. */
  put(key: number, seq: number, delivery: Delivery<StoredGroup>): number {
    const at = this.sink.length;
    putQueued(this.sink, key, seq, delivery, 0);
    this.#count++;
    return at;
  }

  /** `messageBytes` of the message at `at`. */
  messageBytes(at: number): number {
    return this.sink.wordAt(at + QUEUED_MESSAGE_BYTES_AT);
  }

  /** The message at `at` will not be stored. */
  forget(at: number): void {
    this.sink.setWord(at, Operation.forgotten);
    this.#count--;
    // Nobody knows a place in it any more.
    if (this.#count === 0) this.sink.length = 0;
  }

  /** A copy of the message at `at`. */
  read(at: number): Delivery<StoredGroup> {
    const { sink } = this;
    const start = at + QUEUED_BODY_AT;
    const length = sink.wordAt(at + QUEUED_BODY_LENGTH_AT);
    const body = new Uint8Array(length);
    body.set(sink.bytes.subarray(start, start + length));
    const source = openUnsealedBody(body);
    const { qos, retain, identifiers, group } = readGrant(source);
    return { message: readMessage(source), qos, retain, identifiers, group };
  }
}
