import { loadRuntime, type SocketListener } from "../../../src/runtime/mod.ts";
import { type ListenerOptions, prepareListener } from "../../../src/transport/mod.ts";
import { byteSocketContract, type ByteSocketKind } from "../../support/byte_socket_contract.ts";
import { CertificateFolder, hasOpenssl } from "../../support/certificates.ts";
import { NotingOwner, QUIET } from "../../support/listener_rig.ts";
import { LISTENER_OPTIONS } from "../../support/listener_terms.ts";
import { connectPlain, connectSecurely } from "../../support/peers.ts";
import { WebSocketPeer } from "../../support/websocket_peer.ts";

const runtime = await loadRuntime();
const skip = hasOpenssl() ? false : "openssl is not installed";
const PROXY_HEADER = new TextEncoder().encode("PROXY TCP4 192.0.2.7 192.0.2.1 50000 1883\r\n");
const PROXIED = { proxyProtocol: true, trustedProxies: ["127.0.0.0/8"] };

let tls: ListenerOptions["tls"];

/** Made by the first who needs it, and left to the system's temporary folder. */
function tlsOptions(): ListenerOptions["tls"] {
  if (tls !== undefined) return tls;
  const { certFile, keyFile } = new CertificateFolder().authority().issue({
    subject: "/CN=localhost",
  });
  return tls = {
    certFile,
    keyFile,
    keyPassword: undefined,
    caFile: undefined,
    crlFile: undefined,
    verifyPeer: false,
    failIfNoPeerCert: false,
    minVersion: "TLSv1.2",
    ciphers: undefined,
  };
}

function listenAs(options: () => Partial<ListenerOptions>): ByteSocketKind["listen"] {
  return async (accept) => {
    const environment = { runtime, ...QUIET };
    const prepared = await prepareListener(environment, { ...LISTENER_OPTIONS, ...options() });
    const { port, close } = await prepared.open(new NotingOwner(accept));
    return { host: "127.0.0.1", port, close };
  };
}

const plain = ({ port }: SocketListener, preamble?: Uint8Array): ReturnType<typeof connectPlain> =>
  connectPlain({ host: "127.0.0.1", port }, preamble);

byteSocketContract({
  name: "ws",
  remoteAddress: "127.0.0.1",
  listen: listenAs(() => ({ type: "ws" })),
  connect: async (listener) => await WebSocketPeer.over(await plain(listener)),
});

byteSocketContract({
  name: "ws in small frames",
  remoteAddress: "127.0.0.1",
  listen: listenAs(() => ({ type: "ws" })),
  connect: async (listener) => await WebSocketPeer.over(await plain(listener), 997),
});

byteSocketContract({
  name: "wss",
  remoteAddress: "127.0.0.1",
  skip,
  listen: listenAs(() => ({ type: "wss", tls: tlsOptions() })),
  connect: async (listener) => await WebSocketPeer.over(await connectSecurely(listener)),
});

byteSocketContract({
  name: "tcp behind a proxy",
  remoteAddress: "192.0.2.7",
  remotePort: 50_000,
  listen: listenAs(() => PROXIED),
  connect: (listener) => plain(listener, PROXY_HEADER),
});

byteSocketContract({
  name: "wss behind a proxy",
  remoteAddress: "192.0.2.7",
  remotePort: 50_000,
  skip,
  listen: listenAs(() => ({ ...PROXIED, type: "wss", tls: tlsOptions() })),
  connect: async (listener) =>
    await WebSocketPeer.over(await connectSecurely(listener, { preamble: PROXY_HEADER })),
});
