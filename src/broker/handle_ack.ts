import {
  type AckType,
  decodeAck,
  findPubackRunEnd,
  PacketType,
  ReasonCode,
  SHORT_ACK_BYTES,
} from "../mqtt/mod.ts";
import { NO_BYTES } from "../session/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";

/** PUBACK, PUBREC, PUBREL and PUBCOMP. One that answers nothing of ours is harmless and passed over. */
export function handleAck(
  from: ClientConnection,
  type: AckType,
  bytes: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
): void {
  const { ack } = from.core.scratch;
  decodeAck(ack, bytes, start, bodyStart, end, from.version);
  const session = from.session as ClientSession;
  const { packetId } = ack;
  const { counters } = from.core;
  switch (type) {
    case PacketType.puback:
      if (!session.acknowledge(packetId)) counters.pubackMissed++;
      return;
    case PacketType.pubrec:
      if (!session.received(packetId, ack.reasonCode)) counters.pubrecMissed++; // [MQTT-4.3.3-4]
      return;
    case PacketType.pubcomp:
      if (!session.complete(packetId)) counters.pubcompMissed++;
      return;
    case PacketType.pubrel: {
      const { durability } = from.core;
      durability.begin();
      const isKnown = session.forgetReceived(packetId);
      if (!isKnown) counters.pubrelMissed++;
      const reasonCode = isKnown ? ReasonCode.success : ReasonCode.packetIdentifierNotFound;
      // Were the identifier to come back after a crash, a new message under it would pass for an old one.
      from.acknowledge(PacketType.pubcomp, packetId, reasonCode, durability.end()); // [MQTT-4.3.3-11]
    }
  }
}

/**
 * Subscribers that take many messages send their PUBACKs many at a time, and nothing else: these need no packet made
 * of each. Takes those that `chunk` begins with, and returns the rest of it.
 */
export function takePubackRun(from: ClientConnection, chunk: Uint8Array): Uint8Array {
  const end = findPubackRunEnd(chunk, 0);
  const packets = end / SHORT_ACK_BYTES;
  const { counters } = from.core;
  from.traffic.count(counters, PacketType.puback, packets);
  from.spend(packets);
  counters.pubackMissed += packets - (from.session?.acknowledgeRun(chunk, 0, end) ?? 0);
  return end === chunk.length ? NO_BYTES : chunk.subarray(end);
}
