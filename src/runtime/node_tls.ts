/**
 * TLS on `node:tls`, which both runtimes bring along.
 *
 * What they have of their own (`Bun.listen` with `tls`, `Deno.listenTls`) can do less: Deno's knows neither client
 * certificates nor a new certificate for a listener that is open. Echoing 100 bytes on 20 connections cost the server
 * 7.0 µs on Bun's own and 6.8 µs here; 7.9 µs on Deno's own and 10.6 µs here; 16 KB cost 11 and 13, 16 and 32 µs.
 */
import { createPrivateKey, type KeyObject, X509Certificate } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { createSecureContext, type SecureContext, TLSSocket } from "node:tls";
import { pemBlocks } from "./der.ts";
import { type PeerVerdict, PeerVerifier } from "./peer_verifier.ts";
import { RevocationLists } from "./revocation.ts";
import type { ByteSocket, SocketListener } from "./runtime.ts";
import {
  type TlsContext,
  type TlsHandler,
  type TlsListenOptions,
  type TlsMaterial,
  TlsMaterialError,
  type TlsPart,
} from "./tls.ts";
import { TlsByteSocket, type TlsHandshake, type TlsSide } from "./tls_socket.ts";
import { DENO_WITH_SERVERS, oldDeno } from "./deno_version.ts";

/** As on plain connections. */
const PROBE_AFTER_MS = 300_000;

/** A `TlsContext` as this folder knows it. */
export interface NodeTlsContext extends TlsContext {
  readonly native: SecureContext;
  /** Undefined: clients are not asked for a certificate. */
  readonly verifier: PeerVerifier | undefined;
  readonly failIfNoPeerCert: boolean;
}

/** Throws `TlsMaterialError` for the first part that cannot be used. */
export function createTlsContext(material: TlsMaterial): TlsContext {
  refuseOldDeno();
  const { certificate, key } = readPair(material);
  if (material.ciphers !== undefined && !("Bun" in globalThis)) {
    throw new TlsMaterialError(
      "ciphers",
      "Cannot use ciphers: Deno has no choice of them; leave the key out, or run on Bun",
    );
  }
  const authorities = material.ca === undefined ? [] : readCertificates("ca", material.ca);
  const revoked = material.crl === undefined
    ? undefined
    : new RevocationLists(material.crl, authorities);
  const context: NodeTlsContext = {
    native: createNative(material, key),
    verifier: material.verifyPeer
      ? new PeerVerifier(authorities, revoked, material.failIfNoPeerCert)
      : undefined,
    failIfNoPeerCert: material.failIfNoPeerCert,
    expiresMs: Date.parse(certificate.validTo),
    fingerprint256: certificate.fingerprint256,
  };
  return context;
}

/** A certificate with the key that belongs to it. Throws `TlsMaterialError`. */
export function readPair(
  material: Pick<TlsMaterial, "cert" | "key" | "keyPassword">,
): { readonly certificate: X509Certificate; readonly key: KeyObject } {
  const [certificate] = readCertificates("cert", material.cert);
  const key = readKey(material);
  if (!certificate.checkPrivateKey(key)) {
    throw new TlsMaterialError("key", "Cannot use key: it does not belong to the certificate");
  }
  return { certificate, key };
}

function refuseOldDeno(): void {
  const deno = oldDeno();
  if (deno === undefined) return;
  const { major, minor } = DENO_WITH_SERVERS;
  throw new TlsMaterialError(
    "cert",
    `Cannot use cert: TLS needs Deno ${major}.${minor} or later, this is ${deno}`,
  );
}

function createNative(material: TlsMaterial, key: KeyObject): SecureContext {
  const { cert, ca, minVersion, ciphers, verifyPeer } = material;
  try {
    return createSecureContext({
      cert,
      key: key.export({ type: "pkcs8", format: "pem" }),
      minVersion,
      ...(ca === undefined || !verifyPeer ? {} : { ca }),
      ...(ciphers === undefined ? {} : { ciphers }),
    });
  } catch (error) {
    // All else has been read before; what is left is a cipher that nobody knows, or a key of an unusual kind.
    throw materialError(ciphers === undefined ? "cert" : "ciphers", error);
  }
}

/** Throws `TlsMaterialError` for PEM without a certificate. */
export function readCertificates(
  part: TlsPart,
  pem: string,
): [X509Certificate, ...X509Certificate[]] {
  const blocks = pemBlocks(pem, "CERTIFICATE");
  try {
    const [first, ...rest] = blocks.map((block) => new X509Certificate(block));
    if (first === undefined) throw new Error("there is no PEM certificate in it");
    return [first, ...rest];
  } catch (error) {
    throw materialError(part, error);
  }
}

/** There may be other things in the file: parameters of a curve, or the certificate. */
const PRIVATE_KEY = /-----BEGIN ([A-Z ]*PRIVATE KEY)-----[^]*?-----END \1-----/;

function readKey({ key: pem, keyPassword }: Pick<TlsMaterial, "key" | "keyPassword">): KeyObject {
  const key = PRIVATE_KEY.exec(pem)?.[0];
  if (key === undefined) {
    throw new TlsMaterialError("key", "Cannot use key: there is no PEM private key in it");
  }
  const isEncrypted = /-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(key);
  if (isEncrypted && keyPassword === undefined) {
    throw new TlsMaterialError(
      "key_password",
      "Cannot use key: it is encrypted, key_password is needed",
    );
  }
  try {
    return createPrivateKey({
      key,
      ...(keyPassword === undefined ? {} : { passphrase: keyPassword }),
    });
  } catch (error) {
    throw materialError(isEncrypted ? "key_password" : "key", error);
  }
}

function materialError(part: TlsPart, error: unknown): TlsMaterialError {
  const reason = error instanceof Error ? error.message : String(error);
  return new TlsMaterialError(part, `Cannot use ${part}: ${reason}`, { cause: error });
}

/** Rejects with the system's error when the address cannot be bound. */
export async function listenTls(
  options: TlsListenOptions,
  accept: (socket: ByteSocket) => TlsHandler,
): Promise<SocketListener> {
  const side = new ServerSide(options);
  const onConnection = (raw: Socket): void => {
    // The last resort; `TlsByteSocket` has its own.
    raw.on("error", () => raw.destroy());
    try {
      raw.setNoDelay(true);
      raw.setKeepAlive(true, PROBE_AFTER_MS);
      const socket = new TlsByteSocket(raw, side);
      socket.start(accept(socket));
    } catch (error) {
      options.onError(error);
      raw.destroy();
    }
  };
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, onConnection);
  const { host, port } = options;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen({ host, port }, () => {
      server.off("error", reject);
      server.on("error", options.onError);
      resolve();
    });
  });
  return {
    host,
    port: (server.address() as AddressInfo).port,
    close: () => void server.close(),
  };
}

class ServerSide implements TlsSide {
  readonly #options: TlsListenOptions;

  constructor(options: TlsListenOptions) {
    this.#options = options;
  }

  shakeHands(raw: Socket): TlsHandshake {
    const { native, verifier, failIfNoPeerCert } = this.#options.context() as NodeTlsContext;
    const tls = new TLSSocket(raw, {
      isServer: true,
      secureContext: native,
      requestCert: verifier !== undefined,
      // A certificate that is not good is refused by us: Deno lets it pass here.
      rejectUnauthorized: failIfNoPeerCert,
    });
    const judge = (): PeerVerdict =>
      verifier?.judge(tls, Date.now()) ?? { certificate: undefined, problem: undefined };
    return { tls, event: "secure", judge };
  }

  onEstablished(): void {
    // The owner has the connection since it was accepted.
  }

  onFailure({ remoteAddress }: TlsByteSocket, reason: string, isSilent: boolean): void {
    this.#options.onHandshakeError(remoteAddress, reason, isSilent);
  }
}
