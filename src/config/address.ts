/** Where to listen. */
export interface Bind {
  /** Without brackets; empty for a Unix socket. */
  readonly host: string;
  /** 0 for a Unix socket. */
  readonly port: number;
  /** Of a Unix socket; undefined where `host` and `port` count. */
  readonly socketPath: string | undefined;
}

const SOCKET_PATH_MAX_BYTES = 107;

/** What `parseBind` reads, and `/path/of.sock` or `unix:path`; undefined when it is none of these. */
export function parseEndpoint(text: string): Bind | undefined {
  const path = text.startsWith("/") ? text : /^unix:(.+)$/.exec(text)?.[1];
  if (path === undefined) return parseBind(text);
  // The system has 108 bytes for it, with a zero at the end.
  const isFine = new TextEncoder().encode(path).length <= SOCKET_PATH_MAX_BYTES &&
    !/\p{Cc}/u.test(path) && !path.endsWith("/");
  return isFine ? { host: "", port: 0, socketPath: path } : undefined;
}

/** `127.0.0.1:1883`, `[::1]:1883`, `localhost:1883`; undefined when it is none of these. */
export function parseBind(text: string): Bind | undefined {
  const match = /^(?:\[([^\]]*)\]|([^:[\]]+)):(\d{1,5})$/.exec(text);
  if (match === null) return undefined;
  const [, ipv6, name, digits = ""] = match;
  const port = Number(digits);
  if (port > 65_535) return undefined;
  if (ipv6 !== undefined) return isIpv6(ipv6) ? hostBind(ipv6, port) : undefined;
  return name !== undefined && isHost(name) ? hostBind(name, port) : undefined;
}

function hostBind(host: string, port: number): Bind {
  return { host, port, socketPath: undefined };
}

/** The way in which `parseEndpoint` reads it, and in which it stands in a URL. */
export function formatBind(
  { host, port, socketPath }: {
    readonly host: string;
    readonly port: number;
    readonly socketPath?: string | undefined;
  },
): string {
  if (socketPath !== undefined) return `unix:${socketPath}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}

/** Whether only this machine can reach a listener on `host`. A name other than localhost may be anything. */
export function isLoopback(host: string): boolean {
  const name = host.toLowerCase();
  if (name === "localhost") return true;
  if (isIpv4(name)) return name.startsWith("127.");
  if (!isIpv6(name)) return false;
  const groups = ipv6Groups(name);
  if (groups === undefined) return false;
  const [high, low] = [groups.slice(0, 5), groups.slice(5)];
  if (!high.every((group) => group === 0)) return false;
  const [marker = 0, first = 0, last = 0] = low;
  // ::1, and the 127.0.0.0/8 network in its IPv6 form
  return (marker === 0 && first === 0 && last === 1) || (marker === 0xffff && first >> 8 === 127);
}

function isHost(text: string): boolean {
  // Digits and dots only is meant as an address, and then must be one.
  return /^[\d.]+$/.test(text) ? isIpv4(text) : isHostName(text);
}

function isHostName(text: string): boolean {
  return text.length <= 253 &&
    text.split(".").every((label) => /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/i.test(label));
}

function isIpv4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 &&
    parts.every((part) => /^(?:0|[1-9]\d{0,2})$/.test(part) && +part < 256);
}

function isIpv6(text: string): boolean {
  const [address = "", zone] = text.split("%", 2);
  return ipv6Groups(address) !== undefined && (zone === undefined || /^[\w.-]+$/.test(zone));
}

/** The eight 16-bit groups of an IPv6 address; undefined when it is not one. */
function ipv6Groups(text: string): number[] | undefined {
  const address = text.split("%", 1)[0] ?? "";
  const halves = address.split("::");
  if (halves.length > 2) return undefined;
  const [head, tail] = [groupsOf(halves[0] ?? ""), groupsOf(halves[1] ?? "")];
  if (head === undefined || tail === undefined) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  return [...head, ...new Array<number>(missing).fill(0), ...tail];
}

function groupsOf(text: string): number[] | undefined {
  if (text === "") return [];
  const groups: number[] = [];
  const parts = text.split(":");
  for (const [index, part] of parts.entries()) {
    if (index === parts.length - 1 && isIpv4(part)) {
      const [a = 0, b = 0, c = 0, d = 0] = part.split(".").map(Number);
      groups.push(a << 8 | b, c << 8 | d);
    } else if (/^[0-9a-f]{1,4}$/i.test(part)) groups.push(parseInt(part, 16));
    else return undefined;
  }
  return groups;
}
