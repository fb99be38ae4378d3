import { type ControlPacket, PacketType, type ProtocolVersion } from "./packet.ts";
import { packetOf } from "./packet_writer.ts";
import { encodeConnack, encodeSuback, encodeUnsuback } from "./reply_encoder.ts";
import {
  encodeAuth,
  encodeConnect,
  encodeDisconnect,
  encodeSubscribe,
  encodeUnsubscribe,
} from "./request_encoder.ts";

/**
 * Encodes a packet for a connection of `version` in bytes of its own. What the version does not know
 * is left out, and reason codes become the nearest that it has. Given `maximumPacketSize`, a packet
 * that would be longer loses its reason string, then its user properties [MQTT-3.2.2-19]
 * [MQTT-3.2.2-20]; if it is still too long it must not be sent, so ask for its length. Throws
 * PacketEncodeError for a string, number or combination that the wire cannot carry.
 */
export function encodeControlPacket(
  packet: ControlPacket,
  version: ProtocolVersion,
  maximumPacketSize = Infinity,
): Uint8Array {
  let bytes = encode(packet, version);
  if (bytes.length <= maximumPacketSize || version !== 5) return bytes;
  if ("reasonString" in packet && packet.reasonString !== undefined) {
    const shorter = { ...packet, reasonString: undefined };
    bytes = encode(shorter, version);
    if (bytes.length <= maximumPacketSize) return bytes;
    return encode({ ...shorter, userProperties: [] }, version);
  }
  return "userProperties" in packet ? encode({ ...packet, userProperties: [] }, version) : bytes;
}

function encode(packet: ControlPacket, version: ProtocolVersion): Uint8Array {
  switch (packet.type) {
    case "connack":
      return encodeConnack(packet, version);
    case "suback":
      return encodeSuback(packet, version);
    case "unsuback":
      return encodeUnsuback(packet, version);
    case "pingreq":
      return packetOf(PacketType.pingreq, 0);
    case "pingresp":
      return packetOf(PacketType.pingresp, 0);
    case "connect":
      return encodeConnect(packet, version);
    case "subscribe":
      return encodeSubscribe(packet, version);
    case "unsubscribe":
      return encodeUnsubscribe(packet, version);
    case "disconnect":
      return encodeDisconnect(packet, version);
    case "auth":
      return encodeAuth(packet, version);
  }
}
