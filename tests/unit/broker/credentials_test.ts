import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import type { ClientConnection } from "../../../src/broker/client_connection.ts";
import { credentialsOf, shownUsername } from "../../../src/broker/credentials.ts";
import type { ConnectPacket } from "../../../src/mqtt/mod.ts";
import type { PeerCertificate } from "../../../src/ports/mod.ts";
import type { PeerCertAs } from "../../../src/transport/mod.ts";
import { LISTENER_TERMS } from "../../support/listener_terms.ts";

const CERTIFICATE: PeerCertificate = {
  commonName: "device 7",
  distinguishedName: "CN=device 7",
  serialNumber: "01",
  fingerprint256: "AA",
  isVerified: true,
};

function namesOf(
  peerCertAs: PeerCertAs,
  peerCertificate: PeerCertificate | undefined,
  packet: { clientId: string; username: string | undefined },
): [clientId: string, username: string | undefined, isAssigned: boolean] {
  const from = {
    listener: { options: { ...LISTENER_TERMS, peerCertAs } },
    socket: { remoteAddress: "192.0.2.1", peerCertificate },
    state: "connecting",
  } as unknown as ClientConnection;
  const { clientId, username, isClientIdAssigned } = credentialsOf(
    from,
    { version: 5, password: undefined, ...packet } as ConnectPacket,
  );
  return [clientId, username, isClientIdAssigned];
}

const CLAIMED = { clientId: "c", username: "u" };

test("a verified certificate names the client where the listener says so, whatever it claims", () => {
  assertEquals(namesOf("none", CERTIFICATE, CLAIMED), ["c", "u", false]);
  assertEquals(namesOf("username", CERTIFICATE, CLAIMED), ["c", "device 7", false]);
  assertEquals(namesOf("client_id", CERTIFICATE, CLAIMED), ["device 7", "u", false]);
  const silent = { clientId: "", username: undefined };
  assertEquals(namesOf("client_id", CERTIFICATE, silent), ["device 7", undefined, false]);
});

test("a certificate that is not verified, or has no name, names nobody", () => {
  for (
    const certificate of [
      undefined,
      { ...CERTIFICATE, isVerified: false },
      { ...CERTIFICATE, commonName: undefined },
      { ...CERTIFICATE, commonName: "" },
    ]
  ) {
    for (const peerCertAs of ["username", "client_id"] as const) {
      assertEquals(namesOf(peerCertAs, certificate, CLAIMED), ["c", "u", false]);
    }
  }
});

test("a client without an identifier gets one that nobody else has", () => {
  const [first, , isAssigned] = namesOf("none", undefined, { clientId: "", username: "u" });
  const [second] = namesOf("none", undefined, { clientId: "", username: "u" });
  assert(isAssigned && first.startsWith("auto-") && first !== second);
});

test("a token in the place of a user name is not shown", () => {
  assertEquals(shownUsername("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"), "***");
  assertEquals(shownUsername("eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."), "***");
  assertEquals(shownUsername("eve.smith.x"), "eve.smith.x");
  assertEquals(shownUsername(undefined), "");
});
