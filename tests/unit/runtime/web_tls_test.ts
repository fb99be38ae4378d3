import { Buffer } from "node:buffer";
import { copyFileSync, readFileSync } from "node:fs";
import { after, test } from "node:test";
import { connect, type ConnectionOptions, type TLSSocket } from "node:tls";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  loadRuntime,
  type TlsMaterial,
  type WebHandler,
  type WebServer,
} from "../../../src/runtime/mod.ts";
import {
  CertificateFolder,
  hasOpenssl,
  type TestAuthority,
  type TestCertificate,
} from "../../support/certificates.ts";
import { within } from "../../support/deadline.ts";
import { withHttp } from "../../support/http_rig.ts";

const runtime = await loadRuntime();
const skip = hasOpenssl() ? false : "openssl is not installed";

interface Files {
  readonly folder: CertificateFolder;
  readonly authority: TestAuthority;
  readonly server: TestCertificate;
  readonly other: TestCertificate;
  readonly client: TestCertificate;
  readonly foreign: TestCertificate;
  readonly revoked: TestCertificate;
  readonly crl: string;
}

function makeFiles(): Files {
  const folder = new CertificateFolder();
  const authority = folder.authority();
  const revoked = authority.issue({ subject: "/O=Example/CN=revoked" });
  authority.revoke(revoked);
  return {
    folder,
    authority,
    server: authority.issue({ subject: "/CN=localhost" }),
    other: authority.issue({ subject: "/CN=another" }),
    client: authority.issue({ subject: "/O=Example/CN=device 7" }),
    foreign: folder.authority("Foreign CA").issue({ subject: "/CN=device 7" }),
    revoked,
    crl: readFileSync(authority.revocationList(), "utf8"),
  };
}

const files = skip === false ? makeFiles() : undefined;
after(() => files?.folder.remove());

function material({ server, authority }: Files, change: Partial<TlsMaterial> = {}): TlsMaterial {
  return {
    cert: server.cert,
    key: server.key,
    keyPassword: undefined,
    ca: authority.cert,
    crl: undefined,
    verifyPeer: true,
    failIfNoPeerCert: false,
    minVersion: "TLSv1.2",
    ciphers: undefined,
    ...change,
  };
}

/** Says who asks, and what it has read. */
const answer: WebHandler = async (request) => {
  const { connection, target } = request;
  const body = Buffer.from(await request.readBody(1000) ?? []).toString();
  const { isSecure, serverName, peerCertificate } = connection;
  return {
    status: 200,
    headers: [],
    body: JSON.stringify({
      target,
      name: peerCertificate?.commonName,
      subject: peerCertificate?.distinguishedName,
      isVerified: peerCertificate?.isVerified,
      isSecure,
      serverName,
      body,
    }),
  };
};

async function withServer(
  tls: TlsMaterial,
  use: (server: WebServer, errors: string[]) => Promise<void>,
): Promise<void> {
  const errors: string[] = [];
  const server = await runtime.serveWeb({
    host: "127.0.0.1",
    port: 0,
    tls,
    maxConnections: 10,
    headerTimeoutMs: 30_000,
    requestTimeoutMs: 30_000,
    idleTimeoutMs: 30_000,
    onError: (error) => errors.push(String(error)),
  }, answer);
  try {
    await use(server, errors);
  } finally {
    await server.close(100);
  }
}

/** One request on a connection of its own; undefined where the connection ended without an answer. */
async function ask(
  port: number,
  options: ConnectionOptions,
): Promise<{ readonly text: string | undefined; readonly serverCertificate: string | undefined }> {
  const socket: TLSSocket = connect({
    host: "127.0.0.1",
    port,
    servername: "localhost",
    ...options,
  });
  let text = "";
  let serverCertificate: string | undefined;
  socket.on("secureConnect", () => {
    serverCertificate = String(socket.getPeerCertificate().subject.CN);
    socket.write(
      "GET /a%2F HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi",
    );
  });
  socket.on("data", (chunk: Uint8Array) => text += Buffer.from(chunk).toString());
  await within(
    new Promise<void>((resolve) =>
      socket.once("close", () => resolve()).on("error", () => resolve())
    ),
    "the end of the connection",
  );
  socket.destroy();
  return { text: text === "" ? undefined : text, serverCertificate };
}

test("serveWeb() with TLS knows who a client is by its certificate", { skip }, async () => {
  const { client, authority } = files as Files;
  await withServer(material(files as Files), async ({ port }) => {
    const { text } = await ask(port, { ca: authority.cert, cert: client.cert, key: client.key });
    assertStringIncludes(
      text ?? "",
      '{"target":"/a%2F","name":"device 7","subject":"CN=device 7,O=Example","isVerified":true,' +
        '"isSecure":true,"serverName":"localhost","body":"hi"}',
    );
    const without = await ask(port, { ca: authority.cert });
    assertStringIncludes(without.text ?? "", '"target":"/a%2F","isSecure":true');
  });
});

test(
  "serveWeb() with TLS lets nobody in with a certificate that is not good",
  { skip },
  async () => {
    const { authority, foreign, revoked, client, crl } = files as Files;
    const { cert: ca } = authority;
    await withServer(material(files as Files, { crl }), async ({ port }, errors) => {
      assertEquals((await ask(port, { ca, cert: foreign.cert, key: foreign.key })).text, undefined);
      assertEquals((await ask(port, { ca, cert: revoked.cert, key: revoked.key })).text, undefined);
      assertEquals(errors.length, 2, errors.join("\n"));
      assertStringIncludes(
        (await ask(port, { ca, cert: client.cert, key: client.key })).text ?? "",
        '"name":"device 7"',
      );
    });
    await withServer(material(files as Files, { failIfNoPeerCert: true }), async ({ port }) => {
      assertEquals((await ask(port, { ca })).text, undefined);
    });
  },
);

test("serveWeb() without verifyPeer does not ask for a certificate", { skip }, async () => {
  const { authority, foreign } = files as Files;
  const options = { ca: authority.cert, cert: foreign.cert, key: foreign.key };
  await withServer(material(files as Files, { verifyPeer: false }), async ({ port }) => {
    assertStringIncludes((await ask(port, options)).text ?? "", '"target":"/a%2F","isSecure":true');
  });
});

test("serveWeb() takes another certificate for connections from now on", { skip }, async () => {
  const { authority, other } = files as Files;
  const options = { ca: authority.cert };
  await withServer(material(files as Files), async (server) => {
    assertEquals((await ask(server.port, options)).serverCertificate, "localhost");
    server.setTls(material(files as Files, { cert: other.cert, key: other.key }));
    assertEquals((await ask(server.port, options)).serverCertificate, "another");
  });
});

test("serveWeb() rejects a key that does not belong to the certificate", { skip }, async () => {
  const tls = material(files as Files, { key: (files as Files).other.key });
  await assertRejects(() => withServer(tls, () => Promise.resolve()), Error, "Cannot use key");
});

test("an HTTPS listener reads its files again when they change", { skip }, async () => {
  const { folder, server, other, authority } = files as Files;
  const [certFile, keyFile] = [folder.file(".pem"), folder.file(".pem")];
  copyFileSync(server.certFile, certFile);
  copyFileSync(server.keyFile, keyFile);
  const { cert: _cert, key: _key, ca: _ca, crl: _crl, ...rest } = material(files as Files);
  const tls = { ...rest, certFile, keyFile, caFile: authority.certFile, crlFile: undefined };
  await withHttp({ apis: ["health"], listener: { tls } }, async ({ port, url }) => {
    assertStringIncludes(url, "https://");
    const options = { ca: authority.cert };
    assertEquals((await ask(port, options)).serverCertificate, "localhost");
    copyFileSync(other.certFile, certFile);
    copyFileSync(other.keyFile, keyFile);
    let seen: string | undefined;
    do seen = (await ask(port, options)).serverCertificate; while (seen === "localhost");
    assertEquals(seen, "another");
  });
});
