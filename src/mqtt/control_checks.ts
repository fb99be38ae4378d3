import { PacketType, type ProtocolVersion } from "./packet.ts";
import { malformed, type ProtocolError, violation } from "./protocol_error.ts";
import { readUint16, readUint32 } from "./wire.ts";

/** Who sent a packet: each side may send only some types, reason codes and properties. */
export type PacketSender = "client" | "server";

/** One frame to be checked; `at` is where its body begins. */
export interface FrameToCheck {
  readonly bytes: Uint8Array;
  readonly start: number;
  readonly bodyStart: number;
  readonly end: number;
  readonly version: ProtocolVersion;
  readonly sender: PacketSender;
}

/** The two protocol names as the numbers that their bytes make. */
const MQTT = 0x4d515454;
const MQIS = 0x4d514973;
const DP = 0x6470;

/** The version that a CONNECT asks for, or undefined when it is none of ours or cut off. */
export function peekProtocolVersion(
  bytes: Uint8Array,
  bodyStart: number,
  end: number,
): ProtocolVersion | undefined {
  if (end - bodyStart < 7) return undefined;
  const nameAt = bodyStart + 2;
  const levelAt = nameAt + readUint16(bytes, bodyStart);
  if (levelAt >= end) return undefined;
  const level = bytes[levelAt] as number;
  const name = readUint32(bytes, nameAt);
  if (levelAt === nameAt + 4) {
    return name === MQTT && (level === 4 || level === 5) ? level : undefined;
  }
  if (levelAt !== nameAt + 6) return undefined;
  return name === MQIS && readUint16(bytes, nameAt + 4) === DP && level === 3 ? 3 : undefined;
}

/** Checks the first byte of a packet and how its remaining length is written. */
export function checkFixedHeader(frame: FrameToCheck): void {
  const first = frame.bytes[frame.start] as number;
  const type = first >> 4;
  const isSubscription = type === PacketType.subscribe || type === PacketType.unsubscribe;
  if ((first & 0x0f) !== (isSubscription ? 2 : 0)) { // [MQTT-2.1.3-1] [MQTT-3.8.1-1] [MQTT-3.10.1-1]
    throw malformed(`Cannot read packet: type ${type} with flags ${first & 0x0f}`);
  }
  const { bodyStart } = frame;
  if (frame.version === 5 && bodyStart - frame.start > 2 && frame.bytes[bodyStart - 1] === 0) {
    throw malformed("Cannot read packet: remaining length is not in its shortest form"); // [MQTT-1.5.5-1]
  }
}

/** A packet must not go on behind its last field. */
export function checkEnd(at: number, end: number, name: string): void {
  if (at !== end) throw trailing(name);
}

/** The packet goes on behind its last field. */
export function trailing(name: string): ProtocolError {
  return malformed(`Cannot read ${name}: bytes behind its end`);
}

/** A packet that exists, but not from this side, or a type that does not exist. */
export function wrongType(type: number, sender: PacketSender): ProtocolError {
  const problem = `Cannot accept packet: type ${type} from a ${sender}`;
  return type === 0 ? malformed(problem) : violation(problem);
}
