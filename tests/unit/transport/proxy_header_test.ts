import { Buffer } from "node:buffer";
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { crc32c } from "../../../src/transport/crc32c.ts";
import { type ProxyHeader, ProxyHeaderReader } from "../../../src/transport/proxy_header.ts";

const SIGNATURE = "\r\n\r\n\0\r\nQUIT\n";
const TCP4 = Buffer.of(192, 0, 2, 7, 192, 0, 2, 1, 0xc3, 0x50, 7, 0x5b);

interface Version2 {
  readonly command?: number;
  readonly family?: number;
  readonly addresses?: Uint8Array;
  readonly tlvs?: Uint8Array;
  /** Said in place of the real length. */
  readonly length?: number;
}

function version2(
  { command = 0x21, family = 0x11, addresses = TCP4, tlvs, length }: Version2,
): Buffer {
  const rest = Buffer.concat([addresses, tlvs ?? Buffer.alloc(0)]);
  const size = length ?? rest.length;
  const fixed = Buffer.of(command, family, size >> 8, size & 255);
  return Buffer.concat([Buffer.from(SIGNATURE, "latin1"), fixed, rest]);
}

function tlv(type: number, value: Uint8Array | string): Buffer {
  const bytes = Buffer.from(value as Uint8Array);
  return Buffer.concat([Buffer.of(type, bytes.length >> 8, bytes.length & 255), bytes]);
}

/** Of a client with a certificate, unless `client` says otherwise. */
function ssl(inner: Uint8Array, client = 0x07, verify = 0): Buffer {
  return tlv(0x20, Buffer.concat([Buffer.of(client, 0, 0, 0, verify), inner]));
}

/** With a checksum over the whole header, in the middle of other entries. */
function withChecksum(header: Version2): Buffer {
  const before = tlv(0xee, "something");
  const tlvs = Buffer.concat([before, tlv(0x03, Buffer.alloc(4)), tlv(0xef, "more")]);
  const bytes = version2({ ...header, tlvs });
  const at = bytes.length - tlvs.length + before.length + 3;
  bytes.writeUInt32BE(crc32c(bytes), at);
  return bytes;
}

/** The header, and how many bytes it is long. */
function read(bytes: Uint8Array | string): { header: ProxyHeader; length: number | undefined } {
  const reader = new ProxyHeaderReader();
  const length = reader.push(Buffer.from(bytes as Uint8Array));
  return { header: reader.header, length };
}

test("crc32c() is the checksum of the standard", () => {
  assertEquals(crc32c(new TextEncoder().encode("123456789")), 0xe3069283);
  assertEquals(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assertEquals(crc32c(Uint8Array.of(1, 9, 9, 2), 1, 3), crc32c(Uint8Array.of(1, 0, 0, 2)));
});

const ADDRESSES: readonly [
  header: Uint8Array | string,
  address: string | undefined,
  port?: number,
][] = [
  ["PROXY TCP4 192.0.2.7 192.0.2.1 50000 1883\r\n", "192.0.2.7", 50_000],
  ["PROXY TCP6 2001:DB8::7 2001:db8::1 1 65535\r\n", "2001:db8::7", 1],
  ["PROXY TCP6 ::ffff:192.0.2.7 ::ffff:192.0.2.1 0 0\r\n", "192.0.2.7", 0],
  ["PROXY UNKNOWN\r\n", undefined],
  ["PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n", undefined],
  [version2({}), "192.0.2.7", 50_000],
  [
    version2({
      family: 0x21,
      addresses: Buffer.from(
        "20010db8000000000000000000000007" + "20010db8000000000000000000000001" + "c350075b",
        "hex",
      ),
    }),
    "2001:db8::7",
    50_000,
  ],
  [version2({ family: 0x31, addresses: Buffer.alloc(216) }), undefined],
  [version2({ family: 0, addresses: Buffer.alloc(0) }), undefined],
  [version2({ family: 0, addresses: Buffer.alloc(0), tlvs: tlv(4, "x") }), undefined],
  [version2({ command: 0x20, family: 0, addresses: Buffer.alloc(0) }), undefined],
  [version2({ command: 0x20 }), undefined],
  [withChecksum({}), "192.0.2.7", 50_000],
];

for (const [bytes, address, port] of ADDRESSES) {
  const name = Buffer.from(bytes as Uint8Array).toString("latin1").slice(0, 60);
  test(`ProxyHeaderReader reads ${JSON.stringify(name)}: ${address}`, () => {
    const whole = Buffer.from(bytes as Uint8Array);
    const { header, length } = read(Buffer.concat([whole, Buffer.from("rest")]));
    assertEquals([header.remoteAddress, header.remotePort], [address, port]);
    assertEquals(length, whole.length);
  });

  test(`ProxyHeaderReader reads ${JSON.stringify(name)} byte by byte`, () => {
    const whole = Buffer.from(bytes as Uint8Array);
    const reader = new ProxyHeaderReader();
    for (const byte of whole.subarray(0, -1)) assertEquals(reader.push(Buffer.of(byte)), undefined);
    assertEquals(reader.push(whole.subarray(-1)), 1);
    assertEquals(reader.header.remoteAddress, address);
  });
}

const BROKEN: readonly [what: string, bytes: Uint8Array | string][] = [
  ["no header", "\x10\x0c\x00\x04MQTT"],
  ["nearly a header", "PROXX TCP4 "],
  ["an IPv6 address as TCP4", "PROXY TCP4 2001:zz::7 192.0.2.1 1 2\r\n"],
  ["an IPv4 address as TCP6", "PROXY TCP6 192.0.2.7 192.0.2.1 1 2\r\n"],
  ["a network", "PROXY TCP4 192.0.2.0/24 192.0.2.1 1 2\r\n"],
  ["a zone", "PROXY TCP6 fe80::1%eth0 fe80::2 1 2\r\n"],
  ["leading zeros", "PROXY TCP4 192.0.2.007 192.0.2.1 1 2\r\n"],
  ["a port over 65535", "PROXY TCP4 192.0.2.7 192.0.2.1 65536 2\r\n"],
  ["too many blanks", "PROXY TCP4  192.0.2.7 192.0.2.1 1 2\r\n"],
  ["a line feed alone", "PROXY TCP4 192.0.2.7 192.0.2.1 1 2\n"],
  ["more on the line", "PROXY TCP4 192.0.2.7 192.0.2.1 1 2 3\r\n"],
  ["UDP", "PROXY UDP4 192.0.2.7 192.0.2.1 1 2\r\n"],
  ["a line without an end", `PROXY UNKNOWN ${"x".repeat(200)}`],
  ["a long line", `PROXY UNKNOWN ${"x".repeat(200)}\r\n`],
  ["version 3", version2({ command: 0x31 })],
  ["an unknown command", version2({ command: 0x22 })],
  ["UDP over IPv4", version2({ family: 0x12 })],
  ["an unknown family", version2({ family: 0x41 })],
  ["addresses cut short", version2({ addresses: TCP4.subarray(0, 11) })],
  ["over 4096 bytes", version2({ length: 4081 })],
  ["an entry cut short", version2({ tlvs: tlv(4, "x").subarray(0, 2) })],
  ["an entry longer than the header", version2({ tlvs: Buffer.of(4, 0, 9, 1) })],
  ["a wrong checksum", version2({ tlvs: tlv(3, Buffer.of(1, 2, 3, 4)) })],
  ["a checksum of three bytes", version2({ tlvs: tlv(3, Buffer.of(1, 2, 3)) })],
  ["facts on TLS cut short", version2({ tlvs: tlv(0x20, Buffer.of(1, 0, 0)) })],
  ["an entry of TLS cut short", version2({ tlvs: ssl(Buffer.of(0x22, 0, 9, 65)) })],
  ["a name that is not UTF-8", version2({ tlvs: ssl(tlv(0x22, Buffer.of(0xff))) })],
];

for (const [what, bytes] of BROKEN) {
  test(`ProxyHeaderReader refuses ${what}`, () => {
    assertThrows(() => read(bytes), Error, "Cannot read PROXY header");
  });
}

test("ProxyHeaderReader notices any changed byte under a checksum", () => {
  const header = withChecksum({});
  for (let at = 16; at < header.length; at++) {
    const changed = Buffer.from(header);
    changed[at]! ^= 0x10;
    let outcome = "accepted";
    try {
      outcome = read(changed).length === undefined ? "incomplete" : "accepted";
    } catch {
      outcome = "refused";
    }
    // The type of the checksum's own entry says that there is one.
    const isOwnType = header[at] === 3 && header[at + 1] === 0 && header[at + 2] === 4;
    assertEquals(outcome, isOwnType ? "accepted" : "refused", `byte ${at}`);
  }
});

const CERTIFICATES: readonly [
  what: string,
  tlvs: Buffer,
  name: string | undefined,
  isVerified?: boolean,
][] = [
  ["verified", ssl(Buffer.concat([tlv(0x21, "TLSv1.3"), tlv(0x22, "device 7")])), "device 7", true],
  ["shown earlier in the session", ssl(tlv(0x22, "device 7"), 0x05), "device 7", true],
  ["not verified", ssl(tlv(0x22, "device 7"), 0x07, 1), "device 7", false],
  ["not shown", ssl(tlv(0x22, "device 7"), 0x01), undefined],
  ["without a name", ssl(tlv(0x21, "TLSv1.3")), undefined],
];

for (const [what, tlvs, name, isVerified] of CERTIFICATES) {
  test(`ProxyHeaderReader knows a certificate that was ${what}`, () => {
    const { peerCertificate } = read(version2({ tlvs })).header;
    assertEquals([peerCertificate?.commonName, peerCertificate?.isVerified], [name, isVerified]);
  });
}

test("ProxyHeaderReader takes no common name with control characters for one", () => {
  const { peerCertificate } = read(version2({ tlvs: ssl(tlv(0x22, "admin\0x")) })).header;
  assertEquals(peerCertificate?.commonName, undefined);
});

test("ProxyHeaderReader knows the name by which the proxy was called", () => {
  assertEquals(
    read(version2({ tlvs: tlv(0x02, "mqtt.example") })).header.serverName,
    "mqtt.example",
  );
});

test("ProxyHeaderReader believes nothing of a LOCAL header", () => {
  const tlvs = Buffer.concat([tlv(0x02, "x"), ssl(tlv(0x22, "admin"))]);
  const { header } = read(version2({ command: 0x20, tlvs }));
  assertEquals(Object.values(header), [undefined, undefined, undefined, undefined]);
});
