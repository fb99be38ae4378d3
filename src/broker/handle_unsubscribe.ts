import { ReasonCode, type UnsubscribePacket } from "../mqtt/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";

/**
 * UNSUBSCRIBE: filters are compared as they are written [MQTT-3.10.4-1]; what waits is
 * still delivered.
 */
export function handleUnsubscribe(from: ClientConnection, packet: UnsubscribePacket): void {
  const session = from.session as ClientSession;
  const { durability } = from.core;
  durability.begin();
  const reasonCodes = packet.filters.map((written): ReasonCode => {
    const filter = from.mountpoint?.mount(written, true) ?? written;
    return from.core.subscriptions.remove(session, filter)
      ? ReasonCode.success
      : ReasonCode.noSubscriptionExisted;
  });
  const reply = (): void => {
    if (!from.isConnected) return;
    if (!from.out.send({ type: "unsuback", packetId: packet.packetId, reasonCodes })) { // [MQTT-3.10.4-4]
      from.disconnect(ReasonCode.packetTooLarge, "UNSUBACK is larger than the client takes");
    }
  };
  const stored = durability.committed(durability.end());
  if (stored === undefined) reply();
  else from.waitFor(stored.then(reply));
}
