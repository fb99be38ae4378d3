import { Buffer } from "node:buffer";
import { X509Certificate } from "node:crypto";
import { readFileSync } from "node:fs";
import { after, test } from "node:test";
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { pemBlocks } from "../../../src/runtime/der.ts";
import { subjectOf } from "../../../src/runtime/distinguished_name.ts";
import { loadRuntime, type TlsMaterial, TlsMaterialError } from "../../../src/runtime/mod.ts";
import { certificateParts, RevocationLists } from "../../../src/runtime/revocation.ts";
import { CertificateFolder, hasOpenssl, type TestAuthority } from "../../support/certificates.ts";
import { seededPrng } from "../../support/seed.ts";

const skip = hasOpenssl() ? false : "openssl is not installed";
const folder = new CertificateFolder();
after(() => folder.remove());
const NOW_MS = Date.UTC(2026, 0, 1);

function derOf(pem: string): Uint8Array {
  return pemBlocks(pem, "CERTIFICATE")[0]!;
}

function listsOf(file: string, ...authorities: readonly TestAuthority[]): RevocationLists {
  const known = authorities.map(({ cert }) => new X509Certificate(cert));
  return new RevocationLists(readFileSync(file, "utf8"), known);
}

const NAMES: readonly [subject: string, commonName: string | undefined, text: string][] = [
  ["/CN=device 7", "device 7", "CN=device 7"],
  ["/O=Example/CN=device 7", "device 7", "CN=device 7,O=Example"],
  ["/CN=a, b=c; <d>", "a, b=c; <d>", "CN=a\\, b\\=c\\; \\<d\\>"],
  ["/CN=Gerät", "Gerät", "CN=Gerät"],
  ["/CN=one/CN=two", undefined, "CN=two,CN=one"],
  ["/O=Example", undefined, "O=Example"],
];

for (const [subject, commonName, text] of NAMES) {
  test(`subjectOf() reads "${subject}"`, { skip }, () => {
    const { cert } = folder.authority().issue({ subject });
    assertEquals(subjectOf(derOf(cert)), { commonName, text });
  });
}

test("certificateParts() tells the version, and equal names by equal bytes", { skip }, () => {
  const ca = folder.authority();
  const [one, three] = [
    ca.issue({ subject: "/CN=x", extensions: [] }),
    ca.issue({ subject: "/CN=x" }),
  ].map(({ cert }) => certificateParts(derOf(cert)));
  assertEquals([one!.version, three!.version], [1, 3]);
  assertEquals([one!.issuer, one!.subject], [
    certificateParts(derOf(ca.cert)).subject,
    three!.subject,
  ]);
  assert(one!.serial !== three!.serial);
});

test("RevocationLists know what is revoked, down the whole chain", { skip }, () => {
  const ca = folder.authority();
  const below = ca.intermediate("Below");
  const [good, bad] = ["good", "bad"].map((name) => below.issue({ subject: `/CN=${name}` }));
  below.revoke(bad!);
  const both = (): string => {
    const text = readFileSync(below.revocationList()) + readFileSync(ca.revocationList(), "utf8");
    return text;
  };
  const chain = (cert: string): Uint8Array[] => [derOf(cert), derOf(below.cert), derOf(ca.cert)];
  const authorities = [ca, below].map(({ cert }) => new X509Certificate(cert));
  let lists = new RevocationLists(both(), authorities);
  assertEquals(lists.problemOf(chain(good!.cert), NOW_MS), undefined);
  assertEquals(lists.problemOf(chain(bad!.cert), NOW_MS), "it has been revoked");
  ca.revoke({ ...good!, certFile: below.certFile });
  lists = new RevocationLists(both(), authorities);
  assertEquals(lists.problemOf(chain(good!.cert), NOW_MS), "it has been revoked");
});

test("RevocationLists let nobody in whose issuer has none, or an old one", { skip }, () => {
  const ca = folder.authority();
  const { cert } = ca.issue({ subject: "/CN=x" });
  const stranger = folder.authority("Other").issue({ subject: "/CN=x" });
  const lists = listsOf(ca.revocationList("20260601000000Z"), ca);
  assertEquals(lists.problemOf([derOf(cert)], NOW_MS), undefined);
  assertEquals(
    lists.problemOf([derOf(cert)], Date.UTC(2026, 6, 1)),
    "the revocation list of its issuer is out of date",
  );
  assertEquals(
    lists.problemOf([derOf(stranger.cert)], NOW_MS),
    "there is no revocation list of its issuer",
  );
});

test("RevocationLists refuse what nobody we know has signed", { skip }, () => {
  const [ca, namesake] = [folder.authority(), folder.authority()];
  assertThrows(() => listsOf(namesake.revocationList(), ca), TlsMaterialError, "has signed it");
  const file = ca.revocationList();
  const [der] = pemBlocks(readFileSync(file, "utf8"), "X509 CRL");
  const changed = Buffer.from(der!);
  changed[changed.length - 1]! ^= 1;
  const pem = `-----BEGIN X509 CRL-----\n${changed.toString("base64")}\n-----END X509 CRL-----\n`;
  const known = [new X509Certificate(ca.cert)];
  assertThrows(() => new RevocationLists(pem, known), TlsMaterialError, "Cannot use crl");
});

test("no bytes make the readers of certificates and lists fail in an unknown way", { skip }, () => {
  const prng = seededPrng("certificates");
  const ca = folder.authority();
  const { cert } = ca.issue({ subject: "/O=Example/CN=device 7" });
  const list = pemBlocks(readFileSync(ca.revocationList(), "utf8"), "X509 CRL")[0]!;
  const known = [new X509Certificate(ca.cert)];
  let refused = 0;
  for (let round = 0; round < 2000; round++) {
    const bytes = Buffer.from(prng.nextBoolean() ? derOf(cert) : list);
    for (let change = prng.nextInt(3); change >= 0; change--) {
      bytes[prng.nextInt(bytes.length)] = prng.nextInt(256);
    }
    const some = bytes.subarray(0, prng.nextBoolean(0.3) ? prng.nextInt(bytes.length) : undefined);
    const pem = `-----BEGIN X509 CRL-----\n${some.toString("base64")}\n-----END X509 CRL-----\n`;
    for (
      const read of [
        () => subjectOf(some),
        () => certificateParts(some),
        () => new RevocationLists(pem, known),
      ]
    ) {
      try {
        read();
      } catch (error) {
        // A range of an array, or a string that is no UTF-8, is among what may be wrong; a slip of ours is not.
        const text = String(error);
        assert(/^(?:TlsMaterial)?Error: Cannot |not valid|decode/i.test(text), text);
        refused++;
      }
    }
  }
  assert(refused > 2000, `${refused} were refused`);
});

test("createTlsContext() says which part cannot be used, and why", { skip }, async () => {
  const runtime = await loadRuntime();
  const ca = folder.authority();
  const { cert, key } = ca.issue({ subject: "/CN=localhost" });
  const other = ca.issue({ subject: "/CN=other", password: "secret" });
  const good: TlsMaterial = {
    cert,
    key,
    keyPassword: undefined,
    ca: ca.cert,
    crl: readFileSync(ca.revocationList(), "utf8"),
    verifyPeer: true,
    failIfNoPeerCert: true,
    minVersion: "TLSv1.2",
    ciphers: undefined,
  };
  const context = await runtime.createTlsContext(good);
  assertEquals(context.fingerprint256, new X509Certificate(cert).fingerprint256);
  assertEquals(context.expiresMs, Date.UTC(2099, 11, 31, 23, 59, 59));
  await runtime.createTlsContext({ ...good, key: `${cert}${key}` });
  await runtime.createTlsContext({ ...good, ...other, keyPassword: "secret" });
  const CASES: readonly [part: string, change: Partial<TlsMaterial>][] = [
    ["cert", { cert: "" }],
    ["cert", { cert: "-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----" }],
    ["key", { key: "" }],
    ["key", { key: key.replace(/[A-Za-z]{8}/, "AAAAAAAA") }],
    ["key", { key: other.key, keyPassword: "secret" }],
    ["key_password", { key: other.key }],
    ["key_password", { key: other.key, keyPassword: "wrong" }],
    ["ca", { ca: key }],
    ["crl", { crl: cert }],
    ["crl", { ca: folder.authority("Other").cert }],
    ["ciphers", { ciphers: "no such cipher" }],
  ];
  for (const [part, change] of CASES) {
    const error = await assertRejects(
      () => runtime.createTlsContext({ ...good, ...change }),
      TlsMaterialError,
      "Cannot use ",
    );
    assertEquals(error.part, part, JSON.stringify(change).slice(0, 60));
  }
});
