import type { Qos } from "../mqtt/mod.ts";

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
}

/** What of a message counts towards a limit in bytes. */
export function messageBytes(message: Message): number {
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

export const NO_BYTES: Uint8Array = new Uint8Array(0);
export const NO_IDENTIFIERS: readonly number[] = Object.freeze([]);
