/** The client's end of a WebSocket, which says exactly what a test wants it to say. */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import type { Peer } from "./byte_socket_contract.ts";
import { within } from "./deadline.ts";
import type { StreamPeer } from "./peers.ts";

const KEY = "dGhlIHNhbXBsZSBub25jZQ==";

export interface FrameFields {
  readonly opcode?: number;
  readonly isFinal?: boolean;
  /** Undefined: not masked. */
  readonly mask?: readonly [number, number, number, number] | undefined;
  /** More than the length needs, as bytes of the length field. */
  readonly lengthBytes?: 0 | 2 | 8;
  readonly reservedBits?: number;
}

/** A frame of a client. */
export function clientFrame(payload: Uint8Array | string, fields: FrameFields = {}): Buffer {
  const { opcode = 2, isFinal = true, reservedBits = 0 } = fields;
  const mask = "mask" in fields ? fields.mask : [0x12, 0xa5, 0xff, 0x03] as const;
  const bytes = Buffer.from(payload as Uint8Array);
  const lengthBytes = fields.lengthBytes ??
    (bytes.length < 126 ? 0 : bytes.length < 65_536 ? 2 : 8);
  const header = Buffer.alloc(2 + lengthBytes);
  header[0] = (isFinal ? 0x80 : 0) | (reservedBits << 4) | opcode;
  header[1] = (mask === undefined ? 0 : 0x80) |
    (lengthBytes === 0 ? bytes.length : lengthBytes === 2 ? 126 : 127);
  if (lengthBytes === 2) header.writeUInt16BE(bytes.length, 2);
  if (lengthBytes === 8) header.writeBigUInt64BE(BigInt(bytes.length), 2);
  if (mask === undefined) return Buffer.concat([header, bytes]);
  const masked = Buffer.from(bytes);
  for (let index = 0; index < masked.length; index++) masked[index]! ^= mask[index & 3]!;
  return Buffer.concat([header, Buffer.from(mask), masked]);
}

/** Lines of an upgrade request. Undefined leaves a header out. */
export function upgradeRequest(
  headers: Readonly<Record<string, string | undefined>> = {},
  firstLine = "GET /mqtt HTTP/1.1",
): string {
  const all: Record<string, string | undefined> = {
    "Host": "localhost",
    "Upgrade": "websocket",
    "Connection": "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": KEY,
    "Sec-WebSocket-Protocol": "mqtt",
    ...headers,
  };
  const lines = Object.entries(all).filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`);
  return `${firstLine}\r\n${lines.join("")}\r\n`;
}

/** A frame of the server. */
export interface ServerFrame {
  readonly opcode: number;
  readonly payload: Buffer;
}

/** The whole frames in `bytes`, and what is left. Throws when a server must not send such. */
export function readServerFrames(bytes: Buffer): { frames: ServerFrame[]; rest: Buffer } {
  const frames: ServerFrame[] = [];
  let at = 0;
  while (bytes.length - at >= 2) {
    const [first, second] = [bytes[at]!, bytes[at + 1]!];
    if ((first & 0xf0) !== 0x80) throw new Error(`A frame of the server begins with ${first}`);
    if (second > 127) throw new Error("A frame of the server is masked");
    const size = second < 126 ? 2 : second === 126 ? 4 : 10;
    if (bytes.length - at < size) break;
    const length = size === 2
      ? second
      : size === 4
      ? bytes.readUInt16BE(at + 2)
      : Number(bytes.readBigUInt64BE(at + 2));
    if (bytes.length - at < size + length) break;
    frames.push({ opcode: first & 15, payload: bytes.subarray(at + size, at + size + length) });
    at += size + length;
  }
  return { frames, rest: bytes.subarray(at) };
}

/** Speaks the upgrade, then frames. */
export class WebSocketPeer implements Peer {
  readonly stream: StreamPeer;
  #frameBytes: number;

  private constructor(stream: StreamPeer, frameBytes: number) {
    this.stream = stream;
    this.#frameBytes = frameBytes;
  }

  /** Rejects when the upgrade is refused. `frameBytes`: payload of each frame at most. */
  static async over(stream: StreamPeer, frameBytes = 100_000): Promise<WebSocketPeer> {
    stream.write(upgradeRequest());
    const head = await within(readHead(stream), "the answer to the upgrade");
    if (!head.startsWith("HTTP/1.1 101 ")) throw new Error(head);
    return new WebSocketPeer(stream, frameBytes);
  }

  get localPort(): number | undefined {
    return this.stream.localPort;
  }

  get unsentBytes(): number {
    return this.stream.unsentBytes;
  }

  write(bytes: Uint8Array | string): void {
    const whole = Buffer.from(bytes as Uint8Array);
    for (let at = 0; at < whole.length; at += this.#frameBytes) {
      this.stream.write(clientFrame(whole.subarray(at, at + this.#frameBytes)));
    }
  }

  end(bytes?: Uint8Array | string): void {
    if (bytes !== undefined) this.write(bytes);
    this.stream.write(clientFrame(Uint8Array.of(3, 232), { opcode: 8 }));
    this.stream.end();
  }

  stopReading(): void {
    this.stream.stopReading();
  }

  reset(): void {
    this.stream.reset();
  }

  destroy(): void {
    this.stream.destroy();
  }

  /** What the data frames hold. */
  async readToEnd(): Promise<Buffer> {
    const { frames } = readServerFrames(await this.stream.readToEnd());
    return Buffer.concat(frames.filter(({ opcode }) => opcode === 2).map(({ payload }) => payload));
  }
}

/** Reads no further than the empty line, so that what follows is still there. */
function readHead(peer: StreamPeer): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = "";
    const { stream } = peer;
    const onReadable = (): void => {
      for (let byte = stream.read(1) as Buffer | null; byte !== null; byte = stream.read(1)) {
        text += byte.toString("latin1");
        if (!text.endsWith("\r\n\r\n")) continue;
        stream.off("readable", onReadable);
        stream.pause();
        resolve(text);
        return;
      }
    };
    stream.on("readable", onReadable);
    stream.once("close", () => reject(new Error(`the connection ended after "${text}"`)));
  });
}

/** The server's end of a WebSocket. */
export class WebSocketServerPeer implements Peer {
  readonly stream: StreamPeer;

  private constructor(stream: StreamPeer) {
    this.stream = stream;
  }

  /** Reads the upgrade request and answers it; `answer` makes the answer from the right one. */
  static async over(
    stream: StreamPeer,
    answer: (right: string) => string = (right) => right,
  ): Promise<WebSocketServerPeer> {
    const head = await within(readHead(stream), "an upgrade request");
    const [, key = ""] = /^Sec-WebSocket-Key: (.*)\r$/m.exec(head) ?? [];
    const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
      .digest("base64");
    stream.write(answer(
      "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
        `Sec-WebSocket-Accept: ${accept}\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`,
    ));
    return new WebSocketServerPeer(stream);
  }

  get localPort(): number | undefined {
    return this.stream.localPort;
  }

  get unsentBytes(): number {
    return this.stream.unsentBytes;
  }

  write(bytes: Uint8Array | string): void {
    this.stream.write(clientFrame(bytes, { mask: undefined }));
  }

  end(bytes?: Uint8Array | string): void {
    if (bytes !== undefined) this.write(bytes);
    this.stream.write(clientFrame(Uint8Array.of(3, 232), { opcode: 8, mask: undefined }));
    this.stream.end();
  }

  stopReading(): void {
    this.stream.stopReading();
  }

  reset(): void {
    this.stream.reset();
  }

  destroy(): void {
    this.stream.destroy();
  }

  /** What the data frames hold. */
  async readToEnd(): Promise<Buffer> {
    const bytes = await this.stream.readToEnd();
    const payloads: Buffer[] = [];
    for (let at = 0; at + 6 <= bytes.length;) {
      if (bytes[at + 1]! < 128) throw new Error("A frame of the client is not masked");
      const second = bytes[at + 1]! & 127;
      const size = second < 126 ? 2 : 4;
      if (second === 127) throw new Error("A frame is longer than our client makes them");
      const length = second < 126 ? second : bytes.readUInt16BE(at + 2);
      const mask = bytes.subarray(at + size, at + size + 4);
      const payload = Buffer.from(bytes.subarray(at + size + 4, at + size + 4 + length));
      for (let index = 0; index < payload.length; index++) payload[index]! ^= mask[index & 3]!;
      if ((bytes[at]! & 15) === 2) payloads.push(payload);
      at += size + 4 + length;
    }
    return Buffer.concat(payloads);
  }
}
