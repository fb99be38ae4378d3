import { X509Certificate } from "node:crypto";
import type { DetailedPeerCertificate, TLSSocket } from "node:tls";
import { subjectOf } from "./distinguished_name.ts";
import { certificateParts, RevocationLists } from "./revocation.ts";
import type { PeerCertificate } from "./runtime.ts";

/** What came of looking at a client's certificate. */
export interface PeerVerdict {
  readonly certificate: PeerCertificate | undefined;
  /** Why the client is not let in; undefined: it is. */
  readonly problem: string | undefined;
}

/** A chain longer than that is nobody's. */
const CHAIN_MAX = 10;

/** Judges the certificates of clients after their handshake. */
export class PeerVerifier {
  readonly #authorities: readonly X509Certificate[];
  readonly #revoked: RevocationLists | undefined;
  readonly #isNeeded: boolean;

  constructor(
    authorities: readonly X509Certificate[],
    revoked: RevocationLists | undefined,
    isNeeded: boolean,
  ) {
    this.#authorities = authorities;
    this.#revoked = revoked;
    this.#isNeeded = isNeeded;
  }

  judge(socket: TLSSocket, nowMs: number): PeerVerdict {
    const peer = socket.getPeerCertificate(true) as Partial<DetailedPeerCertificate> | null;
    if (!peer?.raw) {
      const problem = this.#isNeeded ? "the client shows no certificate" : undefined;
      return { certificate: undefined, problem };
    }
    const problem = this.#problemOf(socket, peer as DetailedPeerCertificate, nowMs);
    return { certificate: peerFacts(peer as DetailedPeerCertificate), problem };
  }

  #problemOf(
    socket: TLSSocket,
    peer: DetailedPeerCertificate,
    nowMs: number,
  ): string | undefined {
    const code = verifyErrorCode(socket);
    if (code !== undefined && !this.#isSoundVersion1(code, peer.raw, nowMs)) {
      return `the client's certificate is not good (${code})`;
    }
    // A session that is taken up again may be older than its certificate.
    const [start, end] = [Date.parse(peer.valid_from), Date.parse(peer.valid_to)];
    if (!(nowMs >= start && nowMs <= end)) return "the client's certificate is not valid now";
    const revoked = this.#revoked?.problemOf(chainOf(peer), nowMs);
    return revoked === undefined
      ? undefined
      : `the client's certificate does not count: ${revoked}`;
  }

  /**
   * Deno knows certificates of version 3 only, whereas openssl still makes some of version 1, without any extensions.
   * One that an authority of ours has signed itself is as good; of a longer chain that cannot be said so easily.
   */
  #isSoundVersion1(code: string, der: Uint8Array, nowMs: number): boolean {
    if (code !== "UNABLE_TO_VERIFY_LEAF_SIGNATURE") return false;
    if (certificateParts(der).version !== 1) return false;
    const leaf = new X509Certificate(der);
    return this.#authorities.some((authority) =>
      authority.ca && leaf.checkIssued(authority) && leaf.verify(authority.publicKey) &&
      nowMs >= Date.parse(authority.validFrom) && nowMs <= Date.parse(authority.validTo)
    );
  }
}

/** What the library has found out about the chain; both runtimes have it where Node.js has. */
function verifyErrorCode(socket: TLSSocket): string | undefined {
  const { ssl } = socket as unknown as { ssl?: { verifyError(): unknown } };
  // Without it nothing is known, and what is not known is not good.
  if (ssl === undefined || ssl === null) return "NOT_VERIFIED";
  const error = ssl.verifyError();
  // Node.js and Bun have null for a good one, Deno has nothing at all.
  if (error === undefined || error === null || error === "") return undefined;
  return (error as { code?: string }).code ?? String(error);
}

function chainOf(peer: DetailedPeerCertificate): Uint8Array[] {
  const chain: Uint8Array[] = [];
  let at: DetailedPeerCertificate | undefined = peer;
  while (at?.raw !== undefined && chain.length < CHAIN_MAX) {
    chain.push(at.raw);
    at = at.issuerCertificate === at ? undefined : at.issuerCertificate;
  }
  return chain;
}

/** As if somebody had verified it. */
export function peerFacts(peer: DetailedPeerCertificate): PeerCertificate {
  const { commonName, text } = subjectOf(peer.raw);
  return {
    commonName,
    distinguishedName: text,
    serialNumber: peer.serialNumber.toUpperCase(),
    fingerprint256: peer.fingerprint256.toUpperCase(),
    isVerified: true,
  };
}
