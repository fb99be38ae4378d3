import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { assertEquals } from "@std/assert";
import { loadRuntime, type TlsContext } from "../../../src/runtime/mod.ts";
import { byteSocketContract } from "../../support/byte_socket_contract.ts";
import { CertificateFolder, hasOpenssl } from "../../support/certificates.ts";
import { connectPlain, connectSecurely } from "../../support/peers.ts";

const onError = (error: unknown): void => assertEquals(error, undefined);
const runtime = await loadRuntime();
const loopback = { host: "127.0.0.1", port: 0, onError };

byteSocketContract({
  name: "tcp",
  remoteAddress: "127.0.0.1",
  listen: (accept) => runtime.listenTcp(loopback, accept),
  connect: ({ host, port }) => connectPlain({ host, port }),
});

byteSocketContract({
  name: "unix",
  remoteAddress: "",
  listen: async (accept) => {
    const path = join(await mkdtemp(join(tmpdir(), "broker-socket-")), "s");
    return await runtime.listenUnix({ path, mode: 0o660, onError }, accept);
  },
  connect: ({ host }) => connectPlain({ path: host }),
});

const skip = hasOpenssl() ? false : "openssl is not installed";
let context: Promise<TlsContext> | undefined;

/** Made by the first who needs it. */
function tlsContext(): Promise<TlsContext> {
  if (context !== undefined) return context;
  const folder = new CertificateFolder();
  const { cert, key } = folder.authority().issue({ subject: "/CN=localhost" });
  folder.remove();
  return context = runtime.createTlsContext({
    cert,
    key,
    keyPassword: undefined,
    ca: undefined,
    crl: undefined,
    verifyPeer: false,
    failIfNoPeerCert: false,
    minVersion: "TLSv1.2",
    ciphers: undefined,
  });
}

byteSocketContract({
  name: "tls",
  remoteAddress: "127.0.0.1",
  skip,
  listen: async (accept) => {
    const made = await tlsContext();
    return await runtime.listenTls({
      ...loopback,
      context: () => made,
      onHandshakeError: (_address, reason) => assertEquals(reason, undefined),
    }, accept);
  },
  connect: (listener) => connectSecurely(listener),
});
