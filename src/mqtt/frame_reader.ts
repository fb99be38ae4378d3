import { indexProperties, type PropertyPlace } from "./properties.ts";
import type { PropertyIndex } from "./property_index.ts";
import { decodeUtf8 } from "./utf8.ts";
import { copyBytes, readUint16, skipBinary, skipBytes } from "./wire.ts";

/**
 * Goes through the body of one frame from field to field, checking each as it is read. `what` is the
 * field's name for the ProtocolError that says what is wrong with it.
 */
export class FrameReader {
  readonly bytes: Uint8Array;
  /** The next field. */
  at: number;
  readonly end: number;

  constructor(bytes: Uint8Array, bodyStart: number, end: number) {
    this.bytes = bytes;
    this.at = bodyStart;
    this.end = end;
  }

  get isAtEnd(): boolean {
    return this.at === this.end;
  }

  byte(what: string): number {
    const at = this.at;
    this.at = skipBytes(at, 1, this.end, what);
    return this.bytes[at] as number;
  }

  uint16(what: string): number {
    const at = this.at;
    this.at = skipBytes(at, 2, this.end, what);
    return readUint16(this.bytes, at);
  }

  /** A string, well-formed and without U+0000 [MQTT-1.5.4-1] [MQTT-1.5.4-2]. */
  text(what: string): string {
    const at = this.at;
    this.at = skipBinary(this.bytes, at, this.end, what);
    return decodeUtf8(this.bytes, at + 2, this.at, what);
  }

  /** A copy of bytes behind their length. */
  binary(what: string): Uint8Array {
    const at = this.at;
    this.skipBinary(what);
    return copyBytes(this.bytes, at + 2, this.at);
  }

  skipBinary(what: string): void {
    this.at = skipBinary(this.bytes, this.at, this.end, what);
  }

  /** Checks a property block and leaves in `index` where its properties stand. */
  properties(index: PropertyIndex, place: PropertyPlace): void {
    this.at = indexProperties(index, this.bytes, this.at, this.end, place);
  }
}
