/**
 * Names in certificates. Read from their bytes, because the runtimes differ in how they escape them, and a common name
 * decides who somebody is.
 */
import { DER, derOid, DerReader, type DerValue } from "./der.ts";

/** Short names of RFC 4514 and some that are common beside them. */
const SHORT_NAMES: Readonly<Record<string, string>> = {
  "2.5.4.3": "CN",
  "2.5.4.5": "serialNumber",
  "2.5.4.6": "C",
  "2.5.4.7": "L",
  "2.5.4.8": "ST",
  "2.5.4.9": "STREET",
  "2.5.4.10": "O",
  "2.5.4.11": "OU",
  "0.9.2342.19200300.100.1.1": "UID",
  "0.9.2342.19200300.100.1.25": "DC",
  "1.2.840.113549.1.9.1": "emailAddress",
};

const SET = 0x31;
const STRING = Object.freeze({ utf8: 0x0c, printable: 0x13, teletex: 0x14, ia5: 0x16, bmp: 0x1e });

export interface DistinguishedName {
  /** Undefined: there is none, or one that could be taken for another one. */
  readonly commonName: string | undefined;
  /** As RFC 4514 writes it: the most special part first. */
  readonly text: string;
}

/** Of the subject of a certificate. Throws when the bytes are none. */
export function subjectOf(certificate: Uint8Array): DistinguishedName {
  const body = new DerReader(certificate).sequence().sequence();
  body.optional(DER.context0); // version
  body.expect(DER.integer); // serial number
  for (let count = 0; count < 3; count++) body.expect(DER.sequence); // algorithm, issuer, validity
  return readName(body.sequence());
}

function readName(parts: DerReader): DistinguishedName {
  const texts: string[] = [];
  const commonNames: string[] = [];
  while (!parts.isAtEnd) {
    const pairs = new DerReader(parts.expect(SET).content);
    const written: string[] = [];
    while (!pairs.isAtEnd) {
      const pair = pairs.sequence();
      const oid = derOid(pair.expect(DER.oid).content);
      const value = stringOf(pair.next());
      const name = SHORT_NAMES[oid] ?? oid;
      written.push(`${name}=${escapeValue(value)}`);
      if (name === "CN") commonNames.push(value);
    }
    texts.push(written.join("+"));
  }
  const [commonName = ""] = commonNames;
  // With a NUL it would be another name to whoever stops reading there; of two nobody knows which one counts.
  const isClear = commonNames.length === 1 && commonName !== "" && !/\p{Cc}/u.test(commonName);
  return { commonName: isClear ? commonName : undefined, text: texts.reverse().join(",") };
}

function stringOf({ tag, content }: DerValue): string {
  switch (tag) {
    case STRING.utf8:
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(content);
    case STRING.bmp:
      return new TextDecoder("utf-16be", { fatal: true, ignoreBOM: true }).decode(content);
    case STRING.printable:
    case STRING.ia5:
    case STRING.teletex:
      return String.fromCharCode(...content);
    default:
      throw new Error(`Cannot read a name: a string of kind ${tag}`);
  }
}

function escapeValue(value: string): string {
  return value.replace(/[\\,+"<>;=]|^[ #]| $/g, (character) => `\\${character}`)
    .replace(
      /\p{Cc}/gu,
      (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, "0")}`,
    );
}
