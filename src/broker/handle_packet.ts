import { decodeControlPacket, PacketType } from "../mqtt/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import { handleAck } from "./handle_ack.ts";
import { handleControl } from "./handle_control.ts";
import { handlePublish } from "./handle_publish.ts";

/** One whole packet of a connected client, to its handler. `isOwned`: its bytes are in a buffer of their own. */
export function handlePacket(
  from: ClientConnection,
  bytes: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  isOwned: boolean,
): void {
  const type = (bytes[start] as number) >> 4;
  if (type === PacketType.publish) {
    handlePublish(from, bytes, start, bodyStart, end, isOwned);
    return;
  }
  const { core, traffic } = from;
  core.runs.deliver();
  traffic.count(core.counters, type, 1);
  switch (type) {
    case PacketType.puback:
    case PacketType.pubrec:
    case PacketType.pubrel:
    case PacketType.pubcomp:
      handleAck(from, type, bytes, start, bodyStart, end);
      return;
    default:
      handleControl(from, decodeControlPacket(bytes, start, bodyStart, end, from.version));
  }
}
