import type { KeyPath } from "../key_path.ts";
import type { TlsKeys } from "../sections/tls.ts";
import type { Complain } from "./complain.ts";

/** Whether a key that only TLS has a use for is there. */
export function hasTlsKeys(keys: TlsKeys): boolean {
  return namesOfTlsKeys(keys).length > 0;
}

/** Complains of TLS keys that contradict each other. `who` needs a certificate. */
export function checkTls(complain: Complain, path: KeyPath, who: string, keys: TlsKeys): void {
  for (const [name, value] of [["cert", keys.certFile], ["key", keys.keyFile]] as const) {
    if (value !== undefined) continue;
    const what = name === "cert" ? "certificate" : "private key";
    complain([...path, name], "nothing", `the file of a ${what}, which ${who} needs`);
  }
  if (keys.verifyPeer && keys.caFile === undefined) {
    complain(
      [...path, "verify_peer"],
      "true without ca",
      "ca, the file of the authorities whose certificates are good, or verify_peer = false",
    );
  }
  if (keys.failIfNoPeerCert && !keys.verifyPeer) {
    complain([...path, "fail_if_no_peer_cert"], "true", "true only with verify_peer = true");
  }
  if (keys.crlFile !== undefined && !keys.verifyPeer) {
    complain([...path, "crl"], "a file", "a file only with verify_peer = true");
  }
}

/** Complains of TLS keys where there is no TLS. */
export function checkNoTls(complain: Complain, path: KeyPath, who: string, keys: TlsKeys): void {
  for (const name of namesOfTlsKeys(keys)) {
    complain([...path, name], `a key that ${who} has no use for`, "this key where there is TLS");
  }
}

function namesOfTlsKeys(keys: TlsKeys): readonly string[] {
  const uses: readonly (readonly [name: string, isThere: boolean])[] = [
    ["cert", keys.certFile !== undefined],
    ["key", keys.keyFile !== undefined],
    ["key_password", keys.keyPassword !== undefined],
    ["ca", keys.caFile !== undefined],
    ["crl", keys.crlFile !== undefined],
    ["verify_peer", keys.verifyPeer],
    ["fail_if_no_peer_cert", keys.failIfNoPeerCert],
    ["ciphers", keys.ciphers !== undefined],
  ];
  return uses.filter(([, isThere]) => isThere).map(([name]) => name);
}
