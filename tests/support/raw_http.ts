/** HTTP as bytes: what a client library would put right or refuse to send. */
import { connect, type Socket } from "node:net";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { within } from "./deadline.ts";

/** A reply, taken apart. */
export interface RawReply {
  readonly status: number;
  /** The first line. */
  readonly line: string;
  /** By lower-case name; repeated ones joined by ", ". */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** A connection on which bytes are sent and replies awaited. */
export class RawHttpClient {
  readonly #socket: Socket;
  #received = new Uint8Array(0);
  #isOver = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Uint8Array) => {
      const joined = new Uint8Array(this.#received.length + chunk.length);
      joined.set(this.#received);
      joined.set(chunk, this.#received.length);
      this.#received = joined;
      this.#wake();
    });
    const over = (): void => {
      this.#isOver = true;
      this.#wake();
    };
    socket.on("end", over).on("close", over).on("error", over);
  }

  static async open(port: number, tls?: ConnectionOptions): Promise<RawHttpClient> {
    const at = { host: "127.0.0.1", port };
    const socket = tls === undefined ? connect(at) : connectTls({ ...at, ...tls });
    const client = new RawHttpClient(socket);
    const ready = tls === undefined ? "connect" : "secureConnect";
    await within(
      new Promise((resolve, reject) => socket.once(ready, resolve).once("error", reject)),
      "a connection",
    );
    return client;
  }

  send(bytes: string | Uint8Array): void {
    // Latin-1, so that a test can write any byte.
    this.#socket.write(
      typeof bytes === "string" ? Uint8Array.from(bytes, (c) => c.charCodeAt(0)) : bytes,
    );
  }

  /** Sends all of it before it reads anything, as many clients do; also when the server resets the connection. */
  async sendFirst(bytes: string): Promise<void> {
    this.#socket.pause();
    const sent = new Promise<void>((resolve) => {
      this.#socket.write(bytes, "latin1", () => resolve());
      this.#socket.once("error", () => resolve()).once("close", () => resolve());
    });
    await within(sent, "the end of what is sent");
    this.#socket.resume();
  }

  /** The next reply. Rejects when the connection ends before it does. */
  async reply(isHead = false): Promise<RawReply> {
    return await within(this.#reply(isHead), "a reply");
  }

  async #reply(isHead: boolean): Promise<RawReply> {
    let end = -1;
    while ((end = this.#text().indexOf("\r\n\r\n")) < 0) await this.#more("a head");
    const [line = "", ...lines] = this.#text().slice(0, end).split("\r\n");
    const headers: Record<string, string> = {};
    for (const header of lines) {
      const [, name = "", value = ""] = /^([^:]*):\s*(.*)$/.exec(header) ?? [];
      const key = name.toLowerCase();
      headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
    }
    this.#received = this.#received.slice(end + 4);
    const status = Number(line.split(" ")[1]);
    const body = isHead || status === 204 || status === 100 ? "" : await this.#body(headers);
    return { status, line, headers, body };
  }

  async #body(headers: Readonly<Record<string, string>>): Promise<string> {
    if (headers["transfer-encoding"] === "chunked") return await this.#chunked();
    if (headers["content-length"] !== undefined) {
      return decode(await this.#take(Number(headers["content-length"])));
    }
    while (!this.#isOver) await this.#more("the end");
    return decode(await this.#take(this.#received.length));
  }

  async #chunked(): Promise<string> {
    let whole = "";
    while (true) {
      let end = -1;
      while ((end = this.#text().indexOf("\r\n")) < 0) await this.#more("a chunk");
      const length = parseInt(this.#text().slice(0, end), 16);
      await this.#take(end + 2);
      whole += decode(await this.#take(length));
      await this.#take(2);
      if (length === 0) return whole;
    }
  }

  async #take(length: number): Promise<Uint8Array> {
    while (this.#received.length < length) await this.#more(`${length} bytes`);
    const taken = this.#received.slice(0, length);
    this.#received = this.#received.slice(length);
    return taken;
  }

  async #more(what: string): Promise<void> {
    if (this.#isOver) throw new Error(`Cannot read ${what}: the connection is over`);
    await new Promise<void>((resolve) => this.#wake = resolve);
  }

  #text(): string {
    return String.fromCharCode(...this.#received.subarray(0, 65_536));
  }

  /** Waits until the server has ended the connection. */
  async ended(): Promise<void> {
    const wait = async (): Promise<void> => {
      while (!this.#isOver) await new Promise<void>((resolve) => this.#wake = resolve);
    };
    await within(wait(), "the end of the connection");
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  close(): void {
    this.#socket.destroy();
  }
}

function decode(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

/** Sends `bytes` on a connection of its own and gives the first reply. */
export async function rawRequest(port: number, bytes: string | Uint8Array): Promise<RawReply> {
  const client = await RawHttpClient.open(port);
  try {
    client.send(bytes);
    return await client.reply();
  } finally {
    client.close();
  }
}
