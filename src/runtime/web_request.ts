import type { Buffer } from "node:buffer";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { WebConnection, WebRequest } from "./web.ts";

/** A request of `node:http` with a body that is read within bounds, or not at all. */
export class NodeWebRequest implements WebRequest {
  readonly method: string;
  readonly target: string;
  readonly httpVersion: "1.0" | "1.1";
  readonly connection: WebConnection;
  readonly #message: IncomingMessage;
  readonly #response: ServerResponse;
  /** The client sends its body when it is asked for it. */
  isContinueAwaited: boolean;

  constructor(
    message: IncomingMessage,
    response: ServerResponse,
    connection: WebConnection,
    isContinueAwaited: boolean,
  ) {
    this.method = message.method ?? "GET";
    this.target = originForm(message.url ?? "/");
    this.httpVersion = message.httpVersion === "1.0" ? "1.0" : "1.1";
    this.connection = connection;
    this.#message = message;
    this.#response = response;
    this.isContinueAwaited = isContinueAwaited;
  }

  header(name: string): string | undefined {
    const value = this.#message.headers[name];
    return Array.isArray(value) ? value.join(", ") : value;
  }

  *headers(): Iterable<readonly [string, string]> {
    for (const name of Object.keys(this.#message.headers)) {
      const value = this.header(name);
      if (value !== undefined) yield [name, value];
    }
  }

  readBody(maxBytes: number): Promise<Uint8Array | undefined> {
    // What is announced as too long is not asked for.
    if (Number(this.header("content-length") ?? 0) > maxBytes) return Promise.resolve(undefined);
    if (this.isContinueAwaited) {
      this.isContinueAwaited = false;
      this.#response.writeContinue();
    }
    return new Promise((resolve, reject) => this.#collect(maxBytes, resolve, reject));
  }

  #collect(
    maxBytes: number,
    resolve: (bytes: Uint8Array | undefined) => void,
    reject: (error: Error) => void,
  ): void {
    const message = this.#message;
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (bytes: Uint8Array | undefined): void => {
      message.off("data", onData).off("end", onEnd).off("close", onGone);
      resolve(bytes);
    };
    const onData = (chunk: Buffer): void => {
      length += chunk.length;
      if (length <= maxBytes) chunks.push(chunk);
      else {
        message.pause();
        finish(undefined);
      }
    };
    const onEnd = (): void => finish(joined(chunks, length));
    const onGone = (): void => reject(new Error("Cannot read the body: the client has gone"));
    message.on("data", onData).on("end", onEnd).once("close", onGone).once("error", onGone);
  }
}

function joined(chunks: readonly Buffer[], length: number): Uint8Array {
  const [only] = chunks;
  if (only !== undefined && chunks.length === 1) return only;
  const whole = new Uint8Array(length);
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/** A client that takes us for a proxy names the host in front of the path. */
function originForm(target: string): string {
  if (target.startsWith("/") || target === "*") return target;
  const path = /^[a-z][a-z0-9+.-]*:\/\/[^/?]*(.*)$/i.exec(target)?.[1];
  if (path === undefined) return `/${target}`;
  return path.startsWith("/") ? path : `/${path}`;
}
