import type { WebRequest } from "../runtime/mod.ts";

/**
 * What hono sees of a request in place of a `Request`: that one has no body for GET, and a URL that has been put
 * right. It can be routed and asked for headers; the body is read by the kit.
 */
export class RawRequest {
  readonly method: string;
  readonly headers: RawHeaders;
  readonly #request: WebRequest;

  constructor(request: WebRequest) {
    this.#request = request;
    this.method = request.method;
    this.headers = new RawHeaders(request);
  }

  get url(): string {
    return `http://localhost${this.#request.target}`;
  }

  /** Hono asks for a `Request`; what it uses of one is here. */
  asRequest(): Request {
    return this as unknown as Request;
  }
}

class RawHeaders {
  readonly #request: WebRequest;

  constructor(request: WebRequest) {
    this.#request = request;
  }

  get(name: string): string | null {
    return this.#request.header(name.toLowerCase()) ?? null;
  }

  has(name: string): boolean {
    return this.get(name) !== null;
  }

  forEach(fn: (value: string, name: string) => void): void {
    for (const [name, value] of this.#request.headers()) fn(value, name);
  }
}

/** The path of a target: exactly as sent, without the query. */
export function pathOf(target: string): string {
  const end = target.indexOf("?");
  return end < 0 ? target : target.slice(0, end);
}

/** The query of a target, without its question mark. */
export function queryOf(target: string): string {
  const start = target.indexOf("?");
  return start < 0 ? "" : target.slice(start + 1);
}
