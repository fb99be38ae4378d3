import type {
  ByteSocketHandler,
  CloseCause,
  IntervalHandle,
  Runtime,
  ServerVerification,
} from "../runtime/mod.ts";

export interface HttpGetOptions {
  readonly timeoutMs: number;
  /** Of the server's certificate, for "https:". */
  readonly verification: ServerVerification;
  /** PEM: whom we trust. Undefined: those that the runtime brings along. */
  readonly ca: string | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

const ANSWER_BYTES_MAX = 256 * 1024;

/**
 * One GET of version 1.0, so that the answer ends with the connection: what a check needs, without loading a client
 * that can do everything. Rejects where there is no answer, or none in time.
 */
export async function httpGet(
  runtime: Runtime,
  url: URL,
  options: HttpGetOptions,
): Promise<HttpAnswer> {
  const exchange = new Exchange(runtime, url, options.timeoutMs);
  const isTls = url.protocol === "https:";
  const host = url.hostname.replace(/^\[|\]$/g, "");
  const port = Number(url.port) || (isTls ? 443 : 80);
  const place = { host, port, timeoutMs: options.timeoutMs };
  if (!isTls) await runtime.connectTcp(place, (socket) => exchange.take(socket));
  else {
    await runtime.connectTls({
      ...place,
      serverName: host,
      verification: options.verification,
      ca: options.ca,
      cert: undefined,
      key: undefined,
      keyPassword: undefined,
      protocols: [],
      minVersion: "TLSv1.2",
      maxVersion: "TLSv1.3",
      ciphers: undefined,
    }, (socket) => exchange.take(socket));
  }
  return await exchange.run();
}

type Socket = Parameters<Parameters<Runtime["connectTcp"]>[1]>[0];

class Exchange implements ByteSocketHandler {
  readonly #runtime: Runtime;
  readonly #url: URL;
  readonly #timeoutMs: number;
  readonly #answer = Promise.withResolvers<HttpAnswer>();
  readonly #chunks: Uint8Array[] = [];
  #length = 0;
  #socket: Socket | undefined;
  #deadline: IntervalHandle | undefined;

  constructor(runtime: Runtime, url: URL, timeoutMs: number) {
    this.#runtime = runtime;
    this.#url = url;
    this.#timeoutMs = timeoutMs;
  }

  take(socket: Socket): ByteSocketHandler {
    this.#socket = socket;
    return this;
  }

  async run(): Promise<HttpAnswer> {
    const { pathname, search, host } = this.#url;
    const head = `GET ${pathname}${search} HTTP/1.0\r\nHost: ${host}\r\nAccept: */*\r\n\r\n`;
    const bytes = new TextEncoder().encode(head);
    this.#deadline = this.#runtime.every(
      this.#timeoutMs,
      () => this.#fail(`there was no answer within ${this.#timeoutMs / 1000} s`),
    );
    this.#socket?.write(bytes, 0, bytes.length);
    try {
      return await this.#answer.promise;
    } finally {
      this.#deadline.stop();
      this.#socket?.abort();
    }
  }

  onBytes(chunk: Uint8Array): void {
    this.#length += chunk.length;
    if (this.#length > ANSWER_BYTES_MAX) {
      return this.#fail(`the answer is longer than ${ANSWER_BYTES_MAX} bytes`);
    }
    this.#chunks.push(chunk.slice());
  }

  onProgress(): void {
    return undefined;
  }

  onWritable(): void {
    return undefined;
  }

  onClose(cause: CloseCause, detail: string | undefined): void {
    const text = new TextDecoder().decode(joined(this.#chunks, this.#length));
    const [, status, body = ""] = /^HTTP\/1\.[01] (\d{3})[^]*?\r\n\r\n([^]*)$/.exec(text) ?? [];
    if (status !== undefined) this.#answer.resolve({ status: Number(status), body });
    else if (cause === "error") this.#fail(detail ?? "the connection broke");
    else this.#fail(text === "" ? "the connection was closed without an answer" : "it is no HTTP");
  }

  #fail(reason: string): void {
    this.#answer.reject(new Error(`Cannot get ${this.#url.href}: ${reason}`));
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const all = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    all.set(chunk, at);
    at += chunk.length;
  }
  return all;
}
