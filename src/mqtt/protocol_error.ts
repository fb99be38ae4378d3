import { shorten } from "../base/mod.ts";
import { ReasonCode } from "./reason_code.ts";

/** It may quote what the peer sent, and goes back to it as a reason string, and into the log. */
const REASON_LENGTH_MAX = 256;

/**
 * The peer broke the protocol. `reasonCode` is what the standard wants on the wire (CONNACK or
 * DISCONNECT of a 5.0 connection); with older versions the connection is just closed.
 */
export class ProtocolError extends Error {
  readonly reasonCode: ReasonCode;

  constructor(reasonCode: ReasonCode, message: string, options?: ErrorOptions) {
    super(shorten(message, REASON_LENGTH_MAX), options);
    this.name = "ProtocolError";
    this.reasonCode = reasonCode;
  }
}

/** Somebody on our side asked for a packet that the wire cannot carry; nothing has been written. */
export class PacketEncodeError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "PacketEncodeError";
  }
}

/** Bytes that cannot be read as what they claim to be. */
export function malformed(message: string): ProtocolError {
  return new ProtocolError(ReasonCode.malformedPacket, message);
}

/** Bytes that can be read, but say what the protocol does not allow. */
export function violation(message: string): ProtocolError {
  return new ProtocolError(ReasonCode.protocolError, message);
}
