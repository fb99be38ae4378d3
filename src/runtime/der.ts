/** As much of DER (X.690) as reading certificates and revocation lists takes: single-byte tags, definite lengths. */

export const DER = Object.freeze({
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  oid: 0x06,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  /** `[0] EXPLICIT` */
  context0: 0xa0,
});

/** One value with its place in the bytes that it was read from. */
export interface DerValue {
  readonly tag: number;
  /** Header included. */
  readonly whole: Uint8Array;
  readonly content: Uint8Array;
}

/** Reads one value after the other. Throws a plain `Error` when they are not DER. */
export class DerReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The tag of the next value; undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#at];
  }

  next(): DerValue {
    const start = this.#at;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new Error("Cannot read DER: a tag of more than one byte");
    const length = this.#length();
    const contentStart = this.#at;
    const end = contentStart + length;
    if (end > this.#bytes.length) throw new Error("Cannot read DER: it ends in a value");
    this.#at = end;
    return {
      tag,
      whole: this.#bytes.subarray(start, end),
      content: this.#bytes.subarray(contentStart, end),
    };
  }

  /** The next value, which must have this tag. */
  expect(tag: number): DerValue {
    const value = this.next();
    if (value.tag !== tag) {
      throw new Error(`Cannot read DER: tag ${value.tag} where ${tag} belongs`);
    }
    return value;
  }

  /** The next value if it has one of these tags. */
  optional(...tags: number[]): DerValue | undefined {
    const tag = this.nextTag;
    return tag !== undefined && tags.includes(tag) ? this.next() : undefined;
  }

  /** Into a sequence. */
  sequence(): DerReader {
    return new DerReader(this.expect(DER.sequence).content);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new Error("Cannot read DER: it ends in a header");
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4) throw new Error(`Cannot read DER: a length of ${count} bytes`);
    let length = 0;
    for (let index = 0; index < count; index++) length = length * 256 + this.#byte();
    return length;
  }
}

/** "1.2.840.113549.1.1.11" */
export function derOid(content: Uint8Array): string {
  const numbers: number[] = [];
  let number = 0;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (byte >= 0x80) continue;
    if (numbers.length === 0) {
      const first = Math.min(2, Math.floor(number / 40));
      numbers.push(first, number - first * 40);
    } else numbers.push(number);
    number = 0;
  }
  return numbers.join(".");
}

/** Milliseconds since 1970. Throws when the value is no time as X.509 writes it. */
export function derTimeMs({ tag, content }: DerValue): number {
  const text = String.fromCharCode(...content);
  const match = tag === DER.utcTime
    ? /^(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text)
    : /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(text);
  if (match === null) throw new Error(`Cannot read DER: "${text}" is no time`);
  const [year = 0, month = 0, day, hour, minute, second] = match.slice(1).map(Number);
  const century = tag === DER.utcTime ? (year >= 50 ? 1900 : 2000) : 0;
  return Date.UTC(century + year, month - 1, day, hour, minute, second);
}

/** Hexadecimal, for comparing. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/** The contents of every PEM block with this label. Base64 that is none is passed on as an empty block. */
export function pemBlocks(pem: string, label: string): Uint8Array[] {
  const pattern = new RegExp(`-----BEGIN ${label}-----([^-]*)-----END ${label}-----`, "g");
  return [...pem.matchAll(pattern)].map(([, body = ""]) => {
    const text = body.replace(/\s+/g, "");
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(text) || text.length % 4 !== 0) return new Uint8Array(0);
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
  });
}
