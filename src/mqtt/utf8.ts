import { malformed } from "./protocol_error.ts";

/** Up to this, building a string from its characters beats the call into the runtime's decoder. */
const SHORT_TEXT_BYTES = 64;

/**
 * For each length of a short text an array that its characters are gathered in: filling one and
 * passing it on takes half the time of a view of the bytes, which has to be made each time.
 */
const shortTexts: number[][] = Array.from(
  { length: SHORT_TEXT_BYTES + 1 },
  (_, length) => new Array<number>(length).fill(0),
);

// The byte order mark is an ordinary character in MQTT and is never stripped [MQTT-1.5.4-3].
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The largest UTF-8 string, and the largest binary value, that a two byte length can announce. */
export const STRING_BYTES_MAX = 65_535;

/**
 * Decodes the UTF-8 of an MQTT string strictly: ill-formed bytes, encoded surrogates
 * [MQTT-1.5.4-1] and U+0000 [MQTT-1.5.4-2] are a malformed packet. The string owns its characters.
 * `what` names it in the error.
 */
export function decodeUtf8(
  bytes: Uint8Array,
  start: number,
  end: number,
  what = "UTF-8 string",
): string {
  const codes = shortTexts[end - start];
  if (codes !== undefined && gatherAscii(codes, bytes, start)) {
    return String.fromCharCode.apply(null, codes);
  }
  if (!isWellFormedUtf8(bytes, start, end)) {
    throw malformed(`Cannot read ${what}: ill-formed UTF-8 or null character`);
  }
  return decoder.decode(bytes.subarray(start, end));
}

/** Encodes a string; lone surrogates become U+FFFD. */
export function encodeUtf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** Bytes that `encodeUtf8` would give, without making them. */
export function utf8Length(text: string): number {
  let length = text.length;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit < 0x80) continue;
    if (unit < 0x800) {
      length += 1;
    } else {
      length += 2;
      // A surrogate pair is two units and four bytes: the second unit has been counted already.
      if (unit >= 0xd800 && unit < 0xdc00 && isLowSurrogate(text, i + 1)) i++;
    }
  }
  return length;
}

/** Whether a string may stand in an MQTT packet: no U+0000, no lone surrogate, at most 65,535 bytes. */
export function isMqttString(text: string): boolean {
  if (text.length > STRING_BYTES_MAX) return false;
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit === 0) return false;
    if (unit < 0xd800 || unit > 0xdfff) continue;
    if (unit >= 0xdc00 || !isLowSurrogate(text, i + 1)) return false;
    i++;
  }
  return text.length * 3 <= STRING_BYTES_MAX || utf8Length(text) <= STRING_BYTES_MAX;
}

/** Whether the bytes are what `decodeUtf8` accepts, without making a string. */
export function isWellFormedUtf8(bytes: Uint8Array, start: number, end: number): boolean {
  let at = start;
  while (at < end) {
    const lead = bytes[at] as number;
    if (lead < 0x80) {
      if (lead === 0) return false;
      at++;
    } else {
      const size = sequenceSize(bytes, at, end, lead);
      if (size === 0) return false;
      at += size;
    }
  }
  return true;
}

/** Size of the well-formed multi-byte sequence at `at`, 0 where there is none (Unicode table 3-7). */
function sequenceSize(bytes: Uint8Array, at: number, end: number, lead: number): number {
  if (lead < 0xc2 || lead > 0xf4) return 0; // continuation, overlong, or above U+10FFFF
  const size = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  if (at + size > end) return 0;
  const second = bytes[at + 1] as number;
  if ((second & 0xc0) !== 0x80) return 0;
  if (lead === 0xe0 && second < 0xa0) return 0; // overlong
  if (lead === 0xed && second > 0x9f) return 0; // surrogate
  if (lead === 0xf0 && second < 0x90) return 0; // overlong
  if (lead === 0xf4 && second > 0x8f) return 0; // above U+10FFFF
  for (let i = 2; i < size; i++) {
    if (((bytes[at + i] as number) & 0xc0) !== 0x80) return 0;
  }
  return size;
}

/** Fills `codes` from `start` on; false for what is not ASCII or U+0000. */
function gatherAscii(codes: number[], bytes: Uint8Array, start: number): boolean {
  const length = codes.length;
  for (let i = 0; i < length; i++) {
    const byte = bytes[start + i] as number;
    if (byte === 0 || byte >= 0x80) return false;
    codes[i] = byte;
  }
  return true;
}

function isLowSurrogate(text: string, index: number): boolean {
  const unit = text.charCodeAt(index); // NaN past the end compares false
  return unit >= 0xdc00 && unit <= 0xdfff;
}
