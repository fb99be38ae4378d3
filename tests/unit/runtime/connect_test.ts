import { mkdtemp } from "node:fs/promises";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createServer as createTlsServer, type TLSSocket } from "node:tls";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ByteSocket,
  type ByteSocketHandler,
  ConnectError,
  loadRuntime,
  type ServerVerification,
  type SocketListener,
  type Takeover,
  type TlsConnectOptions,
} from "../../../src/runtime/mod.ts";
import { connectWithin } from "../../../src/runtime/connect.ts";
import { byteSocketContract, type ByteSocketKind } from "../../support/byte_socket_contract.ts";
import { CertificateFolder, hasOpenssl } from "../../support/certificates.ts";
import { within } from "../../support/deadline.ts";
import { StreamPeer } from "../../support/peers.ts";

const runtime = await loadRuntime();
const timeoutMs = 10_000;
const host = "127.0.0.1";

/** A server of the test: the other end of the connections that we begin. */
interface PeerServer extends SocketListener {
  next(): Promise<StreamPeer>;
}

function peerServer(
  server: Server,
  where: { path: string } | { host: string; port: number },
): Promise<PeerServer> {
  const waiting: ((peer: StreamPeer) => void)[] = [];
  const arrived: StreamPeer[] = [];
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket));
  const isTls = "setSecureContext" in server;
  server.on(isTls ? "secureConnection" : "connection", (socket: Socket | TLSSocket) => {
    const raw = isTls ? [...sockets].at(-1)! : socket;
    const peer = new StreamPeer(raw, socket);
    const wake = waiting.shift();
    if (wake === undefined) arrived.push(peer);
    else wake(peer);
  });
  return new Promise((resolve) => {
    server.listen(where, () => {
      const address = server.address();
      resolve({
        host: typeof address === "string" ? address : host,
        port: typeof address === "object" ? address!.port : 0,
        close: () => void server.close(),
        next: () => {
          const peer = arrived.shift();
          if (peer !== undefined) return Promise.resolve(peer);
          return within(new Promise<StreamPeer>((done) => waiting.push(done)), "a connection");
        },
      });
    });
  });
}

/** The contract, for connections that we begin: the peer is the server. */
function outgoing(
  name: string,
  serve: () => Promise<PeerServer>,
  connect: (listener: SocketListener, take: Takeover) => Promise<ByteSocket>,
  rest: Partial<ByteSocketKind> = {},
): void {
  const owners = new WeakMap<SocketListener, (socket: ByteSocket) => ByteSocketHandler>();
  byteSocketContract({
    name,
    remoteAddress: host,
    listen: async (accept) => {
      const server = await serve();
      owners.set(server, accept);
      return server;
    },
    connect: async (listener) => {
      // Begun at once: a server that is closed must refuse.
      const [, peer] = await Promise.all([
        connect(listener, owners.get(listener)!),
        (listener as PeerServer).next(),
      ]);
      return peer;
    },
    ...rest,
  });
}

outgoing(
  "tcp, begun by us",
  () => peerServer(createServer({ allowHalfOpen: true }), { host, port: 0 }),
  ({ port }, take) => runtime.connectTcp({ host, port, timeoutMs }, take),
);

const socketPath = async (): Promise<string> =>
  join(await mkdtemp(join(tmpdir(), "broker-socket-")), "s");

outgoing(
  "unix, begun by us",
  async () => peerServer(createServer({ allowHalfOpen: true }), { path: await socketPath() }),
  ({ host: path }, take) => runtime.connectUnix({ path, timeoutMs }, take),
  { remoteAddress: "", remotePort: 0 },
);

const skip = hasOpenssl() ? false : "openssl is not installed";
const folder = skip === false ? new CertificateFolder() : undefined;
const authority = folder?.authority();
const stranger = folder?.authority("Nobody");
const issued = authority?.issue({ subject: "/CN=localhost" });
const client = authority?.issue({
  subject: "/CN=device 7",
  extensions: ["basicConstraints=CA:FALSE"],
});
const locked = authority?.issue({ subject: "/CN=device 8", password: "sesame" });
const ca = (): string => authority!.cert;

function tlsServer(options: { requestCert?: boolean } = {}): Promise<PeerServer> {
  const server = createTlsServer({
    cert: issued!.cert,
    key: issued!.key,
    ca: ca(),
    allowHalfOpen: true,
    rejectUnauthorized: options.requestCert === true,
    ALPNProtocols: ["mqtt"],
    ...options,
  });
  return peerServer(server, { host, port: 0 });
}

function tlsOptions(port: number, some: Partial<TlsConnectOptions> = {}): TlsConnectOptions {
  return {
    host,
    port,
    timeoutMs,
    serverName: "localhost",
    verification: "full",
    ca: ca(),
    cert: undefined,
    key: undefined,
    keyPassword: undefined,
    protocols: [],
    minVersion: "TLSv1.2",
    maxVersion: "TLSv1.3",
    ciphers: undefined,
    ...some,
  };
}

outgoing(
  "tls, begun by us",
  () => tlsServer(),
  ({ port }, take) => runtime.connectTls(tlsOptions(port), take),
  { skip },
);

const IDLE: ByteSocketHandler = {
  onBytes: () => undefined,
  onProgress: () => undefined,
  onWritable: () => undefined,
  onClose: () => undefined,
};
const takeIdle: Takeover = () => IDLE;

async function refused(promise: Promise<ByteSocket>): Promise<ConnectError> {
  return await assertRejects(
    () => within(promise.then((socket) => socket.abort()), "a refusal"),
    ConnectError,
  );
}

/** A port on which nobody listens. */
async function closedPort(): Promise<number> {
  const server = await peerServer(createServer(), { host, port: 0 });
  server.close();
  return server.port;
}

test("connectTcp() says why there is no connection", async () => {
  const port = await closedPort();
  const error = await refused(runtime.connectTcp({ host, port, timeoutMs }, takeIdle));
  assertEquals(
    [error.message, error.reason, error.code],
    [
      `Cannot connect to 127.0.0.1:${port}: connection refused`,
      "connection refused",
      "ECONNREFUSED",
    ],
  );
  const lookup = await refused(
    runtime.connectTcp({ host: "no-such-host.invalid", port: 1, timeoutMs }, takeIdle),
  );
  assertEquals([lookup.code, lookup.reason], ["ENOTFOUND", "the name of the host is not known"]);
});

test("connectTcp() finds a host by its name", async () => {
  const server = await peerServer(createServer(), { host, port: 0 });
  const socket = await runtime.connectTcp(
    { host: "localhost", port: server.port, timeoutMs },
    takeIdle,
  );
  (await server.next()).destroy();
  socket.abort();
  server.close();
});

test("connectUnix() says why there is no connection", async () => {
  const path = await socketPath();
  const error = await refused(runtime.connectUnix({ path, timeoutMs }, takeIdle));
  assertEquals([error.message, error.code], [
    `Cannot connect to ${path}: no such file or directory`,
    "ENOENT",
  ]);
});

test(
  "a handshake that does not come to its end takes no longer than is allowed",
  { skip },
  async () => {
    const silent = await peerServer(createServer(), { host, port: 0 });
    const startMs = performance.now();
    const error = await refused(
      runtime.connectTls(tlsOptions(silent.port, { timeoutMs: 100 }), takeIdle),
    );
    assertEquals([error.code, error.reason], ["ETIMEDOUT", "it took too long"]);
    assert(performance.now() - startMs < 5000);
    (await silent.next()).destroy();
    silent.close();
  },
);

test("a connection that comes too late is given back, and one that fails too late is no news", async () => {
  const discarded: string[] = [];
  let arrive: (connection: string) => void = () => undefined;
  let fail: (error: Error) => void = () => undefined;
  const late = new Promise<string>((resolve) => arrive = resolve);
  const broken = new Promise<string>((_, reject) => fail = reject);
  for (const pending of [late, broken]) {
    const connecting = connectWithin(
      "h:1",
      10,
      pending,
      (connection) => discarded.push(connection),
    );
    assertEquals((await assertRejects(() => connecting, ConnectError)).code, "ETIMEDOUT");
  }
  arrive("late");
  fail(new Error("late"));
  await new Promise((resolve) => setImmediate(resolve));
  assertEquals(discarded, ["late"]);
});

test("what the new owner throws is what connecting rejects with", async () => {
  const server = await peerServer(createServer(), { host, port: 0 });
  const take = (): never => {
    throw new RangeError("not like this");
  };
  await assertRejects(
    () => runtime.connectTcp({ host, port: server.port, timeoutMs }, take),
    RangeError,
    "not like this",
  );
  const peer = await server.next();
  assertEquals((await peer.readToEnd()).length, 0);
  server.close();
});

const VERDICTS: readonly [
  what: string,
  some: () => Partial<TlsConnectOptions>,
  outcome: string | RegExp,
][] = [
  ["a certificate for its name, of an authority that we trust", () => ({}), "connected"],
  ["the certificate of somebody else", () => ({ serverName: "example.org" }), /altnames/],
  ["an authority that we do not trust", () => ({ ca: stranger!.cert }), /certificate/],
  ["an authority that nobody named", () => ({ ca: undefined }), /certificate/],
  [
    "the certificate of somebody else, when only its signature counts",
    () => ({ serverName: "example.org", verification: "signature" as ServerVerification }),
    "connected",
  ],
  [
    "an authority that we do not trust, when only the signature counts",
    () => ({ ca: stranger!.cert, verification: "signature" as ServerVerification }),
    /certificate/,
  ],
  [
    "an authority that we do not trust, when nothing counts",
    () => ({ ca: stranger!.cert, verification: "none" as ServerVerification }),
    "connected",
  ],
  ["an address that the certificate is for", () => ({ serverName: "127.0.0.1" }), "connected"],
  ["an address that the certificate is not for", () => ({ serverName: "127.0.0.2" }), /altnames/],
  ["a certificate of ours that is none", () => ({ cert: "nonsense" }), /Cannot use cert/],
  ["a key of ours for something else", () => ({ ...client!, key: issued!.key }), /not belong/],
  ["a key of ours that is locked", () => ({ ...locked! }), /key_password is needed/],
  ["authorities that are none", () => ({ ca: "nonsense" }), /Cannot use ca/],
];

for (const [what, some, outcome] of VERDICTS) {
  test(`connectTls() to ${what}`, { skip }, async () => {
    const server = await tlsServer();
    const connecting = runtime.connectTls(tlsOptions(server.port, some()), takeIdle);
    if (outcome === "connected") {
      const socket = await within(connecting, "a connection");
      assertEquals(socket.peerCertificate?.commonName, "localhost");
      (await server.next()).destroy();
      socket.abort();
    } else {
      const { code, reason } = await refused(connecting);
      assert((outcome as RegExp).test(reason), reason);
      assertEquals(code, "ETLS");
    }
    server.close();
  });
}

test(
  "connectTls() shows a certificate of ours, sends the name and offers protocols",
  { skip },
  async () => {
    for (const own of [client!, { ...locked!, keyPassword: "sesame" }]) {
      const server = await tlsServer({ requestCert: true });
      const options = tlsOptions(server.port, {
        ...own,
        protocols: ["mqtt"],
        maxVersion: "TLSv1.2",
      });
      const socket = await within(runtime.connectTls(options, takeIdle), "a connection");
      const peer = (await server.next()).stream as TLSSocket & { servername: string };
      assertEquals(peer.getPeerCertificate().subject.CN, own === client ? "device 7" : "device 8");
      assertEquals([peer.servername, peer.alpnProtocol, peer.getProtocol()], [
        "localhost",
        "mqtt",
        "TLSv1.2",
      ]);
      peer.destroy();
      socket.abort();
      server.close();
    }
  },
);

test("connectTls() refuses ciphers where the runtime has no choice of them", { skip }, async () => {
  const server = await tlsServer();
  const ciphers = "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384";
  const connecting = runtime.connectTls(
    tlsOptions(server.port, { ciphers, maxVersion: "TLSv1.2" }),
    takeIdle,
  );
  if (runtime.name === "deno") {
    assertEquals((await refused(connecting)).reason, "Deno has no choice of ciphers");
  } else {
    const socket = await connecting;
    const peer = (await server.next()).stream as TLSSocket;
    assert(ciphers.includes(peer.getCipher().name), peer.getCipher().name);
    peer.destroy();
    socket.abort();
  }
  server.close();
});
