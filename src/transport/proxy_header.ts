import { formatIpNetwork, parseIpNetwork } from "../base/mod.ts";
import type { PeerCertificate, Preamble } from "../runtime/mod.ts";
import { crc32c } from "./crc32c.ts";

/** What a PROXY header says; undefined fields: it says nothing, the connection speaks for itself. */
export interface ProxyHeader {
  readonly remoteAddress: string | undefined;
  readonly remotePort: number | undefined;
  /** Of the client, when it spoke TLS with the proxy. */
  readonly peerCertificate: PeerCertificate | undefined;
  readonly serverName: string | undefined;
}

const NOTHING_SAID: ProxyHeader = Object.freeze({
  remoteAddress: undefined,
  remotePort: undefined,
  peerCertificate: undefined,
  serverName: undefined,
});

/** The longest line of version 1 that there can be, its end included. */
const V1_MAX = 107;
/** Version 2 could have 64 KiB; addresses and the facts of a certificate need a few hundred bytes. */
const V2_MAX = 4096;
const V2_SIGNATURE = Uint8Array.of(
  ...[0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a],
);
const V1_START = Uint8Array.of(...[0x50, 0x52, 0x4f, 0x58, 0x59, 0x20]);
const V2_FIXED = 16;

const COMMAND = Object.freeze({ local: 0x20, proxy: 0x21 });
const FAMILY = Object.freeze({ unspecified: 0x00, tcp4: 0x11, tcp6: 0x21, unix: 0x31 });
const TLV = Object.freeze({ authority: 0x02, crc32c: 0x03, ssl: 0x20, sslCommonName: 0x22 });
/** Bits of the first byte of the SSL entry: the client came with a certificate, now or earlier in its session. */
const SSL_HAS_CERTIFICATE = 0x06;

/** Reads the header that a proxy puts in front of a connection, version 1 or 2. Throws a plain `Error`. */
export class ProxyHeaderReader implements Preamble {
  /** Known once `push` has answered a number. */
  header: ProxyHeader = NOTHING_SAID;
  #kept = new Uint8Array(0);

  push(chunk: Uint8Array): number | undefined {
    const before = this.#kept.length;
    const bytes = new Uint8Array(before + Math.min(chunk.length, V2_MAX - before));
    bytes.set(this.#kept);
    bytes.set(chunk.subarray(0, bytes.length - before), before);
    const length = this.#read(bytes);
    if (length === undefined) {
      this.#kept = bytes;
      return undefined;
    }
    this.#kept = new Uint8Array(0);
    return length - before;
  }

  #read(bytes: Uint8Array): number | undefined {
    if (startsLike(bytes, V2_SIGNATURE)) return this.#readVersion2(bytes);
    if (startsLike(bytes, V1_START)) return this.#readVersion1(bytes);
    throw new Error("Cannot read PROXY header: these bytes are none");
  }

  #readVersion1(bytes: Uint8Array): number | undefined {
    const end = bytes.indexOf(0x0a);
    if (end < 0 || end >= V1_MAX) {
      if (bytes.length >= V1_MAX) throw new Error("Cannot read PROXY header: the line is too long");
      return undefined;
    }
    this.header = parseVersion1(String.fromCharCode(...bytes.subarray(0, end + 1)));
    return end + 1;
  }

  #readVersion2(bytes: Uint8Array): number | undefined {
    if (bytes.length < V2_FIXED) return undefined;
    const length = V2_FIXED + uint16(bytes, 14);
    if (length > V2_MAX) {
      throw new Error(`Cannot read PROXY header: ${length} bytes, allowed are ${V2_MAX}`);
    }
    if (bytes.length < length) return undefined;
    this.header = parseVersion2(bytes.subarray(0, length));
    return length;
  }
}

/** Whether what there is of `bytes` is the beginning of `start`, or begins with it. */
function startsLike(bytes: Uint8Array, start: Uint8Array): boolean {
  const length = Math.min(bytes.length, start.length);
  for (let index = 0; index < length; index++) if (bytes[index] !== start[index]) return false;
  return true;
}

function parseVersion1(line: string): ProxyHeader {
  if (/^PROXY UNKNOWN(?: [^\r\n]*)?\r\n$/.test(line)) return NOTHING_SAID;
  const match = /^PROXY (TCP[46]) (\S+) (\S+) (\d{1,5}) (\d{1,5})\r\n$/.exec(line);
  const [, kind, source = "", target = "", port = "", targetPort = ""] = match ?? [];
  const family = kind === "TCP4" ? 4 : 6;
  const [remoteAddress, ours] = [addressOf(source, family), addressOf(target, family)];
  const isFine = remoteAddress !== undefined && ours !== undefined && Number(port) < 65_536 &&
    Number(targetPort) < 65_536;
  if (!isFine) throw new Error(`Cannot read PROXY header: ${JSON.stringify(line.trimEnd())}`);
  return { ...NOTHING_SAID, remoteAddress, remotePort: Number(port) };
}

function addressOf(text: string, family: 4 | 6): string | undefined {
  const network = /[%/]/.test(text) ? undefined : parseIpNetwork(text);
  if (network === undefined) return undefined;
  // An IPv4 address may be written as IPv6, not the other way round.
  return network.family === family || text.includes(":") ? formatIpNetwork(network) : undefined;
}

function parseVersion2(bytes: Uint8Array): ProxyHeader {
  const [command, family] = [bytes[12], bytes[13]];
  if (command !== COMMAND.local && command !== COMMAND.proxy) {
    throw new Error(`Cannot read PROXY header: version and command are ${command}`);
  }
  const addressBytes = addressLength(family);
  if (V2_FIXED + addressBytes > bytes.length) {
    throw new Error("Cannot read PROXY header: it ends in the addresses");
  }
  const facts = readTlvs(bytes, V2_FIXED + addressBytes);
  // The proxy itself, as for a look whether we are alive.
  if (command === COMMAND.local) return NOTHING_SAID;
  return { ...NOTHING_SAID, ...readAddress(bytes, family), ...facts };
}

function addressLength(family: number | undefined): number {
  switch (family) {
    case FAMILY.unspecified:
      return 0;
    case FAMILY.tcp4:
      return 12;
    case FAMILY.tcp6:
      return 36;
    case FAMILY.unix:
      return 216;
    default:
      throw new Error(`Cannot read PROXY header: address family ${family}`);
  }
}

function readAddress(
  bytes: Uint8Array,
  family: number | undefined,
): Pick<ProxyHeader, "remoteAddress" | "remotePort"> {
  if (family === FAMILY.tcp4) {
    const address = bytes.subarray(V2_FIXED, V2_FIXED + 4).join(".");
    return { remoteAddress: address, remotePort: uint16(bytes, V2_FIXED + 8) };
  }
  if (family !== FAMILY.tcp6) return { remoteAddress: undefined, remotePort: undefined };
  const groups: string[] = [];
  for (let at = V2_FIXED; at < V2_FIXED + 16; at += 2) groups.push(uint16(bytes, at).toString(16));
  const remoteAddress = addressOf(groups.join(":"), 6);
  return { remoteAddress, remotePort: uint16(bytes, V2_FIXED + 32) };
}

function readTlvs(
  bytes: Uint8Array,
  start: number,
): Partial<Pick<ProxyHeader, "peerCertificate" | "serverName">> {
  const facts: { peerCertificate?: PeerCertificate; serverName?: string } = {};
  for (const { type, value, at } of tlvs(bytes, start)) {
    if (type === TLV.authority) facts.serverName = textOf(value);
    else if (type === TLV.crc32c) checkCrc(bytes, value, at);
    else if (type === TLV.ssl) {
      const certificate = certificateOf(value);
      if (certificate !== undefined) facts.peerCertificate = certificate;
    }
  }
  return facts;
}

interface Tlv {
  readonly type: number;
  readonly value: Uint8Array;
  /** Where the value begins. */
  readonly at: number;
}

function* tlvs(bytes: Uint8Array, start: number): Generator<Tlv> {
  for (let at = start; at < bytes.length;) {
    const valueAt = at + 3;
    const end = valueAt + (valueAt <= bytes.length ? uint16(bytes, at + 1) : 0);
    if (valueAt > bytes.length || end > bytes.length) {
      throw new Error("Cannot read PROXY header: it ends in an entry");
    }
    yield { type: bytes[at] as number, value: bytes.subarray(valueAt, end), at: valueAt };
    at = end;
  }
}

function checkCrc(bytes: Uint8Array, value: Uint8Array, at: number): void {
  const [a = 0, b = 0, c = 0, d = 0] = value;
  const said = ((a << 24) | (b << 16) | (c << 8) | d) >>> 0;
  if (value.length !== 4 || said !== crc32c(bytes, at, at + 4)) {
    throw new Error("Cannot read PROXY header: the checksum is wrong");
  }
}

function certificateOf(value: Uint8Array): PeerCertificate | undefined {
  if (value.length < 5) throw new Error("Cannot read PROXY header: it ends in the entry on TLS");
  let commonName: string | undefined;
  for (const { type, value: inner } of tlvs(value, 5)) {
    if (type === TLV.sslCommonName) commonName = textOf(inner);
  }
  if (((value[0] as number) & SSL_HAS_CERTIFICATE) === 0 || commonName === undefined) {
    return undefined;
  }
  return {
    commonName: /\p{Cc}/u.test(commonName) ? undefined : commonName,
    distinguishedName: `CN=${commonName}`,
    serialNumber: "",
    fingerprint256: "",
    isVerified: value.subarray(1, 5).every((byte) => byte === 0),
  };
}

function textOf(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new Error("Cannot read PROXY header: text that is not UTF-8", { cause: error });
  }
}

function uint16(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}
