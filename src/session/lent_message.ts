import type { ProtocolVersion, Qos } from "../mqtt/mod.ts";
import { copyBeside, copyOut, SLAB_COPY_MAX } from "../runtime/mod.ts";
import { type Delivery, FramedMessage, NO_BYTES } from "./message.ts";
import type { MessageOrigin } from "./message_origin.ts";

/**
 * A message in a frame that is somebody else's: good until the call that it is given to returns, for then the same
 * object shows another. A message that goes to the disk, and that nobody holds in memory, so leaves no object behind:
 * at full speed these are what the garbage collector runs for.
 */
export class LentMessage extends FramedMessage {
  declare topic: string;
  declare topicBytes: Uint8Array;
  declare qos: Qos;
  declare retain: boolean;
  declare publisherId: string;
  declare origin?: MessageOrigin | undefined;
  declare version: ProtocolVersion;
  declare bytes: Uint8Array;
  declare start: number;
  declare end: number;
  declare packetIdAt: number;
  declare propertiesStart: number;
  declare propertiesEnd: number;
  declare payloadStart: number;

  /** For whoever lends messages: shows none so far. */
  static create(): LentMessage {
    return new LentMessage({
      topic: "",
      topicBytes: NO_BYTES,
      qos: 0,
      retain: false,
      publisherId: "",
      version: 4,
      bytes: NO_BYTES,
      start: 0,
      end: 0,
      packetIdAt: -1,
      propertiesStart: 0,
      propertiesEnd: 0,
      payloadStart: 0,
    });
  }

  /** The same message for good, with bytes of its own. */
  own(): FramedMessage {
    const { start, end, length } = this;
    if (length > SLAB_COPY_MAX) return this.#at(copyOut(this.bytes, start, end), 0);
    const { bytes, at } = copyBeside(this.bytes, start, end);
    return this.#at(bytes, at);
  }

  #at(bytes: Uint8Array, start: number): FramedMessage {
    const { topic, topicBytes, qos, retain, publisherId, origin, version } = this;
    const { packetIdAt, propertiesStart, propertiesEnd, payloadStart } = this;
    return new FramedMessage({
      topic,
      topicBytes,
      qos,
      retain,
      publisherId,
      origin,
      version,
      bytes,
      start,
      end: start + this.length,
      packetIdAt,
      propertiesStart,
      propertiesEnd,
      payloadStart,
    });
  }
}

/** One that may be kept: a lent message is copied. */
export function ownDelivery<Group extends object>(delivery: Delivery<Group>): Delivery<Group> {
  const { message } = delivery;
  return message instanceof LentMessage ? { ...delivery, message: message.own() } : delivery;
}
