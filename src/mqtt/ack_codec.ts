import { PacketType, type ProtocolVersion } from "./packet.ts";
import { REASON_STRING, USER_PROPERTY } from "./property_id.ts";
import { malformed, violation } from "./protocol_error.ts";
import { isReasonCodeAllowed, ReasonCode, ReasonUse } from "./reason_code.ts";
import { readVariableByteInteger, variableByteIntegerSize } from "./variable_byte_integer.ts";
import { skipBytes, skipString } from "./wire.ts";

/** PUBACK, PUBREC, PUBREL and PUBCOMP. */
export type AckType = 4 | 5 | 6 | 7;

/** The longest that `writeAck` writes. */
export const ACK_BYTES_MAX = 5;

/** A PUBACK, PUBREC, PUBREL or PUBCOMP that says nothing but its packet identifier. */
export const SHORT_ACK_BYTES = 4;

/**
 * Where the PUBACKs in their shortest form end that lie one behind the other from `start`; one with packet
 * identifier 0, which is not allowed, is not among them. The same in all versions.
 */
export function findPubackRunEnd(bytes: Uint8Array, start: number): number {
  const last = bytes.length - SHORT_ACK_BYTES;
  let at = start;
  while (
    at <= last && bytes[at] === PacketType.puback << 4 && bytes[at + 1] === 2 &&
    ((bytes[at + 2] as number) | (bytes[at + 3] as number)) !== 0
  ) at += SHORT_ACK_BYTES;
  return at;
}

/** The whole PINGRESP packet, the same in all versions. Not to be written to. */
export const PINGRESP_BYTES: Uint8Array = Uint8Array.of(PacketType.pingresp << 4, 0);

/** A decoded PUBACK, PUBREC, PUBREL or PUBCOMP; one instance is filled again for every packet. */
export class AckView {
  packetId = 0;
  /** Success before 5.0. */
  reasonCode: ReasonCode = ReasonCode.success;
  /** There are properties, reason string or user properties, which nothing depends on. */
  hasProperties = false;
}

const NAMES = ["PUBACK", "PUBREC", "PUBREL", "PUBCOMP"] as const;
const USES = [ReasonUse.puback, ReasonUse.pubrec, ReasonUse.pubrel, ReasonUse.pubcomp] as const;

/**
 * Fills `view` from the frame `bytes[start, end)`, whose first byte says which of the four it is.
 * Everything is checked. Throws ProtocolError; the view is then of no use.
 */
export function decodeAck(
  view: AckView,
  bytes: Uint8Array,
  start: number,
  bodyStart: number,
  end: number,
  version: ProtocolVersion,
): void {
  const first = bytes[start] as number;
  const type = (first >> 4) as AckType;
  if ((first & 0x0f) !== (type === PacketType.pubrel ? 2 : 0)) { // [MQTT-2.1.3-1] [MQTT-3.6.1-1]
    throw malformed(`Cannot read ${ackName(type)}: fixed header flags ${first & 0x0f}`);
  }
  const length = end - bodyStart;
  if (length < 2 || (length > 2 && version !== 5)) {
    throw malformed(`Cannot read ${ackName(type)}: ${length} bytes behind its fixed header`);
  }
  const packetId = ((bytes[bodyStart] as number) << 8) | (bytes[bodyStart + 1] as number);
  if (packetId === 0) throw violation(`Cannot accept ${ackName(type)}: packet identifier 0`);
  view.packetId = packetId;
  view.reasonCode = ReasonCode.success;
  view.hasProperties = false;
  if (version !== 5) return;
  if (bodyStart - start > 2 && bytes[bodyStart - 1] === 0) { // [MQTT-1.5.5-1]
    throw malformed(`Cannot read ${ackName(type)}: remaining length is not in its shortest form`);
  }
  if (length > 2) decodeReason(view, bytes, bodyStart + 2, end, type);
}

/**
 * Writes one of the four in its shortest form, at most `ACK_BYTES_MAX` bytes, to `target`; returns
 * the number of bytes. Versions before 5.0 have no reason code.
 */
export function writeAck(
  target: Uint8Array,
  offset: number,
  type: AckType,
  packetId: number,
  reasonCode: number,
  version: ProtocolVersion,
): number {
  const hasReason = version === 5 && reasonCode !== ReasonCode.success;
  target[offset] = type === PacketType.pubrel ? 0x62 : type << 4;
  target[offset + 1] = hasReason ? 3 : 2;
  target[offset + 2] = packetId >>> 8;
  target[offset + 3] = packetId;
  if (!hasReason) return 4;
  target[offset + 4] = reasonCode;
  return 5;
}

/** The reason code and, unless it is the last byte [MQTT-3.4.2-1], the properties. */
function decodeReason(
  view: AckView,
  bytes: Uint8Array,
  reasonAt: number,
  end: number,
  type: AckType,
): void {
  const reasonCode = bytes[reasonAt] as number;
  if (!isReasonCodeAllowed(reasonCode, USES[type - PacketType.puback] ?? 0)) {
    throw violation(`Cannot accept ${ackName(type)}: reason code ${reasonCode}`);
  }
  view.reasonCode = reasonCode as ReasonCode;
  if (reasonAt + 1 === end) return;
  const length = readVariableByteInteger(bytes, reasonAt + 1, end);
  let at = reasonAt + 1 + variableByteIntegerSize(length);
  if (skipBytes(at, length, end, "properties") !== end) {
    throw malformed(`Cannot read ${ackName(type)}: bytes behind its properties`);
  }
  view.hasProperties = length > 0;
  let hasReasonString = false;
  while (at < end) {
    const id = bytes[at] as number;
    if (id === USER_PROPERTY) {
      at = skipString(bytes, at + 1, end, "user property name");
      at = skipString(bytes, at, end, "user property value");
    } else if (id === REASON_STRING) {
      if (hasReasonString) throw violation(`Cannot accept ${ackName(type)}: two reason strings`);
      hasReasonString = true;
      at = skipString(bytes, at + 1, end, "reason string");
    } else {
      throw malformed(`Cannot read ${ackName(type)}: property ${id} is not allowed in it`);
    }
  }
}

function ackName(type: AckType): string {
  return NAMES[type - PacketType.puback] ?? "acknowledgement";
}
