import {
  type Qos,
  subscriptionIdentifierSize,
  writeMessageExpiry,
  writeSubscriptionIdentifier,
  writeTopicAlias,
} from "../mqtt/mod.ts";
import { NO_BYTES, type Publication, type PublishFrame } from "../session/mod.ts";
import type { ClientOutlet } from "./client_outlet.ts";

const EXPIRY_BYTES = 5;
const ALIAS_BYTES = 3;

/**
 * Encodes a PUBLISH that only this receiver gets so: sent again, with its subscription identifiers, or with a
 * topic alias. The frame is valid until the next call.
 */
export function encodeOwnFrame(
  outlet: ClientOutlet,
  publication: Publication,
  qos: Qos,
  retain: boolean,
  dup: boolean,
  identifiers: readonly number[],
): PublishFrame {
  const { scratch } = outlet.core;
  const { frame } = scratch;
  const { mountpointLength } = outlet;
  let { topicBytes } = publication;
  if (mountpointLength > 0) topicBytes = topicBytes.subarray(mountpointLength);
  let length = 0;
  if (outlet.version === 5) {
    scratch.extra = withRoomFor(scratch.extra, identifiers);
    const { extra } = scratch;
    if (publication.expiryS >= 0) length = writeMessageExpiry(extra, 0, publication.expiryS); // [MQTT-3.3.2-6]
    for (const identifier of identifiers) {
      length = writeSubscriptionIdentifier(extra, length, identifier); // [MQTT-3.3.4-4]
    }
    const aliases = outlet.aliases;
    if (aliases !== undefined) {
      const known = aliases.known(publication.topic);
      if (known > 0) topicBytes = NO_BYTES;
      const alias = known > 0 ? known : aliases.next;
      if (alias > 0) length = writeTopicAlias(extra, length, alias);
      publication.encode(frame, 5, qos, retain, dup, topicBytes, extra, length);
      // Only what really goes out teaches the client the alias.
      if (known === 0 && alias > 0 && frame.length <= outlet.maximumPacketSize) {
        aliases.assign(publication.topic);
      }
      return frame;
    }
  }
  publication.encode(
    frame,
    outlet.version,
    qos,
    retain,
    dup,
    topicBytes,
    scratch.extra,
    length,
  );
  return frame;
}

function withRoomFor(extra: Uint8Array, identifiers: readonly number[]): Uint8Array {
  let size = EXPIRY_BYTES + ALIAS_BYTES;
  for (const identifier of identifiers) size += subscriptionIdentifierSize(identifier);
  return size <= extra.length ? extra : new Uint8Array(size * 2);
}
