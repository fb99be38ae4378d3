/** An IPv4 or IPv6 address, or a network of them, in a form that compares by its text. */
export interface IpNetwork {
  /** 4 or 6; an IPv4 address in its IPv6 form ("::ffff:1.2.3.4") is an IPv4 address. */
  readonly family: 4 | 6;
  /** One or four words of 32 bits, the most significant first; bits behind the prefix are 0. */
  readonly words: readonly number[];
  /** Leading bits that count: 32 or 128 for a single address. */
  readonly prefix: number;
}

/**
 * Reads "10.0.0.1", "10.0.0.0/8", "2001:db8::/32", "::ffff:10.0.0.1" and "fe80::1%eth0", whose zone is passed over.
 * Undefined when the text is none of these.
 */
export function parseIpNetwork(text: string): IpNetwork | undefined {
  const match = /^([^/%]+)(?:%[\w.-]+)?(?:\/(\d{1,3}))?$/.exec(text);
  if (match === null) return undefined;
  const [, address = "", digits] = match;
  const words = address.includes(":") ? ipv6Words(address) : ipv4Words(address);
  if (words === undefined) return undefined;
  const bits = words.length * 32;
  const prefix = digits === undefined ? bits : Number(digits);
  if (prefix > bits) return undefined;
  const [high, middle, marker, low] = words;
  if (bits === 128 && high === 0 && middle === 0 && marker === 0xffff && prefix >= 96) {
    return maskIpNetwork({ family: 4, words: [low as number], prefix: 32 }, prefix - 96);
  }
  return maskIpNetwork({ family: bits === 32 ? 4 : 6, words, prefix: bits }, prefix);
}

/** The network of `prefix` bits that `address` is in; `prefix` is not longer than its own. */
export function maskIpNetwork({ family, words }: IpNetwork, prefix: number): IpNetwork {
  const masked = words.map((word, index) => {
    const bits = Math.min(32, Math.max(0, prefix - index * 32));
    return bits === 0 ? 0 : (word & (0xffff_ffff << (32 - bits))) >>> 0;
  });
  return { family, words: masked, prefix };
}

/** Whether every address of `inner` is in `network`. */
export function ipNetworkContains(network: IpNetwork, inner: IpNetwork): boolean {
  if (network.family !== inner.family || network.prefix > inner.prefix) return false;
  const { words } = maskIpNetwork(inner, network.prefix);
  return words.every((word, index) => word === network.words[index]);
}

/** One text for each network: "10.0.0.0/8", and a single address without its prefix. */
export function formatIpNetwork({ family, words, prefix }: IpNetwork): string {
  const address = family === 4 ? formatIpv4(words[0] as number) : formatIpv6(words);
  return prefix === words.length * 32 ? address : `${address}/${prefix}`;
}

function formatIpv4(word: number): string {
  return [word >>> 24, (word >>> 16) & 255, (word >>> 8) & 255, word & 255].join(".");
}

/** As RFC 5952 wants it: lower case, and the longest run of two zero groups or more as "::". */
function formatIpv6(words: readonly number[]): string {
  const groups = words.flatMap((word) => [word >>> 16, word & 0xffff]);
  let [bestStart, bestLength] = [0, 1];
  for (let start = 0; start < groups.length; start++) {
    let length = 0;
    while (groups[start + length] === 0) length++;
    if (length > bestLength) [bestStart, bestLength] = [start, length];
  }
  const hex = (part: readonly number[]): string =>
    part.map((group) => group.toString(16)).join(":");
  if (bestLength < 2) return hex(groups);
  return `${hex(groups.slice(0, bestStart))}::${hex(groups.slice(bestStart + bestLength))}`;
}

function ipv4Words(text: string): number[] | undefined {
  const parts = text.split(".");
  const isFine = parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && Number(part) < 256);
  if (!isFine) return undefined;
  return [parts.reduce((word, part) => word * 256 + Number(part), 0)];
}

function ipv6Words(text: string): number[] | undefined {
  const halves = text.split("::");
  if (halves.length > 2) return undefined;
  const head = ipv6Groups(halves[0] ?? "", halves.length === 1);
  const tail = ipv6Groups(halves[1] ?? "", true);
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const groups = [...head, ...new Array<number>(missing).fill(0), ...tail];
  return [0, 2, 4, 6].map((at) => (groups[at] as number) * 65_536 + (groups[at + 1] as number));
}

/** `isEnd`: the last 32 bits are among them, which may stand as an IPv4 address. */
function ipv6Groups(text: string, isEnd: boolean): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    const ipv4 = isEnd && index === parts.length - 1 ? ipv4Words(part) : undefined;
    if (ipv4 !== undefined) groups.push((ipv4[0] as number) >>> 16, (ipv4[0] as number) & 0xffff);
    else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
