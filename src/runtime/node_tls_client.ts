/** TLS towards servers, on `node:tls` as the other side of it. */
import { connect as connectSocket, isIP, type Socket } from "node:net";
import { connect, type ConnectionOptions, type DetailedPeerCertificate } from "node:tls";
import {
  ConnectError,
  connectWithin,
  placeText,
  type Takeover,
  type TlsConnectOptions,
  toConnectError,
} from "./connect.ts";
import { readCertificates, readPair } from "./node_tls.ts";
import { peerFacts } from "./peer_verifier.ts";
import type { ByteSocket, CloseCause, PeerCertificate } from "./runtime.ts";
import { TlsByteSocket, type TlsHandshake, type TlsSide } from "./tls_socket.ts";

/** As on plain connections. */
const PROBE_AFTER_MS = 300_000;

/** See `Runtime.connectTls`. */
export async function connectTls(options: TlsConnectOptions, take: Takeover): Promise<ByteSocket> {
  const place = placeText(options.host, options.port);
  const material = checkedMaterial(place, options);
  const startMs = performance.now();
  const raw = await connectWithin(
    place,
    options.timeoutMs,
    connectRaw(options),
    (late) => late.destroy(),
  );
  const side = new ClientSide({ ...options, ...material }, place, take);
  const socket = new TlsByteSocket(raw, side);
  try {
    socket.start({
      onBytes: () => undefined,
      onProgress: () => undefined,
      onWritable: () => undefined,
      onClose: (cause, detail) => side.onClose(cause, detail),
    });
  } catch (error) {
    raw.destroy();
    throw toConnectError(place, error);
  }
  const remainingMs = Math.max(0, options.timeoutMs - (performance.now() - startMs));
  try {
    return await connectWithin(place, remainingMs, side.established, (late) => late.abort());
  } catch (error) {
    socket.abort();
    throw error;
  }
}

/** What the libraries would pass over in silence: a certificate that is none is then just not shown. */
function checkedMaterial(
  place: string,
  { ca, cert, key, keyPassword, ciphers }: TlsConnectOptions,
): Pick<TlsConnectOptions, "key" | "keyPassword"> {
  if (ciphers !== undefined && !("Bun" in globalThis)) {
    throw new ConnectError(place, "Deno has no choice of ciphers", "ETLS");
  }
  try {
    if (ca !== undefined) readCertificates("ca", ca);
    if (cert === undefined) return { key: undefined, keyPassword: undefined };
    const pair = readPair({ cert, key: key ?? cert, keyPassword });
    const plainKey = pair.key.export({ type: "pkcs8", format: "pem" });
    return { key: String(plainKey), keyPassword: undefined };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ConnectError(place, reason, "ETLS", { cause: error });
  }
}

function connectRaw({ host, port }: TlsConnectOptions): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const raw = connectSocket({ host, port, allowHalfOpen: true });
    raw.once("error", reject);
    raw.once("connect", () => {
      raw.off("error", reject);
      raw.setNoDelay(true);
      raw.setKeepAlive(true, PROBE_AFTER_MS);
      resolve(raw);
    });
  });
}

class ClientSide implements TlsSide {
  readonly established: Promise<ByteSocket>;
  readonly #options: TlsConnectOptions;
  readonly #place: string;
  readonly #take: Takeover;
  #resolve: (socket: ByteSocket) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;

  constructor(options: TlsConnectOptions, place: string, take: Takeover) {
    this.#options = options;
    this.#place = place;
    this.#take = take;
    this.established = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  shakeHands(raw: Socket): TlsHandshake {
    const tls = connect({ socket: raw, ...clientOptions(this.#options) });
    return { tls, event: "secureConnect", judge };

    function judge(): { certificate: PeerCertificate | undefined; problem: undefined } {
      const peer = tls.getPeerCertificate(true) as Partial<DetailedPeerCertificate> | null;
      const certificate = peer?.raw === undefined
        ? undefined
        : { ...peerFacts(peer as DetailedPeerCertificate), isVerified: tls.authorized };
      return { certificate, problem: undefined };
    }
  }

  onEstablished(socket: TlsByteSocket): void {
    try {
      socket.attach(this.#take(socket));
      this.#resolve(socket);
    } catch (error) {
      socket.abort();
      this.#reject(error);
    }
  }

  onFailure(_socket: TlsByteSocket, reason: string): void {
    this.#reject(new ConnectError(this.#place, reason, "ETLS"));
  }

  /** Only of a handshake that `onFailure` was not told of. */
  onClose(_cause: CloseCause, detail: string | undefined): void {
    this.#reject(toConnectError(this.#place, new Error(detail ?? "the connection was closed")));
  }
}

function clientOptions(options: TlsConnectOptions): ConnectionOptions {
  const { serverName, verification, ca, cert, key, protocols, ciphers } = options;
  return {
    host: serverName,
    // An address is no name that could be sent [RFC 6066 3].
    ...(isIP(serverName) === 0 ? { servername: serverName } : {}),
    rejectUnauthorized: verification !== "none",
    ...(verification === "full" ? {} : { checkServerIdentity: () => undefined }),
    minVersion: options.minVersion,
    maxVersion: options.maxVersion,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(protocols.length === 0 ? {} : { ALPNProtocols: [...protocols] }),
    ...(ciphers === undefined ? {} : { ciphers }),
  };
}
