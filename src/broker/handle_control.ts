import { type ControlPacket, PINGRESP_BYTES, ProtocolError, ReasonCode } from "../mqtt/mod.ts";
import type { ClientConnection } from "./client_connection.ts";
import { handleDisconnect } from "./handle_disconnect.ts";
import { handleSubscribe } from "./handle_subscribe.ts";
import { handleUnsubscribe } from "./handle_unsubscribe.ts";

/** A packet of a connected client that is neither a PUBLISH nor one of its acknowledgements. */
export function handleControl(from: ClientConnection, packet: ControlPacket): void {
  switch (packet.type) {
    case "pingreq":
      from.out.sendBytes(PINGRESP_BYTES, 0, PINGRESP_BYTES.length); // [MQTT-3.12.4-1]
      return;
    case "subscribe":
      handleSubscribe(from, packet);
      return;
    case "unsubscribe":
      handleUnsubscribe(from, packet);
      return;
    case "disconnect":
      handleDisconnect(from, packet);
      return;
    case "connect":
      // [MQTT-3.1.0-2]
      throw new ProtocolError(ReasonCode.protocolError, "Cannot accept a second CONNECT");
    case "auth":
      if (from.auth === undefined) {
        // No method was agreed on in CONNECT, so none can be continued [MQTT-4.12.0-7].
        throw new ProtocolError(
          ReasonCode.protocolError,
          "Cannot accept AUTH: no authentication method was agreed on",
        );
      }
      from.auth.onPacket(packet);
      return;
    case "connack":
    case "suback":
    case "unsuback":
    case "pingresp":
      throw new ProtocolError(
        ReasonCode.protocolError,
        `Cannot accept ${packet.type.toUpperCase()}: only a server sends it`,
      );
  }
}
