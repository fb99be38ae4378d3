import { decodeConnect } from "./connect_decoder.ts";
import {
  checkEnd,
  checkFixedHeader,
  type FrameToCheck,
  type PacketSender,
  peekProtocolVersion,
  wrongType,
} from "./control_checks.ts";
import { type ControlPacket, PacketType, type ProtocolVersion } from "./packet.ts";
import { ProtocolError, violation } from "./protocol_error.ts";
import { ReasonCode } from "./reason_code.ts";
import {
  decodeAuth,
  decodeConnack,
  decodeDisconnect,
  decodeSuback,
  decodeUnsuback,
} from "./reply_decoder.ts";
import { decodeSubscribe, decodeUnsubscribe } from "./subscribe_decoder.ts";
import { skipBinary, skipBytes } from "./wire.ts";

const PINGREQ: ControlPacket = Object.freeze({ type: "pingreq" });
const PINGRESP: ControlPacket = Object.freeze({ type: "pingresp" });

/**
 * Decodes the frame `bytes[start, end)` of any packet that is not a PUBLISH or its acknowledgement.
 * `version` is undefined until the connection's CONNECT has been decoded. Every rule of the standard
 * that one packet alone can break is checked; what is broken is thrown as a ProtocolError with
 * the reason code for it. The packet owns all that it holds.
 */
export function decodeControlPacket(
  bytes: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  version: ProtocolVersion | undefined,
  sender: PacketSender = "client",
): ControlPacket {
  const type = (bytes[start] as number) >> 4;
  const frame: FrameToCheck = {
    bytes,
    start,
    bodyStart,
    end,
    version: version ?? firstVersion(bytes, type, bodyStart, end),
    sender,
  };
  if (version !== undefined && type === PacketType.connect) { // [MQTT-3.1.0-2]
    throw violation("Cannot accept CONNECT: the connection has had one");
  }
  checkFixedHeader(frame);
  return frame.sender === "client" ? fromClient(frame, type) : fromServer(frame, type);
}

function fromClient(frame: FrameToCheck, type: number): ControlPacket {
  switch (type) {
    case PacketType.connect:
      return decodeConnect(frame);
    case PacketType.subscribe:
      return decodeSubscribe(frame);
    case PacketType.unsubscribe:
      return decodeUnsubscribe(frame);
    case PacketType.pingreq:
      checkEnd(frame.bodyStart, frame.end, "PINGREQ");
      return PINGREQ;
    case PacketType.disconnect:
      return decodeDisconnect(frame);
    case PacketType.auth:
      return decodeAuth(frame);
    default:
      throw wrongType(type, "client");
  }
}

function fromServer(frame: FrameToCheck, type: number): ControlPacket {
  switch (type) {
    case PacketType.connack:
      return decodeConnack(frame);
    case PacketType.suback:
      return decodeSuback(frame);
    case PacketType.unsuback:
      return decodeUnsuback(frame);
    case PacketType.pingresp:
      checkEnd(frame.bodyStart, frame.end, "PINGRESP");
      return PINGRESP;
    case PacketType.disconnect:
      return decodeDisconnect(frame);
    case PacketType.auth:
      return decodeAuth(frame);
    default:
      throw wrongType(type, "server");
  }
}

/** The version of the connection's first packet, which must be a CONNECT [MQTT-3.1.0-1]. */
function firstVersion(
  bytes: Uint8Array,
  type: number,
  bodyStart: number,
  end: number,
): ProtocolVersion {
  if (type !== PacketType.connect) {
    throw violation(`Cannot accept packet: type ${type} before CONNECT`);
  }
  const nameEnd = skipBinary(bytes, bodyStart, end, "protocol name");
  skipBytes(nameEnd, 1, end, "protocol level");
  const version = peekProtocolVersion(bytes, bodyStart, end);
  if (version === undefined) { // [MQTT-3.1.2-1] [MQTT-3.1.2-2]
    throw new ProtocolError(
      ReasonCode.unsupportedProtocolVersion,
      `Cannot accept CONNECT: protocol level ${bytes[nameEnd]} with this protocol name`,
    );
  }
  return version;
}
