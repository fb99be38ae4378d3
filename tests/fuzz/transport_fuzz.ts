/** Hostile bytes for what is read before MQTT: PROXY headers, upgrade requests, WebSocket frames. */
import { Buffer } from "node:buffer";
import { assert } from "@std/assert";
import { Prng } from "../../src/base/mod.ts";
import { FrameDecoder, WebSocketError } from "../../src/transport/frame_decoder.ts";
import {
  HttpHeadReader,
  HttpRefusal,
  parseRequestHead,
  parseResponseHead,
} from "../../src/transport/http_head.ts";
import { ProxyHeaderReader } from "../../src/transport/proxy_header.ts";
import { acceptUpgrade, checkAcceptance } from "../../src/transport/upgrade.ts";
import { clientFrame, upgradeRequest } from "../support/websocket_peer.ts";

export interface TransportFuzz {
  readonly rounds: number;
  readonly accepted: number;
  readonly refused: number;
}

const HEADERS = [
  Buffer.from("PROXY TCP4 192.0.2.7 192.0.2.1 50000 1883\r\n"),
  Buffer.from("PROXY TCP6 2001:db8::7 2001:db8::1 50000 1883\r\n"),
  Buffer.from(
    "0d0a0d0a000d0a515549540a" + "21110022" + "c0000207c0000201c350075b" +
      "200013" + "0700000000" + "22000b" + "6465766963652073657665",
    "hex",
  ),
];
const KEY = "dGhlIHNhbXBsZSBub25jZQ==";
const ANSWER = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n";
const TERMS = { path: "/mqtt", origins: ["https://example.org"] };

/** Throws when anything but a refusal in the reader's own words comes out. */
export function fuzzTransport(options: { seed: number; rounds: number }): TransportFuzz {
  const prng = new Prng(options.seed);
  let refused = 0;
  for (let round = 0; round < options.rounds; round++) {
    const feed = prng.pick([feedHeader, feedUpgrade, feedAnswer, feedFrames]);
    try {
      feed(prng);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      refused++;
    }
  }
  return { rounds: options.rounds, accepted: options.rounds - refused, refused };
}

function isRefusal(error: unknown): boolean {
  return error instanceof HttpRefusal || error instanceof WebSocketError ||
    (error instanceof Error && error.message.startsWith("Cannot read PROXY header: "));
}

function feedHeader(prng: Prng): void {
  const reader = new ProxyHeaderReader();
  let fed = 0;
  for (const chunk of chunks(prng, broken(prng, prng.pick(HEADERS)))) {
    const length = reader.push(chunk);
    fed += chunk.length;
    assert(length === undefined || (length > 0 && length <= chunk.length), "it ends in this chunk");
    if (length !== undefined) return;
  }
  assert(fed < 4096, "a header that does not end is refused");
}

function feedUpgrade(prng: Prng): void {
  const reader = new HttpHeadReader(parseRequestHead);
  const origin = prng.pick(["https://example.org", "https://localhost:1", undefined]);
  const request = Buffer.from(upgradeRequest({ Origin: origin }));
  for (const chunk of chunks(prng, broken(prng, request))) {
    const length = reader.push(chunk);
    if (length === undefined) continue;
    assert(length > 0 && length <= chunk.length, "the head ends in this chunk");
    if (reader.head !== undefined) acceptUpgrade(reader.head, TERMS);
    return;
  }
}

/** To a client, by a server. */
function feedAnswer(prng: Prng): void {
  const reader = new HttpHeadReader(parseResponseHead);
  for (const chunk of chunks(prng, broken(prng, Buffer.from(ANSWER)))) {
    const length = reader.push(chunk);
    if (length === undefined) continue;
    assert(length > 0 && length <= chunk.length, "the head ends in this chunk");
    if (reader.head !== undefined) checkAcceptance(reader.head, KEY);
    return;
  }
}

function feedFrames(prng: Prng): void {
  // Of a client or of a server.
  const isMasked = prng.nextBoolean();
  const decoder = new FrameDecoder(isMasked);
  const frames = Array.from({ length: 1 + prng.nextInt(4) }, () => {
    const opcode = prng.pick([2, 2, 2, 0, 8, 9, 10]);
    const mask = isMasked ? {} : { mask: undefined };
    const isFinal = prng.nextBoolean(0.9);
    return clientFrame("x".repeat(prng.nextInt(140)), { opcode, isFinal, ...mask });
  });
  const bytes = broken(prng, Buffer.concat(frames));
  let seen = 0;
  const count = (payload: Uint8Array): boolean => {
    seen += payload.length;
    assert(seen <= bytes.length, "no more comes out than went in");
    return true;
  };
  const sink = {
    onPayload: count,
    onControl: (_opcode: number, bytes: Uint8Array) => count(bytes),
  };
  for (const chunk of chunks(prng, bytes)) decoder.push(chunk, 0, sink);
}

/** With up to three bytes changed, cut, or twice there. */
function broken(prng: Prng, bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  for (let change = prng.nextInt(4); change > 0; change--) {
    copy[prng.nextInt(copy.length)] = prng.nextInt(256);
  }
  if (prng.nextBoolean(0.1)) return copy.subarray(0, prng.nextInt(copy.length));
  return prng.nextBoolean(0.1) ? Buffer.concat([copy, copy]) : copy;
}

function* chunks(prng: Prng, bytes: Buffer): Generator<Uint8Array> {
  const largest = prng.pick([1, 10, 1000]);
  for (let at = 0; at < bytes.length;) {
    const size = 1 + prng.nextInt(largest);
    yield new Uint8Array(bytes.subarray(at, at + size));
    at += size;
  }
}
