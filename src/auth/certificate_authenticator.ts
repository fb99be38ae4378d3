import { subjectOf } from "./client_id_subject.ts";
import type { AuthenticationResult, Authenticator, Credentials } from "../ports/mod.ts";

/**
 * Lets in whoever showed a certificate that was verified, on a listener that names its clients by their certificates.
 * Whoever has the key needs no password; one that is sent all the same is not looked at.
 */
export class CertificateAuthenticator implements Authenticator {
  authenticate(credentials: Credentials): AuthenticationResult {
    const { clientId, username, remoteAddress, peerCertAs } = credentials;
    if (!isNamedByCertificate(credentials)) return "ignore";
    const identity = { clientId, username, remoteAddress, method: "certificate" } as const;
    return peerCertAs === "client_id" ? { ...identity, subject: subjectOf(clientId) } : identity;
  }
}

function isNamedByCertificate({ peerCertificate, peerCertAs }: Credentials): boolean {
  return peerCertAs !== "none" && peerCertificate?.isVerified === true &&
    (peerCertificate.commonName ?? "") !== "";
}
