import { type DisconnectPacket, ProtocolError, ReasonCode } from "../mqtt/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import type { ClientSession } from "./client_session.ts";

/** The client leaves. Only a normal DISCONNECT takes its will back [MQTT-3.1.2-8] [MQTT-3.14.4-3]. */
export function handleDisconnect(from: ClientConnection, packet: DisconnectPacket): void {
  const session = from.session as ClientSession;
  if (packet.sessionExpiryS !== undefined) changeExpiry(from, session, packet.sessionExpiryS);
  if (packet.reasonCode === ReasonCode.success) session.will = undefined;
  from.closeReason ??= "normal";
  from.close();
}

function changeExpiry(from: ClientConnection, session: ClientSession, requestedS: number): void {
  if (session.expiryS === 0 && requestedS > 0) { // [MQTT-3.14.2-2]
    throw new ProtocolError(
      ReasonCode.protocolError,
      `Cannot change session expiry to ${requestedS}: it was 0 in CONNECT`,
    );
  }
  session.expiryS = Math.min(requestedS, from.core.options.maxSessionExpiryS);
}
