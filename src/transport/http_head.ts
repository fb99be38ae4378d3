/** The head of an HTTP/1.1 answer. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: ReadonlyMap<string, string>;
}

/** The head of an HTTP/1.1 request, as far as a WebSocket upgrade needs one. */
export interface HttpHead {
  readonly method: string;
  /** Path and query, as sent. */
  readonly target: string;
  /** By lower-case name; those that came more than once are joined by ", ". */
  readonly headers: ReadonlyMap<string, string>;
}

/** A request that is answered with this status and nothing more. */
export class HttpRefusal extends Error {
  readonly status: number;
  readonly headers: readonly string[];

  constructor(status: number, message: string, headers: readonly string[] = []) {
    super(message);
    this.name = "HttpRefusal";
    this.status = status;
    this.headers = headers;
  }
}

export const HEAD_MAX_BYTES = 8192;
const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;

/** Gathers a head from chunks of any size. Throws `HttpRefusal`. */
export class HttpHeadReader<Head> {
  readonly #parse: (text: string) => Head;
  #bytes = new Uint8Array(512);
  #length = 0;
  head: Head | undefined;

  /** `parse`: of a whole head. */
  constructor(parse: (text: string) => Head) {
    this.#parse = parse;
  }

  /** How many bytes of the chunk belong to the head, whose end they hold; undefined: there must come more. */
  push(chunk: Uint8Array): number | undefined {
    const before = this.#length;
    this.#append(chunk.subarray(0, HEAD_MAX_BYTES - before));
    const end = this.#endFrom(Math.max(0, before - 3));
    if (end === undefined) {
      if (before + chunk.length >= HEAD_MAX_BYTES) {
        throw new HttpRefusal(431, `Cannot read request: a head of over ${HEAD_MAX_BYTES} bytes`);
      }
      return undefined;
    }
    this.head = this.#parse(latin1(this.#bytes.subarray(0, end)));
    this.#bytes = new Uint8Array(0);
    return end - before;
  }

  #append(bytes: Uint8Array): void {
    const end = this.#length + bytes.length;
    if (end > this.#bytes.length) {
      const larger = new Uint8Array(Math.max(end, this.#bytes.length * 2));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    this.#bytes.set(bytes, this.#length);
    this.#length = end;
  }

  /** Behind the empty line. */
  #endFrom(start: number): number | undefined {
    const bytes = this.#bytes;
    for (let at = start; at + 3 < this.#length; at++) {
      const isEnd = bytes[at] === 13 && bytes[at + 1] === 10 && bytes[at + 2] === 13 &&
        bytes[at + 3] === 10;
      if (isEnd) return at + 4;
    }
    return undefined;
  }
}

function latin1(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function parseRequestHead(text: string): HttpHead {
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  const [, method, target, version] = /^(\S+) (\S+) HTTP\/(\d\.\d)$/.exec(first) ?? [];
  if (method === undefined || target === undefined || !TOKEN.test(method)) {
    throw new HttpRefusal(400, "Cannot read request: the first line is none of HTTP/1.1");
  }
  if (version !== "1.1") throw new HttpRefusal(505, `Cannot serve HTTP/${version}: 1.1 is needed`);
  return { method, target, headers: parseHeaders(lines) };
}

export function parseResponseHead(text: string): ResponseHead {
  const [first = "", ...lines] = text.slice(0, -4).split("\r\n");
  const [, status] = /^HTTP\/1\.\d (\d{3})(?: |$)/.exec(first) ?? [];
  if (status === undefined) {
    throw new HttpRefusal(400, "Cannot read answer: the first line is none of HTTP/1.1");
  }
  return { status: Number(status), headers: parseHeaders(lines) };
}

function parseHeaders(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(0, colon)).toLowerCase();
    const value = line.slice(colon + 1).replace(/^[ \t]+|[ \t]+$/g, "");
    // deno-lint-ignore no-control-regex -- they are what is looked for
    if (!TOKEN.test(name) || /[\x00-\x08\x0a-\x1f\x7f]/.test(value)) {
      throw new HttpRefusal(400, "Cannot read request: a header line is not sound");
    }
    const other = headers.get(name);
    headers.set(name, other === undefined ? value : `${other}, ${value}`);
  }
  return headers;
}
