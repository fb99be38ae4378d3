import type { PacketType, UserProperty } from "./packet.ts";
import { USER_PROPERTY } from "./property_id.ts";
import { PacketEncodeError } from "./protocol_error.ts";
import { encodeUtf8, isMqttString, STRING_BYTES_MAX } from "./utf8.ts";
import {
  VARIABLE_BYTE_INTEGER_MAX,
  variableByteIntegerSize,
  writeVariableByteInteger,
} from "./variable_byte_integer.ts";
import { writeUint16, writeUint32 } from "./wire.ts";

/** What is kept from one packet to the next; enough for nearly all. */
const KEPT_BYTES = 512;
/** Up to this, copying characters beats the call into the runtime's encoder. */
const SHORT_TEXT_UNITS = 64;

/**
 * Gathers fields or a block of properties whose size is not known yet, and gives them out in bytes that are the
 * caller's own. One instance serves one packet after the other, each begun with `clear`. What is
 * undefined is left out; what the wire cannot carry is thrown as a PacketEncodeError.
 */
export class PacketWriter {
  #bytes = new Uint8Array(KEPT_BYTES);
  #length = 0;

  clear(): void {
    this.#length = 0;
    if (this.#bytes.length > KEPT_BYTES) this.#bytes = new Uint8Array(KEPT_BYTES);
  }

  byte(value: number): void {
    this.#reserve(1);
    this.#bytes[this.#length++] = value;
  }

  uint16(value: number, what: string): void {
    checkNumber(value, 0xffff, what);
    this.#reserve(2);
    this.#length = writeUint16(this.#bytes, this.#length, value);
  }

  text(value: string, what: string): void {
    checkText(value, what);
    const length = value.length;
    if (length > SHORT_TEXT_UNITS || !this.#shortAscii(value)) this.#binary(encodeUtf8(value));
  }

  binary(value: Uint8Array, what: string): void {
    checkBinary(value, what);
    this.#binary(value);
  }

  /** As they are. */
  bytes(value: Uint8Array): void {
    this.#reserve(value.length);
    this.#bytes.set(value, this.#length);
    this.#length += value.length;
  }

  /** What another one has gathered, behind its length. */
  block(other: PacketWriter): void {
    this.#variable(other.#length);
    this.bytes(other.#bytes.subarray(0, other.#length));
  }

  variableProperty(identifier: number, value: number): void {
    this.byte(identifier);
    this.#variable(value);
  }

  booleanProperty(identifier: number, value: boolean | undefined): void {
    if (value !== undefined) this.byteProperty(identifier, value ? 1 : 0);
  }

  byteProperty(identifier: number, value: number | undefined): void {
    if (value === undefined) return;
    this.#reserve(2);
    this.#bytes[this.#length++] = identifier;
    this.#bytes[this.#length++] = value;
  }

  uint16Property(identifier: number, value: number | undefined, what: string): void {
    if (value === undefined) return;
    checkNumber(value, 0xffff, what);
    this.#reserve(3);
    this.#bytes[this.#length] = identifier;
    this.#length = writeUint16(this.#bytes, this.#length + 1, value);
  }

  uint32Property(identifier: number, value: number | undefined, what: string): void {
    if (value === undefined) return;
    checkNumber(value, 0xffff_ffff, what);
    this.#reserve(5);
    this.#bytes[this.#length] = identifier;
    this.#length = writeUint32(this.#bytes, this.#length + 1, value);
  }

  textProperty(identifier: number, value: string | undefined, what: string): void {
    if (value === undefined) return;
    this.#reserve(1);
    this.#bytes[this.#length++] = identifier;
    this.text(value, what);
  }

  binaryProperty(identifier: number, value: Uint8Array | undefined, what: string): void {
    if (value === undefined) return;
    checkBinary(value, what);
    this.#reserve(1);
    this.#bytes[this.#length++] = identifier;
    this.#binary(value);
  }

  userProperties(list: readonly UserProperty[] | undefined): void {
    if (list === undefined) return;
    for (const { name, value } of list) {
      this.textProperty(USER_PROPERTY, name, "user property name");
      this.text(value, "user property value");
    }
  }

  /** The block without its length. */
  takeBytes(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  /** A packet of nothing else. `flags`: the lower half of its first byte. */
  takeBody(type: PacketType, flags = 0): Uint8Array {
    const packet = packetOf(type, this.#length);
    packet[0] = type << 4 | flags;
    packet.set(this.#bytes.subarray(0, this.#length), packet.length - this.#length);
    return packet;
  }

  /** A packet with two bytes, the block with its length, and the codes. */
  takePacket(
    type: PacketType,
    first: number,
    second: number,
    codes: readonly number[],
  ): Uint8Array {
    const blockLength = this.#length;
    const remaining = 2 + variableByteIntegerSize(blockLength) + blockLength + codes.length;
    const packet = packetOf(type, remaining);
    let at = packet.length - remaining;
    packet[at++] = first;
    packet[at++] = second;
    at = writeVariableByteInteger(packet, at, blockLength);
    for (let i = 0; i < blockLength; i++) packet[at++] = this.#bytes[i] as number;
    for (const code of codes) packet[at++] = code;
    return packet;
  }

  #variable(value: number): void {
    this.#reserve(variableByteIntegerSize(value));
    this.#length = writeVariableByteInteger(this.#bytes, this.#length, value);
  }

  /** Writes what is ASCII; of anything else it leaves no trace and returns false. */
  #shortAscii(value: string): boolean {
    const length = value.length;
    this.#reserve(2 + length);
    const start = this.#length + 2;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit >= 0x80) return false;
      this.#bytes[start + i] = unit;
    }
    writeUint16(this.#bytes, this.#length, length);
    this.#length = start + length;
    return true;
  }

  #binary(value: Uint8Array): void {
    this.#reserve(2 + value.length);
    const at = writeUint16(this.#bytes, this.#length, value.length);
    this.#bytes.set(value, at);
    this.#length = at + value.length;
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, 2 * this.#bytes.length));
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
  }
}

/**
 * Small packets are cut one after the other from a piece of this size: where typed arrays are not on
 * the heap of the runtime, as in Deno, making one costs twenty times what encoding does.
 */
const PIECE_BYTES = 4096;
const SMALL_PACKET_BYTES = 256;

let piece = new Uint8Array(0);
let pieceUsed = 0;

/** Zeros that nobody else has or gets. */
function ownBytes(size: number): Uint8Array {
  if (size > SMALL_PACKET_BYTES) return new Uint8Array(size);
  if (pieceUsed + size > piece.length) {
    piece = new Uint8Array(PIECE_BYTES);
    pieceUsed = 0;
  }
  const start = pieceUsed;
  pieceUsed += size;
  return piece.subarray(start, pieceUsed);
}

/** A packet of `remaining` bytes behind its fixed header, which is written. */
export function packetOf(type: PacketType, remaining: number): Uint8Array {
  if (remaining > VARIABLE_BYTE_INTEGER_MAX) {
    throw new PacketEncodeError(`Cannot encode packet: ${remaining} bytes`);
  }
  const packet = ownBytes(1 + variableByteIntegerSize(remaining) + remaining);
  packet[0] = type << 4;
  writeVariableByteInteger(packet, 1, remaining);
  return packet;
}

/** Refuses what is no string that MQTT can carry. */
export function checkText(value: string, what: string): void {
  if (!isMqttString(value)) {
    throw new PacketEncodeError(`Cannot encode ${what}: not a string that MQTT can carry`);
  }
}

/** The size of bytes that have to fit behind a two byte length. */
export function checkBinary(value: Uint8Array, what: string): number {
  if (value.length > STRING_BYTES_MAX) {
    throw new PacketEncodeError(`Cannot encode ${what}: ${value.length} bytes`);
  }
  return value.length;
}

/** Refuses a number that its field cannot hold. */
export function checkNumber(value: number, max: number, what: string): void {
  if (!(value >= 0 && value <= max)) {
    throw new PacketEncodeError(`Cannot encode ${what}: ${value}`);
  }
}
