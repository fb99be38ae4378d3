/** TLS as clients see it: certificates of both sides, their replacement, and handshakes that come to nothing. */
import { execFileSync, spawn } from "node:child_process";
import { readFileSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { join } from "node:path";
import { after, test } from "node:test";
import type { TLSSocket } from "node:tls";
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { connectAsync } from "mqtt";
import {
  CertificateFolder,
  type CertificateRequest,
  hasOpenssl,
  type TestAuthority,
  type TestCertificate,
} from "../support/certificates.ts";
import { within } from "../support/deadline.ts";
import { hasMosquitto, mosquittoPub, mosquittoSub } from "../support/mosquitto.ts";
import { TestClient } from "../support/mqtt_client.ts";
import { connectSecurely } from "../support/peers.ts";
import { denoTooOldForTls, tlsSkip } from "../support/tls_target.ts";
import { startBroker, withBroker } from "../support/start_broker.ts";

const tooOld = await denoTooOldForTls();
const skip = await tlsSkip();
const skipMosquitto = hasMosquitto() ? skip : "mosquitto's clients are not installed";

const folder = new CertificateFolder();
after(() => folder.remove());
const known: Record<string, TestAuthority> = {};

/** Made by the first who needs it; one for all tests. */
function authority(): TestAuthority {
  return known["ca"] ??= folder.authority();
}

const issued = new Map<string, TestCertificate>();

function certificate(subject: string): TestCertificate {
  const found = issued.get(subject) ?? authority().issue({ subject });
  issued.set(subject, found);
  return found;
}

const server = (): TestCertificate => certificate("/CN=localhost");

/** A listener with more lines. */
function listener(lines: readonly string[] = [], files: Partial<TestCertificate> = {}): string {
  const { certFile, keyFile } = { ...server(), ...files };
  return [
    "[[listener]]",
    'type = "tls"',
    'bind = "127.0.0.1:0"',
    `cert = "${certFile}"`,
    `key = "${keyFile}"`,
    ...lines,
    "",
  ].join("\n");
}

const askingForCertificates = (more: readonly string[] = []): string =>
  listener([
    `ca = "${authority().certFile}"`,
    "verify_peer = true",
    "fail_if_no_peer_cert = true",
    ...more,
  ]);

type ClientFiles = Pick<TestCertificate, "cert" | "key">;

async function open(port: number, client?: ClientFiles): Promise<TestClient> {
  const own = client === undefined ? {} : { cert: client.cert, key: client.key };
  const peer = await connectSecurely({ port }, own);
  return TestClient.over(peer.stream);
}

/** "accepted", or "refused" where the connection ends in the handshake or right behind it. */
async function fate(port: number, client?: ClientFiles): Promise<"accepted" | "refused"> {
  try {
    const opened = await open(port, client);
    await opened.connected();
    await opened.disconnect();
    return "accepted";
  } catch (error) {
    // Nothing but the end of the connection counts as a refusal, and above all no timeout.
    const text = String(error);
    assert(!text.includes("wait any longer"), text);
    return "refused";
  }
}

/** Of the certificate that the server shows now. */
async function shownFingerprint(port: number): Promise<string> {
  const peer = await connectSecurely({ port });
  const { fingerprint256 } = (peer.stream as TLSSocket).getPeerCertificate();
  peer.destroy();
  return fingerprint256;
}

function fingerprint(file: string): string {
  const text = execFileSync("openssl", ["x509", "-in", file, "-noout", "-fingerprint", "-sha256"]);
  return String(text).trim().replace(/^.*=/, "");
}

test("mosquitto publishes and subscribes over TLS, and looks at the certificate", {
  skip: skipMosquitto,
}, () =>
  withBroker({ config: listener() }, async ({ port }) => {
    const ca = ["--cafile", authority().certFile];
    const subscriber = await mosquittoSub(port, [...ca, "-t", "a", "-C", "1"]);
    await mosquittoPub(port, [...ca, "-t", "a", "-m", "over TLS", "-q", "1"]);
    assertEquals(await subscriber.lines(), ["over TLS"]);
    const other = ["--cafile", folder.authority().certFile];
    await assertRejects(() => mosquittoPub(port, [...other, "-t", "a", "-m", "x"]));
  }));

test("mosquitto comes with a certificate, and does not come without", {
  skip: skipMosquitto,
}, () =>
  withBroker({ config: askingForCertificates() }, async ({ port }) => {
    const { certFile, keyFile } = certificate("/CN=device 7");
    const ca = ["--cafile", authority().certFile];
    const message = ["-t", "a", "-m", "x", "-q", "1"];
    await mosquittoPub(port, [...ca, "--cert", certFile, "--key", keyFile, ...message]);
    await assertRejects(() => mosquittoPub(port, [...ca, ...message]));
  }));

test(
  "openssl s_client gets a CONNACK",
  { skip },
  () =>
    withBroker({ config: listener() }, async ({ port }) => {
      const child = spawn("openssl", ["s_client", "-quiet", "-connect", `127.0.0.1:${port}`], {
        stdio: ["pipe", "pipe", "ignore"],
      });
      const answer = new Promise<Uint8Array>((resolve) => child.stdout.once("data", resolve));
      child.stdin.write(Uint8Array.of(0x10, 0x0c, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0));
      assertEquals([...(await within(answer, "a CONNACK"))], [0x20, 2, 0, 0]);
      child.stdin.end(Uint8Array.of(0xe0, 0));
    }),
);

test("MQTT.js connects by mqtts and wss", { skip }, () => {
  const config = `${listener()}${listener().replace('"tls"', '"wss"')}`;
  return withBroker({ config }, async ({ ready }) => {
    assertEquals(ready.listeners.map(({ url }) => url.replace(/\d+(?=\/|$)/, "PORT")), [
      "mqtts://127.0.0.1:PORT",
      "wss://127.0.0.1:PORT/mqtt",
    ]);
    for (const { url } of ready.listeners) {
      const client = await within(connectAsync(url, { ca: authority().cert }), `MQTT.js by ${url}`);
      await client.subscribeAsync("a", { qos: 1 });
      const message = new Promise<number>((resolve) =>
        client.once("message", (_topic, payload) => resolve(payload.length))
      );
      await client.publishAsync("a", "x".repeat(300_000), { qos: 1 });
      assertEquals(await within(message, "the message"), 300_000);
      await client.endAsync();
    }
  });
});

// --- certificates of clients ------------------------------------------------------------------------

const CLIENTS: readonly [what: string, make: () => ClientFiles | undefined, fate: string][] = [
  ["none", () => undefined, "refused"],
  ["a good one", () => certificate("/CN=device 7"), "accepted"],
  ["one of version 1", () => authority().issue({ subject: "/CN=v1", extensions: [] }), "accepted"],
  [
    "one signed by an authority below ours",
    () => chained(authority().intermediate("Below")),
    "accepted",
  ],
  [
    "one of another authority",
    () => folder.authority("Other").issue({ subject: "/CN=x" }),
    "refused",
  ],
  ["one of another authority of the same name", () => foreign({}), "refused"],
  [
    "one of version 1 of another authority of the same name",
    () => foreign({ extensions: [] }),
    "refused",
  ],
  ["an expired one", () => dated("20200101000000Z", "20210101000000Z"), "refused"],
  ["one that is not valid yet", () => dated("20900101000000Z", "20910101000000Z"), "refused"],
  ["an expired one of version 1", () => dated("20200101000000Z", "20210101000000Z", []), "refused"],
  ["one for servers", () => own({ extensions: ["extendedKeyUsage=serverAuth"] }), "refused"],
  ["one signed by a client", () => chained(certificate("/CN=device 7")), "refused"],
];

function own(request: Omit<CertificateRequest, "subject">): ClientFiles {
  return authority().issue({ subject: "/CN=device 8", ...request });
}

function foreign(request: Omit<CertificateRequest, "subject">): ClientFiles {
  return folder.authority().issue({ subject: "/CN=device 7", ...request });
}

function dated(start: string, end: string, extensions?: readonly string[]): ClientFiles {
  return own({ start, end, ...(extensions === undefined ? {} : { extensions }) });
}

/** Signed by `signer`, whose certificate comes along. */
function chained(signer: { readonly certFile: string; readonly keyFile: string }): ClientFiles {
  const { cert, key } = folder.signer(signer).issue({ subject: "/CN=leaf" });
  return { cert: cert + readFileSync(signer.certFile, "utf8"), key };
}

test("clients are let in and turned away by their certificates", { skip }, async (context) => {
  await withBroker({ config: askingForCertificates() }, async ({ port }) => {
    for (const [what, make, expected] of CLIENTS) {
      await context.test(`${what} is ${expected}`, async () => {
        assertEquals(await fate(port, make()), expected);
      });
    }
  });
});

test("a certificate that need not be there must still be good", { skip }, () => {
  const config = listener([`ca = "${authority().certFile}"`, "verify_peer = true"]);
  return withBroker({ config }, async (broker) => {
    assertEquals(await fate(broker.port), "accepted");
    assertEquals(await fate(broker.port, certificate("/CN=device 7")), "accepted");
    assertEquals(await fate(broker.port, foreign({})), "refused");
    await broker.logged("A handshake has failed");
    assertStringIncludes(broker.stderr(), "listener=tls:default address=127.0.0.1");
  });
});

const RULES = [
  "allow_anonymous = false",
  "[acl]",
  'no_match = "deny"',
  "[[acl.rule]]",
  'permit = "allow"',
  'topics = ["user/%u", "client/%c"]',
  "",
];

test("the common name takes the place of the user name", { skip }, () => {
  const config = askingForCertificates(['peer_cert_as = "username"', ...RULES]);
  return withBroker({ config }, async ({ port }) => {
    const client = await open(port, certificate("/CN=device 7"));
    await client.connected({ username: "admin", clientId: "c" });
    const codes: (number | undefined)[] = [];
    for (const topic of ["user/device 7", "user/admin", "client/c"]) {
      client.send({
        cmd: "publish",
        topic,
        payload: "x",
        qos: 1,
        messageId: 1,
        dup: false,
        retain: false,
      });
      codes.push((await client.expect("puback")).reasonCode);
    }
    assertEquals(codes.map((code) => code === 0x87), [false, true, false]);
  });
});

test("the common name takes the place of the client identifier", { skip }, () => {
  const config = askingForCertificates(['peer_cert_as = "client_id"', ...RULES]);
  return withBroker({ config }, async ({ port }) => {
    const first = await open(port, certificate("/CN=device 7"));
    await first.connected({ clientId: "one" });
    const second = await open(port, certificate("/CN=device 7"));
    await second.connected({ clientId: "two" });
    assertEquals((await first.expect("disconnect")).reasonCode, 0x8e);
  });
});

test("a name that is read differently by different readers names nobody", { skip }, () => {
  const config = askingForCertificates(['peer_cert_as = "username"', "allow_anonymous = false"]);
  return withBroker({ config }, async ({ port }) => {
    assertEquals(await fate(port, certificate("/CN=one/CN=two")), "refused");
    assertEquals(await fate(port, certificate("/O=nameless")), "refused");
    assertEquals(await fate(port, certificate("/CN=one")), "accepted");
  });
});

// --- revocation ---------------------------------------------------------------------------------------

test(
  "a revoked certificate counts no more, also for a session that is taken up again",
  { skip },
  () => {
    const ca = folder.authority("Revoking");
    const [good, bad] = ["good", "bad"].map((name) => ca.issue({ subject: `/CN=${name}` }));
    const crlFile = folder.file("-crl.pem");
    renameSync(ca.revocationList(), crlFile);
    const config = listener([
      `ca = "${ca.certFile}"`,
      `crl = "${crlFile}"`,
      "verify_peer = true",
      "fail_if_no_peer_cert = true",
    ]);
    return withBroker({ config }, async (broker) => {
      const { port } = broker;
      assertEquals(await fate(port, bad), "accepted");
      const session = folder.file(".session");
      assertEquals(await askByOpenssl(port, bad!, ["-sess_out", session]), true);
      ca.revoke(bad!);
      renameSync(ca.revocationList(), crlFile);
      await broker.logged("Reloaded a certificate");
      assertEquals([await fate(port, bad), await fate(port, good)], ["refused", "accepted"]);
      assertEquals(await askByOpenssl(port, bad!, ["-sess_in", session]), false);
      assertStringIncludes(broker.stderr(), "it has been revoked");
      // Whoever cannot say what is revoked lets nobody in.
      renameSync(ca.revocationList("20210101000000Z"), crlFile);
      await broker.logged("Reloaded a certificate", 2);
      assertEquals(await fate(port, good), "refused");
    });
  },
);

/** Whether a client of openssl gets a CONNACK. */
async function askByOpenssl(
  port: number,
  { certFile, keyFile }: TestCertificate,
  more: readonly string[],
): Promise<boolean> {
  const args = ["s_client", "-quiet", "-connect", `127.0.0.1:${port}`, "-cert", certFile];
  const child = spawn("openssl", [...args, "-key", keyFile, ...more], {
    stdio: ["pipe", "pipe", "ignore"],
  });
  child.stdin.on("error", () => child.stdin.destroy());
  const answer = new Promise<boolean>((resolve) => {
    child.stdout.once("data", () => resolve(true));
    child.once("exit", () => resolve(false));
  });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  child.stdin.write(Uint8Array.of(0x10, 0x0c, 0, 4, 77, 81, 84, 84, 4, 2, 0, 60, 0, 0));
  const hasAnswer = await within(answer, "an answer to openssl");
  child.stdin.end(Uint8Array.of(0xe0, 0));
  await within(exited, "the end of openssl");
  return hasAnswer;
}

// --- new certificates ---------------------------------------------------------------------------------

test(
  "a new certificate is taken without dropping anybody, a bad one is not taken",
  { skip },
  () => {
    const [first, second, third] = ["1", "2", "3"].map((name) =>
      authority().issue({ subject: `/CN=localhost/O=${name}` })
    ) as [TestCertificate, TestCertificate, TestCertificate];
    const [certFile, keyFile] = [folder.file("-live.pem"), folder.file("-live.key")];
    /** As a deployment does it: beside the file, then in its place. */
    const put = (target: string, text: string): void => {
      writeFileSync(`${target}.new`, text);
      renameSync(`${target}.new`, target);
    };
    put(certFile, first.cert);
    put(keyFile, first.key);
    return withBroker({ config: listener([], { certFile, keyFile }) }, async (broker) => {
      const { port } = broker;
      const [publisher, subscriber] = [await open(port), await open(port)];
      await publisher.connected();
      await subscriber.connected();
      await subscriber.subscribe("a");
      const trade = async (text: string): Promise<void> => {
        await publisher.publish("a", text, { qos: 1 });
        assertEquals(String((await subscriber.receive()).payload), text);
      };
      await trade("before");
      put(certFile, second.cert);
      put(keyFile, second.key);
      await broker.logged("Reloaded a certificate");
      assertEquals(await shownFingerprint(port), fingerprint(second.certFile));
      await trade("after a new certificate");
      put(keyFile, third.key);
      await broker.logged("the old one stays in force");
      assertStringIncludes(broker.stderr(), "it does not belong to the certificate");
      assertEquals(await shownFingerprint(port), fingerprint(second.certFile));
      put(certFile, third.cert);
      await broker.logged("Reloaded a certificate", 2);
      assertEquals(await shownFingerprint(port), fingerprint(third.certFile));
      await trade("after all of it");
    });
  },
);

test("a certificate behind a symbolic link that is turned elsewhere is noticed", { skip }, () => {
  const [first, second] = ["1", "2"].map((name) =>
    authority().issue({ subject: `/CN=localhost/O=${name}` })
  ) as [TestCertificate, TestCertificate];
  const both = (name: string, { cert, key }: TestCertificate): string => {
    const file = folder.file(name);
    writeFileSync(file, `${key}${cert}`);
    return file;
  };
  const link = join(folder.path, "live");
  symlinkSync(both("-old.pem", first), link);
  return withBroker({ config: listener([], { certFile: link, keyFile: link }) }, async (broker) => {
    symlinkSync(both("-new.pem", second), `${link}.new`);
    renameSync(`${link}.new`, link);
    await broker.logged("Reloaded a certificate");
    assertEquals(await shownFingerprint(broker.port), fingerprint(second.certFile));
  });
});

test("SIGHUP looks at the certificate at once", { skip }, () => {
  const [first, second] = ["1", "2"].map((name) =>
    authority().issue({ subject: `/CN=localhost/O=${name}` })
  ) as [TestCertificate, TestCertificate];
  const file = folder.file("-hup.pem");
  writeFileSync(file, `${first.key}${first.cert}`);
  return withBroker({ config: listener([], { certFile: file, keyFile: file }) }, async (broker) => {
    writeFileSync(file, `${second.key}${second.cert}`);
    broker.signal("SIGHUP");
    await broker.logged("Reloaded a certificate");
    assertEquals(await shownFingerprint(broker.port), fingerprint(second.certFile));
  });
});

// --- start-up and settings ------------------------------------------------------------------------------

const UNUSABLE: readonly [what: string, config: () => string, parts: readonly string[]][] = [
  ["a file that is not there", () => listener([], { certFile: "no/such.pem" }), [
    "cert",
    "no/such.pem",
  ]],
  ["a key of another certificate", () => {
    return listener([], { keyFile: certificate("/CN=device 7").keyFile });
  }, ["key", "does not belong to the certificate"]],
  ["an encrypted key", () => listener([], encrypted()), ["key_password"]],
  ["a wrong password", () => listener(['key_password = "wrong"'], encrypted()), ["key_password"]],
  ["a list of another authority", () => {
    return askingForCertificates([`crl = "${folder.authority("Other").revocationList()}"`]);
  }, ["crl", "no certificate of ca has signed it"]],
];

function encrypted(): TestCertificate {
  return known["encrypted"] as unknown as TestCertificate ??
    authority().issue({ subject: "/CN=localhost", password: "secret" });
}

for (const [what, config, parts] of UNUSABLE) {
  test(`${what} ends the start with a message, and nothing listens`, { skip }, async () => {
    // A listener in front, which must not be opened either.
    const started = startBroker({ config: `[[listener]]\nbind = "127.0.0.1:0"\n${config()}` });
    const error = await assertRejects(() => started, Error);
    for (const part of parts) assertStringIncludes(error.message, part);
    assert(!error.message.includes("Listening"), error.message);
  });
}

test("a Deno that is too old for TLS says so, and nothing listens", {
  skip: tooOld === undefined || !hasOpenssl() ? "it is not, or there is no openssl" : false,
}, async () => {
  const error = await assertRejects(() => startBroker({ config: listener() }), Error);
  assertStringIncludes(error.message, `TLS needs Deno 2.9 or later, this is ${tooOld}`);
});

test(
  "an encrypted key is used with its password",
  { skip },
  () =>
    withBroker({ config: listener(['key_password = "secret"'], encrypted()) }, async ({ port }) => {
      assertEquals(await fate(port), "accepted");
    }),
);

test("ciphers are used, or the start says that they cannot be", { skip }, async () => {
  const config = listener(['ciphers = "ECDHE-ECDSA-AES256-GCM-SHA384"']);
  const broker = await startBroker({ config }).catch((error: Error) => error);
  if (broker instanceof Error) {
    assertStringIncludes(broker.message, "Cannot use ciphers: Deno");
    return;
  }
  const wanted = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"];
  const other = ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"];
  const { port } = broker;
  assertEquals(await askByOpenssl(port, server(), wanted), true);
  assertEquals(await askByOpenssl(port, server(), other), false);
  await broker.stop();
});

test("versions of TLS below the oldest that is spoken are refused", { skip }, () => {
  const config = `${listener()}${listener(['tls_min_version = "TLSv1.3"'])}`;
  return withBroker({ config }, async ({ ready }) => {
    const [any, newest] = ready.listeners.map(({ port }) => port) as [number, number];
    const old = ["-tls1_1", "-cipher", "ALL@SECLEVEL=0"];
    assertEquals(await askByOpenssl(any, server(), old), false);
    assertEquals(await askByOpenssl(any, server(), ["-tls1_2"]), true);
    assertEquals(await askByOpenssl(newest, server(), ["-tls1_2"]), false);
    assertEquals(await askByOpenssl(newest, server(), ["-tls1_3"]), true);
  });
});

// --- handshakes that come to nothing ----------------------------------------------------------------------

const HANDSHAKES: readonly [what: string, bytes: readonly number[]][] = [
  ["nothing", []],
  ["the beginning of a handshake", [0x16, 3, 1, 2, 0, 1, 0]],
];

for (const [what, bytes] of HANDSHAKES) {
  test(`whoever sends ${what} has the time of connect_timeout, and counts as a connection`, {
    skip,
  }, () => {
    const args = ["--set", "mqtt.connect_timeout=500ms"];
    const config = listener(["max_connections = 1"]);
    return withBroker({ config, args }, async (broker) => {
      const { port } = broker;
      const startMs = performance.now();
      const idle = connect({ port, host: "127.0.0.1" });
      idle.on("error", () => idle.destroy());
      const closed = new Promise<void>((resolve) => idle.once("close", () => resolve()));
      idle.resume();
      await new Promise<void>((resolve) => idle.once("connect", () => resolve()));
      idle.write(Uint8Array.from(bytes));
      assertEquals(await fate(port), "refused");
      await within(closed, "the end of the handshake");
      assert(performance.now() - startMs >= 400, "it had its time");
      await broker.logged("A handshake has failed");
      assertEquals(await fate(port), "accepted");
    });
  });
}

test(
  "a client that speaks no TLS is told so by the end, and stands in the log",
  { skip },
  () =>
    withBroker({ config: listener() }, async (broker) => {
      const client = await TestClient.open(broker.port);
      client.sendConnect();
      await client.expectClosed().catch(() => undefined);
      await broker.logged("A handshake has failed");
      assertEquals(await fate(broker.port), "accepted");
    }),
);
