import type { ProtocolVersion, Qos } from "../mqtt/mod.ts";
import type { MessageOrigin } from "./message_origin.ts";

/**
 * An application message at rest: retained, queued, in flight or made to wait. It owns its bytes, they are
 * never written again, and however many sessions wait for it share this one object.
 */
export interface Message {
  readonly topic: string;
  /** UTF-8 of `topic`. */
  readonly topicBytes: Uint8Array;
  readonly payload: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  /** Encoded 5.0 properties that travel with the message: all but alias, expiry and subscription identifiers. */
  readonly properties: Uint8Array;
  /** Wall clock at which the message expires, in milliseconds; `Infinity`: never. */
  readonly expiresAtMs: number;
  /** Client identifier of the publisher; empty for the broker itself. */
  readonly publisherId: string;
  /** Left out where nobody wanted to hear of messages when it came; not kept on disk. */
  readonly origin?: MessageOrigin | undefined;
}

/** What `FramedMessage` is made of: a whole PUBLISH, and where things are in it. */
export interface FramedMessageParts {
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly publisherId: string;
  readonly origin?: MessageOrigin | undefined;
  readonly version: ProtocolVersion;
  /** The frame is `bytes[start..end)`; its packet identifier has no meaning. Others may lie beside it. */
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  /** These four are from `start`; -1 at QoS 0. */
  readonly packetIdAt: number;
  readonly propertiesStart: number;
  readonly propertiesEnd: number;
  readonly payloadStart: number;
}

/**
 * A message that is kept as the PUBLISH that it came in, because most receivers get just that: sending it later
 * then costs no more than sending it at once. Only for frames without alias and expiry, whose bytes stay true.
 */
export class FramedMessage implements Message {
  readonly topic: string;
  readonly topicBytes: Uint8Array;
  readonly qos: Qos;
  readonly retain: boolean;
  readonly publisherId: string;
  declare readonly origin?: MessageOrigin | undefined;
  readonly expiresAtMs = Infinity;
  readonly version: ProtocolVersion;
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly end: number;
  readonly packetIdAt: number;
  readonly propertiesStart: number;
  readonly propertiesEnd: number;
  readonly payloadStart: number;

  constructor(parts: FramedMessageParts) {
    this.topic = parts.topic;
    this.topicBytes = parts.topicBytes;
    this.qos = parts.qos;
    this.retain = parts.retain;
    this.publisherId = parts.publisherId;
    if (parts.origin !== undefined) this.origin = parts.origin;
    this.version = parts.version;
    this.bytes = parts.bytes;
    this.start = parts.start;
    this.end = parts.end;
    this.packetIdAt = parts.packetIdAt;
    this.propertiesStart = parts.propertiesStart;
    this.propertiesEnd = parts.propertiesEnd;
    this.payloadStart = parts.payloadStart;
  }

  /** Of the whole frame, in bytes. */
  get length(): number {
    return this.end - this.start;
  }

  get payload(): Uint8Array {
    return this.bytes.subarray(this.start + this.payloadStart, this.end);
  }

  get properties(): Uint8Array {
    const { start } = this;
    return this.bytes.subarray(start + this.propertiesStart, start + this.propertiesEnd);
  }
}

/** The same message with fields of its own, so that it can be spread into a changed one. */
export function plainMessage(message: Message): Message {
  const { topic, topicBytes, payload, qos, retain, properties, expiresAtMs, publisherId } = message;
  const plain = { topic, topicBytes, payload, qos, retain, properties, expiresAtMs, publisherId };
  return message.origin === undefined ? plain : { ...plain, origin: message.origin };
}

/** What of a message counts towards a limit in bytes. */
export function messageBytes(message: Message): number {
  if (message instanceof FramedMessage) return message.length;
  return message.payload.length + message.topicBytes.length + message.properties.length;
}

/** One message on its way to one session, as it was granted to it. */
export interface Delivery<Group extends object> {
  readonly message: Message;
  /** The lower of the message's QoS and the subscription's. */
  readonly qos: Qos;
  readonly retain: boolean;
  readonly identifiers: readonly number[];
  /** The shared subscription that chose this session, if one did. */
  readonly group: Group | undefined;
}

/** Nothing but the packet identifier differs from the frame of the message. */
export function isAsItCame<Group extends object>(
  { qos, retain, identifiers }: Delivery<Group>,
  message: FramedMessage,
): boolean {
  return qos === message.qos && retain === message.retain && identifiers.length === 0;
}

export const NO_BYTES: Uint8Array = new Uint8Array(0);
export const NO_IDENTIFIERS: readonly number[] = Object.freeze([]);
