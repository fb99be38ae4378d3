/**
 * Hostile bytes for the splitter and all decoders: broken valid packets, and plain noise. Only a
 * ProtocolError may come out, what is held stays bounded, and what is accepted means the same
 * after it has been written and read again.
 */
import { Buffer } from "node:buffer";
import { assert, assertEquals } from "@std/assert";
import { generate, type Packet } from "mqtt-packet";
import { Prng } from "../../src/base/mod.ts";
import {
  type AckType,
  AckView,
  copyForwardedProperties,
  createPublishHead,
  decodeAck,
  decodeControlPacket,
  decodeMessageProperties,
  decodePublish,
  decodeTopicName,
  encodeControlPacket,
  forwardedPropertiesSize,
  type FrameSink,
  FrameSplitter,
  type PacketSender,
  PacketType,
  ProtocolError,
  type ProtocolVersion,
  publishFrameSize,
  PublishView,
  subscriptionIdentifiersOf,
  writeAck,
  writePublishHead,
} from "../../src/mqtt/mod.ts";
import { hex } from "../unit/mqtt/frames.ts";
import {
  foreignPublishProperties,
  randomControlPacket,
  randomPublish,
} from "../unit/mqtt/random_packets.ts";

export interface CodecFuzzOptions {
  readonly seed: number;
  /** Ends after so many streams, or … */
  readonly rounds?: number;
  /** … after this time. */
  readonly seconds?: number;
}

export interface CodecFuzzResult {
  rounds: number;
  /** Frames that every decoder was content with. */
  accepted: number;
  /** Streams that ended in a ProtocolError. */
  refused: number;
}

const MAX_PACKET_SIZES = [64, 1000, 70_000, 268_435_460];
const CHUNK_MAX = 3000;
const BORDER_BYTES = [0, 1, 2, 3, 4, 0x26, 0x7f, 0x80, 0x81, 0xc0, 0xed, 0xfe, 0xff];
const SENT_BY: Readonly<Record<PacketSender, readonly string[]>> = {
  client: ["subscribe", "unsubscribe", "pingreq", "disconnect", "auth"],
  server: ["connack", "suback", "unsuback", "pingresp", "disconnect", "auth"],
};
const ACKS: readonly number[] = [4, 5, 6, 7];

/** Runs until a budget is used up; throws at the first find, with all that repeats it. */
export function fuzzCodec({ seed, rounds, seconds }: CodecFuzzOptions): CodecFuzzResult {
  const result: CodecFuzzResult = { rounds: 0, accepted: 0, refused: 0 };
  const endMs = performance.now() + (seconds ?? Infinity) * 1000;
  while (result.rounds < (rounds ?? Infinity) && performance.now() < endMs) {
    const round = result.rounds++;
    // Each round has a seed of its own, so that one find can be repeated without the rounds before.
    const stream = new Stream(new Prng(seed + round));
    try {
      if (stream.run()) result.refused++;
    } catch (cause) {
      const bytes = stream.bytes.subarray(0, 2000);
      throw new Error(
        `Codec fuzz found a bug: SEED=${seed + round}, version ${stream.version}, ` +
          `${stream.sender}, last frame ${hex(stream.frame)}, stream of ${stream.bytes.length} ` +
          `bytes ${hex(bytes)}: ${cause}`,
        { cause },
      );
    }
    result.accepted += stream.accepted;
  }
  return result;
}

/** One hostile connection. */
class Stream implements FrameSink {
  readonly bytes: Uint8Array;
  readonly version: ProtocolVersion;
  readonly sender: PacketSender;
  frame: Uint8Array = new Uint8Array(0);
  accepted = 0;
  readonly #prng: Prng;
  readonly #publish = new PublishView();
  readonly #ack = new AckView();
  readonly #stopProbability: number;
  #hasStarted: boolean;

  constructor(prng: Prng) {
    this.#prng = prng;
    this.version = prng.pick([3, 4, 5, 5, 5] as const);
    this.sender = prng.pick(["client", "client", "server"] as const);
    this.#hasStarted = this.sender === "server" || prng.nextBoolean(0.7);
    this.#stopProbability = prng.pick([0, 0, 0.3]);
    this.bytes = prng.nextBoolean(0.1) ? noise(prng) : this.#brokenPackets();
  }

  /** Whether the stream was refused with a ProtocolError. */
  run(): boolean {
    const maxPacketSize = this.#prng.pick(MAX_PACKET_SIZES);
    const splitter = new FrameSplitter(maxPacketSize);
    try {
      let at = 0;
      while (at < this.bytes.length) {
        const end = Math.min(this.bytes.length, at + 1 + this.#prng.nextInt(CHUNK_MAX));
        const chunk = Buffer.from(this.bytes.subarray(at, end));
        let isGoingOn = splitter.push(chunk, this);
        chunk.fill(0xdd); // belongs to the runtime again
        while (!isGoingOn) isGoingOn = splitter.resume(this);
        at = end;
        assert(splitter.pendingBytes <= Math.min(at, maxPacketSize), "what is held is bounded");
      }
      return false;
    } catch (error) {
      if (error instanceof ProtocolError) return true;
      throw error;
    }
  }

  onFrame(bytes: Uint8Array, start: number, bodyStart: number, end: number): boolean {
    this.frame = new Uint8Array(bytes.subarray(start, end));
    const type = bytes[start]! >> 4;
    if (type === PacketType.publish && this.#hasStarted) {
      this.#onPublish(bytes, start, bodyStart, end);
    } else if (ACKS.includes(type) && this.#hasStarted) {
      this.#onAck(bytes, start, bodyStart, end);
    } else {
      this.#onControlPacket(bytes, start, bodyStart, end);
    }
    this.accepted++;
    return !this.#prng.nextBoolean(this.#stopProbability);
  }

  #onPublish(bytes: Uint8Array, start: number, bodyStart: number, end: number): void {
    const view = this.#publish;
    decodePublish(view, bytes, start, bodyStart, end, this.version, this.sender === "server");
    assert(start < bodyStart && bodyStart + 2 === view.topicStart, "the topic comes first");
    assert(view.topicStart <= view.topicEnd && view.topicEnd <= view.propertiesStart, "in order");
    assert(view.propertiesStart <= view.propertiesEnd && view.payloadStart <= end, "in the frame");
    if (view.topicStart < view.topicEnd) decodeTopicName(bytes, view.topicStart, view.topicEnd);
    const message = decodeMessageProperties(bytes, view.propertiesStart, view.propertiesEnd);
    assertEquals(message.payloadFormatUtf8 ?? false, view.payloadFormatUtf8);
    if (this.sender === "client") assertEquals(subscriptionIdentifiersOf(view), []);
    this.#writePublishAgain(view);
  }

  /** What is passed on must be read again, with the same payload and message properties. */
  #writePublishAgain(view: PublishView): void {
    const properties = new Uint8Array(forwardedPropertiesSize(view));
    assertEquals(copyForwardedProperties(view, properties, 0), properties.length);
    const head = createPublishHead();
    const { version, qos, retain, dup, packetId, bytes } = view;
    Object.assign(head, { version, qos, retain, dup, packetId, properties });
    const hasTopic = view.topicStart < view.topicEnd;
    head.topicBytes = hasTopic
      ? bytes.subarray(view.topicStart, view.topicEnd)
      : Uint8Array.of(0x61);
    head.propertiesEnd = properties.length;
    const payload = bytes.subarray(view.payloadStart, view.frameEnd);
    head.payloadLength = payload.length;
    const frame = new Uint8Array(publishFrameSize(head));
    const payloadStart = writePublishHead(frame, 0, head);
    frame.set(payload, payloadStart);
    const again = new PublishView();
    decodePublish(again, frame, 0, bodyStartOf(frame), frame.length, version, true);
    assertEquals(again.payloadStart, payloadStart);
    assertEquals([again.packetId, again.topicAlias, again.messageExpiryS], [packetId, 0, -1]);
    assertEquals(
      decodeMessageProperties(frame, again.propertiesStart, again.propertiesEnd),
      decodeMessageProperties(bytes, view.propertiesStart, view.propertiesEnd),
    );
  }

  #onAck(bytes: Uint8Array, start: number, bodyStart: number, end: number): void {
    decodeAck(this.#ack, bytes, start, bodyStart, end, this.version);
    const { packetId, reasonCode } = this.#ack;
    const target = new Uint8Array(5);
    const type = (bytes[start]! >> 4) as AckType;
    const size = writeAck(target, 0, type, packetId, reasonCode, this.version);
    const again = new AckView();
    decodeAck(again, target, 0, 2, size, this.version);
    assertEquals([again.packetId, again.reasonCode], [packetId, reasonCode]);
  }

  #onControlPacket(bytes: Uint8Array, start: number, bodyStart: number, end: number): void {
    const versionNow = this.#hasStarted ? this.version : undefined;
    const packet = decodeControlPacket(bytes, start, bodyStart, end, versionNow, this.sender);
    this.#hasStarted = true;
    const version = packet.type === "connect" ? packet.version : this.version;
    // 3.1 wants a client identifier, which is the broker's to say; mqtt-packet does not write such.
    if (packet.type === "connect" && version === 3 && packet.clientId === "") return;
    const again = encodeControlPacket(packet, version);
    const before = packet.type === "connect" ? undefined : version;
    assertEquals(
      decodeControlPacket(again, 0, bodyStartOf(again), again.length, before, this.sender),
      withWillInOrder(packet, again),
    );
  }

  #brokenPackets(): Uint8Array {
    const prng = this.#prng;
    const packets = Array.from({ length: 1 + prng.nextInt(6) }, () => this.#validPacket());
    if (!this.#hasStarted) packets.unshift(this.#controlPacket(["connect"]));
    // Most streams have one wound: many would let nothing get past the first check.
    const wounded = prng.nextInt(packets.length);
    const wounds = prng.pick([0, 1, 1, 1, 2, 5]);
    for (let i = 0; i < wounds; i++) packets[wounded] = wound(prng, packets[wounded]!);
    return Buffer.concat(packets);
  }

  #validPacket(): Uint8Array {
    const prng = this.#prng;
    const version = this.version;
    const choice = prng.nextInt(10);
    if (choice < 4) {
      const publish = randomPublish(prng, version === 5 ? 5 : 4);
      const properties = foreignPublishProperties(prng, publish);
      if (this.sender === "client") delete properties["subscriptionIdentifier"];
      const packet = { cmd: "publish", messageId: publish.packetId, ...publish, properties };
      return generated(packet as unknown as Packet, version);
    }
    if (choice < 5) {
      const target = new Uint8Array(5);
      const id = 1 + prng.nextInt(65_535);
      return target.slice(0, writeAck(target, 0, prng.pick([4, 5, 6, 7]), id, 0, version));
    }
    // Seldom what the other side sends: it ends the stream.
    return this.#controlPacket(prng.nextBoolean(0.02) ? [] : SENT_BY[this.sender]);
  }

  /** One of these kinds; any when there are none. */
  #controlPacket(kinds: readonly string[]): Uint8Array {
    let packet = randomControlPacket(this.#prng, this.version);
    while (kinds.length > 0 && !kinds.includes(packet.cmd)) {
      packet = randomControlPacket(this.#prng, this.version);
    }
    return generated(packet, this.version);
  }
}

/** Encoding puts the properties of a will in an order of its own. */
function withWillInOrder(
  packet: ReturnType<typeof decodeControlPacket>,
  again: Uint8Array,
): ReturnType<typeof decodeControlPacket> {
  if (packet.type !== "connect" || packet.will === undefined) return packet;
  const encoded = decodeControlPacket(again, 0, bodyStartOf(again), again.length, undefined);
  if (encoded.type !== "connect" || encoded.will === undefined) throw new Error("the will is lost");
  const { properties } = encoded.will;
  assertEquals(
    decodeMessageProperties(properties),
    decodeMessageProperties(packet.will.properties),
  );
  return { ...packet, will: { ...packet.will, properties } };
}

/** One random change, of the kinds that parsers trip over. */
export function wound(prng: Prng, packet: Uint8Array): Uint8Array {
  if (packet.length === 0) return noise(prng);
  const at = prng.nextInt(packet.length);
  const bytes = new Uint8Array(packet);
  switch (prng.nextInt(8)) {
    case 0:
      bytes[at]! ^= 1 << prng.nextInt(8);
      return bytes;
    case 1:
      bytes[at] = prng.nextInt(256);
      return bytes;
    case 2:
      bytes[at] = prng.pick(BORDER_BYTES);
      return bytes;
    case 3:
      bytes[at] = (bytes[at]! + prng.pick([1, 255])) & 255;
      return bytes;
    case 4:
      return Buffer.concat([bytes.subarray(0, at), noise(prng).subarray(0, 4), bytes.subarray(at)]);
    case 5:
      return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + 1 + prng.nextInt(8))]);
    case 6:
      return relengthened(Buffer.concat([bytes, bytes.subarray(at)]));
    default:
      return relengthened(bytes.subarray(0, at + 1));
  }
}

/** The same body with a remaining length that is right, so that what is inside gets read. */
function relengthened(packet: Uint8Array): Uint8Array {
  if (packet.length < 2) return packet;
  const body = packet.subarray(Math.min(bodyStartOf(packet), packet.length));
  const length: number[] = [];
  let rest = body.length;
  do {
    length.push(rest % 128 + (rest > 127 ? 128 : 0));
    rest = Math.floor(rest / 128);
  } while (rest > 0);
  return Buffer.concat([packet.subarray(0, 1), Uint8Array.from(length), body]);
}

function noise(prng: Prng): Uint8Array {
  return Uint8Array.from({ length: 4 + prng.nextInt(300) }, () => prng.nextInt(256));
}

function generated(packet: Packet, version: ProtocolVersion): Uint8Array {
  return generate(packet, { protocolVersion: version });
}

function bodyStartOf(bytes: Uint8Array): number {
  let at = 1;
  while (at < bytes.length && bytes[at]! >= 128) at++;
  return at + 1;
}
