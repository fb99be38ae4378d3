/**
 * Certificate revocation lists (RFC 5280).
 *
 * Our own, because Deno takes a list and then does not look at it; and so that one configuration means the same on
 * both runtimes.
 */
import { type KeyObject, verify, X509Certificate } from "node:crypto";
import { DER, derOid, DerReader, derTimeMs, type DerValue, pemBlocks, toHex } from "./der.ts";
import { TlsMaterialError } from "./tls.ts";

/** Names, number and version of a certificate as its bytes have them. */
export interface CertificateParts {
  /** 1 or 3. */
  readonly version: number;
  readonly serial: string;
  /** DER in hexadecimal: equal names have equal bytes. */
  readonly issuer: string;
  readonly subject: string;
}

/** Throws when the bytes are no certificate. */
export function certificateParts(der: Uint8Array): CertificateParts {
  const body = new DerReader(der).sequence().sequence();
  const version = body.optional(DER.context0);
  const serial = toHex(body.expect(DER.integer).content);
  body.expect(DER.sequence); // signature algorithm
  const issuer = toHex(body.expect(DER.sequence).whole);
  body.expect(DER.sequence); // validity
  const subject = toHex(body.expect(DER.sequence).whole);
  return { version: version === undefined ? 1 : 3, serial, issuer, subject };
}

interface RevocationList {
  readonly issuer: string;
  readonly nextUpdateMs: number;
  readonly serials: ReadonlySet<string>;
}

/** Every list of an operator, checked once. */
export class RevocationLists {
  readonly #byIssuer = new Map<string, RevocationList[]>();

  /** Throws `TlsMaterialError` for "crl" unless each list is sound and signed by one of `authorities`. */
  constructor(pem: string, authorities: readonly X509Certificate[]) {
    const blocks = pemBlocks(pem, "X509 CRL");
    if (blocks.length === 0) {
      throw new TlsMaterialError("crl", "Cannot use crl: there is no revocation list in it");
    }
    for (const block of blocks) {
      const list = readList(block, authorities);
      const others = this.#byIssuer.get(list.issuer);
      if (others === undefined) this.#byIssuer.set(list.issuer, [list]);
      else others.push(list);
    }
  }

  /** Why a certificate of this chain, which begins with the client's own, counts no more; undefined: it does. */
  problemOf(chain: readonly Uint8Array[], nowMs: number): string | undefined {
    for (const [index, der] of chain.entries()) {
      const { serial, issuer, subject } = certificateParts(der);
      // A root vouches for itself, there is nobody who could revoke it.
      if (index > 0 && issuer === subject) break;
      const lists = this.#byIssuer.get(issuer);
      if (lists === undefined) return "there is no revocation list of its issuer";
      if (lists.some((list) => list.serials.has(serial))) return "it has been revoked";
      if (lists.every((list) => list.nextUpdateMs < nowMs)) {
        return "the revocation list of its issuer is out of date";
      }
    }
    return undefined;
  }
}

/** What signs a list, by the object identifier of its algorithm; null: the key says it all. */
const HASHES: Readonly<Record<string, string | null>> = {
  "1.2.840.113549.1.1.11": "sha256",
  "1.2.840.113549.1.1.12": "sha384",
  "1.2.840.113549.1.1.13": "sha512",
  "1.2.840.10045.4.3.2": "sha256",
  "1.2.840.10045.4.3.3": "sha384",
  "1.2.840.10045.4.3.4": "sha512",
  "1.3.101.112": null,
  "1.3.101.113": null,
};

function readList(der: Uint8Array, authorities: readonly X509Certificate[]): RevocationList {
  try {
    const outer = new DerReader(der).sequence();
    const body = outer.expect(DER.sequence);
    const algorithm = derOid(outer.sequence().expect(DER.oid).content);
    const signature = outer.expect(DER.bitString).content.subarray(1);
    const list = readListBody(new DerReader(body.content));
    const isSigned = authorities.some((authority) =>
      certificateParts(authority.raw).subject === list.issuer &&
      isSignedBy(body, signature, algorithm, authority.publicKey)
    );
    if (!isSigned) throw new Error("no certificate of ca has signed it");
    return list;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new TlsMaterialError("crl", `Cannot use crl: ${reason}`, { cause: error });
  }
}

function isSignedBy(
  body: DerValue,
  signature: Uint8Array,
  algorithm: string,
  key: KeyObject,
): boolean {
  const hash = HASHES[algorithm];
  if (hash === undefined) throw new Error(`its signature algorithm ${algorithm} is not known`);
  return verify(hash, body.whole, key, signature);
}

function readListBody(body: DerReader): RevocationList {
  body.optional(DER.integer); // version
  body.expect(DER.sequence); // signature algorithm
  const issuer = toHex(body.expect(DER.sequence).whole);
  body.next(); // this update
  const nextUpdate = body.optional(DER.utcTime, DER.generalizedTime);
  const entries = body.optional(DER.sequence);
  const serials = new Set<string>();
  if (entries !== undefined) {
    const reader = new DerReader(entries.content);
    while (!reader.isAtEnd) serials.add(readEntry(reader.sequence()));
  }
  const extensions = body.optional(DER.context0);
  if (extensions !== undefined) refuseCritical(new DerReader(extensions.content).sequence());
  return {
    issuer,
    nextUpdateMs: nextUpdate === undefined ? Infinity : derTimeMs(nextUpdate),
    serials,
  };
}

function readEntry(entry: DerReader): string {
  const serial = toHex(entry.expect(DER.integer).content);
  entry.next(); // revocation date
  if (!entry.isAtEnd) refuseCritical(entry.sequence());
  return serial;
}

/** Lists that say less, or something else, than which certificates of their issuer are revoked say so critically. */
function refuseCritical(extensions: DerReader): void {
  while (!extensions.isAtEnd) {
    const extension = extensions.sequence();
    const oid = derOid(extension.expect(DER.oid).content);
    const isCritical = extension.optional(DER.boolean)?.content[0] === 0xff;
    if (isCritical) throw new Error(`its critical extension ${oid} is not known`);
  }
}
