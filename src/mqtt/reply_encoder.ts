import {
  type ConnackPacket,
  PacketType,
  type ProtocolVersion,
  type SubackPacket,
  type UnsubackPacket,
} from "./packet.ts";
import { checkNumber, packetOf, PacketWriter } from "./packet_writer.ts";
import * as id from "./property_id.ts";
import { PacketEncodeError } from "./protocol_error.ts";
import { ReasonCode, toConnectReturnCode } from "./reason_code.ts";

const NO_CODES: readonly number[] = [];

const writer = new PacketWriter();

/** Encodes a CONNACK in bytes of its own; see `encodeControlPacket`. */
export function encodeConnack(packet: ConnackPacket, version: ProtocolVersion): Uint8Array {
  // 3.1 has no session present flag: its byte is reserved.
  const flags = packet.sessionPresent && version !== 3 ? 1 : 0;
  if (version !== 5) return encodeOldConnack(flags, packet.reasonCode);
  writer.clear();
  writer.uint32Property(id.SESSION_EXPIRY_INTERVAL, packet.sessionExpiryS, "session expiry");
  writer.uint16Property(id.RECEIVE_MAXIMUM, packet.receiveMaximum, "receive maximum");
  writer.byteProperty(id.MAXIMUM_QOS, packet.maximumQos);
  writer.booleanProperty(id.RETAIN_AVAILABLE, packet.retainAvailable);
  writer.uint32Property(id.MAXIMUM_PACKET_SIZE, packet.maximumPacketSize, "maximum packet size");
  writer.textProperty(
    id.ASSIGNED_CLIENT_IDENTIFIER,
    packet.assignedClientId,
    "assigned client identifier",
  );
  writer.uint16Property(id.TOPIC_ALIAS_MAXIMUM, packet.topicAliasMaximum, "topic alias maximum");
  writer.textProperty(id.REASON_STRING, packet.reasonString, "reason string");
  writer.booleanProperty(id.WILDCARD_SUBSCRIPTION_AVAILABLE, packet.wildcardSubscriptionAvailable);
  writer.booleanProperty(
    id.SUBSCRIPTION_IDENTIFIERS_AVAILABLE,
    packet.subscriptionIdentifiersAvailable,
  );
  writer.booleanProperty(id.SHARED_SUBSCRIPTION_AVAILABLE, packet.sharedSubscriptionAvailable);
  writer.uint16Property(id.SERVER_KEEP_ALIVE, packet.serverKeepAliveS, "server keep alive");
  writer.textProperty(id.RESPONSE_INFORMATION, packet.responseInformation, "response information");
  writer.textProperty(id.SERVER_REFERENCE, packet.serverReference, "server reference");
  writer.textProperty(
    id.AUTHENTICATION_METHOD,
    packet.authenticationMethod,
    "authentication method",
  );
  writer.binaryProperty(id.AUTHENTICATION_DATA, packet.authenticationData, "authentication data");
  writer.userProperties(packet.userProperties);
  return writer.takePacket(PacketType.connack, flags, packet.reasonCode, NO_CODES);
}

/** Encodes a SUBACK in bytes of its own; see `encodeControlPacket`. */
export function encodeSuback(packet: SubackPacket, version: ProtocolVersion): Uint8Array {
  const { packetId, reasonCodes } = packet;
  checkNumber(packetId, 0xffff, "suback with packet identifier");
  if (reasonCodes.length === 0) throw noCodes(packet.type);
  if (version === 5) return encodeReasons(PacketType.suback, packet);
  const bytes = bareReply(PacketType.suback, packetId, reasonCodes.length);
  let at = bytes.length - reasonCodes.length;
  // 3.1.1 knows one failure only [MQTT-3.9.3-2].
  for (const code of reasonCodes) bytes[at++] = Math.min(code, ReasonCode.unspecifiedError);
  return bytes;
}

/** Encodes an UNSUBACK, which has no codes before 5.0, in bytes of its own. */
export function encodeUnsuback(packet: UnsubackPacket, version: ProtocolVersion): Uint8Array {
  checkNumber(packet.packetId, 0xffff, "unsuback with packet identifier");
  if (version !== 5) return bareReply(PacketType.unsuback, packet.packetId, 0);
  if (packet.reasonCodes.length === 0) throw noCodes(packet.type);
  return encodeReasons(PacketType.unsuback, packet);
}

function encodeOldConnack(flags: number, reasonCode: ReasonCode): Uint8Array {
  const returnCode = toConnectReturnCode(reasonCode);
  if (returnCode === undefined) {
    throw new PacketEncodeError(
      `Cannot encode connack: reason code ${reasonCode} has no return code before 5.0`,
    );
  }
  const bytes = packetOf(PacketType.connack, 2);
  bytes[2] = flags;
  bytes[3] = returnCode;
  return bytes;
}

function encodeReasons(type: PacketType, packet: SubackPacket | UnsubackPacket): Uint8Array {
  const { packetId, reasonCodes } = packet;
  writer.clear();
  writer.textProperty(id.REASON_STRING, packet.reasonString, "reason string");
  writer.userProperties(packet.userProperties);
  return writer.takePacket(type, packetId >>> 8, packetId & 0xff, reasonCodes);
}

/** A packet identifier and room for `codeCount` bytes behind it. */
function bareReply(type: PacketType, packetId: number, codeCount: number): Uint8Array {
  const bytes = packetOf(type, 2 + codeCount);
  const at = bytes.length - codeCount - 2;
  bytes[at] = packetId >>> 8;
  bytes[at + 1] = packetId;
  return bytes;
}

function noCodes(name: string): PacketEncodeError {
  return new PacketEncodeError(`Cannot encode ${name}: no reason codes`);
}
