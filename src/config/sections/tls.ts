import { boolean } from "../kind.ts";
import { choice, filePath, orNone, secret, text } from "../kind_text.ts";
import { type Entries, key, optional } from "../schema.ts";

/** The TLS keys of `[[listener]]` and `[[http]]` as they are written. */
export interface TlsKeys {
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly keyPassword: string | undefined;
  readonly caFile: string | undefined;
  readonly crlFile: string | undefined;
  readonly verifyPeer: boolean;
  readonly failIfNoPeerCert: boolean;
  readonly minVersion: "TLSv1.2" | "TLSv1.3";
  readonly ciphers: string | undefined;
}

const CIPHERS_MAX_LENGTH = 4096;

export const TLS_ENTRIES: Entries<TlsKeys> = {
  certFile: optional("cert", orNone(filePath())),
  keyFile: optional("key", orNone(filePath())),
  keyPassword: optional("key_password", orNone(secret())),
  caFile: optional("ca", orNone(filePath())),
  crlFile: optional("crl", filePath()),
  verifyPeer: key("verify_peer", boolean(), false),
  failIfNoPeerCert: key("fail_if_no_peer_cert", boolean(), false),
  minVersion: key("tls_min_version", choice(["TLSv1.2", "TLSv1.3"]), "TLSv1.2"),
  ciphers: optional("ciphers", text({ maxLength: CIPHERS_MAX_LENGTH })),
};
