export type PayloadEncoding = "none" | "base64" | "base62";

const decoder = new TextDecoder();
const CHARACTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz012345678";
const BINARY_PART_BYTES = 8192;

/** The payload as text for JSON. "none": it is taken for UTF-8, and what is none of it is lost. */
export function encodePayload(payload: Uint8Array, encoding: PayloadEncoding): string {
  switch (encoding) {
    case "none":
      return decoder.decode(payload);
    case "base64":
      return btoa(binaryOf(payload));
    case "base62":
      return toBase62(payload);
  }
}

function binaryOf(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += BINARY_PART_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + BINARY_PART_BYTES));
  }
  return text;
}

/**
 * What the product calls by that name: six bits at a time as with Base64, 0 to 60 as one character, the three above as
 * "9A", "9B", "9C"; bits that are left at the end stand for themselves, without zeros behind them.
 */
function toBase62(bytes: Uint8Array): string {
  let text = "";
  let at = 0;
  for (; at + 3 <= bytes.length; at += 3) {
    const bits = (bytes[at] as number) << 16 | (bytes[at + 1] as number) << 8 |
      (bytes[at + 2] as number);
    text += digit(bits >>> 18) + digit(bits >>> 12 & 63) + digit(bits >>> 6 & 63) +
      digit(bits & 63);
  }
  if (at + 2 === bytes.length) {
    const bits = (bytes[at] as number) << 8 | (bytes[at + 1] as number);
    return text + digit(bits >>> 10) + digit(bits >>> 4 & 63) + digit(bits & 15);
  }
  if (at + 1 === bytes.length) {
    const bits = bytes[at] as number;
    return text + digit(bits >>> 2) + digit(bits & 3);
  }
  return text;
}

function digit(value: number): string {
  return CHARACTERS[value] ?? `9${CHARACTERS[value - CHARACTERS.length]}`;
}
